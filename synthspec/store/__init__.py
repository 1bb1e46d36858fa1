"""Every completion that is paid for, in `run.sqlite` of the build folder: stored durably before it counts.

One process writes at a time (`run.lock`). A thread commits in groups; reading is on a connection of its own,
on the event loop, and sees all that was acknowledged. Nothing here depends on the time of day.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from synthspec.records import Completion, Request
from synthspec.store.file import FAULTS, StoreFault, connect_reader, connect_writer, explain_fault
from synthspec.store.folder_lock import FolderLock, FolderLocked
from synthspec.store.rescue import Rescue
from synthspec.store.rows import COMPLETION_COLUMNS, Decayed, Spent, StoredCall, call_row, read_completion
from synthspec.store.writer import Kind, Writer

__all__ = ["Spent", "Store", "StoreFault", "StoredCall"]

FILE = "run.sqlite"
LOCK = "run.lock"

_GET = f"SELECT {COMPLETION_COLUMNS} FROM calls WHERE key = ?"
_SPENT = """
SELECT total(cost), sum(prompt_tokens), sum(completion_tokens), sum(requests) FROM (
    SELECT cost, prompt_tokens, completion_tokens, requests FROM totals
    UNION ALL SELECT total(cost), 0, coalesce(sum(tokens), 0), count(*) FROM reservations)
"""
_ORDER = "SELECT rowid FROM calls ORDER BY combination, prompt, attempt, key"
_CALL = """
SELECT key, prompt, combination, attempt, model, finish, prompt_tokens, completion_tokens, cost, latency,
    created FROM calls WHERE rowid = ?
