"""The file under the store: how it is read and recognised, and what each of its faults means."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import threading
from functools import cache
from pathlib import Path
from weakref import WeakSet

from synthspec.diagnostics.errors import SynthspecError
from synthspec.inference.store.derived.rows import Decayed
from synthspec.inference.store.schema import APPLICATION, VERSION, create_tables

FAULTS = (sqlite3.Error, OSError, UnicodeDecodeError)  # what SQLite says of a damaged file may be no text either
_MAGIC = b"SQLite format 3\0"
# What SQLite says when it meets what it never wrote: also "no such column" where a letter of the schema changed.
_DAMAGE = frozenset(
    {
        sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_SCHEMA,
        sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_RANGE,
    }
)  # fmt: skip


MORE_MEMORY = "Free some, or raise the limit (`ulimit -v`) and build again: what is stored is kept."
_NO_PLACE = (errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP)
_STANDS = {
    errno.EISDIR: "it is a folder",
    errno.EEXIST: "something else is there",
    errno.ENOTDIR: "there is a file where a folder is needed",
}
_DENIED = (errno.EACCES, errno.EPERM, errno.EROFS)


class StoreFault(SynthspecError):
    """The store cannot be opened, read or written. `help` says how to go on; what was stored stays so."""


class StoreConnection(sqlite3.Connection):
    """A connection to a store. While it is open, `check_header` leaves its file alone: closing a file gives up all
    POSIX locks that the process has on it, those of SQLite included. Without them another program that opens the store
    and closes it again removes the log to which this process goes on writing."""

    file: tuple[int, int] | None = None  # device and number of the file

    def close(self) -> None:
        """As that of any connection."""
        super().close()
        self.file = None


_opening = threading.Lock()
_connections: WeakSet[StoreConnection] = WeakSet()


def connect(database: Path | str, path: Path) -> StoreConnection:
    """A connection to the store at `path`, which `database` is or the address of."""
    with _opening:
        connection = sqlite3.connect(
            database, uri=isinstance(database, str), isolation_level=None, check_same_thread=False, timeout=10.0,
            factory=StoreConnection,
        )  # fmt: skip
        connection.file = _identity(path)
        _connections.add(connection)
    return connection


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


class StoreDamaged(StoreFault):
    """The store is not what was written; `reason` says what of it."""

    def __init__(self, message: str, help: str, reason: str) -> None:
        super().__init__(message, help)
        self.reason = reason


def connect_reader(path: Path) -> tuple[sqlite3.Connection, int]:
    """A connection that can only read, and the version of the store. Damage shows only where it is met.

    Raises:
        StoreFault: there is no store, or it is of a newer version.
    """
    try:
        if not path.is_file():
            raise StoreFault(f"there is no store at {path}", "Give the folder of a build: it contains run.sqlite.")
        check_header(path)
        return _open_reader(path)
    except PermissionError as error:
        raise StoreFault(f"{path} cannot be read ({error.strerror})", "Ask its owner for leave to read it.") from error
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
    if code in _DAMAGE or _is_decay(error):
        return damaged(path, _reason(error))
    if number in _NO_PLACE:
        why = os.strerror(number).lower()
        return StoreFault(f"{path} cannot be used: {_STANDS.get(number, why)}", "name another folder with --out")
    if isinstance(error, OverflowError | ValueError | sqlite3.InterfaceError | sqlite3.ProgrammingError):
        return StoreFault(
            f"a call cannot be stored: {error}", "One of its figures or texts is not what a provider can have meant."
        )
    if isinstance(error, MemoryError) or code == sqlite3.SQLITE_NOMEM:
        return StoreFault(f"there is not enough memory to use {path}", MORE_MEMORY)
    if number not in _DENIED and not _is_folder(folder):
        return StoreFault(f"the build folder {folder} is gone", "Build again to recreate it.")
    if code == sqlite3.SQLITE_FULL or number in (errno.ENOSPC, errno.EDQUOT) or _is_full(folder, code):
        return StoreFault(
            f"the disk of {folder} is full",
            "Free some space and build again: every completion stored so far is kept and used.",
        )
    if number == errno.EFBIG or (code == sqlite3.SQLITE_IOERR and _is_limited()):
        return StoreFault(
            f"{path} became too large: the limit on file sizes is reached",
            "Raise it (`ulimit -f`) and build again: what is stored is kept.",
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN) or number in _DENIED:
        return StoreFault(
            f"{folder} cannot be written to ({error})",
            "Make the folder writable, or build elsewhere with --out. What is stored in it is kept.",
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreFault(f"another program is using {path}", "Close it and build again.")
    if number in (errno.ENOLCK, errno.EOPNOTSUPP):
        return unfit(folder)
    return StoreFault(f"{path} cannot be used: {error}", "Check the disk and build again: what is stored is kept.")


def damaged(path: Path, reason: str) -> StoreDamaged:
    """The fault of a store that is not what was written, where nothing was tried yet."""
    return StoreDamaged(
        f"{path} is damaged: {reason}",
        "Build again: every completion in it that can be read is rescued first, and nothing is removed.",
        reason,
    )


def unfit(folder: Path) -> StoreFault:
    """The fault of a file system that SQLite cannot work on."""
    return StoreFault(
        f"the file system of {folder} cannot contain a store: it has no locks or no shared memory",
        "Build on a local disk with --out and copy the dataset afterwards.",
    )


def is_missing(path: Path) -> bool:
    """Whether there is nothing in the file, or no file."""
    return size_of(path) == 0


def check_header(path: Path) -> None:
    """Refuse a file that does not begin as a store. One that this process has open was looked at then.

    Raises:
        StoreDamaged: it does not.
    """
    with _opening:
        if _identity(path) in {connection.file for connection in _connections}:
            return
        with path.open("rb") as file:
            start = file.read(16)
    if start != _MAGIC:
        raise damaged(path, "it does not begin as a store")


def check_version(connection: sqlite3.Connection, path: Path) -> int:
    """The version of a store; 0 for an empty one.

    Raises:
        StoreFault: it is of a newer version, or not ours.
        StoreDamaged: its header does not match its contents.
    """
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    ours = bool(tables & {"completions", "calls"})
    if not tables and version == 0 and connection.execute("PRAGMA page_count").fetchone()[0] <= 1:
        return 0
    if tables and not ours and application != APPLICATION:
        raise StoreFault(f"{path} was not written by synthspec", "Build elsewhere with --out; it is left as it is.")
    held = 1 if "calls" in tables else 0
    if "migrations" in tables:
        held = int(connection.execute("SELECT max(version) FROM migrations").fetchone()[0] or 0)
    if version == held > VERSION:
        raise StoreFault(
            f"{path} was written by a newer synthspec (its version is {version}, this one knows {VERSION})",
            "Upgrade synthspec, or build elsewhere with --out.",
        )
    if version != held or not ours or application != APPLICATION:
        raise damaged(path, "its header does not match its contents")
    return version


def check_tables(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a store of this version whose tables are not as they are made.

    Raises:
        StoreDamaged: they are not.
    """
    missing = _expected_schema() - set(connection.execute("SELECT name, sql FROM sqlite_master"))
    if missing:
        raise damaged(path, f"{min(name for name, _ in missing)} is not as it was made")


