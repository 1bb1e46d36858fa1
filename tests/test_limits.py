"""Budgets that are never passed, and a governor that finds what a provider can take. Time is simulated."""

from __future__ import annotations

import asyncio
import contextlib
import random
from bisect import bisect_left
from collections.abc import Coroutine
from itertools import pairwise
from typing import Any

import pytest
from depth import quarter
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from synthspec.inference.accounting.budget import Budget, estimate_tokens, expected_tokens, worst_cost
from synthspec.inference.sending.governor import Governor
from synthspec.inference.sending.latency import TokenBucket
from synthspec.inference.store import Spent
from synthspec.spec import Limits, Prices
from synthspec.spec.messages import BackendFault, FaultKind


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer when nothing is left to do."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now = max(self.now, self._scheduled[0]._when)  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def simulate(work: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


def now() -> float:
    return asyncio.get_running_loop().time()


def governor_of(limits: Limits, **options: Any) -> Governor:
    return Governor(limits, clock=now, **options)


class Provider:
    """Takes `capacity` calls at once. More are refused, or queue; each takes `latency` seconds of work."""

    def __init__(
        self, capacity: float = float("inf"), latency: float = 1.0, queues: bool = False, spread: float = 0.0
    ) -> None:
        self.capacity = capacity
        self.latency = latency
        self.queues = asyncio.Semaphore(int(capacity)) if queues else None
        self.random = random.Random(1)
        self.spread = spread
        self.busy = self.most = self.refused = self.done = 0

    async def call(self) -> None:
        work = self.latency * self.random.uniform(1 - self.spread, 1 + self.spread)
        if self.queues is not None:
            async with self.queues:
                await asyncio.sleep(work)
        elif self.busy >= self.capacity:
            self.refused += 1
            await asyncio.sleep(0.05)
            raise BackendFault(FaultKind.RATE_LIMITED, "too many")
        else:
            self.busy += 1
            self.most = max(self.most, self.busy)
            await asyncio.sleep(work)
            self.busy -= 1
        self.done += 1


async def make_calls(governor: Governor, provider: Provider, calls: int, lanes: int, timeout: float = 1e9) -> float:
    """Make so many calls from so many tasks, trying again whatever fails. Gives the seconds it took."""
    left = iter(range(calls))

    async def lane() -> None:
        for _ in left:
            for attempt in range(1, 100):
                async with governor.slot():
                    start = now()
                    try:
                        async with asyncio.timeout(timeout):
                            await provider.call()
                    except BackendFault as e:
                        fault = e
                        governor.failed(e)
                    except TimeoutError:
                        fault = BackendFault(FaultKind.TIMED_OUT, "slow")
                        governor.failed(fault)
                        provider.refused += 1
                    else:
                        governor.succeeded(now() - start)
                        break
                await asyncio.sleep(governor.delay_before(attempt, fault, seed=attempt))

    start = now()
    await asyncio.gather(*(lane() for _ in range(lanes)))
    return now() - start


# Budget


def test_what_fits_exactly_goes() -> None:
    budget = Budget(Limits(budget=5.0), Spent())
    assert sum(budget.reserve(0.1, 0) for _ in range(60)) == 50
    for _ in range(50):
        budget.settle(0.1, 0, 0.1, 0)
    assert budget.cost == 5.0
    assert not budget.reserve(1e-9, 0)
    assert budget.reserve(0.0, 0)


def test_earlier_runs_count() -> None:
    budget = Budget(Limits(budget=1.0, tokens=100, requests=3), Spent(0.75, 60, 20, 1))
    assert not budget.reserve(0.5, 0)
    assert not budget.reserve(0.0, 21)
    assert budget.reserve(0.25, 20)
    assert not budget.reserve(0.01, 0)
    budget.settle(0.25, 20, 0.01, 5)
    assert budget.reserve(0.1, 1)
    assert not budget.reserve(0.0, 0)  # the third request is in flight
    budget.release(0.1, 1)
    assert budget.reserve(0.0, 0)
    assert (budget.cost, budget.tokens, budget.requests, budget.in_flight) == (0.76, 85, 2, 1)


