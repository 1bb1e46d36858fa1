"""Shingle sets kept one after another: eight bytes of memory a set, the shingles themselves in a temporary file.

Bitmaps, 32 bytes a set, are only made once so many sets were compared in full that they would have been cheaper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from synthspec.dataset.similarity.prefixes import BITMAP_WORDS, SLACK, bitmaps
from synthspec.dataset.similarity.shingles import CHUNK_SHINGLES, Array, Sets
from synthspec.dataset.similarity.spilled import SpilledNumbers

BITMAPS_AT_ONCE = 256
_COMPARED = 1 << 17  # candidates compared in full before bitmaps are thought of
_FIRST = 1024  # elements for which there is room at first
_MANY = 2_000  # shingles that are looked up in a table
_TABLED = 500  # shingles that it takes: more would crowd each other out
_GROWTH = 16  # an array grows by one part in so many: what is not used yet takes memory all the same


class HeldSets:
    """Sets that were taken in, by the order they came in. What does not fit in memory goes to a file in `folder`."""

    def __init__(self, folder: Path | None = None) -> None:
        self._shingles = SpilledNumbers(folder)
        self._starts = np.zeros(_FIRST, np.int64)
        self._bitmaps: Array | None = None
        self._count = 0
        self._mapped = 0  # sets that have their bitmap
        self._compared = 0  # sets that none kept from being compared in full
        self._table = ~np.arange(1 << 16, dtype=np.uint32)  # a shingle by its lower half; where there is none, another

    def __len__(self) -> int:
        return self._count

    def append(self, flat: Array, ends: Array | int) -> None:
        """Take in sets that end at these places of `flat`.

        Raises:
            OSError: there is no room for their file.
        """
        start, first = len(self._shingles), self._count
        self._shingles.append(flat)
        self._count += 1 if isinstance(ends, int) else len(ends)
        if self._count + 1 > len(self._starts):
            self._starts.resize(_room(len(self._starts), self._count + 1), refcheck=False)
        self._starts[first + 1 : self._count + 1] = start + ends
        if self._bitmaps is not None and self._count - self._mapped >= BITMAPS_AT_ONCE:
            self._bitmaps = self._map(self._bitmaps)

    def chunks(self, first: int = 0) -> Iterator[tuple[int, Sets]]:
        """All sets from one on in parts of about `CHUNK_SHINGLES` shingles, each with the number of its first."""
        while first < self._count:
            starts = self._starts[first : self._count + 1]
            most = int(np.searchsorted(starts, starts[0] + CHUNK_SHINGLES))
            starts = starts[: min(max(most, 1), len(starts) - 1) + 1]
            yield first, Sets(self._shingles.between(int(starts[0]), int(starts[-1])), starts - starts[0])
            first += len(starts) - 1

    def of_like_size(self, rows: Array, size: int, share: float) -> Array:
        """Those of the sets that are large and small enough to have this share of both sizes in common with a set
        of this size."""
        sizes = self._starts[rows + 1] - self._starts[rows]
        like: Array = rows[np.minimum(sizes, size) >= share * (sizes + size) - SLACK]
        return like

    def likely(self, rows: Array, bits: Array, size: int, share: float) -> Array:
        """Those of the sets whose bitmap, if there are any, does not say that they have less than this share of both
        sizes in common with a set of this bitmap and size."""
        if self._bitmaps is None:
            self._compared += len(rows)
            if self._compared <= max(_COMPARED, self._count):
                return rows
            self._bitmaps = self._map(np.zeros((self._count, BITMAP_WORDS), np.uint64))
        sizes = self._starts[rows + 1] - self._starts[rows] + size
        known = np.minimum(rows, self._mapped - 1)
        apart = np.bitwise_count(self._bitmaps[known] ^ bits).sum(axis=1, dtype=np.int64)
        likely: Array = rows[(apart <= (1 - 2 * share) * sizes + SLACK) | (rows >= self._mapped)]
        return likely

    def shared(self, shingles: Array, rows: Array) -> tuple[Array, Array]:
        """How many shingles each of the sets has in common with these, and how many it has. None of them is empty."""
        starts, ends = self._starts[rows], self._starts[rows + 1]
        theirs = self._shingles.gathered(starts, ends)
        sizes = ends - starts
        same = self._are_among(shingles, theirs)
        return np.add.reduceat(same, np.cumsum(sizes) - sizes, dtype=np.int64), sizes

    def _are_among(self, shingles: Array, theirs: Array) -> Array:
        """Which of many are among these."""
        if len(theirs) < _MANY or len(shingles) > _TABLED:
            places = np.searchsorted(shingles, theirs)
            places[places == len(shingles)] = 0
            return np.asarray(shingles[places] == theirs)
        lows = shingles.astype(np.uint16)
        self._table[lows] = shingles
        same = self._table[theirs.astype(np.uint16)] == theirs
        for crowded_out in shingles[self._table[lows] != shingles]:
            same |= theirs == crowded_out
        self._table[lows] = ~lows.astype(np.uint32)
        return np.asarray(same)

    def _map(self, known: Array) -> Array:
        """The bitmaps with those that are missing."""
        if self._count > len(known):
            known.resize((_room(len(known), self._count), BITMAP_WORDS), refcheck=False)
        for first, part in self.chunks(self._mapped):
            known[first : first + len(part)] = bitmaps(part)
        self._mapped = self._count
        return known


def _room(held: int, wanted: int) -> int:
    return max(wanted, held + max(_FIRST, held // _GROWTH))
