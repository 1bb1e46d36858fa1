"""What a call may cost at worst is set aside before it goes; what is not known afterwards counts at its worst."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from depth import one_in
from loopback import Loopback
from test_build import calls_spec
from test_faults import command, environment

import synthspec
from synthspec.diagnostics import Span
from synthspec.inference.accounting.budget import Budget
from synthspec.inference.accounting.counters import Tally
from synthspec.inference.accounting.ledger import Ledger
from synthspec.inference.requests import RequestSettings
from synthspec.inference.sending.client import complete_all
from synthspec.inference.sending.endpoints import Endpoint
from synthspec.inference.sending.governor import Governor
from synthspec.inference.store import Store
from synthspec.inference.transport.errors import Service
from synthspec.inference.transport.replies import reply_of
from synthspec.spec import BackendChoice, Limits, Prices
from synthspec.spec.messages import BackendFault, FaultKind, Message, Reply, Request, Usage

PRICES = Prices(prompt=1.0, completion=1.0)  # a token is a millionth of a dollar
WORST = (400, 600)
SERVICE = Service("the server", "http://127.0.0.1:1", "m")
Answer = Callable[[Request], Reply]


class FakeBackend:
    """Answers, or fails, as told; counts what it sold."""

    fingerprint, seeded = "fake", False

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.calls = 0

    async def complete(self, request: Request) -> Reply:
        self.calls += 1
        await asyncio.sleep(0)
        return self.answer(request)

    async def close(self) -> None: ...

    async def models(self) -> tuple[str, ...]:
        return ()


def endpoint_of(answer: Answer, limits: Limits, prices: Prices | None = PRICES) -> Endpoint:
    choice = BackendChoice("fake", "m", {}, {}, prices, Span("spec.yaml", 1, 1, 1, 2))
    return Endpoint(RequestSettings(choice, "fake", False), FakeBackend(answer), Governor(limits))  # type: ignore[arg-type]


def request_of(number: int) -> Request:
    return Request(f"{number:032x}", "call", number, 1, (Message("user", "hi"),), 1, worst_tokens=WORST)


def build(store: Store, answer: Answer, limits: Limits, count: int = 300) -> tuple[Endpoint, Budget]:
    """Ask for so many completions, a few at once, until a limit stops it."""
    line, budget = endpoint_of(answer, limits), Budget(limits, store.spent())
    line.governor.delay_before = lambda *_: 0.0  # type: ignore[method-assign]
    ledger = Ledger(store, budget, metered=True)
    with contextlib.suppress(BackendFault):
        asyncio.run(complete_all([request_of(n) for n in range(count)], line, ledger, 30.0, Tally()))
    return line, budget


ODD: list[Any] = [None, -5, -1, "many", "17", [], {}, True, 1.5, float("nan"), float("inf"), 10**30, -(10**30), 0]


@pytest.mark.parametrize("odd", one_in(2, ODD), ids=repr)
@pytest.mark.parametrize("where", ["prompt", "completion", "both"])
def test_unknown_usage_counts_as_the_worst_that_was_set_aside(tmp_path: Path, odd: Any, where: str) -> None:
    limits = Limits(tokens=10 * sum(WORST))
    usage = {"prompt": (odd, 10), "completion": (10, odd), "both": (odd, odd)}[where]
    with Store.open(tmp_path) as store:
        line, budget = build(store, lambda r: reply_of(SERVICE, "hello", usage, "m", "stop"), limits)
        assert line.backend.calls == 10  # type: ignore[attr-defined]
        assert budget.tokens == 10 * sum(WORST)
        found = store.get(request_of(0).key)
        assert found is not None
        assert not found.reply.usage.known
        assert found.cost is None


@pytest.mark.parametrize("value, count", [(0, 0), (7, 7), (7.0, 7), (10**12, 10**12), *((v, None) for v in ODD[:-1])])
def test_a_count_is_a_whole_number_that_can_be(value: Any, count: int | None) -> None:
    assert Usage.read(value, 1) == Usage(count, 1)
    assert Usage.read(1, value) == Usage(1, count)
    assert Usage.read(1, value).known == (count is not None)


def test_what_is_known_is_settled_at_that(tmp_path: Path) -> None:
    limits = Limits(budget=0.01)
    with Store.open(tmp_path) as store:
        line, budget = build(store, lambda r: Reply("hello", Usage(40, 60)), limits)
        assert line.backend.calls == 91  # type: ignore[attr-defined]  # the last one needs room for its worst
        assert budget.cost == pytest.approx(0.0091)
        assert store.spent().cost == pytest.approx(0.0091)


def failing(kind: FaultKind, sent: Any = None) -> Answer:
    def answer(request: Request) -> Reply:
        raise BackendFault(kind, "no", sent=sent)

    return answer


@pytest.mark.parametrize("kind", FaultKind)
@pytest.mark.parametrize("sent", ["no", "maybe", "yes"])
def test_only_a_call_that_was_not_charged_for_is_given_back(tmp_path: Path, kind: FaultKind, sent: Any) -> None:
    with Store.open(tmp_path) as store:
        line, budget = build(store, failing(kind, sent), Limits(tokens=10**6), count=1)
        calls = line.backend.calls  # type: ignore[attr-defined]
        paid = 0 if sent == "no" else calls
        assert budget.requests == paid
        assert budget.tokens == paid * sum(WORST)
        assert (store.spent().requests, store.spent().completion_tokens) == (paid, paid * sum(WORST))
    with Store.open(tmp_path) as store:
        assert store.spent().requests == paid


def test_a_time_out_that_the_backend_tells_of_is_paid_for_at_worst() -> None:
    assert BackendFault(FaultKind.TIMED_OUT, "late").sent == "maybe"
    assert BackendFault(FaultKind.UNREACHABLE, "lost").sent == "maybe"
    for kind in FaultKind:
        if kind not in (FaultKind.TIMED_OUT, FaultKind.UNREACHABLE):
            assert BackendFault(kind, "answered").sent == "no"


def test_a_call_that_could_not_be_noted_is_not_sent(tmp_path: Path) -> None:
    from synthspec.inference.store import StoreFault

    with Store.open(tmp_path) as store:
        store._writer.connection.execute("PRAGMA query_only = 1")  # type: ignore[union-attr]
        limits = Limits(requests=5)
        line, budget = endpoint_of(lambda r: Reply("hello"), limits), Budget(limits, store.spent())
        ledger = Ledger(store, budget, metered=True)
        with pytest.raises(StoreFault):
            asyncio.run(complete_all([request_of(1)], line, ledger, 30.0, Tally()))
        assert line.backend.calls == 0  # type: ignore[attr-defined]
        assert (budget.requests, budget.in_flight) == (0, 0)


@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.parametrize("kills", [1, pytest.param(4, marks=pytest.mark.slow)])
def test_limits_of_requests_hold_across_kills(tmp_path: Path, kills: int) -> None:
    """Killed again and again once some calls are out: the server never sees more than the limit."""
    most = 30
    with Loopback(latency=0.15) as server:
        path = calls_spec(tmp_path, server.url, rows=400, concurrency=8)
        for _ in range(kills):
            before = server.total
            build = subprocess.Popen(
                [*command("build", path, "--out", tmp_path / "out", "-q", "--set", f"limits.requests={most}")],
                env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            while build.poll() is None and server.total < before + 4:
                time.sleep(0.01)
            if build.poll() is not None:
                break
            build.kill()
            build.wait()
        assert server.total <= most
        dataset = synthspec.build(path, out=tmp_path / "out", set={"limits.requests": most})
        assert dataset.status == 3
        assert "limit of 30 requests" in (dataset.reason or "")
        assert server.total <= most
