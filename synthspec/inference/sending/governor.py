"""How many calls go out at once, and when: one governor for each backend.

It starts low, doubles each round trip while calls would still be back in time, halves when the provider asks for
less and then grows slowly; keeps to so many requests and tokens a minute; and holds everybody back for as long as the
provider says. A provider from which nothing comes back for a bounded time is dead.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import random
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from synthspec.inference.sending.latency import LatencyWindow, TokenBucket
from synthspec.spec import Limits
from synthspec.spec.messages import FAULT_RULES, BackendFault, FaultKind

START = 16.0  # calls at once to begin with
LONGEST_DELAY = 60.0  # seconds before a call is tried again, at most
LONGEST_HOLD = 900.0  # seconds a provider may make everybody wait; one that asks for more is dead for this run
_FIRST_DELAY = 0.5
_QUICK = 1.0  # seconds: what comes back sooner need not be waited for to know that all is well
_FEWEST_FAILURES = 3  # before a provider is dead, however long they took


class Governor:
    """Places for calls to one backend, given by their `order`, and among equals in the order of asking.

    `local` backends run in this process and start at the limit. `patience` is how many seconds of failures,
    with no success between them, make the provider dead; `failures` how many in a row do so at once.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        local: bool = False,
        patience: float = 90.0,
        failures: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = float(max(1, limits.concurrency))
        self._window = self._most if local else min(START, self._most)
        self._doubling = True
        self._started = False  # whether a first call came back
        self._timeout = limits.timeout
        self._step = max(1.0, self._most / 32)  # added each round trip once doubling is over, at most
        self._in_flight = 0
        self._stale = 0  # of the calls out when the window was last cut: their faults are no news
        self._waiters: list[tuple[tuple[int, ...], int, asyncio.Future[None], int]] = []  # a heap
        self._asked = 0
        self._pace = LatencyWindow(limits.timeout)
        self._requests = TokenBucket(limits.requests_per_minute)
        self._tokens = TokenBucket(limits.tokens_per_minute)
        self._hold_until = -math.inf
        self._timed = limits.requests_per_minute is not None or limits.tokens_per_minute is not None
        self._timer: asyncio.TimerHandle | None = None
        self._clock = clock
        self._patience = patience
        self._most_failures = failures or max(500, 20 * limits.concurrency)
        self._failures = 0
        self._failing_since = 0.0
        self._dead: str | None = None
        self.on_room: list[Callable[[], None]] = []  # told when there may be places (`server_pool.py`)

    @property
    def window(self) -> int:
        """Calls that may be out at once now."""
        return int(self._window)

    @property
    def in_flight(self) -> int:
        """Calls that are out."""
        return self._in_flight

    @property
    def waiting(self) -> int:
        """Calls that wait for a place."""
        return len(self._waiters)

    @property
    def held_for(self) -> float:
        """Seconds until calls go out again, because the provider asked to wait; 0 where it did not."""
        return max(0.0, self._hold_until - self._clock())

    def slot(self, tokens: int = 0, order: tuple[int, ...] = ()) -> Slot:
        """A place for one call: `async with governor.slot(tokens): ...`. `tokens` is what the call is
        expected to take of the tokens a minute; of those that wait, the lowest `order` goes first."""
        return Slot(self, tokens, order)

    def succeeded(self, latency: float) -> None:
        """A call came back after so many seconds. To be told inside its slot."""
        self._failures = 0
        self._dead = None
        in_time = self._pace.add(latency, self._window)
        if self._window >= self._most or self._stale or self._in_flight < self._window - 1:
            return
        if not self._doubling:
            if self._pace.is_in_time():
                self._widen(self._window + min(self._step / self._window, 0.125))
        elif in_time:
            self._doubling = in_time >= 1.25 * self._window or not self._started
            self._widen(min(in_time, 2 * self._window if self._started else math.inf))
            self._started = True
        elif latency < _QUICK:
            self._widen(self._window + 1.0)

    def slow_down(self, retry_after: float | None = None) -> None:
        """The provider asked for less: halve the window, once a round trip, and hold everybody back for as
        many seconds as it says. `failed` does this where the kind of fault calls for it."""
        self._doubling = False
        self._cut(0.5, least=1.0)
        if retry_after is not None and retry_after > 0:
            self._hold_until = max(self._hold_until, self._clock() + min(retry_after, LONGEST_HOLD))
            self._timed = True
            if retry_after > LONGEST_HOLD:
                self._dead = f"the provider asks to wait {retry_after / 60:,.0f} minutes"

    def failed(self, fault: BackendFault) -> None:
        """A call failed. To be told of every fault, inside the call's slot."""
        rule = FAULT_RULES[fault.kind]
        if not rule.retry:  # an answer, if not the wanted one: the provider is there
            return
        now = self._clock()
        if self._failures == 0:
            self._failing_since = now
        self._failures += 1
        lasted = now - self._failing_since
        if self._failures >= self._most_failures or (self._failures >= _FEWEST_FAILURES and lasted >= self._patience):
            self._dead = (
                f"the provider does not answer: {self._failures:,} calls in a row failed in {lasted:,.0f} s, "
                f"the last one: {fault.kind}"
            )
        if rule.slow_down:
            self.slow_down(fault.retry_after)
        elif fault.kind is FaultKind.TIMED_OUT:
            self._pace.add(self._timeout, self._window)
            if self._pace.is_late():  # not a call that hangs now and then: they queue
                self.slow_down()

    def dead(self) -> str | None:
        """Why no more calls should be sent; None while there is hope."""
        return self._dead

    def delay_before(self, attempt: int, fault: BackendFault, seed: int | str | None = None) -> float:
        """Seconds to wait before a call that failed `attempt` times (from 1) is sent again: doubling, with
        jitter, no less than the provider asked for, a minute at most."""
        jitter = random.random() if seed is None else random.Random(f"{seed} {attempt}").random()
        backoff = _FIRST_DELAY * 2.0 ** min(max(0, attempt - 1), 16) * (0.5 + 0.5 * jitter)
        asked = (fault.retry_after or 0.0) * (1.0 + 0.1 * jitter)
        return min(LONGEST_DELAY, max(backoff, asked))

    def _cut(self, share: float, least: float) -> None:
        if self._stale == 0 and self._window > least:
            self._window = max(least, self._window * share)
            self._stale = self._in_flight

    def _widen(self, window: float) -> None:
        self._window = max(self._window, min(self._most, window))
        self._wake()

    def wait_for(self, tokens: int) -> float:
        """Seconds until a call may go out; infinite while there is no place."""
        if self._in_flight + 1 > self._window:
            return math.inf
        if not self._timed:
            return 0.0
        now = self._clock()
        return max(self._hold_until - now, self._requests.wait(now, 1), self._tokens.wait(now, tokens), 0.0)

    def take(self, tokens: int) -> None:
        """A call that is expected to take so many tokens goes out; to be followed by `leave`."""
        self._in_flight += 1
        self._requests.take(1)
        self._tokens.take(tokens)

    def leave(self) -> None:
        """A call that went out is over."""
        self._in_flight -= 1
        if self._stale:
            self._stale -= 1
        if self._waiters or self.on_room:
            self._wake()

    def give_back(self, tokens: int) -> None:
        """A call took so many tokens less than was expected of it."""
        self._tokens.give_back(tokens)

    async def _enter(self, tokens: int, order: tuple[int, ...]) -> None:
        if not self._waiters and self.wait_for(tokens) == 0.0:
            self.take(tokens)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked += 1
        heapq.heappush(self._waiters, (order, self._asked, future, tokens))
        if len(self._waiters) == 1:
            self._wake()
        try:
            await future
        except asyncio.CancelledError:
            if future.cancelled():
                self._wake()  # whoever stood behind may go now
            else:
                self.leave()
            raise

    def _wake(self) -> None:
        """Let in as many as there are places, in order."""
        self._let_in()
        for told in self.on_room:
            told()

    def _let_in(self) -> None:
        while self._waiters:
            _, _, future, tokens = self._waiters[0]
            if not future.done():
                wait = self.wait_for(tokens)
                if wait > 0.0:
                    if wait < math.inf:
                        self._wake_in(wait)
                    return
                self.take(tokens)
                future.set_result(None)
            heapq.heappop(self._waiters)

    def _wake_in(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + seconds:
                return
            self._timer.cancel()
        self._timer = loop.call_later(seconds, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._wake()


class Slot:
    """A place for one call, held inside `async with`."""

    __slots__ = ("_governor", "_order", "_tokens")

    def __init__(self, governor: Governor, tokens: int, order: tuple[int, ...]) -> None:
        self._governor = governor
        self._tokens = tokens
        self._order = order

    def used(self, tokens: int) -> None:
        """The call took so many tokens."""
        self._governor.give_back(self._tokens - tokens)

    async def __aenter__(self) -> Self:
        await self._governor._enter(self._tokens, self._order)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._governor.leave()