def test_the_sentence_names_the_limit_and_the_way_on() -> None:
    budget = Budget(Limits(budget=1.0), Spent(cost=0.75))
    assert budget.exhausted() is None
    assert not budget.reserve(0.5, 10)
    sentence = budget.exhausted()
    assert sentence is not None
    assert "budget of $1.00" in sentence
    assert "limits.budget" in sentence
    assert budget.reserve(0.125, 10)
    assert budget.exhausted() is None  # a small one could still go
    assert "tokens" in (Budget(Limits(tokens=9), Spent()).refusal(0, 10) or "")
    assert "requests" in (Budget(Limits(requests=2), Spent(requests=2)).exhausted() or "")


def test_minutes_are_of_this_run() -> None:
    clock = [1000.0]
    budget = Budget(Limits(minutes=2.0), Spent(), clock=lambda: clock[0])
    assert budget.reserve(0, 0)
    clock[0] += 119
    assert budget.exhausted() is None
    clock[0] += 1
    assert not budget.reserve(0, 0)
    assert "2 minutes" in (budget.exhausted() or "")


calls = st.lists(
    st.tuples(st.floats(0, 2, allow_subnormal=False), st.integers(0, 500), st.floats(0, 1), st.booleans()),
    max_size=40,
)


@given(calls, st.floats(0, 10), st.integers(0, 5000), st.integers(0, 20), st.integers())
def test_no_limit_is_passed_in_any_order_of_settling(
    script: list[tuple[float, int, float, bool]], dollars: float, tokens: int, requests: int, seed: int
) -> None:
    chance = random.Random(seed)
    budget = Budget(Limits(budget=dollars, tokens=tokens, requests=requests), Spent())
    out: list[tuple[float, int, float]] = []
    paid = 0.0
    for cost, size, share, settles in script:
        if budget.reserve(cost, size):
            out.append((cost, size, share))
        if settles and out:
            cost, size, share = out.pop(chance.randrange(len(out)))
            budget.settle(cost, size, cost * share, int(size * share))
            paid += cost * share
        worst = paid + sum(c for c, _, _ in out)
        assert worst <= dollars + 1e-9
        assert budget.tokens + sum(s for _, s, _ in out) <= tokens
        assert budget.requests + len(out) <= requests
        assert budget.cost == pytest.approx(paid)


@settings(max_examples=quarter(30), deadline=None)
@given(st.integers(1, 40), st.integers(1, 10), st.integers())
def test_those_who_wait_go_as_soon_as_there_is_room(lanes: int, units: int, seed: int) -> None:
    chance = random.Random(seed)
    budget = Budget(Limits(budget=units * 1.0), Spent())
    paid = []

    async def lane() -> None:
        while await budget.admit(1.0, 0):
            await asyncio.sleep(chance.random())
            actual = chance.choice([0.0, 0.25, 0.5, 1.0]) if len(paid) < 50 else 1.0
            budget.settle(1.0, 0, actual, 0)
            paid.append(actual)

    async def everyone() -> None:
        await asyncio.gather(*(lane() for _ in range(lanes)))

    simulate(everyone())
    assert units - 1 < sum(paid) <= units
    assert budget.exhausted()


def test_a_waiter_that_is_cancelled_passes_its_turn_on() -> None:
    async def work() -> bool:
        budget = Budget(Limits(budget=2.0), Spent())
        assert budget.reserve(1.0, 0)
        assert budget.reserve(1.0, 0)
        first = asyncio.create_task(budget.admit(1.0, 0))
        second = asyncio.create_task(budget.admit(1.0, 0))
        await asyncio.sleep(0)
        budget.settle(1.0, 0, 0.0, 0)
        first.cancel()
        return await asyncio.wait_for(second, 1.0)

    assert simulate(work())


