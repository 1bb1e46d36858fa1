"""One call from request to stored completion: reuse, limits, back-off, faults. No paid reply is lost here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from synthspec.backends import Backend
from synthspec.limits import Budget, Governor, worst_cost
from synthspec.prompting import Sender
from synthspec.records import FAULT_RULES, BackendFault, Completion, FaultKind, Rejection, Request, Stage
from synthspec.store import Store
from synthspec.tally import Tally

MAX_RESENDS = 8  # times one request is sent again after faults that may pass


class Stopped(Exception):
    """No further call is made in this run; the message says why."""


class CallFailed(Exception):
    """This request has no reply to give; another attempt may."""

    def __init__(self, rejection: Rejection) -> None:
        super().__init__(rejection.reason)
        self.rejection = rejection


@dataclass(slots=True)
class Line:
    """A backend in use: what requests depend on, and how fast it may be asked."""

    sender: Sender
    backend: Backend
    governor: Governor
    answered: bool = False  # whether any call of this run had a reply


class Caller:
    """Makes the calls of one run."""

    def __init__(self, store: Store, budget: Budget, tally: Tally, metered: bool, timeout: float) -> None:
        self.store = store
        self.budget = budget
        self.tally = tally
        self.metered = metered
        self.timeout = timeout
        self.stopping: str | None = None
        self.notify: Callable[[Request, Completion], None] | None = None

    def stop(self, reason: str) -> None:
        """Let calls in flight end and begin no other."""
        if self.stopping is None:
            self.stopping = reason

    async def ask(self, line: Line, request: Request) -> Completion:
        """The completion of a request: from the store, or paid for now and stored.

        Raises:
            Stopped: a limit is reached, the provider is gone, or the run was interrupted.
            CallFailed: the provider will not answer this request.
        """
        stored = self.store.get(request.key)
        if stored is not None:
            self.tally.completed(stored)
            return stored
        for resend in range(MAX_RESENDS + 1):
            try:
                completion = await self._send(line, request)
            except BackendFault as fault:
                await self._after_fault(line, request, fault, resend)
                continue
            self.tally.completed(completion)
            if self.notify is not None:
                self.notify(request, completion)
            return completion
        raise CallFailed(Rejection(Stage.CALL, "no answer", f"no answer after {MAX_RESENDS + 1} calls"))

    async def _send(self, line: Line, request: Request) -> Completion:
        prices = line.sender.choice.prices
        prompt, reply_tokens = request.worst_tokens
        worst = worst_cost(prices, prompt, reply_tokens)
        tokens = prompt + reply_tokens
        async with line.governor.slot():
            await self._reserve(worst, tokens)
            if self.metered:
                await self.store.reserve(request.key, worst, tokens)
            started = time.monotonic()
            self.tally.in_flight += 1
            try:
                async with asyncio.timeout(self.timeout):
                    reply = await line.backend.complete(request)
            except TimeoutError:
                self._unpaid(worst, tokens, paid=True)
                raise BackendFault(FaultKind.TIMED_OUT, f"no reply within {self.timeout:g} s") from None
            except BackendFault as fault:
                paid = fault.kind is FaultKind.TIMED_OUT
                self._unpaid(worst, tokens, paid=paid)
                if self.metered and not paid:
                    await self.store.release(request.key)
                raise
            except BaseException:
                self._unpaid(worst, tokens, paid=True)
                raise
            finally:
                self.tally.in_flight -= 1
            latency = time.monotonic() - started
            line.governor.succeeded(latency)
            line.answered = True
        usage = reply.usage
        cost = worst_cost(prices, usage.prompt_tokens, usage.completion_tokens)
        completion = Completion(request.key, reply, cost, latency)
        await self.store.put(request, completion)
        self.budget.settle(worst, tokens, cost, usage.prompt_tokens + usage.completion_tokens)
        return completion

    def _unpaid(self, worst: float, tokens: int, *, paid: bool) -> None:
        """A call without a reply; one whose fate is unknown counts as paid in full."""
        self.budget.settle(worst, tokens, worst if paid else 0.0, tokens if paid else 0)

    async def _reserve(self, worst: float, tokens: int) -> None:
        while True:
            if self.stopping is not None:
                raise Stopped(self.stopping)
            if self.budget.reserve(worst, tokens):
                return
            spent = self.budget.exhausted()
            if spent is not None:
                self.stop(spent)
            else:
                await self.budget.wait_for_room()

    async def _after_fault(self, line: Line, request: Request, fault: BackendFault, resend: int) -> None:
        rule = FAULT_RULES[fault.kind]
        if rule.stop:
            self.stop(f"{line.sender.choice.provider}: {fault.message}")
            raise Stopped(self.stopping)
        if not rule.retry:
            raise CallFailed(Rejection(Stage.CALL, str(fault.kind), fault.message))
        if fault.kind is FaultKind.UNREACHABLE and not line.answered and resend >= 2:
            self.stop(f"{line.sender.choice.provider}: {fault.message}")
            raise Stopped(self.stopping)
        self.tally.retries += 1
        self.tally.rejections[str(fault.kind)] += 1
        if rule.slow_down:
            line.governor.slow_down(fault.retry_after)
        line.governor.failed()
        dead = line.governor.dead()
        if dead is not None:
            self.stop(f"{line.sender.choice.provider}: {dead} (last: {fault.message})")
        await self._pause(line.governor.delay_before(resend + 1, fault))
        if self.stopping is not None:
            raise Stopped(self.stopping)

    async def _pause(self, seconds: float) -> None:
        """Sleep, waking early once the run is stopping."""
        end = time.monotonic() + seconds
        while self.stopping is None and (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(left, 0.25))


