"""Many completions, asked for in about the order in which they were stored: read in that order, few of them searched.

A search for a key goes to a place of its index and to one of the table, all over the file; the next one in order is on
the page at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from synthspec.inference.store import Store, StoreFault
from synthspec.inference.store.derived.rows import StoredRow, is_whole_completion, key_bytes, key_text

MOST_HELD = 4_096  # rows that were passed and not asked for yet
AHEAD = 4  # rows that are read, at most, for each that is missing


class ReadingAhead:
    """The completions of a store, for one pass over nearly all of them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rows: Iterator[StoredRow] = store.iterate_rows()
        self._held: dict[bytes | str, StoredRow] = {}

    def get_many(self, keys: Sequence[str]) -> list[StoredRow | None]:
        """What is stored of these requests (`READ_COLUMNS`), each verified; None of one that is not there.

        Raises:
            StoreDamaged: what is stored of one is not what was written.
            StoreFault: they cannot be read.
        """
        wanted = list(map(key_bytes, keys))
        missing = set(wanted)
        rows = [self._held.pop(key) for key in missing & self._held.keys()]
        missing.difference_update([row[0] for row in rows])
        try:
            for row in self._next(AHEAD * len(missing)):
                if row[0] in missing:
                    missing.discard(row[0])
                    rows.append(row)
                    if not missing:
                        break
                else:
                    self._held[row[0]] = row
        except StoreFault:  # what is asked for may be sound all the same
            self._rows = iter(())
        while len(self._held) > MOST_HELD:
            del self._held[next(iter(self._held))]
        found = {row[0]: row for row in rows if is_whole_completion(row)}
        left = [key_text(key) for key in set(wanted) - found.keys()]
        if left:  # one that is damaged is read again, and told, as any other
            found |= {row[0]: row for row in self._store.get_rows(left)}
        return [found.get(key) for key in wanted]

    def _next(self, count: int) -> Iterator[StoredRow]:
        for _ in range(count):
            row = next(self._rows, None)
            if row is None:
                return
            yield row
