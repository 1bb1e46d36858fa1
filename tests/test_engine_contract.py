"""What every engine must do, run over each one found; and builds over an engine that reorders, duplicates and loses.

The batch engine runs here over batches of the tests' own, whose requests a backend in this process answers.
"""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import random
import shutil
import tempfile
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from built_alike import built
from depth import rest_slow
from fake_backend import FakeBackend, use
from fake_cluster import cluster_engine
from test_latency import random_spec, reply
from test_limits import simulate

import synthspec.inference.engines
from synthspec.compiler import compile_spec
from synthspec.diagnostics import Span
from synthspec.generation.build import Build, finish_build
from synthspec.inference.batches import BatchLimits, Remote, ResultLine
from synthspec.inference.batches.engine import BatchEngine
from synthspec.inference.batches.pace import Pace
from synthspec.inference.batches.rounds import BatchAddress
from synthspec.inference.engines import Call, Done, Engine, EngineContext, How, batch, engine_of, local, ray
from synthspec.inference.engines.local import LocalEngine
from synthspec.inference.requests import RequestSettings
from synthspec.inference.sending.endpoints import Endpoint
from synthspec.inference.sending.governor import Governor
from synthspec.inference.store import Store
from synthspec.plugins import plugin_names
from synthspec.spec import BackendChoice, Limits
from synthspec.spec.messages import BackendFault, FaultKind, Message, Reply, Request
from synthspec.testing.engine_contract import EngineContract


class ScrambledEngine(LocalEngine):
    """Holds results back and gives them in any order, some of them twice; loses up to three sends of a request."""

    def __init__(self, lines: Any, timeout: float, seed: int = 7) -> None:
        super().__init__(lines, timeout)
        self._rng = random.Random(seed)
        self._losses: Counter[str] = Counter()
        self.lost = self.twice = 0

    async def submit(self, calls: Sequence[Call]) -> None:
        taken = []
        for call in calls:
            if self._closed is None and self._losses[call.request.key] < 3 and self._rng.random() < 0.5:
                self._losses[call.request.key] += 1
                self.lost += 1
                fault = BackendFault(FaultKind.TIMED_OUT, "lost on the way", sent=self._rng.choice(["no", "maybe"]))
                self._answer([Done(call.send, fault)])
            else:
                taken.append(replace(call, not_before=0.0))
        await super().submit(taken)

    async def results(self) -> AsyncIterator[Sequence[Done]]:
        given: list[Done] = []
        async for done in super().results():
            some = list(done) + [d for d in given[-5:] if self._rng.random() < 0.3]
            self.twice += len(some) - len(done)
            given += done
            self._rng.shuffle(some)
            for one in some:
                yield [one]


class OwnBatches:
    """Batches in this process: each request is answered by a backend when its batch is asked about."""

    limits, label, proves = BatchLimits(16, 1 << 20), "here m", True

    def __init__(self, backend: Any) -> None:
        self.backend = backend
        self.requests: dict[str, Request] = {}  # by custom id
        self.held: dict[str, list[tuple[str, Any]]] = {}

    def route(self, request: Request) -> str:
        return ""

    def line(self, custom_id: str, request: Request) -> bytes:
        self.requests[custom_id] = request
        return custom_id.encode()

    def upload(self, intent: str, lines: Path) -> None: ...

    def submit(self, intent: str, route: str, lines: Path, file_id: str | None) -> Remote:
        async def answer(request: Request) -> Any:
            try:
                return await self.backend.complete(request)
            except BackendFault as fault:
                return fault
            except Exception as odd:
                return BackendFault(FaultKind.BAD_REQUEST, str(odd), sent="maybe")

        ids = lines.read_text().split()
        self.held[intent] = [(i, asyncio.run(answer(self.requests[i]))) for i in ids]
        return Remote(intent, "running", len(ids))

    def discard(self, intent: str, file_id: str | None) -> None: ...

    def find(self, intent: str, count: int, since: float) -> list[Remote]:
        return []

    def poll(self, remote_id: str) -> Remote:
        return Remote(remote_id, "ended")

    def cancel(self, remote_id: str) -> None: ...

    def fetch(self, remote: Remote, into: Any) -> None:
        into.writelines(f"{remote.id} {n}\n".encode() for n in range(len(self.held[remote.id])))

    def read(self, line: bytes) -> ResultLine:
        intent, number = line.split()
        return ResultLine(*self.held[intent.decode()][int(number)])

    def close(self) -> None: ...


QUICK = Pace(0.001, 0.001, 0.001, 0.001, 0.001, 0.001)


def batch_engine(endpoints: Any, timeout: float) -> BatchEngine:
    folder = Path(tempfile.mkdtemp())
    store = Store.open(folder)
    weakref.finalize(store, shutil.rmtree, folder, ignore_errors=True)
    places = {name: (BatchAddress("here", "here m", OwnBatches(e.backend)),) for name, e in endpoints.items()}
    return BatchEngine(places, store, folder, pace=QUICK)


