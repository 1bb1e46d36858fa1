"""Every completion that is paid for, in `run.sqlite` of the build folder: stored durably before it counts.

One process writes at a time (`run.lock`). A thread commits in groups; reading is on a connection of its own,
on the event loop, and sees all that was acknowledged. Nothing here depends on the time of day.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from synthspec.inference.store import calls
from synthspec.inference.store.derived.rows import (
    READ_COLUMNS,
    Decayed,
    Row,
    Spent,
    StoredCall,
    call_row,
    key_bytes,
    read_completion,
)
from synthspec.inference.store.derived.stored_request import SharedTexts
from synthspec.inference.store.file import FAULTS, MORE_MEMORY, StoreDamaged, StoreFault, connect_reader, explain_fault
from synthspec.inference.store.folder_lock import FolderLock, FolderLocked
from synthspec.inference.store.jobs import Change, Note, Put, Reserve, Settle
from synthspec.inference.store.ledger import Send, make_send
from synthspec.inference.store.opening import Opened, open_writer
from synthspec.inference.store.rescue.rescued import Rescue
from synthspec.inference.store.schema import DAMAGE, LOST, RELEASED
from synthspec.inference.store.writer import Writer
from synthspec.spec.messages import Completion, Request

__all__ = ["Spent", "Store", "StoreDamaged", "StoreFault", "StoredCall"]

Found = TypeVar("Found")
FILE = "run.sqlite"
LOCK = "run.lock"

_GET = f"SELECT {READ_COLUMNS} FROM completions WHERE key = ?"
_MANY = 128  # keys in one statement
_SPENT = """
SELECT total(cost), sum(prompt_tokens), sum(completion_tokens), sum(requests), sum(at_worst) FROM (
    SELECT cost, prompt_tokens, completion_tokens, requests, at_worst FROM totals
    UNION ALL SELECT total(cost), 0, coalesce(sum(tokens), 0), count(*), count(*) FROM sends WHERE state = 0)
