"""The tables of `run.sqlite`, and how a store of an earlier version becomes one of this."""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from synthspec.inference.store.derived.rows import CALL_COLUMNS, Decayed, checksum, completion_checksum, key_bytes
from synthspec.inference.store.ledger import StoredTotals, Total, units

VERSION = 2
APPLICATION = 0x53594E53  # "SYNS": `file run.sqlite` shows it

# The long texts come last, so that reading the rest does not walk through them, the request after the reply, which is
# read more often. Every row that anything hangs on has a checksum: a page that decays inside a text or a number is
# still a sound page to SQLite. All tables have rows found by number, so that a page read alone can be understood.
TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT, crc INTEGER);
CREATE TABLE migrations (version INTEGER PRIMARY KEY, applied REAL);
CREATE TABLE blobs (id INTEGER PRIMARY KEY, digest BLOB UNIQUE, body BLOB);
CREATE TABLE completions (
    id INTEGER PRIMARY KEY, key BLOB UNIQUE, prompt TEXT, combination INTEGER, attempt INTEGER, model TEXT,
    finish TEXT, in_tok INTEGER, out_tok INTEGER, cost REAL, latency REAL, created REAL, crc INTEGER, reply TEXT,
    more TEXT, request TEXT
);
CREATE TABLE sends (
    id INTEGER PRIMARY KEY, key BLOB, batch TEXT, state INTEGER, cost REAL, tokens INTEGER, fault TEXT, created REAL,
    crc INTEGER
);
CREATE INDEX open_sends ON sends (state) WHERE state = 0;
CREATE TABLE batches (
    intent TEXT PRIMARY KEY, provider TEXT, endpoint TEXT, remote_id TEXT, file_id TEXT, state TEXT, count INTEGER,
    created REAL, last_poll REAL
);
CREATE TABLE batch_items (id INTEGER PRIMARY KEY, intent TEXT, n INTEGER, key BLOB, send INTEGER);
CREATE INDEX items_by_intent ON batch_items (intent, n);
CREATE TABLE totals (
    what TEXT PRIMARY KEY, cost REAL, prompt_tokens INTEGER, completion_tokens INTEGER, requests INTEGER,
    at_worst INTEGER, stored INTEGER, crc INTEGER
);
"""
CLOSED_BATCHES = ("committed", "absent")  # nothing more comes of them
DAMAGE = "damaged"  # the note of a damage met while a completion was read
RESERVED, SETTLED, RELEASED, LOST, DUPLICATE = range(5)  # states of a send
STATES = ("reserved", "settled", "released", "lost", "duplicate")

INSERT_CALL = f"INSERT INTO completions ({', '.join(CALL_COLUMNS)}) VALUES "
ONE_CALL = f"({', '.join('?' * len(CALL_COLUMNS))})"
INSERT_META = "INSERT OR REPLACE INTO meta VALUES (?, ?, ?)"
INSERT_BLOB = "INSERT OR IGNORE INTO blobs (digest, body) VALUES (?, ?)"
INSERT_TOTAL = "INSERT OR REPLACE INTO totals VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_SEND = "INSERT INTO sends VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
UPDATE_TOTAL = """
UPDATE totals SET cost = ?2, prompt_tokens = ?3, completion_tokens = ?4, requests = ?5, at_worst = ?6, stored = ?7,
    crc = ?8 WHERE what = ?1
"""

_MARKS = (f"PRAGMA user_version = {VERSION}", f"PRAGMA application_id = {APPLICATION}")
_OLD = """
SELECT key, prompt, combination, attempt, model, finish, prompt_tokens, completion_tokens, cost, latency, created, crc,
    text, NULL, request FROM calls ORDER BY rowid
"""


def create_tables(connection: sqlite3.Connection) -> None:
    """Make an empty store."""
    with transaction(connection):
        _make_tables(connection)
        connection.executemany(INSERT_TOTAL, StoredTotals().rows())


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a store of version 1 to this one, as a whole or not at all.

    Raises:
        Decayed: a completion in it is not what was stored.
    """
    with transaction(connection):
        for table in ("meta", "totals"):
            connection.execute(f"ALTER TABLE {table} RENAME TO {table}_1")
        _make_tables(connection)
        note_version(connection, 1)
        _copy_version_1(connection)
        for table in ("meta_1", "totals_1", "reservations", "calls"):
            connection.execute(f"DROP TABLE {table}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is done inside is committed, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _make_tables(connection: sqlite3.Connection) -> None:
    for statement in (*TABLES.split(";"), *_MARKS):
        connection.execute(statement)
    note_version(connection, VERSION)


def note_version(connection: sqlite3.Connection, version: int) -> None:
    """A version that the store was, or is now."""
    connection.execute("INSERT OR IGNORE INTO migrations VALUES (?, ?)", (version, time.time()))


def _copy_version_1(connection: sqlite3.Connection) -> None:
    insert = INSERT_CALL + ONE_CALL
    stored = 0
    for row in connection.execute(_OLD):
        connection.execute(insert, upgrade_row(row))
        stored += 1
    names = "cost, prompt_tokens, completion_tokens, requests"
    ledger = StoredTotals()
    for what, *figures in connection.execute(f"SELECT what, {names} FROM totals_1").fetchall():
        setattr(ledger, what, _total(figures))
    ledger.settled.stored = stored
    for cost, tokens in connection.execute("SELECT cost, tokens FROM reservations").fetchall():
        ledger.lost.add(cost or 0.0, 0, tokens or 0, at_worst=True)
    connection.executemany(INSERT_TOTAL, ledger.rows())
    for name, value in connection.execute("SELECT name, value FROM meta_1").fetchall():
        connection.execute(INSERT_META, (name, value, meta_checksum(name, value)))


def upgrade_row(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values of `CALL_COLUMNS` from those of a row of version 1, whose checksum is of its text alone.

    Raises:
        Decayed: the text is not what was stored.
    """
    key, *_, crc, text, more, request = row
    try:
        raw = text if isinstance(text, bytes) else text.encode()
        if crc is not None and zlib.crc32(raw) != crc:
            raise Decayed(f"the completion of request {key} is not what was stored")
    except AttributeError:
        raise Decayed(f"the completion of request {key} is not what was stored") from None
    values = [key_bytes(key), *row[1:11], 0, text, more, request]
    values[11] = checksum(values) if request is not None else completion_checksum(values)
    return tuple(values)


def meta_checksum(name: str, value: str) -> int:
    """Of a noted value."""
    return zlib.crc32(f"{name}\0{value}".encode("utf-8", "surrogatepass"))


def _total(figures: list[Any]) -> Total:
    cost, asked, given, requests = figures
    return Total(units(cost or 0.0), asked or 0, given or 0, requests or 0)
