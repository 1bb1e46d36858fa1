"""One time-out for many calls at once, by one timer instead of one a call."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Deadlines:
    """`with deadlines:` is `async with asyncio.timeout(…)`, of so many seconds each. A task is in it once at a time.

    All take equally long, so the first that began is the first to end, and one timer waits for that.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._open: dict[asyncio.Task[object], tuple[float, int]] = {}  # when it ends, and cancellations before
        self._late: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert task is not None
        ends = loop.time() + self._seconds
        self._open[task] = ends, task.cancelling()
        if self._timer is None:
            self._timer = loop.call_at(ends, self._end_late)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        task = asyncio.current_task()
        assert task is not None
        _, before = self._open.pop(task)
        if task not in self._late:
            return
        self._late.discard(task)
        if task.uncancel() <= before and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _end_late(self) -> None:
        """Cancel what takes too long, and come back when the next may."""
        self._timer = None
        loop = asyncio.get_running_loop()
        for task, (ends, _) in self._open.items():
            if ends > loop.time():
                self._timer = loop.call_at(ends, self._end_late)
                return
            if task not in self._late:
                self._late.add(task)
                task.cancel()
