"""Which sets have a shingle in their prefix: six bytes an entry.

An entry is a set's number and the lower half of the shingle. The entries are one run in order of their shingles, with
the bounds of a bucket for each beginning of a shingle, of which the upper half is a part or the whole; what came since
the run was made is in a small table. The run grows in place, a part at a time, from its end.
"""

from __future__ import annotations

import numpy as np

from synthspec.dataset.similarity.prefixes import LOW, SHIFT
from synthspec.dataset.similarity.shingles import Array

UNTOUCHED = (32 << 20) + 4096  # bytes: a larger array is moved by the operating system when it grows, not copied within
# the heap, where what it leaves could not be used again; what is not written to takes no memory
_RECENT = 8_192  # entries that wait at least before the run is made again
_RECENT_PART = 128  # and as a part of the run
_BULK = 1 << 16  # the same for those that came all at once, and are in no table
_BULK_PART = 16
_PARTS_BITS = 5  # the run is made again in so many parts, as a power of two
_LEAST_BITS = 16  # buckets at least, as a power of two: what an entry does not hold of a shingle
_FILL_BITS = 5  # entries of a bucket, about, as a power of two


class Postings:
    """The prefixes of sets, to be asked which sets have a shingle in theirs."""

    def __init__(self) -> None:
        self._rows = np.empty(UNTOUCHED // 4, np.uint32)  # the run, and place for more
        self._lows = np.empty(UNTOUCHED // 2, np.uint16)
        self._size = 0  # of the run
        self._bits = _LEAST_BITS
        self._bounds = np.zeros((1 << self._bits) + 1, np.uint32)
        self._recent: dict[int, int | list[int]] = {}
        self._waiting: list[Array] = []  # entries that are not in the run: a shingle above the number of its set
        self._waiting_size = 0
        self._untold = False  # whether some of those are not in the table either

    def add(self, prefix: Array, row: int) -> None:
        """Take in the prefix of one set."""
        recent = self._recent
        for shingle in prefix.tolist():
            held = recent.get(shingle)
            if held is None:
                recent[shingle] = row
            elif isinstance(held, list):
                held.append(row)
            else:
                recent[shingle] = [held, row]
        self._wait(prefix.astype(np.uint64) << SHIFT | np.uint64(row), max(_RECENT, self._size // _RECENT_PART))

    def extend(self, shingles: Array, rows: Array) -> None:
        """Take in the prefixes of many sets: each shingle, and the set that has it in its prefix."""
        self._untold = True
        self._wait(shingles.astype(np.uint64) << SHIFT | rows, max(_BULK, self._size // _BULK_PART))

    def rows(self, shingles: Array) -> Array:
        """The sets that hold any of them; one that holds several may come more than once."""
        if self._untold:
            self.settle()
        found: list[int] = []
        for shingle in shingles.tolist():
            held = self._recent.get(shingle)
            if held is not None:
                found += held if isinstance(held, list) else (held,)
        recent = np.array(found, dtype=np.int64)
        return np.concatenate([self._rows_in_run(shingles), recent]) if self._size else recent

    def _rows_in_run(self, shingles: Array) -> Array:
        buckets = (shingles >> np.uint32(32 - self._bits)).astype(np.int64)
        firsts = self._bounds[buckets].astype(np.int64)
        sizes = self._bounds[buckets + 1] - firsts
        ends = np.cumsum(sizes)
        places = np.arange(ends[-1] if len(ends) else 0) + np.repeat(firsts - ends + sizes, sizes)
        same = self._lows[places] == np.repeat(shingles.astype(np.uint16), sizes)
        found: Array = self._rows[places[same]].astype(np.int64)
        return found

    def _wait(self, entries: Array, most: int) -> None:
        self._waiting.append(entries)
        self._waiting_size += len(entries)
        if self._waiting_size >= most:
            self.settle()

    def settle(self) -> None:
        """Bring into the run all that is not in it."""
        if not self._waiting:
            return
        new = np.concatenate(self._waiting)
        new.sort()
        self._recent, self._waiting, self._waiting_size, self._untold = {}, [], 0, False
        before = self._size
        self._size = before + len(new)
        if self._size > min(len(self._rows), len(self._lows)):
            self._rows.resize(self._size + len(self._rows) // 16, refcheck=False)
            self._lows.resize(self._size + len(self._lows) // 16, refcheck=False)
        bits = max(_LEAST_BITS, self._size.bit_length() - _FILL_BITS)
        bounds = np.zeros((1 << bits) + 1, np.uint32)
        olds = [int(self._bounds[part << self._bits - _PARTS_BITS]) for part in range(1 << _PARTS_BITS)] + [before]
        news = np.searchsorted(new, np.arange(1 << _PARTS_BITS, dtype=np.uint64) << np.uint64(64 - _PARTS_BITS))
        for part in reversed(range(1 << _PARTS_BITS)):
            fresh = new[news[part] : news[part + 1] if part + 1 < len(news) else len(new)]
            shingles = self._merge(part, olds[part], olds[part + 1], fresh, int(news[part]))
            width = 1 << bits - _PARTS_BITS
            own = (shingles >> np.uint32(32 - bits)).astype(np.int64) - part * width
            bounds[part * width + 1 : (part + 1) * width + 1] = np.bincount(own, minlength=width)
        self._bits = bits
        self._bounds = np.cumsum(bounds, out=bounds)

    def _merge(self, part: int, first: int, end: int, fresh: Array, shift: int) -> Array:
        """Bring new entries into a part of the run, which moves on by so many; the part's shingles."""
        held = self._shingles(part, first, end)
        new = (fresh >> SHIFT).astype(np.uint32)
        at = np.searchsorted(held, new, side="right")
        to = slice(first + shift, end + shift + len(fresh))
        self._rows[to] = np.insert(self._rows[first:end], at, (fresh & LOW).astype(np.uint32))
        shingles = np.insert(held, at, new)
        self._lows[to] = shingles.astype(np.uint16)
        return shingles

    def _shingles(self, part: int, first: int, end: int) -> Array:
        """The shingles of a part of the run: the upper half of each is that of its bucket."""
        width = 1 << self._bits - _PARTS_BITS
        buckets = np.arange(part * width, (part + 1) * width, dtype=np.uint32) >> np.uint32(self._bits - 16)
        sizes = np.diff(self._bounds[part * width : (part + 1) * width + 1])
        shingles: Array = np.repeat(buckets << np.uint32(16), sizes) | self._lows[first:end]
        return shingles