@cache
def _expected_schema() -> frozenset[tuple[str, str | None]]:
    with sqlite3.connect(":memory:", isolation_level=None) as connection:
        create_tables(connection)
        found = frozenset(connection.execute("SELECT name, sql FROM sqlite_master"))
    connection.close()
    return found


def size_of(path: Path) -> int:
    """Bytes in a file; 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _open_reader(path: Path) -> tuple[sqlite3.Connection, int]:
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        return _open_address(address, path)
    except sqlite3.OperationalError:
        if size_of(beside(path, "-wal")):
            raise
        return _open_address(f"{address}&immutable=1", path)  # on a medium where nothing can be written


def _open_address(address: str, path: Path) -> tuple[sqlite3.Connection, int]:
    connection = connect(address, path)
    try:
        version = check_version(connection, path)
        if version == 0:
            raise StoreFault(f"{path} is empty", "Build into its folder first.")
    except BaseException:
        connection.close()
        raise
    return connection, version


def _reason(error: Exception) -> str:
    """What an error says of a damage, without what it quotes of it."""
    if "decode to UTF-8" in str(error) or isinstance(error, UnicodeDecodeError):
        return "a text in it is not UTF-8"
    said = "".join(c if " " <= c <= "~" else "?" for c in str(error))
    return said if len(said) <= 120 else f"{said[:120]}..."


def _is_decay(error: Exception) -> bool:
    return isinstance(error, Decayed | UnicodeDecodeError) or "decode to UTF-8" in str(error)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _is_limited() -> bool:
    """Whether the system lets files of ours grow to a certain size only: it is met where a write fails."""
    try:
        import resource
    except ImportError:  # not on this system
        return False
    return resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY


def _is_full(folder: Path, code: int) -> bool:
    if code != sqlite3.SQLITE_IOERR:
        return False
    try:
        return shutil.disk_usage(folder).free < 1 << 20
    except OSError:
        return False
