"""The file under the store: its tables, how it is opened and checked, and what each of its faults means."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
from pathlib import Path

from synthspec.store.rows import Decayed
from synthspec.store.salvage import find_readable, take_over

VERSION = 1
FAULTS = (sqlite3.Error, OSError, UnicodeDecodeError)  # what SQLite says of a damaged file may be no text either
APPLICATION = 0x53594E53  # "SYNS": `file run.sqlite` shows it
ASIDE = ".damaged"  # put after the name of a damaged store, it is taken over by the next one
CHECK_BELOW = 32 << 20  # bytes; a larger file is checked where it is read

# The long texts come last, so that reading the rest does not walk through them. `crc` is of the text: a page
# that decays inside a text is still a sound page to SQLite. The trigger keeps the totals and the reservations
# right in the statement that stores a call, so a batch of calls is one statement and one transaction.
_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE calls (
    key TEXT PRIMARY KEY, prompt TEXT, combination INTEGER, attempt INTEGER, model TEXT, finish TEXT,
    prompt_tokens INTEGER, completion_tokens INTEGER, cost REAL, latency REAL, created REAL, crc INTEGER,
    request TEXT, text TEXT
);
CREATE TABLE reservations (id INTEGER PRIMARY KEY, key TEXT, cost REAL, tokens INTEGER, created REAL);
CREATE INDEX reservations_by_key ON reservations (key);
CREATE TABLE totals (
    what TEXT PRIMARY KEY, cost REAL, prompt_tokens INTEGER, completion_tokens INTEGER, requests INTEGER
) WITHOUT ROWID;
INSERT INTO totals VALUES ('settled', 0, 0, 0, 0), ('lost', 0, 0, 0, 0);
CREATE TRIGGER settle AFTER INSERT ON calls BEGIN
    UPDATE totals SET cost = cost + coalesce(NEW.cost, 0), requests = requests + 1,
        prompt_tokens = prompt_tokens + coalesce(NEW.prompt_tokens, 0),
        completion_tokens = completion_tokens + coalesce(NEW.completion_tokens, 0) WHERE what = 'settled';
    DELETE FROM reservations WHERE id = (SELECT max(id) FROM reservations WHERE key = NEW.key);
END;
PRAGMA user_version = 1;
PRAGMA application_id = 1398361683;
COMMIT;
"""
_SWEEP = """
BEGIN IMMEDIATE;
UPDATE totals SET cost = cost + (SELECT total(cost) FROM reservations),
    completion_tokens = completion_tokens + (SELECT coalesce(sum(tokens), 0) FROM reservations),
    requests = requests + (SELECT count(*) FROM reservations) WHERE what = 'lost';
DELETE FROM reservations;
COMMIT;
"""


class StoreFault(Exception):
    """The store cannot be opened, read or written. `help` says how to go on; what was stored stays so."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.message = message
        self.help = help


def connect_writer(path: Path) -> sqlite3.Connection:
    """The writing connection to a sound store of this version, made where there is none.

    Reservations that a killed run left behind are counted as spent. An empty store takes over what can be read of a
    damaged one put aside under its name with `.damaged`.

    Raises:
        StoreFault: damaged, of a newer version, not a store, or on a file system that cannot hold it.
    """
    try:
        fresh = not path.exists() or path.stat().st_size == 0
        if not fresh:
            _check_header(path)
        elif beside(path, "-wal").exists() and beside(path, ASIDE).exists():
            beside(path, "-wal").replace(beside(path, f"{ASIDE}-wal"))  # it belongs to the one put aside
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10.0)
        try:
            _prepare_writer(connection, path)
            _take_over(path, connection)
        except BaseException:
            connection.close()
            raise
        if fresh:
            sync_folder(path.parent)
    except FAULTS as error:
        raise explain_fault(error, path) from error
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that can only read. Damage shows only where it is met.

    Raises:
        StoreFault: there is no store, or it is of a newer version.
    """
    if not path.is_file():
        raise StoreFault(f"there is no store at {path}", "Give the folder of a build: it holds run.sqlite.")
    try:
        _check_header(path)
        return _open_reader(path)
    except FAULTS as error:
        raise explain_fault(error, path) from error


def beside(path: Path, ending: str) -> Path:
    """The file with this ending that SQLite keeps next to the store."""
    return path.with_name(path.name + ending)


