"""Rows as they are final, one by one, for a plain `for` loop: the build runs in a thread of its own, at the pace at
which rows are taken. So it works inside a notebook's running loop too, and a loop that is left early ends the build.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import threading
import weakref
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeVar

from synthspec.generation.build import Build
from synthspec.generation.built_dataset import Rejected, rejected
from synthspec.inference.events import Event, RowKept, RowMissing, Stop

T = TypeVar("T")


class RowStream(Iterator[dict[str, Any]]):
    """The rows of a build in plan order, each once it is final.

    Leaving the loop, or `close()`, ends the build: calls in flight are waited for and kept. `missing` and `reason`
    say, as far as the stream was read, which rows could not be had, and why no further call was begun.
    """

    def __init__(self, build: Build) -> None:
        spec = build.spec
        self.columns = tuple(spec.output.columns) or tuple(f.name for f in spec.fields)
        self.missing: list[Rejected] = []
        self.reason: str | None = None
        self._events = build.events()
        self._interrupt = build.interrupt
        self._thread = LoopThread()
        self._closing = weakref.finalize(self, _close, self._thread, self._events)
        _OPEN.add(self)

    def __next__(self) -> dict[str, Any]:
        if not self._closing.alive:
            raise StopIteration
        try:
            row = self._thread.run(self._next_row(), self._interrupt)
        except BaseException:
            self.close()
            raise
        if row is None:
            self.close()
            raise StopIteration
        return row

    async def _next_row(self) -> dict[str, Any] | None:
        async for event in self._events:
            match event:
                case RowKept(row):
                    return {name: row.values.get(name) for name in self.columns}
                case RowMissing(missing):
                    self.missing.append(rejected(missing))
                case Stop(reason):
                    self.reason = reason
        return None

    def close(self) -> None:
        """End the build. Calls in flight are waited for; every completion is kept."""
        self._closing()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


_OPEN: weakref.WeakSet[RowStream] = weakref.WeakSet()


def _close_all() -> None:
    """At the end of the program, while threads can still be used: streams that nobody read to their end."""
    for stream in list(_OPEN):
        stream.close()


# `atexit` alone comes too late for executors; importing theirs has registered its end, which comes after ours
getattr(threading, "_register_atexit", atexit.register)(_close_all)


def _close(thread: LoopThread, events: AsyncGenerator[Event, None]) -> None:
    try:
        thread.run(events.aclose())
    finally:
        thread.stop()


class LoopThread:
    """An event loop in a thread of its own, which runs one piece of work after another."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._loop.set_default_executor(ThreadPoolExecutor())
        self._thread = threading.Thread(target=self._loop.run_forever, name="synthspec", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], stop: Callable[[], None] | None = None) -> T:
        """Run to the end and give what comes of it.

        Where the caller is interrupted (Ctrl-C), `stop` is called and the work ends in its own way; where there is
        none, or at the second time, the work is cancelled. Then the interruption goes on.
        """
        done = threading.Event()
        found: list[T] = []
        raised: list[BaseException] = []
        tasks: list[asyncio.Task[None]] = []

        async def body() -> None:
            try:
                found.append(await work)
            except BaseException as e:  # handed to the caller's thread, whatever it is
                raised.append(e)
            finally:
                done.set()

        self._loop.call_soon_threadsafe(lambda: tasks.append(self._loop.create_task(body())))
        try:
            done.wait()
        except BaseException:
            self._end(stop, done, tasks)
            raise
        if raised:
            raise raised[0]
        return found[0]

    def _end(self, stop: Callable[[], None] | None, done: threading.Event, tasks: list[asyncio.Task[None]]) -> None:
        """End the work that runs, and wait for its end."""
        if stop is not None:
            self._loop.call_soon_threadsafe(stop)
            with contextlib.suppress(KeyboardInterrupt):
                done.wait()
        if not done.is_set():
            self._loop.call_soon_threadsafe(lambda: tasks[0].cancel())
            done.wait()

    def stop(self) -> None:
        """End the loop and its thread."""
        self.run(self._loop.shutdown_asyncgens())
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def run_async(work: Coroutine[Any, Any, T], stop: Callable[[], None] | None = None) -> T:
    """Run a coroutine to its end, also where a loop runs already (a notebook). `stop` as in `LoopThread.run`."""
    thread = LoopThread()
    try:
        return thread.run(work, stop)
    finally:
        thread.stop()
