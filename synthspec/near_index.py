"""A growing index of shingle sets that finds any set at least so alike, exactly.

A MinHash index misses some pairs by chance and, on texts that share stock phrases, proposes far too many. A
prefix filter (`synthspec.prefixes`) does neither: sets that share none of their rarest shingles cannot be
alike, and being rare these have short lists. What remains passes a bitmap and is compared in full.

How common a shingle is must be known before the order is: the index learns it anew whenever it has become
four times as large, and is then built again. Any order gives the same answers; a good one makes them fast.
"""

from __future__ import annotations

import math

import numpy as np

from synthspec.prefixes import (
    BITMAP_WORDS,
    CHUNK,
    LOW,
    RARITY_BITS,
    SHIFT,
    SLACK,
    bitmap,
    bitmaps,
    overlap_needed,
    prefixes,
    slots,
    steps,
    tally,
)
from synthspec.shingles import Array, Sets

FIRST_ORDER = 256  # sets held when the order is learnt for the first time
GROWTH = 4


class NearIndex:
    """A growing collection of sets that can be asked whether it holds one like another."""

    def __init__(self, similarity: float) -> None:
        self.similarity = min(max(similarity, 0.01), 1.0)
        self._flat = np.empty(1024, np.uint32)
        self._starts = np.zeros(1024, np.int64)
        self._bitmaps = np.zeros((1024, BITMAP_WORDS), np.uint64)
        self._count = 0
        self._last = (np.empty(0, np.uint32), np.empty(0, np.uint32))  # a set, and its prefix in this order
        self._seen = np.zeros(1 << RARITY_BITS, np.uint32)  # how many sets hold a shingle, by its first bits
        self._rarity = np.zeros(1 << RARITY_BITS, np.uint16)
        self._next_order = FIRST_ORDER
        self._postings = _Postings()

    def __len__(self) -> int:
        return self._count

    def add(self, shingles: Array) -> None:
        """Take one set in."""
        self._store(shingles, np.array([len(shingles)]), bitmap(shingles))
        self._seen[slots(shingles)] += np.uint32(1)
        if self._count >= self._next_order:
            self._reorder()
        else:
            self._postings.add(self._prefix(shingles), self._count - 1)

    def extend(self, sets: Sets) -> None:
        """Take many sets in at once."""
        if len(sets) * GROWTH < self._count:  # too few to be worth a new order
            for i in range(len(sets)):
                self.add(sets[i])
            return
        for _, part in sets.chunks(CHUNK):
            self._store(part.flat, np.diff(part.starts), bitmaps(part))
            self._seen += tally(part.flat)
        self._reorder()

    def has_near(self, shingles: Array) -> bool:
        """Whether a set at least so alike was taken in. An empty set is like nothing."""
        size = len(shingles)
        if not size or not self._count:
            return False
        rows = self._postings.rows(self._prefix(shingles))
        for at in range(0, len(rows), CHUNK):
            some = rows[at : at + CHUNK]
            sizes = self._starts[some + 1] - self._starts[some]
            needed = overlap_needed(sizes, size, self.similarity)
            apart = np.bitwise_count(self._bitmaps[some] ^ bitmap(shingles)).sum(axis=1, dtype=np.int64)
            likely = (sizes + size - apart >= 2 * needed) & (np.minimum(sizes, size) >= needed)
            some, sizes, needed = some[likely], sizes[likely], needed[likely]
            if len(some) and (self._overlaps(shingles, some, sizes) >= needed).any():
                return True
        return False

    def _overlaps(self, shingles: Array, rows: Array, sizes: Array) -> Array:
        ends = np.cumsum(sizes)
        at = np.arange(ends[-1]) + np.repeat(self._starts[rows] - ends + sizes, sizes)
        theirs = self._flat[at]
        places = np.minimum(np.searchsorted(shingles, theirs), len(shingles) - 1)
        return np.add.reduceat((shingles[places] == theirs).astype(np.int64), ends - sizes)

    def _store(self, flat: Array, sizes: Array, bitmaps: Array) -> None:
        """Append sets. The arrays grow in place, without a second copy."""
        start, first = int(self._starts[self._count]), self._count
        self._count += len(sizes)
        if start + len(flat) > len(self._flat):
            self._flat.resize(max(start + len(flat), len(self._flat) * 3 // 2), refcheck=False)
        if self._count + 1 > len(self._starts):
            room = max(self._count + 1, len(self._starts) * 3 // 2)
            self._starts.resize(room, refcheck=False)
            self._bitmaps.resize((room, BITMAP_WORDS), refcheck=False)
        self._flat[start : start + len(flat)] = flat
        self._starts[first + 1 : self._count + 1] = start + np.cumsum(sizes)
        self._bitmaps[first : self._count] = bitmaps

    def _prefix(self, shingles: Array) -> Array:
        if self._last[0] is shingles:
            return self._last[1]
        prefix = shingles
        size = len(shingles) - math.ceil(self.similarity * len(shingles) - SLACK) + 1
        if size < len(shingles):
            rarity = self._rarity[slots(shingles)].astype(np.uint64)
            prefix = (np.partition(rarity << SHIFT | shingles, size - 1)[:size] & LOW).astype(np.uint32)
        self._last = (shingles, prefix)
        return prefix

    def _reorder(self) -> None:
        self._rarity = steps(self._seen)
        self._last = (np.empty(0, np.uint32), np.empty(0, np.uint32))
        while self._next_order <= self._count:
            self._next_order *= GROWTH
        self._postings = _Postings()
        held = Sets(self._flat, self._starts[: self._count + 1])
        tokens, rows, _ = prefixes(held, self._rarity, self.similarity)
        self._postings.load(tokens.astype(np.uint64) << SHIFT | rows)


class _Postings:
    """Which rows hold a shingle: a few sorted runs, each at least four times the next, and what came last."""

    RECENT = 8_192

    def __init__(self) -> None:
        self._runs: list[Array] = []  # `shingle << 32 | row`, sorted
        self._recent: dict[int, list[int]] = {}
        self._waiting: list[Array] = []
        self._waiting_size = 0

    def load(self, keys: Array) -> None:
        keys.sort()
        self._runs = [keys]

    def add(self, shingles: Array, row: int) -> None:
        for shingle in shingles.tolist():
            self._recent.setdefault(shingle, []).append(row)
        self._waiting.append(shingles.astype(np.uint64) << SHIFT | np.uint64(row))
        self._waiting_size += len(shingles)
        if self._waiting_size >= self.RECENT:
            self._settle()

    def _settle(self) -> None:
        run = np.sort(np.concatenate(self._waiting))
        self._waiting, self._waiting_size, self._recent = [], 0, {}
        while self._runs and len(self._runs[-1]) < 4 * len(run):
            run = np.concatenate([self._runs.pop(), run])
            run.sort(kind="stable")  # two sorted runs: merged in one pass
        self._runs.append(run)

    def rows(self, shingles: Array) -> Array:
        """The rows that hold any of them, in order, each once."""
        recent = self._recent
        found = [row for s in shingles.tolist() if s in recent for row in recent[s]]
        low = shingles.astype(np.uint64) << SHIFT
        bounds = np.concatenate([low, low | LOW])  # no row has so high an index
        parts = [np.array(found, dtype=np.int64)]
        for run in self._runs:
            first, last = np.searchsorted(run, bounds).reshape(2, -1)
            for at in np.flatnonzero(last > first):
                parts.append((run[first[at] : last[at]] & LOW).astype(np.int64))
        return np.unique(np.concatenate(parts)) if len(parts) > 1 or found else parts[0]
