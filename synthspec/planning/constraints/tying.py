"""Which dimensions of a plan are drawn together, and the cells that its exclusions leave of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from synthspec.lazy_dataclass import dataclass
from synthspec.planning.constraints.cells import MOST_CELLS, Tie, sample_cells, without_inactive
from synthspec.planning.constraints.fitting import Fitted, Wanted, fit, whole
from synthspec.planning.design import Dimension, Levels, Tied
from synthspec.planning.sampling.philox import key_of

_MOST_TRIED = 1 << 18
_NEAR = 0.01
_SIDES = (3, 6, 16)
_SMALL = 6


@dataclass(frozen=True, slots=True, eq=False)
class Pull:
    """A wanted rank correlation between two dimensions; `orders` holds the rank of each of their levels' values."""

    keys: tuple[str, str]
    rank: float
    orders: tuple[Levels, Levels]


@dataclass(frozen=True, slots=True, eq=False)
class TiedGroup:
    """Dimensions drawn together, the shares wanted of their levels and the shares and ranks they can have."""

    tied: Tied
    wanted: tuple[NDArray[np.float64], ...]
    fitted: Fitted
    pulls: tuple[Pull, ...]
    sampled: bool  # the cells were too many to list, and some of them stand for all


def tie_dimensions(
    dimensions: Sequence[Dimension], ties: Sequence[Tie], pulls: Sequence[Pull], seed: int
) -> tuple[TiedGroup, ...]:
    """Groups of discrete dimensions that hang together. Where there are too many cells to list, those drawn at
    random stand for all; where hardly any of these is permitted, there is no group.
    """
    discrete = {one.key: one for one in dimensions if one.weights is not None}
    groups: list[TiedGroup] = []
    for keys in _connected(discrete, [*(t.keys for t in ties), *(frozenset(p.keys) for p in pulls)]):
        inside = [t for t in ties if t.keys <= keys]
        ordered = [discrete[key] for key in sorted(keys)]
        table = _permitted_cells(ordered, inside)
        base = None
        if table is None:
            table, base = sample_cells(ordered, inside, key_of(seed, " ".join(sorted(keys)), "cells"))
        if len(table):
            within = [p for p in pulls if keys.issuperset(p.keys)]
            group = _group(ordered, table, base, within)
            if base is not None and _misses(group):  # what a sample cannot reach may still be had without one
                group = _group(ordered, table, base, ())
            if inside or group.pulls:
                groups.append(group)
    return tuple(groups)


def _misses(group: TiedGroup) -> bool:
    return any(abs(p.rank - reached) > _NEAR for p, reached in zip(group.pulls, group.fitted.ranks, strict=True))


def _group(
    ordered: Sequence[Dimension], table: Levels, base: NDArray[np.float64] | None, pulls: Sequence[Pull]
) -> TiedGroup:
    keys = tuple(one.key for one in ordered)
    margins = tuple(np.array(one.weights, dtype=np.float64) for one in ordered)
    wanted = [Wanted((keys.index(p.keys[0]), keys.index(p.keys[1])), p.rank, p.orders) for p in pulls]
    fitted = fit(table, margins, wanted, base)
    regions = [r for each in wanted for r in _regions(table, margins, each)]
    further = np.stack(regions, axis=1) if regions else None
    tied = Tied("tied " + " ".join(keys), keys, table, whole(fitted.shares), further)
    return TiedGroup(tied, tuple(m / m.sum() for m in margins), fitted, tuple(pulls), base is not None)


def _regions(table: Levels, margins: Sequence[NDArray[np.float64]], wanted: Wanted) -> list[Levels]:
    """The region of each cell by the ranks of its two levels, over a coarse grid and a finer one.

    Cells come the one most in arrears first. Of many, with fewer rows than cells, these would be those of the largest
    shares, the ones that a rank correlation makes so: rows would be correlated far more than asked.
    """
    found = []
    for side in _SIDES:
        places = []
        for column, order in zip(wanted.columns, wanted.orders, strict=True):
            shares = np.bincount(order, margins[column], minlength=int(order.max()) + 1)
            middle = (np.cumsum(shares) - shares / 2) / shares.sum()
            places.append((middle * side).astype(np.int64)[order[table[:, column]]])
        if max(int(order.max()) for order in wanted.orders) >= max(side, _SMALL):
            found.append(places[0] * side + places[1])
    return found


def _connected(discrete: Mapping[str, Dimension], sets: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    """Keys in groups that hang together; a dimension that is not always active hangs on those that say when."""
    groups: list[frozenset[str]] = []
    for keys in sets:
        whole_set = set(keys)
        todo = list(keys)
        while todo:
            for need in discrete[todo.pop()].requires:
                if need.dimension in discrete and need.dimension not in whole_set:
                    whole_set.add(need.dimension)
                    todo.append(need.dimension)
        joined = frozenset(whole_set).union(*(g for g in groups if g & whole_set))
        groups = [*(g for g in groups if not g & whole_set), joined]
    return [g for g in groups if len(g) > 0]


def _permitted_cells(ordered: Sequence[Dimension], ties: Sequence[Tie]) -> Levels | None:
    """Every permitted cell, INACTIVE where a dimension plays no part; None where there are too many to list.

    Dimension by dimension, with each exclusion tried as soon as all that it reads is there.
    """
    order = _joining_order(ordered, ties)
    table = np.zeros((1, 0), dtype=np.int64)
    left = list(ties)
    for place, one in enumerate(order):
        kept = np.flatnonzero(np.array(one.weights) > 0)
        if len(table) * len(kept) > _MOST_TRIED:
            return None
        table = np.concatenate([np.repeat(table, len(kept), axis=0), np.tile(kept, len(table))[:, None]], axis=1)
        names = [o.key for o in order[: place + 1]]
        ready = [t for t in left if t.keys.issubset(names)]
        left = [t for t in left if t not in ready]
        for tie in ready:
            table = table[tie.permitted({n: table[:, d] for d, n in enumerate(names)})] if len(table) else table
        table = without_inactive(order[: place + 1], table)
    columns = [order.index(one) for one in ordered]
    table = np.unique(table[:, columns], axis=0)
    return table if len(table) <= MOST_CELLS else None


def _joining_order(ordered: Sequence[Dimension], ties: Sequence[Tie]) -> list[Dimension]:
    """An order in which exclusions can be tried early: beside those that are there, the one of the fewest still to
    come; a dimension after those that say when it is active.
    """
    left = {one.key: one for one in ordered}
    order: list[Dimension] = []
    while left:
        there = {one.key for one in order}
        free = [k for k, one in left.items() if not any(n.dimension in left for n in one.requires)]
        missing = {k: min((len(t.keys - there) for t in ties if k in t.keys), default=len(ordered)) for k in free}
        order.append(left.pop(min(free, key=lambda k: (missing[k], len(left[k].weights or ()), k))))
    return order
