"""What an exclusion over listed values and numbers leaves of the listed ones, found by trying numbers.

`age < 18 and job == 'pilot'` leaves every job, for some ages; `age > 0 and job == 'pilot'` leaves no pilots, and a
design that counts on one would miss what it promises. A combination of levels for which all of POINTS evenly spread
numbers are excluded is taken for excluded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

import numpy as np
from numpy.typing import NDArray

from synthspec.planning.constraints.cells import Tie
from synthspec.planning.constraints.rules import ExclusionRule
from synthspec.planning.design import Dimension, Levels
from synthspec.planning.parameters import middles

POINTS = 512
_MOST = 1024
TryRules = Callable[[Mapping[str, NDArray[np.float64]], int], NDArray[np.bool_]]


def try_numbers(rule: ExclusionRule, dimensions: Mapping[str, Dimension], broken: TryRules) -> Tie | None:
    """What `rule` permits of its discrete dimensions; None where that is all, or too much to try.

    `broken` says in which rows of the given uniform numbers the rule is.
    """
    discrete = [dimensions[key] for key in sorted(rule.dimensions - rule.continuous)]
    sizes = [len(one.weights or ()) for one in discrete]
    if not discrete or prod(sizes) > _MOST:
        return None
    combinations = np.indices(sizes).reshape(len(sizes), -1)
    numbers = {
        one.key: np.repeat(np.nan_to_num(middles(one.weights or ()), nan=0.5)[column], POINTS)
        for one, column in zip(discrete, combinations, strict=True)
    }
    for key, points in zip(sorted(rule.continuous), _spread(len(rule.continuous)), strict=True):
        numbers[key] = np.tile(points, combinations.shape[1])
    hits = broken(numbers, POINTS * combinations.shape[1]).reshape([*sizes, POINTS])
    left: NDArray[np.bool_] = np.logical_not(np.logical_and.reduce(hits, axis=-1))
    if left.all() or not left.any():
        return None
    keys = [one.key for one in discrete]

    def permitted(levels: Mapping[str, Levels]) -> NDArray[np.bool_]:
        return np.asarray(left[tuple(np.maximum(levels[key], 0) for key in keys)])

    return Tie(frozenset(keys), permitted)


def _spread(many: int) -> list[NDArray[np.float64]]:
    """POINTS evenly spread points of the unit cube of `many` dimensions: the additive sequence of Roberts (2018)."""
    root = 2.0
    for _ in range(40):  # the root of x ** (many + 1) == x + 1
        root = root - (root ** (many + 1) - root - 1) / ((many + 1) * root**many - 1)
    steps = np.arange(1, POINTS + 1)
    return [(0.5 + steps / root**place) % 1 * (1 - 2e-9) + 1e-9 for place in range(1, many + 1)]
