"""Shingle sets kept one after another, in arrays that grow in place: four bytes a shingle, and four a set.

Bitmaps, 32 bytes a set, are only made once so many sets were compared in full that they would have been cheaper."""

from __future__ import annotations

import numpy as np

from synthspec.dataset.similarity.prefixes import BITMAP_WORDS, SLACK, bitmaps
from synthspec.dataset.similarity.shingles import Array, Sets

BITMAPS_AT_ONCE = 256
_COMPARED = 1 << 17  # candidates compared in full before bitmaps are thought of
_FIRST = 1024  # elements for which there is room at first
UNTOUCHED = (32 << 20) + 4096  # bytes: a larger array is moved by the operating system when it grows, not copied within
# the heap, where what it leaves could not be used again; what is not written to takes no memory
_GROWTH = 16  # an array grows by one part in so many: what is not used yet takes memory all the same
_MOST = 1 << 32  # shingles: a place is a number of 32 bits


class HeldSets:
    """Sets that were taken in, by the order they came in, and where each begins in `flat`."""

    def __init__(self) -> None:
        self.flat = np.empty(UNTOUCHED // 4, np.uint32)
        self._starts = np.zeros(_FIRST, np.uint32)
        self._bitmaps: Array | None = None
        self._count = 0
        self._mapped = 0  # sets that have their bitmap
        self._compared = 0  # sets that none kept from being compared in full

    def __len__(self) -> int:
        return self._count

    @property
    def sets(self) -> Sets:
        """All of them. Not to be kept: they may be moved."""
        return self._between(0, self._count)

    def append(self, flat: Array, ends: Array | int) -> int:
        """Take in sets that end at these places of `flat`; where the first of them begins.

        Raises:
            MemoryError: there are more shingles than can be numbered.
        """
        start, first = int(self._starts[self._count]), self._count
        self._count += 1 if isinstance(ends, int) else len(ends)
        if start + len(flat) > len(self.flat):
            if start + len(flat) > _MOST:
                raise MemoryError("there are more texts than near duplicates can be told of")
            self.flat.resize(_room(len(self.flat), start + len(flat)), refcheck=False)
        if self._count + 1 > len(self._starts):
            room = _room(len(self._starts), self._count + 1)
            self._starts.resize(room, refcheck=False)
        self.flat[start : start + len(flat)] = flat
        self._starts[first + 1 : self._count + 1] = start + ends
        if self._bitmaps is not None and self._count - self._mapped >= BITMAPS_AT_ONCE:
            self._map(self._bitmaps)
        return start

    def owners(self, places: Array) -> Array:
        """The set that each of these places of `flat` is in."""
        found: Array = np.searchsorted(self._starts[: self._count + 1], places, side="right") - 1
        return found

    def likely(self, rows: Array, bits: Array, size: int, share: float) -> Array:
        """Those of the sets whose bitmap, if there are any, does not say that they have less than this share of both
        sizes in common with a set of this bitmap and size."""
        if self._bitmaps is None:
            self._compared += len(rows)
            if self._compared <= max(_COMPARED, self._count):
                return rows
            self._bitmaps = np.zeros((self._count, BITMAP_WORDS), np.uint64)
            self._map(self._bitmaps)
        sizes = (self._starts[rows + 1] - self._starts[rows]).astype(np.int64) + size
        known = np.minimum(rows, self._mapped - 1)
        apart = np.bitwise_count(self._bitmaps[known] ^ bits).sum(axis=1, dtype=np.int64)
        likely: Array = rows[(apart <= (1 - 2 * share) * sizes + SLACK) | (rows >= self._mapped)]
        return likely

    def shared(self, shingles: Array, rows: Array) -> tuple[Array, Array]:
        """How many shingles each of the sets has in common with these, and how many it has."""
        starts = self._starts[rows].astype(np.int64)
        sizes = self._starts[rows + 1] - starts
        ends = np.cumsum(sizes)
        begins = ends - sizes
        theirs = self.flat[np.arange(ends[-1]) + np.repeat(starts - begins, sizes)]
        places = np.searchsorted(shingles, theirs)
        places[places == len(shingles)] = 0
        return np.add.reduceat(shingles[places] == theirs, begins, dtype=np.int64), sizes

    def _between(self, first: int, end: int) -> Sets:
        starts = self._starts[first : end + 1].astype(np.int64)
        return Sets(self.flat[starts[0] : starts[-1]], starts - starts[0])

    def _map(self, known: Array) -> None:
        """Make the bitmaps that are missing."""
        if self._count > len(known):
            known.resize((_room(len(known), self._count), BITMAP_WORDS), refcheck=False)
        known[self._mapped : self._count] = bitmaps(self._between(self._mapped, self._count))
        self._mapped = self._count


def _room(held: int, wanted: int) -> int:
    return max(wanted, held + max(_FIRST, held // _GROWTH))
