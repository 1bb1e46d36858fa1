"""Which of the held sets have a shingle in their prefix: four bytes an entry.

An entry is a place of `HeldSets.flat`, which tells both the shingle that stands there and the set that it is in. The
entries are one run in order of their shingles, with the bounds of a bucket for each beginning of a shingle; what came
since the run was made is in a small table. The run grows in place, a part at a time, from its end.
"""

from __future__ import annotations

import numpy as np

from synthspec.dataset.similarity.held_sets import UNTOUCHED, HeldSets
from synthspec.dataset.similarity.prefixes import LOW, SHIFT
from synthspec.dataset.similarity.shingles import Array

_RECENT = 8_192  # entries that wait at least before the run is made anew
_RECENT_PART = 128  # and as a part of the run
_BULK = 1 << 16  # the same for those that came all at once, and are in no table
_BULK_PART = 16
_PARTS_BITS = 5  # the run is made anew in so many parts, as a power of two
_LEAST_BITS = 16  # buckets at least, as a power of two
_FILL_BITS = 5  # entries of a bucket, about, as a power of two


class Postings:
    """The prefixes of held sets, to be asked which sets have a shingle in theirs."""

    def __init__(self, held: HeldSets) -> None:
        self._held = held
        self._room = np.empty(UNTOUCHED // 4, np.uint32)  # the run, and place for more
        self._run = self._room[:0]
        self._bits = _LEAST_BITS
        self._bounds = np.zeros((1 << self._bits) + 1, np.uint32)
        self._recent: dict[int, int | list[int]] = {}
        self._waiting: list[Array] = []  # places that are not in the run
        self._waiting_size = 0
        self._untold = False  # whether some of those are not in the table either

    def add(self, prefix: Array, row: int, start: int, shingles: Array) -> None:
        """Take in the prefix of one set, which begins at this place of `flat`."""
        recent = self._recent
        for shingle in prefix.tolist():
            held = recent.get(shingle)
            if held is None:
                recent[shingle] = row
            elif isinstance(held, list):
                held.append(row)
            else:
                recent[shingle] = [held, row]
        places = np.searchsorted(shingles, prefix).astype(np.uint32) + np.uint32(start)
        self._wait(places, max(_RECENT, len(self._run) // _RECENT_PART))

    def extend(self, places: Array) -> None:
        """Take in the prefixes of many sets, as places of `flat`."""
        self._untold = True
        self._wait(places, max(_BULK, len(self._run) // _BULK_PART))

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
        return np.concatenate([self._rows_in_run(shingles), recent]) if len(self._run) else recent

    def _rows_in_run(self, shingles: Array) -> Array:
        buckets = (shingles >> np.uint32(32 - self._bits)).astype(np.int64)
        firsts = self._bounds[buckets].astype(np.int64)
        sizes = self._bounds[buckets + 1] - firsts
        ends = np.cumsum(sizes)
        places = self._run[np.arange(ends[-1] if len(ends) else 0) + np.repeat(firsts - ends + sizes, sizes)]
        same = self._held.flat[places] == np.repeat(shingles, sizes)
        return self._held.owners(places[same])

    def _wait(self, places: Array, most: int) -> None:
        self._waiting.append(places)
        self._waiting_size += len(places)
        if self._waiting_size >= most:
            self.settle()

    def settle(self) -> None:
        """Bring into the run all that is not in it."""
        if not self._waiting:
            return
        new, keys = self._sorted(np.concatenate(self._waiting))
        self._recent, self._waiting, self._waiting_size, self._untold = {}, [], 0, False
        before = len(self._run)
        if before + len(new) > len(self._room):
            self._room.resize(before + len(new) + len(self._room) // 16, refcheck=False)
        self._run = self._room[: before + len(new)]
        bits = max(_LEAST_BITS, len(self._run).bit_length() - _FILL_BITS)
        bounds = np.zeros((1 << bits) + 1, np.uint32)
        olds = self._part_bounds(before)
        news = np.searchsorted(keys, np.arange(1 << _PARTS_BITS, dtype=np.uint64) << np.uint64(32 - _PARTS_BITS))
        for part in reversed(range(1 << _PARTS_BITS)):
            old = self._run[olds[part] : olds[part + 1]]
            fresh = slice(news[part], news[part + 1] if part + 1 < len(news) else len(new))
            shingles = self._held.flat[old]
            at = np.searchsorted(shingles, keys[fresh], side="right")
            first, size = olds[part] + news[part], len(old) + len(at)
            self._run[first : first + size] = np.insert(old, at, new[fresh])
            all_keys = np.insert(shingles, at, keys[fresh])
            width = 1 << bits - _PARTS_BITS
            own = (all_keys >> np.uint32(32 - bits)).astype(np.int64) - part * width
            bounds[part * width + 1 : (part + 1) * width + 1] = np.bincount(own, minlength=width)
        self._bits = bits
        self._bounds = np.cumsum(bounds, out=bounds)

    def _part_bounds(self, size: int) -> list[int]:
        """Where each part of the run begins, and where the last ends."""
        width = 1 << self._bits - _PARTS_BITS
        return [int(self._bounds[part * width]) for part in range(1 << _PARTS_BITS)] + [size]

    def _sorted(self, places: Array) -> tuple[Array, Array]:
        """The places in order of their shingles, and these."""
        order = self._held.flat[places].astype(np.uint64) << SHIFT | places
        order.sort()
        return (order & LOW).astype(np.uint32), (order >> SHIFT).astype(np.uint32)
