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
from queue import Empty, SimpleQueue
from typing import Any

from synthspec.inference.store.file import StoreFault
from synthspec.inference.store.jobs import Job, apply_jobs
from synthspec.inference.store.ledger import StoredTotals

_AT_ONCE = 1024  # jobs after which a transaction takes no more
_BAD_VALUE = (OverflowError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError, ValueError)

Acknowledged = asyncio.Future[Any] | concurrent.futures.Future[Any]
Waiting = tuple[Job, Acknowledged]


class CommitThread:
    """The thread and its queue. `explain` turns an error into a fault; `confirm` runs after each commit and
    raises StoreFault when what was committed is not where it should be."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        ledger: StoredTotals,
        explain: Callable[[Exception], StoreFault],
        confirm: Callable[[CommitThread], None],
    ) -> None:
        self.connection = connection  # the thread's own while it runs; `confirm` may replace it
        self.ledger = ledger  # the thread's own
        self._explain = explain
        self._confirm = confirm
        self._waiting: deque[Waiting] = deque()
        self._batches: SimpleQueue[list[Waiting] | None] = SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="synthspec store", daemon=True)
        self._thread.start()

    async def write(self, job: Job) -> Any:
        """What the job came to, once durable. What is asked for in one turn of the event loop goes into one
        transaction.

        Raises:
            StoreFault: it could not be written.
        """
        return await self.begin(job)

    def begin(self, job: Job) -> asyncio.Future[Any]:
        """The same, not waited for yet.

        Raises:
            StoreFault: the store is closed.
        """
        self._refuse_closed()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((job, future))
        if len(self._waiting) == 1:
            loop.call_soon(self._hand_over)
        return future

    def write_now(self, job: Job) -> Any:
        """The same, holding up whoever calls it.

        Raises:
            StoreFault: it could not be written.
        """
        self._refuse_closed()
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self._hand_over()
        self._batches.put([(job, future)])
        return future.result()

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
        batch: list[Waiting] = []
        with contextlib.suppress(IndexError):
            while True:
                batch.append(self._waiting.popleft())
        if batch:
            self._batches.put(batch)

    def _run(self) -> None:
        more = True
        while more:
            waiting: list[Waiting] = []
            batch = self._batches.get()
            with contextlib.suppress(Empty):
                while batch is not None:
                    waiting += batch
                    if len(waiting) >= _AT_ONCE:
                        break
                    batch = self._batches.get_nowait()
            more = batch is not None
            if waiting:
                self._commit(waiting)

    def _commit(self, waiting: Sequence[Waiting]) -> None:
        results: Sequence[Any] = [None] * len(waiting)
        fault = None
        before = self.ledger.copy()
        try:
            results = apply_jobs(self.connection, self.ledger, [job for job, _ in waiting])
        except Exception as error:  # whatever it is, those who wait must hear of it
            self.ledger = before
            with contextlib.suppress(sqlite3.Error):
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
            if len(waiting) > 1 and isinstance(error, _BAD_VALUE):
                for one in waiting:  # only the one to blame fails
                    self._commit([one])
                return
            fault = self._explain(error)
        else:
            fault = self._unconfirmed()
        _acknowledge([done for _, done in waiting], results, fault)

    def _unconfirmed(self) -> StoreFault | None:
        try:
            self._confirm(self)
        except StoreFault as fault:
            return fault
        except Exception as error:
            return self._explain(error)
        return None


def _acknowledge(waiters: Sequence[Acknowledged], results: Sequence[Any], fault: StoreFault | None) -> None:
    turns: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for waiter, result in zip(waiters, results, strict=True):
        if isinstance(waiter, concurrent.futures.Future):
            _settle(waiter, result, fault)
        else:
            turns.setdefault(waiter.get_loop(), []).append((waiter, result))
    for loop, futures in turns.items():
        with contextlib.suppress(RuntimeError):  # that loop is closed: nobody waits there any more
            loop.call_soon_threadsafe(_wake, futures, fault)


def _wake(futures: Sequence[tuple[asyncio.Future[Any], Any]], fault: StoreFault | None) -> None:
    for future, result in futures:
        if not future.done():  # cancelled meanwhile: what it asked for is stored all the same
            _settle(future, result, fault)


def _settle(future: Acknowledged, result: Any, fault: StoreFault | None) -> None:
    if fault is None:
        future.set_result(result)
    else:
        future.set_exception(StoreFault(fault.message, fault.help))  # its own traceback
