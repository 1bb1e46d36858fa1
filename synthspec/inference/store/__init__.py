"""Every completion that is paid for, in `run.sqlite` of the build folder: stored durably before it counts.

One process writes at a time (`run.lock`). A thread commits in groups; reading is on a connection of its own,
on the event loop, and sees all that was acknowledged. Nothing here depends on the time of day.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthspec.inference.store.derived.rows import Spent, StoredCall, call_row, key_bytes
from synthspec.inference.store.derived.stored_request import SharedTexts
from synthspec.inference.store.file import MORE_MEMORY, StoreDamaged, StoreFault, connect_reader, explain_fault
from synthspec.inference.store.folder_lock import FolderLock
from synthspec.inference.store.jobs import Begin, Put, Reserve, SetMeta, Settle, Statements
from synthspec.inference.store.known_keys import KnownKeys
from synthspec.inference.store.ledger import Send, make_send
from synthspec.inference.store.locking import LOCK, lock_store
from synthspec.inference.store.opening import OpenedStore, open_to_write
from synthspec.inference.store.reader import FILE, StoreReader, file_in
from synthspec.inference.store.rescue.rescued import Rescue
from synthspec.inference.store.schema import DAMAGE, LOST, RELEASED
from synthspec.inference.store.writer import CommitThread
from synthspec.spec.messages import Completion, Request

__all__ = ["FILE", "Spent", "Store", "StoreDamaged", "StoreFault", "StoredCall"]


class Store(StoreReader):
    """An open store. Made by `open` or `open_readonly`; closed by `close`, or by leaving a `with` block.

    `notice` says what people should know of how it was opened: that a damaged store was rescued.
    """

    def __init__(self, path: Path, reader: sqlite3.Connection, version: int) -> None:
        super().__init__(path, reader, version)
        self.notice: str | None = None
        self._retired: list[sqlite3.Connection] = []
        self._writer: CommitThread | None = None
        self._rescue: Rescue | None = None
        self._locks: list[FolderLock] = []  # of a folder that the file is in by a link
        self._next_send = 1
        self._sends: dict[bytes | str, list[Send]] = {}  # under way, by key, the latest last
        self._shared = SharedTexts()
        self._known: KnownKeys | None = None

    @classmethod
    def open(cls, path: Path, *, accept_loss: bool = False) -> Store:
        """The store in the file at `path` (or in that folder), made where there is none, held by us alone.

        Where it is damaged, all that can be read is rescued; if that is fewer completions than it held, it is opened
        only with `accept_loss`. Either way the damaged file is kept.

        Raises:
            StoreFault: locked by another build, damaged, of a newer version, read-only, or the disk is full.
        """
        path = file_in(path)
        locks = lock_store(path)
        opened: OpenedStore | None = None
        try:
            opened = open_to_write(path, accept_loss)
            store = cls(path, *connect_reader(path))
            store._rescue = Rescue(path, path.with_name(LOCK), locks[0])
            store._locks = locks[1:]
            store.notice, store._next_send = opened.notice, opened.next_send
            explain = lambda error: explain_fault(error, path)  # noqa: E731
            for send in store.open_sends():  # of batches that are still under way
                store._sends.setdefault(send.key, []).append(send)
            store._known = KnownKeys(opened.ledger.settled.stored)
            store._writer = CommitThread(opened.connection, opened.ledger, explain, store._confirm)
        except BaseException as error:
            if opened is not None:
                opened.connection.close()
            for lock in locks:
                lock.release()
            if isinstance(error, RuntimeError | MemoryError):  # no room for a thread of its own
                raise StoreFault(f"there is not enough memory to use {path}", MORE_MEMORY) from error
            raise
        return store

    def get(self, key: str) -> Completion | None:
        """The stored completion of a request, marked as reused.

        Raises:
            StoreDamaged: what is stored is not what was written.
            StoreFault: it cannot be read.
        """
        if self._known is None:
            return super().get(key)
        if not self._known.may_hold(key):
            return None
        found = super().get(key)
        if found is None:
            self._known.missed(self._reader)
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

    async def reserve_batch(
        self,
        calls: Sequence[tuple[str, float, int]],
        batch: str,
        noted: Callable[[Sequence[Send]], Sequence[tuple[str, Sequence[Any]]]],
    ) -> list[Send]:
        """`reserve` for the calls of a batch (key, cost and tokens at worst), in one transaction with the statements
        that note the batch itself: of neither is there one without the other.

        Raises:
            StoreFault: it could not be written; nothing of it is noted, and the batch must not be handed in.
        """
        now, first = time.time(), self._next_send
        sends = [make_send(first + n, key_bytes(k), batch, c, t, now) for n, (k, c, t) in enumerate(calls)]
        self._next_send += len(sends)
        await self._writing().write(Begin(sends, noted(sends)))
        for send in sends:
            self._sends.setdefault(send.key, []).append(send)
        return sends

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
        try:
            return bool(await self._begin_put(request, completion, send, worst, extra))
        except StoreFault:
            self._shared.forget()
            raise

    async def put_all(self, calls: Sequence[tuple[Request, Completion, tuple[float, int]]]) -> list[bool | Exception]:
        """`put` for several calls, each with its worst; what each came to. A task for each would cost more than storing
        it."""
        found: list[bool | Exception] = []
        begun: list[asyncio.Future[Any] | Exception] = []
        for request, completion, worst in calls:
            try:
                begun.append(self._begin_put(request, completion, None, worst, None))
            except Exception as error:  # that of one call alone
                begun.append(error)
        for one in begun:
            try:
                found.append(one if isinstance(one, Exception) else bool(await one))
            except StoreFault as fault:
                found.append(fault)
        if any(isinstance(one, StoreFault) for one in found):
            self._shared.forget()
        return found

    def _begin_put(
        self,
        request: Request,
        completion: Completion,
        send: Send | None,
        worst: tuple[float, int] | None,
        extra: Mapping[str, Any] | None,
    ) -> asyncio.Future[Any]:
        row, blobs = call_row(request, completion, extra, self._shared)
        if self._known is not None:
            self._known.add(completion.key)
        send = self._take_send(row[0], send)
        if worst is None:
            worst = (send.cost, send.tokens) if send is not None else (0.0, sum(request.worst_tokens))
        return self._writing().begin(Put(row, blobs, send, worst))

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

    async def change(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
        """Statements of another module of this package, in one transaction with what else is waiting."""
        await self._writing().write(Statements(statements))

    def set_meta(self, name: str, value: str) -> None:
        """Note a value, durably. Holds up the caller for a few milliseconds.

        Raises:
            StoreFault: it could not be written.
        """
        self._writing().write_now(SetMeta(name, value))

    async def close(self) -> None:
        """Write what is waiting, leave one plain file, and give the folder back. A second call does nothing.

        Raises:
            StoreFault: the folder was removed. What was in it has been put back if that could be done.
        """
        await super().close()

    def shut(self) -> None:
        """`close`, for a caller outside an event loop."""
        writer, self._writer = self._writer, None
        try:
            if writer is not None:
                writer.close()
                self._confirm(writer)
        finally:
            super().shut()
            if writer is not None:
                _fold(writer.connection)
            for connection in self._retired:
                connection.close()
            if self._rescue is not None:
                self._rescue.release()
            for lock in self._locks:
                lock.release()

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

    def _writing(self) -> CommitThread:
        if self._writer is None:
            raise StoreFault(f"{self.path} is not open for writing", "Open it with Store.open.")
        return self._writer

    def _confirm(self, writer: CommitThread) -> None:
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
            f"Every completion has been written to {self.path} again: build again to resume from there.",
        )


def _fold(connection: sqlite3.Connection) -> None:
    """Leave one plain file, which can be copied, and read where nothing can be written."""
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error:
        pass  # a reader is at it, or the disk is full: the files as they are hold everything
    finally:
        connection.close()