def test_nobody_waits_for_nothing() -> None:
    async def work() -> None:
        budget = Budget(Limits(budget=1.0), Spent())
        assert not await budget.wait_for_room()
        assert not await budget.admit(2.0, 0)
        assert await budget.admit(1.0, 0)
        assert not await budget.admit(2.0, 0)  # not even if the other came to nothing

    simulate(work())


def test_prices() -> None:
    assert worst_cost(Prices(2.0, 8.0), 1000, 500) == 0.006
    assert worst_cost(None, 1000, 500) == 0.0


@given(st.lists(st.text(max_size=200), max_size=5), st.text(max_size=300))
def test_no_tokeniser_makes_more_tokens_than_estimated(learned: list[str], text: str) -> None:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(learned, trainers.BpeTrainer(initial_alphabet=alphabet, show_progress=False))
    assert len(tokenizer.encode(text).ids) <= estimate_tokens(text)


def test_estimates() -> None:
    assert estimate_tokens("") == expected_tokens("") == 0
    assert estimate_tokens("\ud800") == 3
    assert 450 < expected_tokens("Rate from 1 to 5 how natural this call is. " * 45) < 550


# Governor


def test_it_ramps_up_in_a_few_round_trips() -> None:
    async def work() -> tuple[float, int]:
        governor = governor_of(Limits(concurrency=64))
        took = await make_calls(governor, Provider(latency=0.2), 2000, 200)
        return took, governor.window

    took, window = simulate(work())
    assert window == 64
    assert took <= 6.4 + 0.01  # 64 at once from the first moment take as long


def test_a_slow_provider_is_met_with_care_and_then_in_full() -> None:
    async def work() -> tuple[float, int]:
        governor = governor_of(Limits(concurrency=128))
        took = await make_calls(governor, Provider(latency=20.0, spread=0.5), 2000, 200)
        return took, governor.window

    took, window = simulate(work())
    assert window == 128
    assert took < 1.35 * 2000 * 20 / 128


def test_a_local_backend_starts_at_the_limit() -> None:
    assert governor_of(Limits(concurrency=200), local=True).window == 200
    assert governor_of(Limits(concurrency=4)).window == 4
    assert governor_of(Limits(concurrency=200)).window == 16


@pytest.mark.parametrize("capacity", [1, 3, 10, 25, 60])
def test_it_finds_what_a_provider_takes(capacity: int) -> None:
    async def work() -> tuple[float, Provider]:
        provider = Provider(capacity, latency=1.0, spread=0.3)
        return await make_calls(governor_of(Limits(concurrency=64)), provider, 1500, 128), provider

    took, provider = simulate(work())
    assert provider.done == 1500
    assert provider.refused < 0.25 * provider.done
    assert took < 1.5 * 1500 / capacity


def test_a_queue_does_not_run_into_the_timeout() -> None:
    """A local server that takes two at a time and never refuses."""

    async def work() -> tuple[float, Provider]:
        governor = governor_of(Limits(concurrency=64, timeout=60.0))
        provider = Provider(2, latency=5.0, queues=True)
        return await make_calls(governor, provider, 400, 100, timeout=60.0), provider

    took, provider = simulate(work())
    assert provider.refused < 12
    assert took < 1.1 * 400 * 5 / 2 + 60


def test_long_calls_are_no_queue() -> None:
    async def work() -> int:
        governor = governor_of(Limits(concurrency=32, timeout=120.0))
        await make_calls(governor, Provider(latency=80.0, spread=0.4), 300, 64)
        return governor.window

    assert simulate(work()) >= 24  # it grew all along


