"""What a build may use: money, tokens, requests, minutes. What a call may cost at worst is set aside before
it goes. How fast calls go out is the governor's business (`inference/sending/governor.py`).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from synthspec.inference.accounting.prices import dollars
from synthspec.inference.accounting.token_estimates import estimate_tokens, expected_tokens
from synthspec.spec import Limits, Prices
from synthspec.spec.messages import Usage

__all__ = ["Budget", "actual_cost", "estimate_tokens", "expected_tokens", "worst_cost"]

_UNIT = 10**12  # money is counted in whole units of a millionth of a millionth of a dollar: sums are exact


class Used(Protocol):
    """What earlier runs used (`store.Spent`)."""

    @property
    def cost(self) -> float: ...
    @property
    def prompt_tokens(self) -> int: ...
    @property
    def completion_tokens(self) -> int: ...
    @property
    def requests(self) -> int: ...


class Budget:
    """What is used, what is set aside for calls in flight, and what is left of each limit.

    Dollars, tokens and requests count over all runs of a build folder; minutes over this run. `used` plus
    what is set aside never passes a limit, in whatever order calls settle.
    """

    def __init__(self, limits: Limits, spent: Used, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._most_cost = None if limits.budget is None else math.floor(limits.budget * _UNIT + 0.5)
        self._cost = _units(spent.cost)
        self._tokens = spent.prompt_tokens + spent.completion_tokens
        self._requests = spent.requests
        self._aside_cost = 0
        self._aside_tokens = 0
        self._in_flight = 0
        self._least: tuple[int, int] | None = None  # cost and tokens of the smallest call asked for
        self._clock = clock
        self._start = clock()
        self._waiters: deque[asyncio.Future[None]] = deque()

    @property
    def cost(self) -> float:
        """US dollars that settled calls cost, over all runs."""
        return self._cost / _UNIT

    @property
    def tokens(self) -> int:
        """Tokens that settled calls used, over all runs."""
        return self._tokens

    @property
    def requests(self) -> int:
        """Calls settled, over all runs."""
        return self._requests

    @property
    def in_flight(self) -> int:
        """Calls for which something is set aside."""
        return self._in_flight

    def reserve(self, cost: float, tokens: int) -> bool:
        """Set aside what a call may use at worst. False, and nothing is, when that could pass a limit if
        everything in flight came out at its own worst."""
        units = _units(cost)
        least = self._least
        self._least = (units, tokens) if least is None else (min(least[0], units), min(least[1], tokens))
        if self._lacks(units + self._aside_cost, tokens + self._aside_tokens, 1 + self._in_flight):
            return False
        self._aside_cost += units
        self._aside_tokens += tokens
        self._in_flight += 1
        self._wake_one()
        return True

    def take_over(self, cost: float, tokens: int) -> None:
        """A call that an earlier run set aside for, and that is still under way: no longer counted as used, but as in
        flight here. No limit is asked; it was when it was set aside."""
        self._cost -= _units(cost)
        self._tokens -= tokens
        self._requests -= 1
        self._aside_cost += _units(cost)
        self._aside_tokens += tokens
        self._in_flight += 1

    def seconds_left(self) -> float | None:
        """Of this run, until `limits.minutes` is reached; None where there is no such limit."""
        minutes = self._limits.minutes
        return None if minutes is None else max(0.0, minutes * 60 - (self._clock() - self._start))

    def out_of_time(self) -> str:
        """Why a run ends that has used its minutes."""
        return f"the limit of {self._limits.minutes or 0:g} minutes is reached. Build again to resume"

    def settle(self, reserved_cost: float, reserved_tokens: int, actual_cost: float, actual_tokens: int) -> None:
        """A call came to an end: what it really used takes the place of what was set aside. A call that may
        have been paid for, though nothing came back, settles at what was reserved."""
        self._give_back(reserved_cost, reserved_tokens)
        self._cost += _units(actual_cost)
        self._tokens += actual_tokens
        self._requests += 1

    def release(self, reserved_cost: float, reserved_tokens: int) -> None:
        """The call never reached the provider: it used nothing."""
        self._give_back(reserved_cost, reserved_tokens)

    async def wait_for_room(self) -> bool:
        """Wait until a call in flight has settled, so that `reserve` may be tried again. False, at once,
        where none is: then nothing will become free."""
        if self._in_flight == 0:
            return False
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._wake_one()  # the turn was ours: pass it on
            raise
        return True

    async def admit(self, cost: float, tokens: int) -> bool:
        """`reserve`, waiting as long as calls in flight may leave enough. False: this call can never go."""
        while not self.reserve(cost, tokens):
            if self.refusal(cost, tokens) or not await self.wait_for_room():
                return False
        return True

    def exhausted(self) -> str | None:
        """The limit that is reached and how to raise it; None while the smallest call asked for so far could
        go once those in flight are done."""
        units, tokens = self._least or (0, 0)
        return self._lacks(units, tokens, 1)

    def refusal(self, cost: float, tokens: int) -> str | None:
        """The limit that this call would pass even if those in flight came to nothing; None if it may go."""
        return self._lacks(_units(cost), tokens, 1)

    def _lacks(self, cost: int, tokens: int, requests: int) -> str | None:
        limits = self._limits
        if limits.budget is not None and self._most_cost is not None and self._cost + cost > self._most_cost:
            return (
                f"the budget of {dollars(limits.budget)} is reached: {dollars(self.cost)} is spent and the next call "
                f"may cost {dollars(cost / _UNIT)}. Raise limits.budget (or --budget) and build again to resume"
            )
        if limits.tokens is not None and self._tokens + tokens > limits.tokens:
            return (
                f"the limit of {limits.tokens:,} tokens is reached: {self._tokens:,} are used and the next "
                f"call may take {tokens:,}. Raise limits.tokens and build again to resume"
            )
        if limits.requests is not None and self._requests + requests > limits.requests:
            return (
                f"the limit of {limits.requests:,} requests is reached. Raise limits.requests and build again to resume"
            )
        if limits.minutes is not None and self._clock() - self._start >= limits.minutes * 60:
            return self.out_of_time()
        return None

    def _give_back(self, cost: float, tokens: int) -> None:
        self._aside_cost -= _units(cost)
        self._aside_tokens -= tokens
        self._in_flight -= 1
        if self._in_flight:
            self._wake_one()
        while not self._in_flight and self._waiters:
            self._wake_one()

    def _wake_one(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return


def _units(cost: float) -> int:
    return round(cost * _UNIT)


def worst_cost(prices: Prices | None, prompt_tokens: int, completion_tokens: int) -> float:
    """US dollars for a call of so many tokens; nothing where there are no prices.

    >>> worst_cost(Prices(prompt=2.0, completion=8.0), 1000, 500)
    0.006
    """
    if prices is None:
        return 0.0
    return (prompt_tokens * prices.prompt + completion_tokens * prices.completion) / 1_000_000


def actual_cost(prices: Prices | None, usage: Usage, free: bool = False) -> float | None:
    """US dollars that a call cost; None where its tokens or their price are not known.

    >>> actual_cost(Prices(prompt=2.0, completion=8.0), Usage(1000, None)) is None
    True
    """
    if prices is None:
        return 0.0 if free else None
    if usage.prompt_tokens is None or usage.completion_tokens is None:
        return None
    return worst_cost(prices, usage.prompt_tokens, usage.completion_tokens)