def explain_fault(error: Exception, path: Path) -> StoreFault:
    """What an error of SQLite or the system means, and how to go on."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    number = getattr(error, "errno", None)
    folder = path.parent
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or _is_decay(error):
        return damaged(path, str(error))
    if not folder.is_dir():
        return StoreFault(f"the build folder {folder} is gone", "Build again: it is made anew.")
    if code == sqlite3.SQLITE_FULL or number in (errno.ENOSPC, errno.EDQUOT) or _is_full(folder, code):
        return StoreFault(
            f"the disk of {folder} is full",
            "Free some space and build again: every completion stored so far is kept and used.",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN) or number in (
        errno.EACCES, errno.EPERM, errno.EROFS,
    ):  # fmt: skip
        return StoreFault(
            f"{folder} cannot be written to ({error})",
            "Make the folder writable, or build elsewhere with --out. What is stored in it is kept.",
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreFault(f"another program is using {path}", "Close it and build again.")
    if number in (errno.ENOLCK, errno.EOPNOTSUPP):
        return _unfit(folder)
    return StoreFault(
        f"{path} cannot be used: {error}", "See to the disk and build again: what is stored in it is kept."
    )


def damaged(path: Path, reason: str) -> StoreFault:
    """The fault of a store that is not what was written. Says what can be saved; removes nothing."""
    try:
        with contextlib.closing(_open_reader(path)) as connection:
            count = len(find_readable(connection, seconds=5.0))
    except (StoreFault, *FAULTS):
        count = 0
    return StoreFault(
        f"{path} is damaged: {reason}",
        f"Rename it to {path.name}{ASIDE} and build again: {count:,} completions in it can still be read, and are "
        "taken over. Nothing has been removed.",
    )


def _take_over(path: Path, fresh: sqlite3.Connection) -> None:
    """Fill a store that is still empty with what is left of the damaged one that was put aside for it."""
    aside = beside(path, ASIDE)
    if aside.is_file() and fresh.execute("SELECT max(requests) FROM totals").fetchone()[0] == 0:
        with contextlib.closing(_open_reader(aside)) as connection:
            take_over(connection, fresh)


def _check_header(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(16)
    if start != b"SQLite format 3\0":
        raise StoreFault(
            f"{path} is damaged, or not a store: it does not begin as one",
            f"Move it aside (rename it to {path.name}.damaged) and build again; nothing has been removed.",
        )


def _check_version(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    if application not in (0, APPLICATION) or (version == 0 and _tables(connection)):
        help = "Move it aside, or build elsewhere with --out."
        raise StoreFault(f"{path} was not written by synthspec", help)
    if version > VERSION:
        raise StoreFault(
            f"{path} was written by a newer synthspec (its version is {version}, this one knows {VERSION})",
            "Upgrade synthspec, or build elsewhere with --out.",
        )
    return version


def _tables(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _prepare_writer(connection: sqlite3.Connection, path: Path) -> None:
    version = _check_version(connection, path)
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise _unfit(path.parent)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 2000")  # pages, about 8 MB
    connection.execute("PRAGMA journal_size_limit = 33554432")
    if version and path.stat().st_size <= CHECK_BELOW:
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise damaged(path, verdict.removeprefix("*** in database main ***").strip())
    connection.executescript(_SWEEP if version else _SCHEMA)


def _open_reader(path: Path) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        return _open_address(address, path)
    except sqlite3.OperationalError:
        if _size(beside(path, "-wal")):
            raise
        return _open_address(f"{address}&immutable=1", path)  # on a medium where nothing can be written


def _open_address(address: str, path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False, timeout=10.0)
    try:
        connection.execute("PRAGMA writable_schema = 1")  # or not one page of a truncated file could be read
        if _check_version(connection, path) == 0:
            raise StoreFault(f"{path} is empty", "Build into its folder first.")
    except BaseException:
        connection.close()
        raise
    return connection


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlast a power cut, as what is in its files does."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unfit(folder: Path) -> StoreFault:
    return StoreFault(
        f"the file system of {folder} cannot hold a store: it keeps no locks or no shared memory",
        "Build on a local disk with --out and copy the dataset afterwards.",
    )


def _is_decay(error: Exception) -> bool:
    return isinstance(error, Decayed | UnicodeDecodeError) or "decode to UTF-8" in str(error)


def _is_full(folder: Path, code: int) -> bool:
    if code != sqlite3.SQLITE_IOERR:
        return False
    try:
        return shutil.disk_usage(folder).free < 1 << 20
    except OSError:
        return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