def test_a_round_trip_of_refusals_halves_once() -> None:
    async def work() -> list[int]:
        governor = governor_of(Limits(concurrency=32), local=True)
        windows = []

        async def lane() -> None:
            async with governor.slot():
                await asyncio.sleep(1.0)
                governor.failed(BackendFault(FaultKind.OVERLOADED, "busy"))
                windows.append(governor.window)

        await asyncio.gather(*(lane() for _ in range(32)))
        first = windows[-1]
        await asyncio.gather(*(lane() for _ in range(16)))
        return [first, windows[-1]]

    assert simulate(work()) == [16, 8]


def test_retry_after_holds_everybody() -> None:
    async def work() -> list[float]:
        governor = governor_of(Limits(concurrency=8))
        starts = []

        async def lane(number: int) -> None:
            async with governor.slot():
                starts.append(now())
                await asyncio.sleep(1.0)
                if number == 0:
                    governor.failed(BackendFault(FaultKind.RATE_LIMITED, "later", retry_after=30.0))
                    assert governor.held_for == 30.0
                else:
                    governor.succeeded(1.0)

        await asyncio.gather(*(lane(n) for n in range(40)))
        return starts

    starts = simulate(work())
    assert len(starts) == 40
    assert not [t for t in starts if 1.0 < t < 31.0]
    assert max(starts) < 60


@pytest.mark.parametrize("per_minute", [1, 10, 60, 300, 5000])
def test_requests_a_minute_hold_in_every_minute(per_minute: int) -> None:
    async def work() -> list[float]:
        governor = governor_of(Limits(concurrency=64, requests_per_minute=per_minute), local=True)
        starts = []

        async def lane() -> None:
            for _ in range(max(2, per_minute // 20)):
                async with governor.slot():
                    starts.append(now())
                    await asyncio.sleep(0.1)

        await asyncio.gather(*(lane() for _ in range(64)))
        return starts

    starts = simulate(work())
    starts.sort()
    busiest = max(bisect_left(starts, t + 60 - 1e-6) - i for i, t in enumerate(starts))
    assert busiest <= per_minute
    assert busiest >= 0.95 * per_minute


def test_tokens_a_minute_hold_and_unused_ones_are_given_back() -> None:
    async def work(given_back: bool) -> float:
        governor = governor_of(Limits(concurrency=64, tokens_per_minute=60_000), local=True)

        async def lane() -> None:
            for _ in range(10):
                slot = governor.slot(2_000)
                async with slot:
                    await asyncio.sleep(0.1)
                    if given_back:
                        slot.used(500)

        await asyncio.gather(*(lane() for _ in range(10)))
        return now()

    assert simulate(work(False)) == pytest.approx(100 * 2_000 / 1_000, rel=0.05)
    assert simulate(work(True)) == pytest.approx(100 * 500 / 1_000, rel=0.15)


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 3000)), max_size=60), st.integers(1, 10_000))
def test_a_bucket_never_gives_more_than_its_rate(asks: list[tuple[float, int]], per_minute: int) -> None:
    bucket = TokenBucket(per_minute)
    clock, taken = 0.0, []
    for pause, amount in asks:
        clock += pause
        clock += bucket.wait(clock, amount)
        assert bucket.wait(clock, amount) < 1e-6
        bucket.take(amount)
        taken.append((clock, amount))
    largest = max((a for _, a in taken), default=0)
    for start, _ in taken:
        within = sum(a for t, a in taken if start <= t < start + 60 - 1e-6)
        assert within <= per_minute + largest


def test_places_are_given_in_order_and_never_more_than_there_are() -> None:
    async def work() -> None:
        governor = governor_of(Limits(concurrency=4), local=True)
        order: list[int] = []
        chance = random.Random(3)

        async def lane(number: int) -> None:
            async with governor.slot():
                order.append(number)
                assert governor.in_flight <= governor.window
                await asyncio.sleep(chance.random())

        tasks = [asyncio.create_task(lane(n)) for n in range(50)]
        await asyncio.sleep(0)
        for number in (10, 20, 49):
            tasks[number].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert order == [n for n in range(50) if n not in (10, 20, 49)]
        assert governor.in_flight == governor.waiting == 0

    simulate(work())


