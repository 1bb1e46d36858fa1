"""Opening a store to write to: made, migrated, checked, or rescued where it is damaged. Nothing is ever thrown away."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from synthspec.durable import sync_folder
from synthspec.inference.store.derived.rows import Decayed
from synthspec.inference.store.file import (
    FAULTS,
    StoreDamaged,
    StoreFault,
    beside,
    check_header,
    check_tables,
    check_version,
    connect,
    damaged,
    explain_fault,
    is_missing,
    size_of,
    unfit,
)
from synthspec.inference.store.ledger import Send, StoredTotals, StrangeTotal
from synthspec.inference.store.rescue.salvage import Rescued, drop_repeated, earlier_files, free_number, salvage
from synthspec.inference.store.schema import (
    CLOSED_BATCHES,
    DAMAGE,
    INSERT_TOTAL,
    LOST,
    RESERVED,
    VERSION,
    create_tables,
    migrate,
    transaction,
)
from synthspec.lazy_dataclass import dataclass

CHECK_BELOW = 32 << 20  # bytes; a larger file is checked where it is read
ACCEPT = "--accept-loss"

_OPEN_SENDS = f"""
SELECT id, key, batch, cost, tokens, created, crc FROM sends WHERE state = {RESERVED} AND (batch IS NULL OR batch NOT IN
    (SELECT intent FROM batches WHERE state NOT IN {CLOSED_BATCHES}))
