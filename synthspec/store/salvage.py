"""What can still be read of a damaged store, and how a new one takes it over. The damaged file is never written to."""

from __future__ import annotations

import contextlib
import sqlite3
import time

from synthspec.store.rows import CALL_COLUMNS, COMPLETION_COLUMNS, Decayed, read_completion

_DAMAGE = (sqlite3.Error, UnicodeDecodeError)
_COLUMNS = ", ".join(CALL_COLUMNS)
_GET = f"SELECT {COMPLETION_COLUMNS} FROM calls WHERE rowid = ?"
_COPY = f"SELECT {_COLUMNS} FROM calls WHERE rowid = ?"
_INSERT = f"INSERT OR REPLACE INTO calls ({_COLUMNS}) VALUES ({', '.join('?' * len(CALL_COLUMNS))})"
_USED = """
SELECT total(cost), sum(prompt_tokens), sum(completion_tokens), sum(requests) FROM (
    SELECT cost, prompt_tokens, completion_tokens, requests FROM totals
    UNION ALL SELECT total(cost), 0, coalesce(sum(tokens), 0), count(*) FROM reservations)
"""
_LOSE = """
UPDATE totals SET cost = cost + max(0, ? - (SELECT cost FROM totals WHERE what = 'settled')),
    prompt_tokens = prompt_tokens + max(0, ? - (SELECT prompt_tokens FROM totals WHERE what = 'settled')),
    completion_tokens = completion_tokens + max(0, ? - (SELECT completion_tokens FROM totals WHERE what = 'settled')),
    requests = requests + max(0, ? - (SELECT requests FROM totals WHERE what = 'settled')) WHERE what = 'lost'
"""


def find_readable(damaged: sqlite3.Connection, seconds: float) -> list[int]:
    """The rows whose completions are whole, found without the index: from the front up to the first damaged page, and
    from the back. The search ends after so many seconds, as damaged pages may lead in circles."""
    found: dict[int, None] = {}
    deadline = time.monotonic() + seconds
    damaged.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
    try:
        for order in ("ASC", "DESC"):
            with contextlib.suppress(*_DAMAGE):
                _scan(damaged, order, found)
    finally:
        damaged.set_progress_handler(None, 0)
    return sorted(found)


def take_over(damaged: sqlite3.Connection, fresh: sqlite3.Connection) -> None:
    """Copy into an empty store, as a whole or not at all, what can be read of a damaged one. What else that one had
    spent counts as lost."""
    fresh.execute("BEGIN IMMEDIATE")
    for place in find_readable(damaged, seconds=60.0):
        fresh.execute(_INSERT, damaged.execute(_COPY, (place,)).fetchone())
    used = (0.0, 0, 0, 0)
    with contextlib.suppress(*_DAMAGE):
        used = damaged.execute(_USED).fetchone()
    fresh.execute(_LOSE, used)
    fresh.execute("COMMIT")


def _scan(damaged: sqlite3.Connection, order: str, found: dict[int, None]) -> None:
    for place, key in damaged.execute(f"SELECT rowid, key FROM calls NOT INDEXED ORDER BY rowid {order}"):
        if place in found:
            break  # the other scan came as far as this, or this one runs in a circle
        with contextlib.suppress(Decayed, *_DAMAGE):
            row = damaged.execute(_GET, (place,)).fetchone()
            if isinstance(key, str) and row is not None and read_completion(key, row):
                found[place] = None
