"""Which keys may be stored, so that the store is not searched for one that is not: most calls of a build are new."""

from __future__ import annotations

import sqlite3

from synthspec.inference.store.derived.rows import key_text

_DIGITS = 6  # hexadecimal: the first of a key, which are as good as random
_WORTH = 64  # searching in vain once costs as much as reading so many keys
_AT_ONCE = 1024
_FIRST = f"SELECT key FROM completions ORDER BY key LIMIT {_AT_ONCE}"
_NEXT = f"SELECT key FROM completions WHERE key > ? ORDER BY key LIMIT {_AT_ONCE}"


class KnownKeys:
    """A mark for the beginning of every key in a store. One that is not stored has none, but for one in seventeen
    where a million others are. The keys of a store that held completions when it was opened (`stored`) are read after
    some searches in vain, a few with each further one."""

    def __init__(self, stored: int) -> None:
        self._marks = bytearray(1 << (4 * _DIGITS - 3))
        self._wait = stored // _WORTH
        self._is_complete = False
        self._last: bytes | str | None = None

    def add(self, key: str) -> None:
        """Mark a key that is about to be stored."""
        place = _place(key)
        if place >= 0:
            self._marks[place >> 3] |= 1 << (place & 7)

    def may_hold(self, key: str) -> bool:
        """False where the key is certainly not stored."""
        if not self._is_complete:
            return True
        place = _place(key)
        return place < 0 or bool(self._marks[place >> 3] & 1 << (place & 7))

    def missed(self, store: sqlite3.Connection) -> None:
        """A key was searched for in vain: read some of those that were stored before, where that is worth it."""
        self._wait -= 1
        if self._wait >= 0 or self._is_complete:
            return
        try:
            query = (_FIRST, ()) if self._last is None else (_NEXT, (self._last,))
            keys = [key for (key,) in store.execute(*query)]
        except sqlite3.Error:  # a damage: told where a completion is read
            return
        for key in keys:
            self.add(key_text(key))
        self._is_complete = len(keys) < _AT_ONCE
        self._last = keys[-1] if keys else None


def _place(key: str) -> int:
    """Below zero for a key that has none: it is always searched for."""
    try:
        return int(key[:_DIGITS], 16)
    except ValueError:
        return -1
