"""Columns that are computed from others: sums, differences, products of two, and dates that follow another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import combinations
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from synthspec.planning.correlation.targets import rank_correlation
from synthspec.profiling.columns.fitting import fit
from synthspec.profiling.columns.profile import ColumnProfile, Labels, Moments, Numbers
from synthspec.profiling.relations.relation import Computed, Follows

Array = NDArray[np.float64]
MOST_COLUMNS = 15  # of numbers, of which every three are tried
FEWEST = 20  # rows


def find_computed(profiles: Sequence[ColumnProfile], values: Mapping[str, Array]) -> tuple[Computed, ...]:
    """Columns that in every row are the sum, the difference or the product of two others, in no circle."""
    numbers = [p for p in profiles if not p.missing and (isinstance(p.kind, Numbers) or _counts(p))][:MOST_COLUMNS]
    found: dict[str, Computed] = {}
    for child in reversed(numbers):  # a total stands after what it is the total of
        if not isinstance(child.kind, Numbers) or len(values[child.name]) < FEWEST:
            continue
        others = [p for p in numbers if child.name not in _behind(p.name, found)]
        match = next(_ways(child, others, values), None)
        if match is not None:
            found[child.name] = match
    return tuple(found[p.name] for p in numbers if p.name in found)


def _behind(name: str, found: Mapping[str, Computed]) -> set[str]:
    """A column, and all that it is computed from."""
    behind = {name}
    for other in found[name].of if name in found else ():
        behind |= _behind(other, found)
    return behind


def _counts(profile: ColumnProfile) -> bool:
    """Whether it is a column of few numbers, such as a quantity."""
    kind = profile.kind
    return isinstance(kind, Labels) and kind.ordered and all(isinstance(v, int | float) for v in kind.values)


def _ways(child: ColumnProfile, others: Sequence[ColumnProfile], values: Mapping[str, Array]) -> Iterator[Computed]:
    assert isinstance(child.kind, Numbers)
    decimals = child.kind.decimals
    ways: dict[str, Callable[[Array, Array], Array]] = {
        "{0} * {1}": lambda a, b: a * b, "{0} + {1}": lambda a, b: a + b, "{0} - {1}": lambda a, b: a - b,
        "{1} - {0}": lambda a, b: b - a,
    }  # fmt: skip
    wanted = values[child.name]
    near = 10.0 ** -(decimals if decimals is not None else 9) * 0.51 + np.abs(wanted) * 1e-9
    for a, b in combinations(others, 2):
        for form, compute in ways.items():
            if bool((np.abs(compute(values[a.name], values[b.name]) - wanted) <= near).all()):
                text = form.format(a.name, b.name)
                if decimals is not None:
                    text = f"round({text}, {decimals})" if decimals else f"round({text})"
                yield Computed(child.name, (a.name, b.name), text)


def find_following(
    profiles: Sequence[ColumnProfile], values: Mapping[str, Array], taken: frozenset[str]
) -> tuple[Follows, ...]:
    """Dates that in no row come before another, and whose distance from it does not hang on it."""
    dates = [p for p in profiles if isinstance(p.kind, Moments) and p.name not in taken]
    found: list[Follows] = []
    for parent, child in combinations(dates, 2):
        for first, later in ((parent, child), (child, parent)):
            if later.name in {f.child for f in found} | {f.parent for f in found} or type(_start(first)) is not type(
                _start(later)
            ):
                continue
            match = _follows(first, later, values)
            if match is not None and first.name not in {f.child for f in found}:
                found.append(match)
                break
    return tuple(found)


def _start(profile: ColumnProfile) -> object:
    assert isinstance(profile.kind, Moments)
    return profile.kind.first


def _follows(first: ColumnProfile, later: ColumnProfile, values: Mapping[str, Array]) -> Follows | None:
    a, b = values[first.name], values[later.name]
    both = np.isfinite(a) & np.isfinite(b)
    after = (b - a)[both]
    if len(after) < FEWEST or after.min() < 0 or a[both].max() <= b[both].min() or len(np.unique(after)) < 2:
        return None
    if abs(rank_correlation(a[both], after)) > max(0.2, 3 / sqrt(len(after))):
        return None
    moment = isinstance(_start(first), datetime)
    return Follows(first.name, later.name, fit(after, 1.0, whole=True), moment)
