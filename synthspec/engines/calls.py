"""One call from request to stored completion: reuse, limits, back-off, faults. No paid reply is lost here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from synthspec.backends import Backend
from synthspec.governor import Governor
from synthspec.limits import Budget, actual_cost, worst_cost
from synthspec.prompting import Sender
from synthspec.records import (
    FAULT_RULES,
    BackendFault,
    Completion,
    FaultKind,
    Rejection,
    Reply,
    Request,
    Sent,
    Stage,
    Usage,
)
from synthspec.store import Store
from synthspec.tally import Tally

INTERRUPTED = "interrupted"  # the reason of a run stopped by hand: nothing is written
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
    free: bool = False  # its calls cost nothing
    answered: bool = False  # whether any call of this run had a reply


@dataclass(frozen=True, slots=True)
class Worst:
    """What a call may take at most: US dollars and tokens."""

    cost: float
    tokens: int

    def charged(self, completion: Completion) -> Worst:
        """What a completion counts for: its cost and tokens, and the worst for each that is not known."""
        cost, tokens = completion.cost, completion.reply.usage.total
        return Worst(self.cost if cost is None else cost, self.tokens if tokens is None else tokens)


def _plausible(reply: Reply, request: Request) -> Usage:
    """The usage that a reply tells of; no count where it says 0 of a text that is there.

    Embeddings are replies of no tokens: their requests foresee none.
    """
    prompt, completion = reply.usage.prompt_tokens, reply.usage.completion_tokens
    missing = completion == 0 and reply.text and request.worst_tokens[1] > 0
    return Usage(prompt or None, None if missing else completion)


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
            return self._done(request, stored)
        for resend in range(MAX_RESENDS + 1):
            try:
                completion = await self._send(line, request)
            except BackendFault as fault:
                await self._after_fault(line, request, fault, resend)
                continue
            return self._done(request, completion)
        raise CallFailed(Rejection(Stage.CALL, "no answer", f"no answer after {MAX_RESENDS + 1} calls"))

    def _done(self, request: Request, completion: Completion) -> Completion:
        self.tally.completed(completion)
        if self.notify is not None:
            self.notify(request, completion)
        return completion

    async def _send(self, line: Line, request: Request) -> Completion:
        """One call: its worst set aside before, what it really took settled after."""
        prompt, reply_tokens = request.worst_tokens
        worst = Worst(worst_cost(line.sender.choice.prices, prompt, reply_tokens), prompt + reply_tokens)
        async with line.governor.slot(worst.tokens, (request.combination,)) as slot:
            await self._set_aside(request, worst)
            self.tally.in_flight += 1
            started = time.monotonic()
            try:
                reply = await self._complete(line, request)
            except BackendFault as fault:
                line.governor.failed(fault)
                await self._after_no_reply(request, worst, fault.sent)
                raise
            except BaseException:
                self.budget.settle(worst.cost, worst.tokens, worst.cost, worst.tokens)
                raise
            finally:
                self.tally.in_flight -= 1
            latency = time.monotonic() - started
            reply = replace(reply, usage=_plausible(reply, request))
            if reply.usage.total is not None:
                slot.used(reply.usage.total)
            line.governor.succeeded(latency)
            line.answered = True
        cost = actual_cost(line.sender.choice.prices, reply.usage, line.free)
        completion = Completion(request.key, reply, cost, latency)
        charged = worst.charged(completion)
        try:
            first = await self.store.put(request, completion, worst=(worst.cost, worst.tokens))
        finally:
            self.budget.settle(worst.cost, worst.tokens, charged.cost, charged.tokens)
        return completion if first else self.store.get(request.key) or completion

    async def _complete(self, line: Line, request: Request) -> Reply:
        try:
            async with asyncio.timeout(self.timeout):
                return await line.backend.complete(request)
        except TimeoutError:
            raise BackendFault(FaultKind.TIMED_OUT, f"no reply within {self.timeout:g} s") from None

    async def _set_aside(self, request: Request, worst: Worst) -> None:
        """Reserve in the budget and, where any limit is set, durably: a kill must not make the call free."""
        await self._reserve(worst.cost, worst.tokens)
        try:
            if self.metered:
                await self.store.reserve(request.key, worst.cost, worst.tokens)
        except BaseException:
            self.budget.release(worst.cost, worst.tokens)
            raise

    async def _after_no_reply(self, request: Request, worst: Worst, sent: Sent) -> None:
        """Give back what was set aside for a call that was not charged for; any other counts at its worst."""
        if sent != "no":
            self.budget.settle(worst.cost, worst.tokens, worst.cost, worst.tokens)
            await self.store.lose(request.key, sent)
            return
        self.budget.release(worst.cost, worst.tokens)
        if self.metered:
            await self.store.release(request.key)

    async def _reserve(self, worst: float, tokens: int) -> None:
        """Set aside what the call may cost at worst, waiting for calls in flight to settle for less."""
        while self.stopping is None and not self.budget.reserve(worst, tokens):
            refusal = self.budget.refusal(worst, tokens)
            if refusal is not None:
                self.stop(refusal)
            elif not await self.budget.wait_for_room():
                self.stop(self.budget.exhausted() or "the budget leaves no room for another call")
        if self.stopping is not None:
            raise Stopped(self.stopping)

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
        self.tally.faults[str(fault.kind)] += 1
        dead = line.governor.dead()
        if dead is not None:
            self.stop(f"{line.sender.choice.provider}: {dead} (last: {fault.message})")
        await self._pause(line.governor.delay_before(resend + 1, fault, request.key))
        if self.stopping is not None:
            raise Stopped(self.stopping)

    async def _pause(self, seconds: float) -> None:
        """Sleep, waking early once the run is stopping."""
        end = time.monotonic() + seconds
        while self.stopping is None and (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(left, 0.25))
