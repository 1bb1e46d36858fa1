"""How often each text was seen, in little memory: 12 to 24 bytes a text, where a Python dict takes over 100."""

from __future__ import annotations

from array import array

_FIRST = 1 << 10


class Occurrences:
    """Counts of 60-bit digests: an open-addressed table of those seen once, and a dict of those seen more often."""

    def __init__(self) -> None:
        self._size = _FIRST
        self._table = array("Q", bytes(8 * self._size))  # 0 is an empty place
        self._count = 0
        self._often: dict[int, int] = {}  # digest -> times seen, from 2

    def add(self, digest: int) -> int:
        """How often this digest was seen before; it is seen once more now."""
        digest = digest or 1
        table, mask = self._table, self._size - 1
        place = digest & mask
        while (held := table[place]) != 0:
            if held == digest:
                before = self._often.get(digest, 1)
                self._often[digest] = before + 1
                return before
            place = (place + 1) & mask
        table[place] = digest
        self._count += 1
        if self._count * 3 > self._size * 2:
            self._grow()
        return 0

    def _grow(self) -> None:
        old = self._table
        self._size *= 2
        self._table = array("Q", bytes(8 * self._size))
        table, mask = self._table, self._size - 1
        for digest in old:
            if digest:
                place = digest & mask
                while table[place] != 0:
                    place = (place + 1) & mask
                table[place] = digest