def found_engines() -> list[Any]:
    """Every class of an engine's shape in `synthspec.inference.engines`, and the scrambled one."""
    engines: list[Any] = [ScrambledEngine, batch_engine, cluster_engine]
    for info in pkgutil.iter_modules(synthspec.inference.engines.__path__):
        module = importlib.import_module(f"synthspec.inference.engines.{info.name}")
        for value in vars(module).values():
            shape = ("durable", "room", "submit", "results", "flush", "close", "settled")
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and all(hasattr(value, name) for name in shape):
                engines.append(value)
    return engines


ENGINES = found_engines()


def endpoint_of(backend: Any, limits: Limits) -> Endpoint:
    choice = BackendChoice("fake", "m", {}, {}, None, Span("spec.yaml", 1, 1, 1, 2))
    return Endpoint(RequestSettings(choice, "fake", False), backend, Governor(limits))


def call_of(send: int, not_before: float = 0.0) -> Call:
    request = Request(f"{send:032x}", "call", send, 1, (Message("user", f"number {send}"),), 1, worst_tokens=(5, 5))
    return Call(send, request, "call", (send,), 10, not_before)


def lengths(request: Request) -> str:
    return f"answer to {request.combination}"


async def drained(engine: Engine) -> list[Done]:
    return [done async for some in engine.results() for done in some]


def test_engines_are_found() -> None:
    assert {LocalEngine, batch_engine} <= set(ENGINES)
    assert {"local", "batch", "ray"} <= set(plugin_names("engines"))
    for name in plugin_names("engines"):
        assert engine_of(name).summary and engine_of(name).durable == (name == "batch")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("count", [0, 1, 40])
def test_every_call_is_answered(engine: Any, count: int) -> None:
    backend = FakeBackend(lengths, faults=0.3)

    async def work() -> tuple[list[Done], int]:
        made = engine({"call": endpoint_of(backend, Limits(concurrency=8))}, 30.0)
        assert made.room("call") >= 1
        await made.submit([call_of(n) for n in range(count)])
        await made.flush()
        await asyncio.sleep(0)
        done: list[Done] = []
        answered: set[int] = set()
        async for some in made.results() if count else _nothing():
            done += some
            answered |= {d.send for d in some}
            if len(answered) == count:
                break
        room = made.room("call")
        await made.close("drain")
        return done, room

    done, room = asyncio.run(work())
    assert {d.send for d in done} == set(range(count))
    assert room >= 1
    for one in done:
        assert isinstance(one.result, BackendFault | Reply)
        if isinstance(one.result, Reply):
            assert one.result.text == f"answer to {one.send}"


async def _nothing() -> AsyncIterator[Sequence[Done]]:
    for _ in ():
        yield _


class Stuck:
    """Never answers."""

    fingerprint, seeded = "stuck", False

    async def complete(self, request: Request) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    async def models(self) -> tuple[str, ...]:
        return ()

    async def close(self) -> None: ...


class Odd(Stuck):
    """Raises what no backend may raise."""

    async def complete(self, request: Request) -> Reply:
        raise ZeroDivisionError("odd")


@pytest.mark.parametrize("engine", ENGINES)
def test_an_odd_error_is_a_fault_of_its_call(engine: Any) -> None:
    async def work() -> list[Done]:
        made = engine({"call": endpoint_of(Odd(), Limits())}, 30.0)
        await made.submit([call_of(n) for n in range(5)])
        await made.flush()
        for _ in range(50):
            await asyncio.sleep(0)
        await made.close("drain")
        return await drained(made)

    done = asyncio.run(work())
    assert {d.send for d in done} == set(range(5))
    assert all(isinstance(d.result, BackendFault) for d in done)
    if engine is not ScrambledEngine:
        assert {d.result.sent for d in done if isinstance(d.result, BackendFault)} == {"maybe"}, "it may be charged for"


@pytest.mark.parametrize("engine", [e for e in ENGINES if e is not batch_engine])
def test_a_call_may_only_take_so_long(engine: Any) -> None:
    async def work() -> list[Done]:
        made = engine({"call": endpoint_of(Stuck(), Limits())}, 0.01)
        await made.submit([call_of(0)])
        async for some in made.results():
            await made.close("drain")
            return list(some)
        return []

    (done, *_) = asyncio.run(work())
    assert isinstance(done.result, BackendFault) and done.result.kind is FaultKind.TIMED_OUT
    assert done.result.sent == "maybe" or engine is ScrambledEngine  # which loses calls before they are sent, too


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("how", ["drain", "leave", "cancel"])
def test_closing_ends_the_results(engine: Any, how: How) -> None:
    """What was not sent comes back unsent; what is in flight is answered unless it is cancelled."""
    backend = FakeBackend(lengths, turns=(5,))

    async def work() -> tuple[list[Done], list[Done]]:
        made = engine({"call": endpoint_of(backend, Limits(concurrency=2))}, 30.0)
        far = asyncio.get_running_loop().time() + 10_000
        await made.submit([*(call_of(n) for n in range(6)), *(call_of(n, far) for n in range(6, 9))])
        for _ in range(3):
            await asyncio.sleep(0)
        await made.close(how)
        first = await drained(made)
        await made.submit([call_of(99)])
        return first, await drained(made)

    done, late = asyncio.run(asyncio.wait_for(work(), 600))
    answered = Counter(d.send for d in done)
    sent = {int(key, 16) for key in backend.calls}
    unsent = {d.send for d in done if d.result is None}
    assert not unsent & sent, "handed back, and sent all the same"
    if how != "cancel":
        assert set(answered) == set(range(9))
    assert {d.send for d in late} == {99} and late[0].result is None


