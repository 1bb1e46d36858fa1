"""What can be asked of the writer, and how many such jobs become one transaction of few statements."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from synthspec.inference.store.derived.rows import StoredRow
from synthspec.inference.store.ledger import MOST_COST, MOST_TOKENS, Send, StoredTotals
from synthspec.inference.store.schema import (
    DUPLICATE,
    INSERT_BLOB,
    INSERT_CALL,
    INSERT_META,
    INSERT_SEND,
    LOST,
    ONE_CALL,
    RELEASED,
    RESERVED,
    SETTLED,
    UPDATE_TOTAL,
    meta_checksum,
)
from synthspec.lazy_dataclass import dataclass

_WIDEST = 64  # calls in one statement
_STORE = " ON CONFLICT (key) DO NOTHING RETURNING key"
_SEND = INSERT_SEND.partition(" VALUES ")
_LOSE = "UPDATE sends SET state = ?, fault = ? WHERE id = ?"


@dataclass(frozen=True, slots=True)
class Reserve:
    """Note a call that is about to go."""

    send: Send


@dataclass(frozen=True, slots=True)
class Begin:
    """Note a batch that is about to be handed in: its calls, and the statements of its own tables."""

    sends: Sequence[Send]
    statements: Sequence[tuple[str, Sequence[Any]]]


class Put(NamedTuple):
    """Store a completion. Comes to whether it was the first of its request."""

    row: StoredRow
    blobs: Sequence[tuple[bytes, bytes]]
    send: Send | None
    worst: tuple[float, int]  # US dollars and tokens, for what is not known


@dataclass(frozen=True, slots=True)
class Settle:
    """A call came to an end without a completion: `RELEASED` costs nothing, `LOST` its worst."""

    send: Send
    state: int
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class SetMeta:
    """Keep a value under a name."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Statements:
    """Statements of a part of the store that has tables of its own."""

    statements: Sequence[tuple[str, Sequence[Any]]]


Job = Reserve | Begin | Put | Settle | SetMeta | Statements


def apply_jobs(connection: sqlite3.Connection, ledger: StoredTotals, jobs: Sequence[Job]) -> list[Any]:
    """Do all of it in one transaction; what each job came to. Durable on return.

    Raises:
        Exception: nothing was done; the ledger must be put back to what it was.
    """
    puts = [job for job in jobs if isinstance(job, Put)]
    settles = [job for job in jobs if isinstance(job, Settle)]
    connection.execute("BEGIN IMMEDIATE")
    _reserve(connection, [job.send for job in jobs if isinstance(job, Reserve)])
    _reserve(connection, [send for job in jobs if isinstance(job, Begin) for send in job.sends])
    _store_blobs(connection, puts)
    stored = iter(_store(connection, ledger, puts))
    results = [next(stored) if isinstance(job, Put) else None for job in jobs]
    for job in jobs:
        if isinstance(job, SetMeta):
            connection.execute(INSERT_META, (job.name, job.value, meta_checksum(job.name, job.value)))
        elif isinstance(job, Statements | Begin):
            for statement, values in job.statements:
                connection.execute(statement, values)
    _settle(connection, ledger, settles)
    if puts or settles:
        for row in ledger.rows():
            connection.execute(UPDATE_TOTAL, row)
    connection.execute("COMMIT")
    return results


def _reserve(connection: sqlite3.Connection, sends: Sequence[Send]) -> None:
    for start in range(0, len(sends), _WIDEST):
        rows = [send.row(RESERVED) for send in sends[start : start + _WIDEST]]
        places = ",".join([_SEND[2]] * len(rows))
        connection.execute(f"{_SEND[0]} VALUES {places}", [value for row in rows for value in row])


def _store_blobs(connection: sqlite3.Connection, puts: Sequence[Put]) -> None:
    blobs = [blob for put in puts for blob in put.blobs]
    if blobs:
        connection.executemany(INSERT_BLOB, blobs)


def _store(connection: sqlite3.Connection, ledger: StoredTotals, puts: Sequence[Put]) -> list[bool]:
    """For each whether it was the first completion of its request. All of them are paid for."""
    firsts: list[bool] = []
    for start in range(0, len(puts), _WIDEST):
        some = puts[start : start + _WIDEST]
        values = [value for put in some for value in put.row]
        statement = f"{INSERT_CALL}{','.join([ONE_CALL] * len(some))}{_STORE}"
        new = Counter(key for (key,) in connection.execute(statement, values))
        for put in some:
            first = new[put.row[0]] > 0
            new[put.row[0]] -= 1
            firsts.append(first)
            ledger.settled.stored += first
            _charge(ledger, put)
    _mark(connection, SETTLED, [p.send.id for p, first in zip(puts, firsts, strict=True) if p.send and first])
    _mark(connection, DUPLICATE, [p.send.id for p, first in zip(puts, firsts, strict=True) if p.send and not first])
    return firsts


def _charge(ledger: StoredTotals, put: Put) -> None:
    asked, given, cost = put.row[6:9]
    known = asked is not None and given is not None
    worst_cost, worst_tokens = put.worst
    if not known:
        asked, given = 0, min(max(0, worst_tokens), MOST_TOKENS)
    charged = worst_cost if cost is None else cost
    ledger.settled.add(min(charged, MOST_COST), asked, given, at_worst=not known or cost is None)


def _settle(connection: sqlite3.Connection, ledger: StoredTotals, settles: Sequence[Settle]) -> None:
    _mark(connection, RELEASED, [s.send.id for s in settles if s.state == RELEASED])
    for settle in settles:
        if settle.state == LOST:
            connection.execute(_LOSE, (LOST, settle.fault, settle.send.id))
            ledger.lost.add(settle.send.cost, 0, settle.send.tokens, at_worst=True)


def _mark(connection: sqlite3.Connection, state: int, sends: Sequence[int]) -> None:
    for start in range(0, len(sends), _WIDEST):
        some = sends[start : start + _WIDEST]
        places = ",".join("?" * len(some))
        connection.execute(f"UPDATE sends SET state = ? WHERE id IN ({places})", (state, *some))
