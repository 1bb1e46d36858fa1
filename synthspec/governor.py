"""How many calls go out at once, and when: one governor for each backend.

It starts low, doubles each round trip while that helps, halves when the provider asks for less and then grows
slowly; keeps to so many requests and tokens a minute; and holds everybody back for as long as the provider
says. A provider from which nothing comes back for a bounded time is dead.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from synthspec.records import FAULT_RULES, BackendFault
from synthspec.spec import Limits

START = 16.0  # calls at once to begin with
LONGEST_DELAY = 60.0  # seconds before a call is tried again, at most
LONGEST_HOLD = 900.0  # seconds a provider may make everybody wait; one that asks for more is dead for this run
_FIRST_DELAY = 0.5
_FEWEST_FAILURES = 3  # before a provider is dead, however long they took
_QUICK = 1.0  # seconds: a latency below it says more about this process than about the provider


class Governor:
    """Places for calls to one backend, given in the order of asking.

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
        self._step = max(1.0, self._most / 32)  # added each round trip once doubling is over
        self._in_flight = 0
        self._stale = 0  # of the calls out when the window was last cut: their faults are no news
        self._waiters: deque[tuple[asyncio.Future[None], int]] = deque()
        self._pace = _Pace(limits.timeout)
        self._requests = _Bucket(limits.requests_per_minute)
        self._tokens = _Bucket(limits.tokens_per_minute)
        self._hold_until = -math.inf
        self._timed = limits.requests_per_minute is not None or limits.tokens_per_minute is not None
        self._timer: asyncio.TimerHandle | None = None
        self._clock = clock
        self._patience = patience
        self._most_failures = failures or max(500, 20 * limits.concurrency)
        self._failures = 0
        self._failing_since = 0.0
        self._dead: str | None = None

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

    def slot(self, tokens: int = 0) -> Slot:
        """A place for one call: `async with governor.slot(tokens): ...`. `tokens` is what the call is
        expected to take of the tokens a minute."""
        return Slot(self, tokens)

    def succeeded(self, latency: float) -> None:
        """A call came back after so many seconds. To be told inside its slot."""
        self._failures = 0
        self._dead = None
        first = self._pace.add(latency, self._window)
        if self._pace.is_near_timeout():
            self._cut(self._pace.safe_share(), least=2.0)
        elif first and self._doubling:
            self._widen(self._pace.harmless())
        elif self._window < self._most and self._in_flight >= self._window - 1 and not self._stale:
            helps = self._pace.growth_helps(self._window)
            self._doubling = self._doubling and helps
            if helps:
                self._widen(self._window + (1.0 if self._doubling else self._step / self._window))

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
                f"the provider does not answer: {self._failures:,} calls in a row failed in {lasted:,.0f} s, the "
                f"last one {fault.kind}: {fault.message}"
            )
        if rule.slow_down:
            self.slow_down(fault.retry_after)

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

    def _wait_for(self, tokens: int) -> float:
        """Seconds until a call may go out; infinite while there is no place."""
        if self._in_flight + 1 > self._window:
            return math.inf
        if not self._timed:
            return 0.0
        now = self._clock()
        return max(self._hold_until - now, self._requests.wait(now, 1), self._tokens.wait(now, tokens), 0.0)

    def _take(self, tokens: int) -> None:
        self._in_flight += 1
        self._requests.take(1)
        self._tokens.take(tokens)

    def _leave(self) -> None:
        self._in_flight -= 1
        if self._stale:
            self._stale -= 1
        if self._waiters:
            self._wake()

    async def _enter(self, tokens: int) -> None:
        if not self._waiters and self._wait_for(tokens) == 0.0:
            self._take(tokens)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append((future, tokens))
        if len(self._waiters) == 1:
            self._wake()
        try:
            await future
        except asyncio.CancelledError:
            if future.cancelled():
                self._wake()  # whoever stood behind may go now
            else:
                self._leave()
            raise

    def _wake(self) -> None:
        """Let in as many as there are places, in order."""
        while self._waiters:
            future, tokens = self._waiters[0]
            if not future.done():
                wait = self._wait_for(tokens)
                if wait > 0.0:
                    if wait < math.inf:
                        self._wake_in(wait)
                    return
                self._take(tokens)
                future.set_result(None)
            self._waiters.popleft()

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

    __slots__ = ("_governor", "_tokens")

    def __init__(self, governor: Governor, tokens: int) -> None:
        self._governor = governor
        self._tokens = tokens

    async def __aenter__(self) -> Self:
        await self._governor._enter(self._tokens)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._governor._leave()


class _Pace:
    """What the latencies tell: whether more calls at once still bring more answers a second, and whether
    those out now will be back in time."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._count = 0
        self._least = math.inf
        self._now = 0.0  # mean latency of late, in seconds
        self._usual = 0.0  # the same over a longer time, and the window it came about with
        self._usual_window = 0.0

    def add(self, latency: float, window: float) -> bool:
        """Take in the latency of one call. True for the first."""
        self._count += 1
        self._least = min(self._least, latency)
        lately = 1.0 / min(self._count, max(8.0, window / 2))
        long = 1.0 / min(self._count, 8.0 * max(8.0, window))
        self._now += (latency - self._now) * lately
        self._usual += (latency - self._usual) * long
        self._usual_window += (window - self._usual_window) * long
        return self._count == 1

    def growth_helps(self, window: float) -> bool:
        """Whether latency grows less than the window does: then more answers come back each second."""
        if self._now < _QUICK:
            return True
        return self._now <= self._usual * max(1.5, 0.8 * window / self._usual_window)

    def is_near_timeout(self) -> bool:
        """Whether calls take half the time-out because they queue, not because they are long."""
        return self._now > self._timeout / 2 and self._now > 4 * self._least

    def safe_share(self) -> float:
        """The share of the window that would come back in half the time-out."""
        return self._timeout / 2 / self._now

    def harmless(self) -> float:
        """As many calls as a provider that takes one at a time would answer in half the time-out."""
        return self._timeout / 2 / self._least if self._least > 0 else math.inf


class _Bucket:
    """So many a minute, evenly: a second's worth at once, and in no minute more than the limit. One call
    larger than a second's worth goes when the bucket is full, and the next ones wait until it is made up
    for."""

    def __init__(self, per_minute: float | None) -> None:
        self._unlimited = per_minute is None
        amount = 1.0 if per_minute is None else per_minute
        self._size = max(1.0, amount / 60)
        self._rate = (amount - self._size if amount > 60 else amount) / 60  # each second
        self._level = self._size
        self._at = -math.inf

    def wait(self, now: float, amount: float) -> float:
        """Seconds until so much may be taken."""
        if self._unlimited:
            return 0.0
        self._level = min(self._size, self._level + max(0.0, now - self._at) * self._rate)
        self._at = now
        lack = min(amount, self._size) - self._level
        return lack / self._rate if lack > 1e-9 * self._size else 0.0

    def take(self, amount: float) -> None:
        if not self._unlimited:
            self._level -= amount
