"""What can still be read of a damaged store. Nothing here writes."""

from __future__ import annotations

import contextlib
import sqlite3
import time

from synthspec.store_rows import COMPLETION_COLUMNS, Decayed, read_completion

_LONGEST = 5.0  # seconds a search may take: damaged pages may lead in circles
GET_PLACE = f"SELECT {COMPLETION_COLUMNS} FROM calls WHERE rowid = ?"


def find_readable(connection: sqlite3.Connection) -> dict[str, int]:
    """The row of each request whose completion is whole, found without the index: from the front up to the first
    damaged page, and from the back."""
    places: dict[str, int] = {}
    deadline = time.monotonic() + _LONGEST
    connection.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
    try:
        for order in ("ASC", "DESC"):
            with contextlib.suppress(sqlite3.Error, UnicodeDecodeError):
                _scan(connection, order, places)
    finally:
        connection.set_progress_handler(None, 0)
    return places


def _scan(connection: sqlite3.Connection, order: str, places: dict[str, int]) -> None:
    for place, key in connection.execute(f"SELECT rowid, key FROM calls NOT INDEXED ORDER BY rowid {order}"):
        if places.get(key) == place:
            break  # the other scan came as far as this, or this one runs in a circle
        with contextlib.suppress(Decayed, sqlite3.Error, UnicodeDecodeError):
            row = connection.execute(GET_PLACE, (place,)).fetchone()
            if row is not None and read_completion(key, row):
                places[key] = place
