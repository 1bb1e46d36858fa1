"""The local engine: calls made in this process, on asyncio, as fast as each server's governor lets them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING

from synthspec.diagnostics.errors import SynthspecError
from synthspec.inference.engines import Call, Done, EngineContext, EngineKind, How
from synthspec.inference.transport.deadlines import Deadlines
from synthspec.plugins import raised
from synthspec.spec.messages import BackendFault, FaultKind, Reply

if TYPE_CHECKING:
    from synthspec.inference.backends import Backend
    from synthspec.inference.sending.endpoints import Endpoint


class LocalEngine:
    """One task a call."""

    durable = False

    def __init__(self, endpoints: Mapping[str, Endpoint], timeout: float) -> None:
        self._endpoints = endpoints
        self._timeout = timeout
        self._open: Counter[int] = Counter()  # calls taken whose answers were not given out, by governor or pool
        self._taken: dict[int, int] = {}  # the same calls: their send, and their governor or pool
        self._tasks: dict[asyncio.Task[None], Call] = {}
        self._sent: set[int] = set()
        self._done: list[Done] = []
        self._news = asyncio.Event()
        self._closed: How | None = None
        self._deadlines = Deadlines(timeout)
        self._free = asyncio.Event()  # calls may be sent
        self._free.set()

    def room(self, endpoint: str) -> int:
        asked = self._endpoints[endpoint]
        if asked.pool is not None:
            return asked.pool.room(self._open[id(asked.pool)])
        return max(0, asked.governor.window - self._open[id(asked.governor)])

    async def submit(self, calls: Sequence[Call]) -> None:
        if self._closed is not None:
            self._answer([Done(c.send, None) for c in calls])
            return
        for call in calls:
            self._taken[call.send] = self._queue_of(call)
            self._open[self._taken[call.send]] += 1
            task = asyncio.create_task(self._run(call))
            self._tasks[task] = call
            task.add_done_callback(self._ended)

    async def results(self) -> AsyncIterator[Sequence[Done]]:
        while self._done or self._tasks or self._closed is None:
            await self._news.wait()
            self._news.clear()
            if self._done:
                done, self._done = self._done, []
                for one in done:
                    self._leave(one.send)
                yield done

    async def flush(self) -> None:
        """Nothing: every call is begun as soon as it is taken."""

    def hold(self, held: bool) -> None:
        if held:
            self._free.clear()
            self._give_back_unsent()
        else:
            self._free.set()

    async def close(self, how: How) -> None:
        self._closed = how
        self._give_back_unsent()
        if how == "cancel":
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._news.set()

    def _give_back_unsent(self) -> None:
        """Calls that wait for their turn, a rate limit or the time of a retry are answered as not sent."""
        for task, call in self._tasks.items():
            if call.send not in self._sent:
                task.cancel()

    async def settled(self) -> None:
        """Nothing is kept."""

    def _queue_of(self, call: Call) -> int:
        return id(self._endpoints[call.endpoint].queue)

    def _leave(self, send: int) -> None:
        """A call has no place any more."""
        queue = self._taken.pop(send, None)
        if queue is not None:
            self._open[queue] -= 1

    def _answer(self, done: Sequence[Done]) -> None:
        self._done.extend(done)
        self._news.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        call = self._tasks.pop(task)
        if task.cancelled():
            if call.send not in self._sent:
                self._answer([Done(call.send, None)])
            else:  # one that was in flight is not known to have come to anything
                self._leave(call.send)
        elif (error := task.exception()) is not None:
            said = error.message if isinstance(error, SynthspecError) else raised(error)[:300]
            odd = BackendFault(FaultKind.BAD_REQUEST, said, sent="maybe")
            self._answer([Done(call.send, error if isinstance(error, BackendFault) else odd)])
        self._sent.discard(call.send)
        self._news.set()

    async def _run(self, call: Call) -> None:
        endpoint = self._endpoints[call.endpoint]
        loop = asyncio.get_running_loop()
        if call.not_before > loop.time():
            await asyncio.sleep(call.not_before - loop.time())
        pool = endpoint.pool
        if pool is not None:
            async with pool.slot(call.tokens, call.path, call.failed_at) as slot:
                await self._free.wait()
                result, seconds = await self._ask(endpoint.backends[slot.at], call)
                slot.ended(result, seconds)
            self._answer([Done(call.send, result, seconds, pool.names[slot.at])])
            return
        governor = endpoint.governor
        async with governor.slot(call.tokens, call.path) as place:
            await self._free.wait()
            result, seconds = await self._ask(endpoint.backend, call)
            if isinstance(result, BackendFault):
                governor.failed(result)
            else:
                if result.usage.total is not None:
                    place.used(result.usage.total)
                governor.succeeded(seconds)
        self._answer([Done(call.send, result, seconds)])

    async def _ask(self, backend: Backend, call: Call) -> tuple[Reply | BackendFault, float]:
        """What came of one call, and the seconds that it took."""
        self._sent.add(call.send)
        loop = asyncio.get_running_loop()
        started = loop.time()
        result: Reply | BackendFault
        try:
            with self._deadlines:
                result = await backend.complete(call.request)
        except TimeoutError:
            result = BackendFault(FaultKind.TIMED_OUT, f"no reply within {self._timeout:g} s")
        except BackendFault as fault:
            result = fault
        return result, loop.time() - started


def open_local(context: EngineContext) -> LocalEngine:
    """The engine of a run in this process."""
    return LocalEngine(context.endpoints, context.spec.limits.timeout)


ENGINE = EngineKind(summary="calls made by this process, as fast as each server takes them", open=open_local)
