"""A growing index of shingle sets that finds any set at least so alike, exactly.

A MinHash index misses some pairs by chance and, on texts that share stock phrases, proposes far too many. A
prefix filter (`prefixes`) does neither: sets that share none of their rarest shingles cannot be
alike, and being rare these have short lists. What remains passes a bitmap and is compared in full.

How common a shingle is must be known before the order is: the index learns it anew whenever it has become
four times as large, and is then built again. Any order gives the same answers; a good one makes them fast.
"""

from __future__ import annotations

import math

import numpy as np

from synthspec.dataset.similarity.prefixes import (
    BITMAP_WORDS,
    CHUNK,
    LOW,
    RARITY_BITS,
    SHIFT,
    SLACK,
    bitmap,
    bitmaps,
    prefixes,
    slots,
    steps,
    tally,
)
from synthspec.dataset.similarity.shingles import Array, Sets

FIRST_ORDER = 256  # sets held when the order is learnt for the first time
GROWTH = 4
FEW = 32  # candidates compared in full at once; more are sieved by bitmap first
BITMAPS_AT_ONCE = 256


class NearIndex:
    """A growing collection of sets that can be asked whether it holds one like another."""

    def __init__(self, similarity: float) -> None:
        self.similarity = min(max(similarity, 0.01), 1.0)
        self._share = self.similarity / (1 + self.similarity)  # of both sizes together, what must be in common
        self._flat = np.empty(1024, np.uint32)
        self._starts = np.zeros(1024, np.int64)
        self._bitmaps = np.zeros((1024, BITMAP_WORDS), np.uint64)
        self._count = 0
        self._mapped = 0  # sets that have their bitmap
        self._last = (np.empty(0, np.uint32), np.empty(0, np.uint32))  # a set, and its prefix in this order
        self._seen = np.zeros(1 << RARITY_BITS, np.uint32)  # how many sets hold a shingle, by its first bits
        self._rarity = np.zeros(1 << RARITY_BITS, np.uint16)
        self._next_order = FIRST_ORDER
        self._postings = _Postings()

    def __len__(self) -> int:
        return self._count

    def add(self, shingles: Array) -> None:
        """Take one set in."""
        self._store(shingles, len(shingles))
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
            self._store(part.flat, part.starts[1:])
            self._seen += tally(part.flat)
        self._reorder()

    def has_near(self, shingles: Array) -> bool:
        """Whether a set at least so alike was taken in. An empty set is like nothing."""
        if not len(shingles):
            return False
        rows = self._postings.rows(self._prefix(shingles))
        if len(rows) <= FEW:
            return len(rows) > 0 and self._any_near(shingles, rows)
        rows = np.unique(rows)
        bits = bitmap(shingles)
        parts = (self._likely(rows[at : at + CHUNK], bits, len(shingles)) for at in range(0, len(rows), CHUNK))
        return any(len(part) and self._any_near(shingles, part) for part in parts)

    def nearest(self, shingles: Array) -> tuple[int, float] | None:
        """The set most like this one of those so alike, by the order they came in, and how alike it is; of
        several as alike, the first."""
        if not len(shingles):
            return None
        rows = np.unique(self._postings.rows(self._prefix(shingles)))
        if len(rows) > FEW:
            rows = self._likely(rows, bitmap(shingles), len(shingles))
        found, best = -1, 0.0
        for at in range(0, len(rows), CHUNK):
            part = rows[at : at + CHUNK]
            shared, sizes = self._shared(shingles, part)
            alike = shared / (sizes + len(shingles) - shared)
            place = int(np.argmax(alike))
            if alike[place] > best:
                found, best = int(part[place]), float(alike[place])
        return (found, best) if best >= self.similarity - SLACK else None

    def _likely(self, rows: Array, bits: Array, size: int) -> Array:
        """Those of the rows whose bitmap does not say that they are too far apart."""
        sizes = self._starts[rows + 1] - self._starts[rows] + size
        apart = np.bitwise_count(self._bitmaps[rows] ^ bits).sum(axis=1, dtype=np.int64)
        likely: Array = rows[(apart <= (1 - 2 * self._share) * sizes + SLACK) | (rows >= self._mapped)]
        return likely

    def _any_near(self, shingles: Array, rows: Array) -> bool:
        shared, sizes = self._shared(shingles, rows)
        return bool((shared >= self._share * (sizes + len(shingles)) - SLACK).any())

    def _shared(self, shingles: Array, rows: Array) -> tuple[Array, Array]:
        """How many shingles each of the rows has in common with these, and how many it has."""
        starts = self._starts[rows]
        sizes = self._starts[rows + 1] - starts
        ends = np.cumsum(sizes)
        begins = ends - sizes
        theirs = self._flat[np.arange(ends[-1]) + np.repeat(starts - begins, sizes)]
        places = np.searchsorted(shingles, theirs)
        places[places == len(shingles)] = 0
        return np.add.reduceat(shingles[places] == theirs, begins, dtype=np.int64), sizes

    def _store(self, flat: Array, ends: Array | int) -> None:
        """Append sets that end at these places of `flat`. The arrays grow in place, without a second copy."""
        start, first = int(self._starts[self._count]), self._count
        self._count += 1 if isinstance(ends, int) else len(ends)
        if start + len(flat) > len(self._flat):
            self._flat.resize(max(start + len(flat), len(self._flat) * 3 // 2), refcheck=False)
        if self._count + 1 > len(self._starts):
            room = max(self._count + 1, len(self._starts) * 3 // 2)
            self._starts.resize(room, refcheck=False)
            self._bitmaps.resize((room, BITMAP_WORDS), refcheck=False)
        self._flat[start : start + len(flat)] = flat
        self._starts[first + 1 : self._count + 1] = start + ends
        if self._count - self._mapped >= BITMAPS_AT_ONCE:
            starts = self._starts[self._mapped : self._count + 1]
            new = Sets(self._flat[starts[0] : starts[-1]], starts - starts[0])
            self._bitmaps[self._mapped : self._count] = bitmaps(new)
            self._mapped = self._count

    def _prefix(self, shingles: Array) -> Array:
        if self._last[0] is shingles:
            return self._last[1]
        prefix = shingles
        size = len(shingles) - math.ceil(self.similarity * len(shingles) - SLACK) + 1
        if size < len(shingles):
            rarity = self._rarity[slots(shingles)].astype(np.uint64)
            prefix = (np.partition(rarity << SHIFT | shingles, size - 1)[:size] & LOW).astype(np.uint32)
            prefix.sort()
        self._last = (shingles, prefix)
        return prefix

    def _reorder(self) -> None:
        self._rarity = steps(self._seen)
        self._last = (np.empty(0, np.uint32), np.empty(0, np.uint32))
        while self._next_order <= self._count:
            self._next_order *= GROWTH
        held = Sets(self._flat, self._starts[: self._count + 1])
        tokens, rows, _ = prefixes(held, self._rarity, self.similarity)
        self._postings = _Postings(tokens.astype(np.uint64) << SHIFT | rows)


class _Postings:
    """Which rows hold a shingle: one sorted run, and a small table of what came since it was made."""

    RECENT = 8_192  # entries of the table at least, and as a part of the run
    RECENT_PART = 32

    def __init__(self, keys: Array | None = None) -> None:
        self._run = np.empty(0, np.uint64) if keys is None else keys  # `shingle << 32 | row`
        self._run.sort()
        self._recent: dict[int, int | list[int]] = {}
        self._waiting: list[Array] = []
        self._waiting_rows: list[int] = []
        self._waiting_size = 0

    def add(self, shingles: Array, row: int) -> None:
        recent = self._recent
        for shingle in shingles.tolist():
            held = recent.get(shingle)
            if held is None:
                recent[shingle] = row
            elif isinstance(held, list):
                held.append(row)
            else:
                recent[shingle] = [held, row]
        self._waiting.append(shingles)
        self._waiting_rows.append(row)
        self._waiting_size += len(shingles)
        if self._waiting_size >= max(self.RECENT, len(self._run) // self.RECENT_PART):
            self._settle()

    def rows(self, shingles: Array) -> Array:
        """The rows that hold any of them; one that holds several may come more than once."""
        found: list[int] = []
        for shingle in shingles.tolist():
            held = self._recent.get(shingle)
            if held is not None:
                found += held if isinstance(held, list) else (held,)
        parts = [np.array(found, dtype=np.int64)]
        if len(self._run):
            bounds = np.empty((len(shingles), 2), np.uint64)
            bounds[:, 0] = shingles
            bounds <<= SHIFT
            bounds[:, 1] = bounds[:, 0] | LOW  # no row has so high an index
            places = np.searchsorted(self._run, bounds)
            for first, last in places[places[:, 0] < places[:, 1]].tolist():
                parts.append((self._run[first:last] & LOW).astype(np.int64))
        return np.concatenate(parts) if len(parts) > 1 else parts[0]

    def _settle(self) -> None:
        rows = np.repeat(np.array(self._waiting_rows, np.uint64), [len(w) for w in self._waiting])
        new = np.concatenate(self._waiting).astype(np.uint64) << SHIFT | rows
        self._recent, self._waiting, self._waiting_rows, self._waiting_size = {}, [], [], 0
        new.sort()
        self._run = np.concatenate([self._run, new])
        self._run.sort(kind="stable")  # two sorted runs: merged in one pass
