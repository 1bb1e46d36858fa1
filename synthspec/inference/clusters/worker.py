"""The far end: a worker opens the backends of a build on its own node, and makes each call that it is given once."""

from __future__ import annotations

import asyncio
import pickle
import time
from collections.abc import Sequence

from synthspec.diagnostics.errors import SynthspecError
from synthspec.inference.backends import Backend, BackendContext, open_backend, provider_of
from synthspec.inference.clusters.messages import (
    Greeting,
    Order,
    PortableFault,
    Setting,
    WorkerAnswer,
    WorkerAnswers,
    WorkerBackend,
    greeting_of,
    opened_as,
)
from synthspec.plugins import raised
from synthspec.spec.messages import BackendFault, FaultKind, Reply

GATHER = 0.01  # seconds in which answers are waited for that may travel with the first


class Worker:
    """Makes calls. Its methods may all be under way at once, in one event loop."""

    gather = GATHER

    def __init__(self, setting: bytes) -> None:
        self._setting: Setting = pickle.loads(setting)
        self._backends: dict[str, Backend] = {}
        self._answers: list[WorkerAnswer] = []
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        choices = self._setting.choices.values()
        self._in_process = any(provider_of(c.provider).in_process for c in choices)
        self._worked, self._busy_since = 0.0, 0.0
        self._counted = self._clock()

    async def greet(self) -> Greeting:
        """What this node has; it opens the backends."""
        setting = self._setting
        context = BackendContext(setting.spec, setting.tables, setting.timeout)
        found: dict[str, WorkerBackend | str] = {}
        for name, choice in setting.choices.items():
            try:
                self._backends[name] = open_backend(choice, context)
                found[name] = opened_as(self._backends[name])
            except SynthspecError as e:
                found[name] = e.message
            except Exception as e:
                found[name] = raised(e)[:300]
        names = [key for choice in setting.choices.values() for key in provider_of(choice.provider).keys]
        return greeting_of(names, found)

    async def put(self, orders: Sequence[Order]) -> None:
        """Begin a block of calls."""
        if not self._tasks:
            self._counted = self._clock()
        for order in orders:
            task = asyncio.create_task(self._make(order))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def take(self) -> WorkerAnswers:
        """What came of calls; waits until there is something."""
        await self._news.wait()
        if len(self._tasks) > 0:
            await asyncio.sleep(self.gather)
        self._news.clear()
        answers, self._answers = self._answers, []
        now = self._clock()
        work, self._counted = (now - self._counted) / max(1, len(answers)), now
        return WorkerAnswers(answers, work)

    async def close(self) -> None:
        """Let go of the backends."""
        await asyncio.gather(*(b.close() for b in self._backends.values()), return_exceptions=True)

    def _clock(self) -> float:
        """Seconds of work: of the processor where servers do the rest, of the clock where models run in here."""
        return time.monotonic() if self._in_process else time.process_time()

    async def _make(self, order: Order) -> None:
        started = time.monotonic()
        result: Reply | PortableFault
        try:
            async with asyncio.timeout(self._setting.timeout):
                result = await self._backends[order.backend].complete(order.request)
        except TimeoutError:
            result = PortableFault(FaultKind.TIMED_OUT, f"no reply within {self._setting.timeout:g} s", None, "maybe")
        except BackendFault as fault:
            result = PortableFault.of(fault)
        except Exception as e:  # what no backend may raise is a fault of its call, as in the driver's own process
            said = e.message if isinstance(e, SynthspecError) else raised(e)[:300]
            result = PortableFault(FaultKind.BAD_REQUEST, said, None, "maybe")
        self._answers.append(WorkerAnswer(order.number, result, time.monotonic() - started))
        self._news.set()
