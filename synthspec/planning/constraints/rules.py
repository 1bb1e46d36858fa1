"""The exclusions of a plan as rules over its dimensions, and which numbers of a row that breaks some are redrawn.

What is redrawn in a row depends on the rules that this row breaks and on nothing else, so a row is the same
whatever is read beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from synthspec.languages.expressions import evaluate
from synthspec.languages.expressions.evaluation.columns import ColumnArray
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Exclusion

Mask = NDArray[np.bool_]
WantedMasks = dict[str, Mask]


@dataclass(frozen=True, slots=True)
class ExclusionRule:
    """An exclusion, with the parameters it reads, the dimensions it hangs on, and which of these are continuous."""

    exclusion: Exclusion
    reads: frozenset[str]
    dimensions: frozenset[str]
    continuous: frozenset[str] = frozenset()

    def broken(self, columns: Mapping[str, ColumnArray], length: int) -> Mask:
        """In which rows the exclusion is true; a null is not."""
        found = evaluate(self.exclusion.expression, columns, length)
        if found.dtype == np.bool_:
            return np.asarray(found)
        return np.fromiter((v is True for v in found.tolist()), dtype=np.bool_, count=length)


@dataclass(frozen=True, slots=True)
class Bundle:
    """Where one dimension of `members` is redrawn, all of `follow` are."""

    members: frozenset[str]
    follow: frozenset[str]


def broken(rules: Sequence[ExclusionRule], columns: Mapping[str, ColumnArray], length: int) -> Mask:
    """Which rule each row breaks, shape (rules, length)."""
    return np.stack([rule.broken(columns, length) for rule in rules])


def keys_to_redraw(rules: Sequence[ExclusionRule], hits: Mask, gentle: Mask, bundles: Sequence[Bundle]) -> WantedMasks:
    """For each dimension that is redrawn at all, in which rows it is.

    `hits`, shape (rules, rows), says which rule each row breaks. In the rows of `gentle` only continuous
    dimensions are redrawn, where a rule has any, so that listed values keep their shares.
    """
    wanted: WantedMasks = {}
    for rule, hit in zip(rules, hits, strict=True):
        mild = hit & gentle if rule.continuous else np.zeros_like(hit)
        _add(wanted, rule.continuous, mild)
        _add(wanted, rule.dimensions, hit & ~mild)
    for bundle in bundles:
        some = [wanted[key] for key in bundle.members if key in wanted]
        if some:
            _add(wanted, bundle.follow, np.logical_or.reduce(some))
    return wanted


def _add(wanted: WantedMasks, keys: Collection[str], rows: Mask) -> None:
    if rows.any():
        for key in keys:
            wanted[key] = wanted[key] | rows if key in wanted else rows


Redraw = Callable[[NDArray[np.int64], int, Collection[str]], Mapping[str, NDArray[np.float64]]]


def redrawn(
    wanted: WantedMasks,
    uniforms: Mapping[str, NDArray[np.float64]],
    rows: NDArray[np.int64],
    attempt: int,
    redraw: Redraw,
) -> dict[str, NDArray[np.float64]]:
    """The numbers of `rows`, with fresh ones where they are wanted."""
    fresh = redraw(rows, attempt, frozenset(wanted))
    mixed = dict(uniforms)
    for key, mask in wanted.items():
        mixed[key] = np.where(mask, fresh[key], uniforms[key])
    return mixed