@pytest.mark.parametrize("number", rest_slow(range(1, 24, 4), (0, 3)))
def test_a_build_does_not_depend_on_its_engine(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = random_spec(number, tmp_path)
    use(monkeypatch, FakeBackend(reply, number))
    first = built(path, tmp_path / "local", FakeBackend(reply, number), 8)
    made: list[ScrambledEngine] = []

    def scrambled(lines: Any, timeout: float) -> ScrambledEngine:
        made.append(ScrambledEngine(lines, timeout, number))
        return made[-1]

    made_here = replace(local.ENGINE, open=lambda context: scrambled(context.endpoints, context.spec.limits.timeout))
    monkeypatch.setattr(local, "ENGINE", made_here)
    monkeypatch.setattr(Governor, "delay_before", lambda *_: 0.0)
    monkeypatch.setattr(Governor, "dead", lambda self: None)
    assert built(path, tmp_path / "scrambled", FakeBackend(reply, number), 8) == first
    assert made[0].lost > 0


@pytest.mark.slow
@pytest.mark.parametrize("number", range(1, 24, 2))
def test_a_build_of_batches_is_that_of_calls(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules between rows, texts to avoid, rows moved, gates: all the same, whatever goes in which round."""
    path = random_spec(number, tmp_path)
    use(monkeypatch, FakeBackend(reply, number))
    first = built(path, tmp_path / "local", FakeBackend(reply, number), 8)
    monkeypatch.setattr(local, "ENGINE", replace(local.ENGINE, open=open_own_batches))
    assert built(path, tmp_path / "batch", FakeBackend(reply, number), 8) == first


def open_own_batches(context: EngineContext) -> BatchEngine:
    places = {name: (BatchAddress("here", "here m", OwnBatches(e.backend)),) for name, e in context.endpoints.items()}
    return BatchEngine(places, context.store, context.folder, pace=QUICK, waits=context.waits, tell=context.tell)


SHIPPED = ["reviews", "support_dialogue", "topic_questions", "evolving_instructions", "mediresponse", "support_calls",
           "preferences", "sentiment", "first", "sql_questions"]  # fmt: skip


@pytest.mark.parametrize("name", rest_slow(SHIPPED, (2,)))
def test_shipped_specs_are_the_same_in_batches(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with the model that it ships with, which answers in batches here."""

    def files(folder: Path) -> dict[str, bytes]:
        compiled = compile_spec(Path(__file__).parent.parent / "specs" / f"{name}.yaml", {"rows": "12"})
        assert compiled.spec is not None and compiled.ok, compiled.diagnostics
        asyncio.run(finish_build(Build(compiled.spec, compiled.tables, folder)))
        data = (p for p in folder.rglob("*") if p.suffix in (".csv", ".jsonl", ".json", ".parquet", ".tsv"))
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in data if p.name != "manifest.json"}

    first = files(tmp_path / "local")
    monkeypatch.setattr(local, "ENGINE", replace(local.ENGINE, open=open_own_batches))
    assert files(tmp_path / "batch") == first and first


class LocalContract(EngineContract):
    module = local


class BatchContract(EngineContract):
    module = batch

    def engine(self, endpoints: Any, store: Store, folder: Path) -> Engine:
        places = {name: (BatchAddress("here", "here m", OwnBatches(e.backend)),) for name, e in endpoints.items()}
        return BatchEngine(places, store, folder, pace=QUICK)


class RayContract(EngineContract):
    module = ray

    def engine(self, endpoints: Any, store: Store, folder: Path) -> Engine:
        return cluster_engine(endpoints, 30.0)


@pytest.mark.parametrize("test", sorted(name for name in dir(EngineContract) if name.startswith("test_")))
@pytest.mark.parametrize("contract", [LocalContract, BatchContract, RayContract])
def test_the_contract_of_the_docs(contract: Any, test: str) -> None:
    getattr(contract(), test)()


def test_a_call_waits_until_it_may_be_made() -> None:
    """What a provider asked to wait for is not sent before; what need not wait is not held up by it."""
    begun: dict[int, float] = {}

    def reply(request: Request) -> str:
        begun[request.combination] = asyncio.get_running_loop().time()
        return "ok"

    async def work() -> None:
        engine = LocalEngine({"call": endpoint_of(FakeBackend(reply, turns=(0,)), Limits())}, 30.0)
        await engine.submit([call_of(0, not_before=40.0), call_of(1), call_of(2, not_before=7.5)])
        async for _ in engine.results():
            if len(begun) == 3:
                break
        await engine.close("drain")

    simulate(work())
    assert begun == {1: 0.0, 2: 7.5, 0: 40.0}
