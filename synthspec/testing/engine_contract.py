"""What every engine must hold to. A third party's tests run it over its own module:

    from synthspec.testing.engine_contract import EngineContract
    import my_package.my_engine

    class TestMyEngine(EngineContract):
        module = my_package.my_engine

Its `engine` is opened over one backend of this process. Override it where yours needs more than that.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from synthspec.diagnostics import Span
from synthspec.inference.engines import Call, Done, Engine, EngineContext, EngineKind, How
from synthspec.inference.requests import RequestSettings
from synthspec.inference.sending.endpoints import Endpoint
from synthspec.inference.sending.governor import Governor
from synthspec.inference.store import Store
from synthspec.spec import BackendChoice, Limits
from synthspec.spec.messages import BackendFault, FaultKind, Message, Reply, Request
from synthspec.testing.backend_contract import a_context
from synthspec.testing.light_import import heavy_imports

NAME = "call"
CHOICE = BackendChoice("here", "m", {}, {}, None, Span("contract.yaml", 1, 1, 1, 1))
ReplyTo = Callable[[Request], Reply]


class Here:
    """A backend of this process: it answers by a function, after so many turns of the event loop."""

    fingerprint, seeded = "here", False

    def __init__(self, answer: ReplyTo, turns: int = 1) -> None:
        self.answer, self.turns = answer, turns
        self.asked: list[int] = []  # the numbers of the requests that came

    async def complete(self, request: Request) -> Reply:
        """One call."""
        self.asked.append(request.combination)
        for _ in range(self.turns):
            await asyncio.sleep(0)
        return self.answer(request)

    async def models(self) -> tuple[str, ...]:
        """One."""
        return ("m",)

    async def close(self) -> None:
        """Nothing is open."""


def a_call(number: int) -> Call:
    """A small call."""
    request = Request(f"{number:032x}", NAME, number, 1, (Message("user", f"number {number}"),), 1, worst_tokens=(5, 5))
    return Call(number, request, NAME, (number,), 10)


def in_words(request: Request) -> Reply:
    """Every third request is refused, the others are answered."""
    if request.combination % 3 == 2:
        raise BackendFault(FaultKind.REFUSED, "made to fail")
    return Reply(f"answer to {request.combination}")


class EngineContract:
    """Subclass it, set `module`, and let pytest collect it."""

    module: ModuleType

    @property
    def kind(self) -> EngineKind:
        """What the module describes."""
        kind: EngineKind = self.module.ENGINE
        return kind

    def engine(self, endpoints: Mapping[str, Endpoint], store: Store, folder: Path) -> Engine:
        """The engine over these endpoints."""
        return self.kind.open(EngineContext(a_context().spec, {}, endpoints, store, folder))

    @asynccontextmanager
    async def opened(self, backend: Here) -> AsyncIterator[Engine]:
        """An engine over a backend, with a store of its own."""
        endpoint = Endpoint(RequestSettings(CHOICE, "here", False), backend, Governor(Limits(concurrency=4)))
        with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder)) as store:
            yield self.engine({NAME: endpoint}, store, Path(folder))

    def test_describes_itself(self) -> None:
        """The descriptor is whole."""
        assert isinstance(self.kind, EngineKind)
        assert self.kind.summary

    def test_is_cheap_to_import(self) -> None:
        """Whoever checks a spec imports the module; the heavy libraries wait until the engine is opened."""
        assert not heavy_imports(self.module.__name__)

    def test_answers_every_call_once(self) -> None:
        """Replies and faults, each to its call; room for one more at any time."""

        async def work() -> list[Done]:
            async with self.opened(Here(in_words)) as engine:
                assert engine.room(NAME) >= 1
                await engine.submit([a_call(n) for n in range(1, 20)])
                await engine.flush()
                done: list[Done] = []
                async for some in engine.results():
                    done += some
                    if len(done) >= 19:
                        break
                assert engine.room(NAME) >= 1
                await engine.close("drain")
                done += [one async for some in engine.results() for one in some]
                await engine.settled()
                return done

        done = asyncio.run(asyncio.wait_for(work(), 120))
        assert sorted(one.send for one in done) == list(range(1, 20))
        for one in done:
            if one.send % 3 == 2:
                assert isinstance(one.result, BackendFault)
                assert one.result.kind is FaultKind.REFUSED
            else:
                assert isinstance(one.result, Reply)
                assert one.result.text == f"answer to {one.send}"

    def test_sends_nothing_while_it_is_held(self) -> None:
        """Calls that were taken wait, and are answered once it is let go."""
        asyncio.run(asyncio.wait_for(self._held(), 120))

    async def _held(self) -> None:
        backend = Here(in_words)
        async with self.opened(backend) as engine:
            engine.hold(True)
            await engine.submit([a_call(n) for n in range(1, 7)])
            for _ in range(50):
                await asyncio.sleep(0)
            assert not backend.asked, "sent while held"
            engine.hold(False)
            await engine.flush()
            done: list[Done] = []
            async for some in engine.results():
                done += some
                if len(done) >= 6:
                    break
            assert sorted(one.send for one in done) == list(range(1, 7))
            await engine.close("drain")
            done = [one async for some in engine.results() for one in some]
            await engine.settled()

    def test_closing_ends_the_results(self) -> None:
        """What was not sent comes back unsent, and nothing is taken any more."""
        for how in ("drain", "leave", "cancel"):
            asyncio.run(asyncio.wait_for(self._closed(how), 120))

    async def _closed(self, how: Any) -> None:
        backend = Here(in_words, turns=5)
        async with self.opened(backend) as engine:
            await engine.submit([a_call(n) for n in range(1, 10)])
            await asyncio.sleep(0)
            ways: tuple[How, ...] = ("drain", "leave", "cancel")
            assert how in ways
            await engine.close(how)
            done = [one async for some in engine.results() for one in some]
            unsent = {one.send for one in done if one.result is None and not one.left}
            assert not unsent & set(backend.asked), "handed back, and sent all the same"
            assert how == "cancel" or {one.send for one in done} == set(range(1, 10))
            await engine.submit([a_call(99)])
            late = [one async for some in engine.results() for one in some]
            assert [(one.send, one.result) for one in late] == [(99, None)]
            await engine.settled()