"""


class Store:
    """An open store. Made by `open` or `open_readonly`; closed by `close`, or by leaving a `with` block."""

    def __init__(self, path: Path, reader: sqlite3.Connection) -> None:
        self.path = path
        self._reader = reader
        self._retired: list[sqlite3.Connection] = []
        self._writer: Writer | None = None
        self._rescue: Rescue | None = None

    @classmethod
    def open(cls, path: Path) -> Store:
        """The store in the file at `path` (or in that folder), made where there is none, held by us alone.

        Raises:
            StoreFault: locked by another build, damaged, of a newer version, read-only, or the disk is full.
        """
        path = _file_in(path)
        lock = _lock_folder(path)
        opened: list[sqlite3.Connection] = []
        try:
            opened.append(connect_writer(path))
            opened.append(connect_reader(path))
            store = cls(path, opened[1])
            store._rescue = Rescue(path, path.with_name(LOCK), lock)
            store._writer = Writer(opened[0], lambda error: explain_fault(error, path), store._confirm)
        except BaseException:
            for connection in opened:
                connection.close()
            lock.release()
            raise
        return store

    @classmethod
    def open_readonly(cls, path: Path) -> Store:
        """The store in the file at `path` (or in that folder), to read from. A build may be running.

        Raises:
            StoreFault: there is none, or it is of a newer version.
        """
        path = _file_in(path)
        return cls(path, connect_reader(path))

    def get(self, key: str) -> Completion | None:
        """The latest stored completion of a request, marked as reused.

        Raises:
            StoreFault: what is stored is damaged.
        """
        try:
            row = self._reader.execute(_GET, (key,)).fetchone()
            return None if row is None else read_completion(key, row)
        except (Decayed, *FAULTS) as error:
            raise explain_fault(error, self.path) from error

    async def reserve(self, key: str, cost: float, tokens: int) -> None:
        """Note, durably, what a call may cost at worst, before it is sent. Each try of a request that may
        have been paid for has its own; one that nothing settles counts as spent in full.

        Raises:
            StoreFault: it could not be written; the call must not be sent.
        """
        await self._writing().write(Kind.RESERVE, (key, cost, tokens, time.time()))

    async def put(self, request: Request, completion: Completion, *, extra: Mapping[str, Any] | None = None) -> None:
        """Store a completion and settle the request's latest reservation. Returns once it is durable.

        `extra` goes into the stored request, beside its messages.

        Raises:
            StoreFault: it could not be written.
        """
        await self._writing().write(Kind.PUT, call_row(request, completion, extra))

    async def release(self, key: str) -> None:
        """Drop the request's latest reservation: its call never reached the provider.

        Raises:
            StoreFault: it could not be written; the reservation then counts as spent.
        """
        await self._writing().write(Kind.RELEASE, (key,))

    def spent(self) -> Spent:
        """What all runs of this folder used so far.

        Raises:
            StoreFault: it cannot be read.
        """
        return Spent(*self._read_one(_SPENT))

    def iterate_calls(self) -> Iterator[StoredCall]:
        """Every stored call in order of combination, prompt, attempt; memory does not grow with their texts.

        Raises:
            StoreFault: it cannot be read.
        """
        connection = connect_reader(self.path)
        try:
            connection.execute("BEGIN")
            for (row,) in connection.execute(_ORDER):
                yield StoredCall(*connection.execute(_CALL, (row,)).fetchone())
        except FAULTS as error:
            raise explain_fault(error, self.path) from error
        finally:
            connection.close()

    def get_meta(self, name: str) -> str | None:
        """A noted value.

        Raises:
            StoreFault: it cannot be read.
        """
        row = self._read_one("SELECT value FROM meta WHERE name = ?", name)
        return None if row is None else str(row[0])

    def set_meta(self, name: str, value: str) -> None:
        """Note a value, durably. Holds up the caller for a few milliseconds.

        Raises:
            StoreFault: it could not be written.
        """
        self._writing().write_now(Kind.META, (name, value))

    async def close(self) -> None:
        """Write what is waiting, leave one plain file, and give the folder back. A second call does nothing.

        Raises:
            StoreFault: the folder was removed. What was in it has been put back if that could be done.
        """
        await asyncio.to_thread(self.shut)

    def shut(self) -> None:
        """`close`, for a caller outside an event loop."""
        writer, self._writer = self._writer, None
        try:
            if writer is not None:
                writer.close()
                self._confirm(writer)
        finally:
            self._reader.close()
            if writer is not None:
                _fold(writer.connection)
            for connection in self._retired:
                connection.close()
            if self._rescue is not None:
                self._rescue.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.shut()

    def _read_one(self, query: str, *values: Any) -> Any:
        try:
            return self._reader.execute(query, values).fetchone()
        except FAULTS as error:
            raise explain_fault(error, self.path) from error

    def _writing(self) -> Writer:
        if self._writer is None:
            raise StoreFault(f"{self.path} is not open for writing", "Open it with Store.open.")
        return self._writer

    def _confirm(self, writer: Writer) -> None:
        """After each commit, in the writer's thread: is the file still where the next build will look?"""
        assert self._rescue is not None
        if self._rescue.is_there():
            return
        connection = self._rescue.restore(writer.connection)
        self._retired += (writer.connection, self._reader)
        writer.connection = connection
        self._reader = connect_reader(self.path)
        raise StoreFault(
            f"the build folder {self.path.parent} was removed or moved during the build",
            f"Every completion has been written to {self.path} again: build again to go on from there.",
        )


def _file_in(path: Path) -> Path:
    return path if path.suffix == ".sqlite" or path.is_file() else path / FILE


def _lock_folder(path: Path) -> FolderLock:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return FolderLock(path.with_name(LOCK))
    except FolderLocked as locked:
        holder = f" (process {locked.pid})" if locked.pid else ""
        raise StoreFault(
            f"another build of {path.parent} is running{holder}",
            "Wait for it or stop it, or build elsewhere with --out: two at once would pay twice.",
        ) from None
    except OSError as error:
        raise explain_fault(error, path) from error


def _fold(connection: sqlite3.Connection) -> None:
    """Leave one plain file, which can be copied, and read where nothing can be written."""
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error:
        pass  # a reader is at it, or the disk is full: the files as they are hold everything
    finally:
        connection.close()