def test_a_place_given_to_one_who_left_is_given_on() -> None:
    async def work() -> None:
        governor = governor_of(Limits(concurrency=1))
        entered = []

        async def lane(number: int) -> None:
            async with governor.slot():
                entered.append(number)

        async with governor.slot():
            tasks = [asyncio.create_task(lane(n)) for n in range(3)]
            await asyncio.sleep(0)
        tasks[0].cancel()  # its place was given a moment ago
        await asyncio.gather(*tasks, return_exceptions=True)
        assert entered == [1, 2]
        assert governor.in_flight == 0

    simulate(work())


def fault_of(kind: FaultKind = FaultKind.UNREACHABLE, retry_after: float | None = None) -> BackendFault:
    return BackendFault(kind, "connection refused", retry_after)


def test_a_provider_is_dead_after_a_bounded_time() -> None:
    clock = [0.0]
    governor = Governor(Limits(), clock=lambda: clock[0])
    for _ in range(50):
        governor.failed(fault_of())
    assert governor.dead() is None
    clock[0] = 89.0
    governor.succeeded(1.0)
    for second in (100, 150, 189):
        clock[0] = second
        governor.failed(fault_of())
        assert governor.dead() is None
    clock[0] = 190.0
    governor.failed(fault_of())
    assert "4 calls in a row failed in 90 s" in (governor.dead() or "")
    governor.succeeded(1.0)
    assert governor.dead() is None


def test_other_signs_of_death() -> None:
    governor = Governor(Limits(), failures=3, clock=lambda: 0.0)
    for _ in range(10):
        governor.failed(fault_of(FaultKind.REFUSED))  # it does answer
    assert governor.dead() is None
    for _ in range(3):
        governor.failed(fault_of(FaultKind.OVERLOADED))
    assert governor.dead()
    governor = Governor(Limits(), clock=lambda: 0.0)
    governor.failed(fault_of(FaultKind.RATE_LIMITED, retry_after=7200.0))
    assert "120 minutes" in (governor.dead() or "")


@given(st.integers(0, 1000), st.none() | st.floats(0, 1e6), st.none() | st.integers())
def test_delays_are_bounded(attempt: int, retry_after: float | None, seed: int | None) -> None:
    governor = Governor(Limits())
    delay = governor.delay_before(attempt, fault_of(retry_after=retry_after), seed)
    assert 0.25 <= delay <= 60.0
    assert delay >= min(60.0, retry_after or 0.0)
    if seed is not None:
        assert delay == governor.delay_before(attempt, fault_of(retry_after=retry_after), seed)


def test_delays_double() -> None:
    governor = Governor(Limits())
    means = [sum(governor.delay_before(a, fault_of(), s) for s in range(200)) / 200 for a in (1, 2, 3, 4)]
    for smaller, larger in pairwise(means):
        assert 1.7 < larger / smaller < 2.3


def test_quick_replies_widen_the_window_within_a_round_trip() -> None:
    """A slow first reply opens it a little; each reply that is back at once then opens it by one more."""

    async def windows() -> list[int]:
        governor = Governor(Limits(concurrency=64, timeout=120), clock=now)
        async with governor.slot():
            governor.succeeded(10.0)
        found = [governor.window]
        async with contextlib.AsyncExitStack() as out:
            for _ in range(governor.window):
                await out.enter_async_context(governor.slot())
            for _ in range(governor.window - 1):  # the last of the round trip says how far to go at once
                governor.succeeded(0.5)
                found.append(governor.window)
                assert governor.window > governor.in_flight
                await out.enter_async_context(governor.slot())
        return found

    found = asyncio.run(windows())
    assert found == list(range(found[0], found[0] + len(found))) and len(found) > 4
