"""How often each text was seen, in little memory: 10 to 13 bytes a text, where a Python dict takes over 100."""

from __future__ import annotations

from array import array

import numpy as np

_FIRST = 1 << 10
_GROWTH = 5 / 4
_FULL = 0.8  # share of the places that may be taken
_TAIL = 64  # places beyond the last that a digest may begin at
_HEAD, _SHIFT = 28, 32  # a digest begins at the place that the upper 32 of its 60 bits say


class Occurrences:
    """Counts of 60-bit digests: an open-addressed table of those seen once, and a dict of those seen more often.

    Where a digest begins grows with the digest, so the table is all but sorted, and a larger one is made of it by one
    pass over arrays.
    """

    def __init__(self) -> None:
        self._size = _FIRST
        self._table = array("Q", [0]) * (_FIRST + _TAIL)  # 0 is an empty place
        self._count = 0
        self._often: dict[int, int] = {}  # digest -> times seen, from 2

    def add(self, digest: int) -> int:
        """How often this digest was seen before; it is seen once more now."""
        digest = digest or 1
        table = self._table
        place = (digest >> _HEAD) * self._size >> _SHIFT
        while (held := table[place]) != 0:
            if held == digest:
                before = self._often.get(digest, 1)
                self._often[digest] = before + 1
                return before
            place += 1
        table[place] = digest
        self._count += 1
        if self._count > self._size * _FULL or place + 2 > len(table):
            self._grow()
        return 0

    def copy(self) -> Occurrences:
        """The same counts, apart."""
        twin = Occurrences()
        twin._size, twin._count = self._size, self._count
        twin._table, twin._often = self._table[:], dict(self._often)
        return twin

    def _grow(self) -> None:
        """Each digest goes to where it begins, or to the first place after the one before it."""
        table = np.frombuffer(self._table, np.uint64)
        digests = table[table != 0]
        del table
        digests.sort()
        self._size = int(self._size * _GROWTH)
        places = ((digests >> np.uint64(_HEAD)) * np.uint64(self._size) >> np.uint64(_SHIFT)).astype(np.int64)
        order = np.arange(len(digests))
        places = np.maximum.accumulate(places - order) + order
        self._table = array("Q", [0]) * (max(self._size, int(places[-1])) + _TAIL)
        np.frombuffer(self._table, np.uint64)[places] = digests
