"""Balanced sequences of many levels, or of very unequal ones, each dimension on its own.

Equal levels come as one permutation after another, unequal ones as shuffled schedules (`pfair.Counts.levels`), whose
length is that of the rarest level's window. Where some levels are so rare that this would be too long, they are
drawn from a *pool*: the pool as a whole has one row of every so many, at random among these, and its own levels
share the pool's rows by the same rule; the common ones share the rows that are left.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np

from synthspec.planning.balancing.pfair import Counts
from synthspec.planning.design import Levels
from synthspec.planning.sampling.philox import stream

LONGEST = 1 << 15  # a window's rows, unless there are more levels than that
_SHORTEST = 1024


class SharedLevels(Protocol):
    """Levels by row."""

    def levels(self, start: int, stop: int) -> Levels:
        """The level of each of rows start..stop-1."""
        ...


def large(parts: Sequence[int], key: int) -> SharedLevels:
    """A sequence of levels in the proportions `parts`, whole numbers above zero.

    Each level is counted floor or ceil of its share in every prefix; where some are pooled, less than two off.
    A row costs that of its permutation or schedule, which are as long as there are levels or as `LONGEST`, twice
    over at most; a few are kept.
    """
    return Whole(parts, key) if all_common(parts) else _pooled(parts, _likeliest_first(parts), key)


def common_levels(parts: Sequence[int]) -> list[int]:
    """The likeliest levels whose own schedule is short enough, in order of their number.

    As many as can be such that the rarest of them comes once in `LONGEST` rows of theirs, or in two for each of them.
    """
    if all_common(parts):
        return list(range(len(parts)))
    order = _likeliest_first(parts)
    return sorted(order[: _many_common(parts, order, sum(parts))])


def all_common(parts: Sequence[int]) -> bool:
    """Whether none of the levels is too rare."""
    return sum(parts) <= max(LONGEST, 2 * len(parts)) * min(parts)


def _likeliest_first(parts: Sequence[int]) -> list[int]:
    return sorted(range(len(parts)), key=parts.__getitem__, reverse=True)


def _many_common(parts: Sequence[int], order: Sequence[int], together: int) -> int:
    """How many of the likeliest levels are common; all of them add up to `together`."""
    for count in range(len(order), 1, -1):
        part = parts[order[count - 1]]
        if together <= max(LONGEST, 2 * count) * part:
            return count
        together -= part
    return 1


def _pooled(parts: Sequence[int], order: Sequence[int], key: int) -> SharedLevels:
    """Pools in pools, of levels whose order is known: it is found once, however deep they lie."""
    pools: list[tuple[Levels, Whole, Levels, int, int, int]] = []
    total = sum(parts)
    while (most := _many_common(parts, order, total)) < len(parts):
        common, rare = np.sort(order[:most]), np.sort(order[most:])
        of_common = Whole([parts[level] for level in common.tolist()], key)
        order = np.searchsorted(rare, order[most:]).tolist()
        parts = [parts[level] for level in rare.tolist()]
        pools.append((common, of_common, rare, key ^ 2, total, total := sum(parts)))
        key += 1
    found: SharedLevels = Whole(parts, key)
    for common, of_common, rare, of_pool, whole, pool in reversed(pools):
        found = Pooled(common, of_common, rare, found, of_pool, whole, pool)
    return found


class Whole:
    """Levels of which none is too rare: permutations, or shuffled schedules."""

    def __init__(self, parts: Sequence[int], key: int) -> None:
        self._even = len(set(parts)) == 1
        self._key = key
        self._counts = Counts(parts, _SHORTEST, key)
        self._length = len(parts) if self._even else self._counts.epoch
        self._epoch = lru_cache(maxsize=4)(self._counts.levels)

    def levels(self, start: int, stop: int) -> Levels:
        """The level of each of rows start..stop-1."""
        first, last = start // self._length, -(-stop // self._length)
        if first >= last:
            return np.empty(0, dtype=np.int64)
        if self._even:
            draws = stream(self._key, first * self._length, last * self._length)
            rows = draws.reshape(-1, self._length).argsort(axis=1).reshape(-1)
        else:
            rows = np.concatenate([self._epoch(number) for number in range(first, last)])
        return rows[start - first * self._length : stop - first * self._length]


class Pooled:
    """`common` levels, and a pool of the others."""

    def __init__(
        self,
        common: Levels,
        of_common: SharedLevels,
        rare: Levels,
        of_rare: SharedLevels,
        key: int,
        total: int,
        pool: int,
    ) -> None:
        self._common, self._of_common = common, of_common
        self._rare, self._of_rare = rare, of_rare
        self._total, self._pool = total, pool
        self._key = key

    def levels(self, start: int, stop: int) -> Levels:
        """The level of each of rows start..stop-1."""
        out: Levels = np.empty(max(stop - start, 0), dtype=np.int64)
        if start >= stop:
            return out
        rows, before = self._rows(start, stop)
        pooled = np.zeros(stop - start, dtype=bool)
        pooled[rows - start] = True
        out[pooled] = self._rare[self._of_rare.levels(before, before + len(rows))]
        first = start - before
        out[~pooled] = self._common[self._of_common.levels(first, first + stop - start - len(rows))]
        return out

    def _rows(self, start: int, stop: int) -> tuple[Levels, int]:
        """Rows of the pool among start..stop-1, and how many come before them.

        Turn j of the pool is one row of those from ceil(j / share) to ceil((j + 1) / share), exact in whole numbers.
        """
        first, last = start * self._pool // self._total, (stop - 1) * self._pool // self._total + 1
        turns = np.arange(last - first + 1).astype(object) + first
        begins = -(-turns * self._total // self._pool)
        sizes = (begins[1:] - begins[:-1]).astype(np.float64)
        offsets = np.minimum(np.floor(stream(self._key, first, last) * sizes), sizes - 1)
        rows = (begins[:-1] + offsets.astype(np.int64).astype(object)).astype(np.int64)
        before = first + int((rows < start).sum())
        return rows[(rows >= start) & (rows < stop)], before