"""


@dataclass(slots=True)
class OpenedStore:
    """A store to write to, what was spent so far, and what people should know of how it was opened."""

    connection: sqlite3.Connection
    ledger: StoredTotals
    next_send: int
    notice: str | None = None


def open_to_write(path: Path, accept_loss: bool = False) -> OpenedStore:
    """The writing connection to a sound store of this version, made where there is none.

    Reservations that a killed run left behind are counted as spent. Of a damaged store, all that can be read goes into
    a new one, which takes its place where that loses no completion or `accept_loss` says so.

    Raises:
        StoreFault: damaged beyond that, of a newer version, not a store, or on a file system that cannot hold it.
    """
    notice = None
    try:
        if is_missing(path) and (earlier_files(path) or size_of(beside(path, "-wal"))):
            notice = _replace(path, None, accept_loss)
        try:
            return _open(path, notice)
        except StoreDamaged as fault:
            notice = _replace(path, fault.reason, accept_loss)
        return _open(path, notice)
    except FAULTS as error:
        raise explain_fault(error, path) from error


def _open(path: Path, notice: str | None) -> OpenedStore:
    fresh = is_missing(path)
    if not fresh:
        check_header(path)
    try:
        connection = connect(path, path)
        try:
            opened = _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_ERROR and not fresh:  # its tables are not as they are made
            raise damaged(path, "its tables are not as they were made") from error
        raise explain_fault(error, path) from error
    except StrangeTotal as error:
        raise damaged(path, str(error)) from error
    except (Decayed, UnicodeDecodeError) as error:
        raise explain_fault(error, path) from error
    if fresh:
        sync_folder(path.parent)
    opened.notice = notice
    return opened


def reopen(path: Path) -> sqlite3.Connection:
    """A writing connection to a store that this process has just written; calls under way stay so."""
    connection = connect(path, path)
    _set_modes(connection, path)
    return connection


def _set_modes(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise unfit(path.parent)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 2000")  # pages, about 8 MB
    connection.execute("PRAGMA journal_size_limit = 33554432")


def _prepare(connection: sqlite3.Connection, path: Path) -> OpenedStore:
    connection.execute("PRAGMA page_size = 4096")
    version = check_version(connection, path)
    if version:
        _check(connection, path, version)  # before anything is written to it
    _set_modes(connection, path)
    if version == 0:
        create_tables(connection)
    elif version < VERSION:
        migrate(connection)
    ledger = _sweep(connection)
    following = int(connection.execute("SELECT coalesce(max(id), 0) + 1 FROM sends").fetchone()[0])
    return OpenedStore(connection, ledger, following)


def _check(connection: sqlite3.Connection, path: Path, version: int) -> None:
    if size_of(path) + size_of(beside(path, "-wal")) <= CHECK_BELOW:
        verdict = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if verdict != "ok":
            raise damaged(path, verdict.removeprefix("*** in database main ***").strip())
    if version == VERSION:
        check_tables(connection, path)
        reason = connection.execute("SELECT value FROM meta WHERE name = ?", (DAMAGE,)).fetchone()
        if reason is not None:
            raise damaged(path, reason[0])


def _sweep(connection: sqlite3.Connection) -> StoredTotals:
    """What was spent so far, with the calls that a killed run left under way; those of a pending batch are not lost."""
    with transaction(connection):
        rows = connection.execute("SELECT * FROM totals").fetchall()
        if {row[0] for row in rows} != set(StoredTotals.NAMES):
            raise StrangeTotal("the sums of what was spent are not what was stored")
        ledger = StoredTotals(rows)
        left = connection.execute(_OPEN_SENDS).fetchall()
        for *values, crc in left:
            send = Send(*values)
            if send.checksum() != crc:
                raise StrangeTotal("what was set aside for a call is not what was stored")
            ledger.lost.add(send.cost, 0, send.tokens, at_worst=True)
        if left:
            connection.executemany("UPDATE sends SET state = ? WHERE id = ?", [(LOST, row[0]) for row in left])
            connection.executemany(INSERT_TOTAL, ledger.rows())
    return ledger


def _replace(path: Path, reason: str | None, accept_loss: bool) -> str:
    """Put a rescue in the place of a damaged store, which is kept beside it, or of one that is missing though others
    were put aside (no `reason`). What to tell people of it.

    Raises:
        StoreDamaged: completions would be lost by that, and the caller did not say that they may be.
    """
    rescued = salvage(path)
    if not _is_ours(path, rescued):
        rescued.path.unlink()
        raise StoreFault(
            f"{path} is damaged, or not a store: {reason}", "Build elsewhere with --out; it is left as it is."
        )
    was = f"{path} was damaged ({reason})" if reason else f"{path} was missing"
    if not rescued.is_complete and not accept_loss:
        is_so = f"{path} is damaged: {reason}" if reason else f"{path} is missing, and the stores beside it are damaged"
        raise _refusal(path, is_so, drop_repeated(path, rescued))
    kept = _swap(path, rescued)
    lost = "" if rescued.is_complete else f" of {_figure(rescued.expected)}"
    return f"{was}: {rescued.completions:,}{lost} completions were rescued" + (
        f"; the damaged store is kept as {kept.name}" if kept else ""
    )


def _is_ours(path: Path, rescued: Rescued) -> bool:
    """Whether anything tells that the file was a store: no other file is moved."""
    if rescued.completions or rescued.expected is not None or is_missing(path):
        return True
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def _refusal(path: Path, message: str, rescued: Rescued) -> StoreDamaged:
    of = f"of its {rescued.expected:,} " if rescued.expected is not None else ""
    return StoreDamaged(
        message,
        f"{rescued.completions:,} {of}completions can be read, and are in {rescued.path.name}. Put back a sound copy "
        f"of {path.name}, or build with {ACCEPT} to go on with those: the others are paid for again. Nothing has been "
        "removed.",
        message,
    )


def _swap(path: Path, rescued: Rescued) -> Path | None:
    """The rescue under the store's name, the damaged one under a name that no file had."""
    kept = None
    if size_of(path) or beside(path, "-wal").exists():
        kept = path.with_name(f"{path.name}.damaged-{free_number(path)}")
        for ending in ("", "-wal"):
            with contextlib.suppress(FileNotFoundError):
                _keep(beside(path, ending), beside(kept, ending))
    for ending in ("-wal", "-shm"):
        beside(path, ending).unlink(missing_ok=True)
    rescued.path.replace(path)
    sync_folder(path.parent)
    return kept


def _keep(path: Path, name: Path) -> None:
    """Another name for a file; where the file system has no links, the file itself goes there."""
    try:
        os.link(path, name)
    except FileNotFoundError:
        raise
    except OSError:
        if name.exists():
            raise
        path.rename(name)


def _figure(count: int | None) -> str:
    return "an unknown number of" if count is None else f"{count:,}"


__all__ = ["OpenedStore", "StoreFault", "open_to_write"]
