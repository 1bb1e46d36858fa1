"""Reading stored calls for people and measures, from a store of this version or of the one before."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import replace

from synthspec.inference.store.derived.rows import (
    CALL_COLUMNS,
    READ_COLUMNS,
    Decayed,
    StoredCall,
    StoredRow,
    key_bytes,
    read_completion,
)
from synthspec.inference.store.derived.stored_request import read_request
from synthspec.inference.store.parts import Find
from synthspec.inference.store.schema import upgrade_row

_ORDER = "ORDER BY combination, prompt, attempt, key"
_ALL = ", ".join(CALL_COLUMNS)
_OLD_HEAD = """
key, prompt, combination, attempt, model, finish, prompt_tokens, completion_tokens, cost, latency, created, crc
"""
_FIGURES = READ_COLUMNS.partition(", crc")[0]
_OLD_FIGURES = _OLD_HEAD.partition(", crc")[0]
_QUERIES = {  # by version and whether texts are read
    (1, True): f"SELECT {_OLD_HEAD}, text, NULL, request FROM calls",
    (2, True): f"SELECT {_ALL} FROM completions",
    (1, False): f"SELECT {_OLD_FIGURES} FROM calls",
    (2, False): f"SELECT {_FIGURES} FROM completions",
}
_IDS = {1: f"SELECT rowid FROM calls {_ORDER}", 2: f"SELECT id FROM completions {_ORDER}"}
_REQUESTS = {
    1: f"SELECT {_OLD_FIGURES}, request FROM calls ORDER BY rowid",
    2: f"SELECT {_FIGURES}, request FROM completions ORDER BY id",
}
SPENT_1 = """
SELECT total(cost), sum(prompt_tokens), sum(completion_tokens), sum(requests), 0 FROM (
    SELECT cost, prompt_tokens, completion_tokens, requests FROM totals
    UNION ALL SELECT total(cost), 0, coalesce(sum(tokens), 0), count(*) FROM reservations)
"""


def get_version_1(connection: sqlite3.Connection, key: str) -> StoredRow | None:
    """The row of a request, as this version has it."""
    row = connection.execute(f"{_QUERIES[1, True]} WHERE key = ?", (key,)).fetchone()
    return None if row is None else upgrade_row(row)


def iterate_calls(connection: sqlite3.Connection, version: int, texts: bool) -> Iterator[StoredCall]:
    """Every call, in order of combination, prompt and attempt."""
    query = f"{_QUERIES[version, texts]} WHERE rowid = ?"
    blobs = _blob_finder(connection)
    for (ident,) in connection.execute(_IDS[version]):
        call = _call(connection.execute(query, (ident,)).fetchone(), version, texts, blobs)
        if call is not None:
            yield call


def iterate_requests(connection: sqlite3.Connection, version: int) -> Iterator[StoredCall]:
    """Every call with its request and without its completion, in the order in which they were stored."""
    blobs = _blob_finder(connection)
    for row in connection.execute(_REQUESTS[version]):
        figures = _call(row, version, False, blobs)
        assert figures is not None
        yield replace(figures, request=read_request(row[11], blobs))


def read_calls(connection: sqlite3.Connection, version: int, keys: Sequence[str]) -> list[StoredCall]:
    """The calls of some requests, with their texts, in that order."""
    query = f"{_QUERIES[version, True]} WHERE key = ?"
    blobs = _blob_finder(connection)
    rows = (connection.execute(query, (key if version == 1 else key_bytes(key),)).fetchone() for key in keys)
    found = (_call(row, version, True, blobs) for row in rows if row is not None)
    return [call for call in found if call is not None]


def _call(row: StoredRow, version: int, texts: bool, blobs: Find) -> StoredCall | None:
    key, prompt, combination, attempt, model, finish, asked, given, cost, latency, created = row[:11]
    key = key.hex() if isinstance(key, bytes) else key
    figures = (key, prompt, combination, attempt, model, finish, asked, given, cost, latency or 0.0, created or 0.0)
    if not texts:
        return StoredCall(*figures)
    try:
        text = read_completion(upgrade_row(row) if version == 1 else row).reply.text
    except Decayed:
        return None
    return StoredCall(*figures, text, read_request(row[14], blobs))


def _blob_finder(connection: sqlite3.Connection) -> Find:
    known: dict[str, bytes | None] = {}

    def find(digest: str) -> bytes | None:
        if digest not in known:
            if len(known) > 256:
                known.clear()
            row = connection.execute("SELECT body FROM blobs WHERE digest = ?", (bytes.fromhex(digest),)).fetchone()
            known[digest] = None if row is None else bytes(row[0])
        return known[digest]

    return find
