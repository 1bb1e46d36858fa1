"""Group commit: one thread takes all that is waiting and makes it durable in one transaction.

A batch of calls is one SQL statement: each statement gives up the interpreter lock and must win it back
from a busy event loop, so a statement for each call would cost a switch for each call.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum, auto
from queue import Empty, SimpleQueue

from synthspec.store.file import StoreFault
from synthspec.store.rows import CALL_COLUMNS, Row

_WIDEST = 64  # calls in one statement
_AT_ONCE = 1024  # jobs after which a transaction takes no more
_INSERT_CALL = f"INSERT OR REPLACE INTO calls ({', '.join(CALL_COLUMNS)}) VALUES "
_ONE_CALL = f"({', '.join('?' * len(CALL_COLUMNS))})"
_RESERVE = "INSERT INTO reservations (key, cost, tokens, created) VALUES (?, ?, ?, ?)"
_RELEASE = "DELETE FROM reservations WHERE id = (SELECT max(id) FROM reservations WHERE key = ?)"
_META = "INSERT OR REPLACE INTO meta VALUES (?, ?)"
_BAD_VALUE = (OverflowError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError)


class Kind(Enum):
    """What a job asks for."""

    PUT = auto()
    RESERVE = auto()
    RELEASE = auto()
    META = auto()


Done = asyncio.Future[None] | concurrent.futures.Future[None]
Job = tuple[Kind, Row, Done]


class Writer:
    """The thread and its queue. `explain` turns an error into a fault; `confirm` runs after each commit and
    raises StoreFault when what was committed is not where it should be."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        explain: Callable[[Exception], StoreFault],
        confirm: Callable[[Writer], None],
    ) -> None:
        self.connection = connection  # the thread's own while it runs; `confirm` may replace it
        self._explain = explain
        self._confirm = confirm
        self._waiting: deque[Job] = deque()
        self._batches: SimpleQueue[list[Job] | None] = SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="synthspec store", daemon=True)
        self._thread.start()

    async def write(self, kind: Kind, row: Row) -> None:
        """Returns once durable. What is asked for in one turn of the event loop goes into one transaction.

        Raises:
            StoreFault: it could not be written.
        """
        self._refuse_closed()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append((kind, row, future))
        if len(self._waiting) == 1:
            loop.call_soon(self._hand_over)
        await future

    def write_now(self, kind: Kind, row: Row) -> None:
        """The same, holding up whoever calls it.

        Raises:
            StoreFault: it could not be written.
        """
        self._refuse_closed()
        future: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._hand_over()
        self._batches.put([(kind, row, future)])
        future.result()

    def close(self) -> None:
        """Write what is waiting, then end the thread. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._hand_over()
        self._batches.put(None)
        self._thread.join()

    def _refuse_closed(self) -> None:
        if self._closed:
            raise StoreFault("the store is closed", "Open it again.")

    def _hand_over(self) -> None:
        batch: list[Job] = []
        with contextlib.suppress(IndexError):
            while True:
                batch.append(self._waiting.popleft())
        if batch:
            self._batches.put(batch)

    def _run(self) -> None:
        more = True
        while more:
            jobs: list[Job] = []
            batch = self._batches.get()
            with contextlib.suppress(Empty):
                while batch is not None:
                    jobs += batch
                    if len(jobs) >= _AT_ONCE:
                        break
                    batch = self._batches.get_nowait()
            more = batch is not None
            if jobs:
                self._commit(jobs)

    def _commit(self, jobs: Sequence[Job]) -> None:
        fault = None
        try:
            self._apply(jobs)
            self._confirm(self)
        except StoreFault as already_explained:
            fault = already_explained
        except Exception as error:  # whatever it is, those who wait must hear of it
            with contextlib.suppress(sqlite3.Error):
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
            if len(jobs) > 1 and isinstance(error, _BAD_VALUE):
                for job in jobs:  # only the one to blame fails
                    self._commit([job])
                return
            fault = self._explain(error)
        _acknowledge([done for _, _, done in jobs], fault)

    def _apply(self, jobs: Sequence[Job]) -> None:
        calls = [row for kind, row, _ in jobs if kind is Kind.PUT]
        if len(calls) == len(jobs) and len(calls) <= _WIDEST:
            _insert_calls(self.connection, calls)  # a statement by itself is a transaction
            return
        self.connection.execute("BEGIN IMMEDIATE")
        for kind, row, _ in jobs:
            if kind is Kind.RESERVE:
                self.connection.execute(_RESERVE, row)
        for start in range(0, len(calls), _WIDEST):
            _insert_calls(self.connection, calls[start : start + _WIDEST])
        for kind, row, _ in jobs:
            if kind is Kind.RELEASE:
                self.connection.execute(_RELEASE, row)
            elif kind is Kind.META:
                self.connection.execute(_META, row)
        self.connection.execute("COMMIT")


def _insert_calls(connection: sqlite3.Connection, rows: Sequence[Row]) -> None:
    values = [value for row in rows for value in row]
    connection.execute(_INSERT_CALL + ",".join([_ONE_CALL] * len(rows)), values)


def _acknowledge(waiters: Sequence[Done], fault: StoreFault | None) -> None:
    turns: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for waiter in waiters:
        if isinstance(waiter, concurrent.futures.Future):
            _settle(waiter, fault)
        else:
            turns.setdefault(waiter.get_loop(), []).append(waiter)
    for loop, futures in turns.items():
        with contextlib.suppress(RuntimeError):  # that loop is closed: nobody waits there any more
            loop.call_soon_threadsafe(_wake, futures, fault)


def _wake(futures: Sequence[asyncio.Future[None]], fault: StoreFault | None) -> None:
    for future in futures:
        if not future.done():  # cancelled meanwhile: what it asked for is stored all the same
            _settle(future, fault)


def _settle(future: Done, fault: StoreFault | None) -> None:
    if fault is None:
        future.set_result(None)
    else:
        future.set_exception(StoreFault(fault.message, fault.help))  # its own traceback