"""


class Store:
    """An open store. Made by `open` or `open_readonly`; closed by `close`, or by leaving a `with` block.

    `notice` says what people should know of how it was opened: that a damaged store was rescued.
    """

    def __init__(self, path: Path, reader: sqlite3.Connection, version: int) -> None:
        self.path = path
        self.notice: str | None = None
        self._reader = reader
        self._version = version
        self._retired: list[sqlite3.Connection] = []
        self._writer: Writer | None = None
        self._rescue: Rescue | None = None
        self._locks: list[FolderLock] = []  # of a folder that the file is in by a link
        self._next_send = 1
        self._sends: dict[bytes | str, list[Send]] = {}  # under way, by key, the latest last
        self._shared = SharedTexts()

    @classmethod
    def open(cls, path: Path, *, accept_loss: bool = False) -> Store:
        """The store in the file at `path` (or in that folder), made where there is none, held by us alone.

        Where it is damaged, all that can be read is rescued; if that is fewer completions than it held, it is opened
        only with `accept_loss`. Either way the damaged file is kept.

        Raises:
            StoreFault: locked by another build, damaged, of a newer version, read-only, or the disk is full.
        """
        path = _file_in(path)
        locks = _lock_folders(path)
        opened: Opened | None = None
        try:
            opened = open_writer(path, accept_loss)
            store = cls(path, *connect_reader(path))
            store._rescue = Rescue(path, path.with_name(LOCK), locks[0])
            store._locks = locks[1:]
            store.notice, store._next_send = opened.notice, opened.next_send
            explain = lambda error: explain_fault(error, path)  # noqa: E731
            for send in store.open_sends():  # of batches that are still under way
                store._sends.setdefault(send.key, []).append(send)
            store._writer = Writer(opened.connection, opened.ledger, explain, store._confirm)
        except BaseException as error:
            if opened is not None:
                opened.connection.close()
            for lock in locks:
                lock.release()
            if isinstance(error, RuntimeError | MemoryError):  # no room for a thread of its own
                raise StoreFault(f"there is not enough memory to use {path}", MORE_MEMORY) from error
            raise
        return store

    @classmethod
    def open_readonly(cls, path: Path) -> Store:
        """The store in the file at `path` (or in that folder), to read from. A build may be running.

        Raises:
            StoreFault: there is none, or it is of a newer version.
        """
        path = _file_in(path)
        return cls(path, *connect_reader(path))

    def get(self, key: str) -> Completion | None:
        """The stored completion of a request, marked as reused.

        Raises:
            StoreDamaged: what is stored is not what was written.
            StoreFault: it cannot be read.
        """
        try:
            if self._version == 1:
                row = calls.get_version_1(self._reader, key)
            else:
                row = self._reader.execute(_GET, (key_bytes(key),)).fetchone()
            return None if row is None else read_completion(row)
        except (Decayed, *FAULTS) as error:
            fault = explain_fault(error, self.path)
            if isinstance(fault, StoreDamaged):
                self._note_damage(fault.reason)
            raise fault from error

    def get_many(self, keys: Sequence[str]) -> dict[str, Completion]:
        """The stored completions of these requests, by key; one that is not there is left out.

        Raises:
            StoreDamaged: what is stored of one is not what was written.
            StoreFault: they cannot be read.
        """
        found: dict[str, Completion] = {}
        try:
            for start in range(0, len(keys), _MANY):
                some = [key_bytes(key) for key in keys[start : start + _MANY]]
                places = ",".join("?" * len(some))
                query = f"SELECT {READ_COLUMNS} FROM completions WHERE key IN ({places})"
                for row in self._reader.execute(query, some):
                    completion = read_completion(row)
                    found[completion.key] = completion
        except (Decayed, *FAULTS) as error:
            fault = explain_fault(error, self.path)
            if isinstance(fault, StoreDamaged):
                self._note_damage(fault.reason)
            raise fault from error
        return found

    async def reserve(self, key: str, cost: float, tokens: int, *, batch: str | None = None) -> Send:
        """Note, durably, what a call may cost at worst, before it is sent. Each try of a request that may
        have been paid for has its own; one that nothing settles counts as spent in full. One that goes with a
        `batch` (its intent) waits for that across restarts.

        Raises:
            StoreFault: it could not be written; the call must not be sent.
        """
        send = make_send(self._next_send, key_bytes(key), batch, cost, tokens, time.time())
        self._next_send += 1
        await self._writing().write(Reserve(send))
        self._sends.setdefault(send.key, []).append(send)
        return send

    async def put(
        self,
        request: Request,
        completion: Completion,
        *,
        send: Send | None = None,
        worst: tuple[float, int] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> bool:
        """Store a completion and settle its send (the request's latest one unless given). Returns once it is durable.

        The first completion of a request stays: False if there is one already, which `get` gives. Both are paid for.
        `worst` (US dollars, tokens) counts for what the completion does not tell: what the send set aside, unless
        given. `extra` goes into the stored request, beside its messages.

        Raises:
            StoreFault: it could not be written.
        """
        row, blobs = call_row(request, completion, extra, self._shared)
        send = self._take_send(row[0], send)
        if worst is None:
            worst = (send.cost, send.tokens) if send is not None else (0.0, sum(request.worst_tokens))
        try:
            return bool(await self._writing().write(Put(row, blobs, send, worst)))
        except StoreFault:
            self._shared.forget()
            raise

    async def release(self, send: str | Send) -> None:
        """Drop a send (or a request's latest one): its call was not charged for.

        Raises:
            StoreFault: it could not be written; the reservation then counts as spent.
        """
        await self._end(send, RELEASED, None)

    async def lose(self, send: str | Send, fault: str) -> None:
        """Count a send (or a request's latest one) at its worst: nothing came back, though it may be charged for.

        Raises:
            StoreFault: it could not be written; it then counts so once the store is opened again.
        """
        await self._end(send, LOST, fault)

    def open_sends(self) -> list[Send]:
        """Every call that is under way, the earliest first.

        Raises:
            StoreFault: they cannot be read.
        """
        query = "SELECT id, key, batch, cost, tokens, created FROM sends WHERE state = 0 ORDER BY id"
        return [Send(*row) for row in self.read(query)]

    async def change(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
        """Statements of another module of this package, in one transaction with what else is waiting."""
        await self._writing().write(Change(statements))

    def read(self, query: str, *values: Any) -> list[Any]:
        """Rows for another module of this package.

        Raises:
            StoreFault: they cannot be read.
        """
        try:
            return self._reader.execute(query, values).fetchall()
        except FAULTS as error:
            raise explain_fault(error, self.path) from error

    def spent(self) -> Spent:
        """What all runs of this folder used so far.

        Raises:
            StoreFault: it cannot be read.
        """
        row = self.read(calls.SPENT_1 if self._version == 1 else _SPENT)[0]
        return Spent(*row)

    def iterate_calls(self, *, texts: bool = False) -> Iterator[StoredCall]:
        """Every stored call in order of combination, prompt, attempt; memory does not grow with their texts.

        `texts` reads completions and requests too. A call that is not what was stored is left out.

        Raises:
            StoreFault: it cannot be read.
        """
        yield from self._iterate(lambda connection, version: calls.iterate_calls(connection, version, texts))

    def iterate_requests(self) -> Iterator[StoredCall]:
        """Every stored call with its request, without its completion, in the order in which they were stored.

        Raises:
            StoreFault: it cannot be read.
        """
        yield from self._iterate(calls.iterate_requests)

    def iterate_rows(self) -> Iterator[Row]:
        """Every completion as it is stored (`READ_COLUMNS`), in the order in which they were stored.

        Raises:
            StoreFault: it cannot be read.
        """
        query = f"SELECT {READ_COLUMNS} FROM completions ORDER BY id"
        yield from self._iterate(lambda connection, _: connection.execute(query))

    def calls_of(self, keys: Sequence[str]) -> list[StoredCall]:
        """The stored calls of these requests, in that order, with their texts; those that are not there are left out.

        Raises:
            StoreFault: they cannot be read.
        """
        try:
            return calls.read_calls(self._reader, self._version, keys)
        except FAULTS as error:
            raise explain_fault(error, self.path) from error

    def began_with_version(self) -> int:
        """The version of the store when its first completion was paid for.

        Raises:
            StoreFault: it cannot be read.
        """
        return 1 if self._version == 1 else int(self.read("SELECT min(version) FROM migrations")[0][0])

    def get_meta(self, name: str) -> str | None:
        """A noted value.

        Raises:
            StoreFault: it cannot be read.
        """
        rows = self.read("SELECT value FROM meta WHERE name = ?", name)
        return str(rows[0][0]) if rows else None

    def set_meta(self, name: str, value: str) -> None:
        """Note a value, durably. Holds up the caller for a few milliseconds.

        Raises:
            StoreFault: it could not be written.
        """
        self._writing().write_now(Note(name, value))

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
            for lock in self._locks:
                lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.shut()

    def _iterate(self, read: Callable[[sqlite3.Connection, int], Iterator[Found]]) -> Iterator[Found]:
        connection, version = connect_reader(self.path)
        with contextlib.closing(connection):
            try:
                connection.execute("BEGIN")
                yield from read(connection, version)
            except FAULTS as error:
                raise explain_fault(error, self.path) from error

    async def _end(self, send: str | Send, state: int, fault: str | None) -> None:
        key = send.key if isinstance(send, Send) else key_bytes(send)
        found = self._take_send(key, send if isinstance(send, Send) else None)
        if found is not None:
            await self._writing().write(Settle(found, state, fault))

    def _take_send(self, key: bytes | str, send: Send | None) -> Send | None:
        """The send that comes to an end now: the latest of the request unless it is named."""
        under_way = self._sends.get(key, [])
        if send is None:
            send = under_way[-1] if under_way else None
        if send in under_way:
            under_way.remove(send)
            if not under_way:
                del self._sends[key]
        return send

    def _note_damage(self, reason: str) -> None:
        """Have the next build rescue what can be read."""
        if self._writer is not None:
            with contextlib.suppress(StoreFault):
                self.set_meta(DAMAGE, reason)

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
        self._reader, self._version = connect_reader(self.path)
        raise StoreFault(
            f"the build folder {self.path.parent} was removed or moved during the build",
            f"Every completion has been written to {self.path} again: build again to go on from there.",
        )


def _file_in(path: Path) -> Path:
    if "\0" in str(path):
        raise StoreFault("the path of the build folder holds a NUL character", "Name another folder with --out.")
    with contextlib.suppress(OSError):
        if path.suffix == ".sqlite" or path.is_file():
            return path
    return path / FILE


def _lock_folders(path: Path) -> list[FolderLock]:
    """The lock of the store's folder, and of the one that the file itself is in where a link leads there: two builds
    that reach one store by different names must not both run."""
    locks = [_lock_folder(path)]
    real = Path(os.path.realpath(path))
    if real.parent != Path(os.path.realpath(path.parent)):
        try:
            locks.append(_lock_folder(real))
        except BaseException:
            locks[0].release()
            raise
    return locks


def _lock_folder(path: Path) -> FolderLock:
    lock = path.with_name(LOCK)
    try:
        if lock.is_symlink():
            raise StoreFault(f"{lock} is a symbolic link", "Remove it: a build locks its folder by a file of its own.")
        path.parent.mkdir(parents=True, exist_ok=True)
        return FolderLock(lock)
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
