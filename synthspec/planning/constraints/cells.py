"""Cells of a table of levels: which play a part, and a sample of those that exclusions permit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthspec.lazy_dataclass import dataclass
from synthspec.planning.design import Dimension, Levels, Permitted
from synthspec.planning.sampling.philox import key_of, stream
from synthspec.planning.sampling.tied import INACTIVE

MOST_CELLS = 1 << 14
_CHUNK = 1 << 14
_CHUNKS = 16
_FORCED = 1 << 20


@dataclass(frozen=True, slots=True)
class Tie:
    """What ties dimensions together: the keys that an exclusion hangs on, and what it permits of their levels."""

    keys: frozenset[str]
    permitted: Permitted


def without_inactive(order: Sequence[Dimension], table: Levels) -> Levels:
    """The same cells with INACTIVE for a level that plays no part, each once.

    A dimension comes after those that say when it is active.
    """
    table = _marked(order, table)
    return np.unique(table, axis=0) if len(table) else table


def _marked(order: Sequence[Dimension], table: Levels) -> Levels:
    names = [one.key for one in order]
    table = table.copy()
    for place, one in enumerate(order):
        for need in one.requires:
            if need.dimension in names:
                levels = table[:, names.index(need.dimension)]
                table[~np.isin(levels, list(need.levels)), place] = INACTIVE
    return table


def sample_cells(ordered: Sequence[Dimension], ties: Sequence[Tie], key: int) -> tuple[Levels, NDArray[np.float64]]:
    """Permitted cells drawn by the levels' shares, at most MOST_CELLS, and how often each was drawn.

    A level that none of these has is looked for on its own.
    """
    sample = _Sample(ordered, ties, key)
    table: Levels = np.empty((0, len(ordered)), dtype=np.int64)
    counts: NDArray[np.float64] = np.empty(0)
    for chunk in range(_CHUNKS):
        fresh = sample.drawn(chunk * _CHUNK, _CHUNK)
        together = np.concatenate([table, fresh])
        table, which = np.unique(together, axis=0, return_inverse=True)
        weights = np.concatenate([counts, np.ones(len(fresh))])
        counts = np.asarray(np.bincount(which.reshape(-1), weights, minlength=len(table)), dtype=np.float64)
        if len(table) >= MOST_CELLS * 3 // 4:
            break
    if not len(table):
        return table, counts
    kept = np.sort(np.argsort(-counts, kind="stable")[: MOST_CELLS * 7 // 8])
    table, counts = table[kept], counts[kept]
    forced = sample.of_levels_not_in(table, MOST_CELLS - len(table))
    return np.concatenate([table, forced]), np.concatenate([counts, np.full(len(forced), 0.25)])


class _Sample:
    """Rows of levels drawn by their shares, those left out that are not permitted."""

    def __init__(self, ordered: Sequence[Dimension], ties: Sequence[Tie], key: int) -> None:
        self._ordered, self._ties, self._key = ordered, ties, key
        self._parents_first = sorted(range(len(ordered)), key=lambda d: _depth(ordered[d], ordered))

    def drawn(self, start: int, many: int, forced: tuple[int, int] | None = None) -> Levels:
        """Permitted ones of `many` rows, with one column's level where it is `forced`."""
        columns = []
        for place, one in enumerate(self._ordered):
            until = np.cumsum(np.array(one.weights, dtype=np.float64))
            number = stream(key_of(self._key, one.key, f"cells {forced}"), start, start + many)
            columns.append(np.minimum(np.searchsorted(until / until[-1], number, side="right"), len(until) - 1))
            if forced is not None and forced[0] == place:
                columns[-1] = np.full(many, forced[1])
        order = self._parents_first
        table = _marked([self._ordered[d] for d in order], np.stack([columns[d] for d in order], axis=1))
        table = table[:, np.argsort(order)].astype(np.int64)
        for tie in self._ties:
            if len(table):
                table = table[tie.permitted({one.key: table[:, d] for d, one in enumerate(self._ordered)})]
        return table

    def of_levels_not_in(self, table: Levels, most: int) -> Levels:
        """A permitted row or two for each level above zero that no row of `table` has."""
        missing = [
            (place, level)
            for place, one in enumerate(self._ordered)
            for level in np.setdiff1d(np.flatnonzero(np.array(one.weights) > 0), table[:, place]).tolist()
        ]
        many = max(64, min(_CHUNK, _FORCED // max(len(missing), 1)))
        found = [np.empty((0, len(self._ordered)), dtype=np.int64)]
        for place, level in missing[: most // 2]:
            rows = self.drawn(0, many, (place, level))
            rows = rows[rows[:, place] == level]
            found.append(np.unique(rows, axis=0)[:2])
        return np.unique(np.concatenate(found), axis=0)


def _depth(one: Dimension, ordered: Sequence[Dimension]) -> int:
    by_key = {each.key: each for each in ordered}
    return max((1 + _depth(by_key[n.dimension], ordered) for n in one.requires if n.dimension in by_key), default=0)
