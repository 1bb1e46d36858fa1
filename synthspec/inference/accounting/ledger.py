"""Money and the store for calls: what each may cost is set aside before it is sent, and what it came to is durable
before it counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Protocol

from synthspec.formats.recovery.thinking import thinking_in
from synthspec.inference.accounting.budget import Budget, actual_cost, worst_cost
from synthspec.inference.store import Store, StoreFault
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Prices
from synthspec.spec.messages import Completion, Reply, Request, Sent, Usage


@dataclass(frozen=True, slots=True)
class Worst:
    """What a call may take at most: US dollars and tokens."""

    cost: float
    tokens: int

    def charged(self, completion: Completion) -> Worst:
        """What a completion counts for: its cost and tokens, and the worst for each that is not known."""
        cost, tokens = completion.cost, completion.reply.usage.total
        return Worst(self.cost if cost is None else cost, self.tokens if tokens is None else tokens)


class Priced(Protocol):
    """What is called, as far as money goes."""

    @property
    def prices(self) -> Prices | None: ...

    @property
    def free(self) -> bool: ...


def worst_of(called: Priced, request: Request) -> Worst:
    """What a request may take at most."""
    prompt, reply = request.worst_tokens
    return Worst(worst_cost(called.prices, prompt, reply), prompt + reply)


def plausible_usage(reply: Reply, request: Request) -> Usage:
    """The usage that a reply tells of; no count where it says 0 of a text that is there.

    Embeddings are replies of no tokens: their requests foresee none.
    """
    prompt, completion = reply.usage.prompt_tokens, reply.usage.completion_tokens
    missing = completion == 0 and reply.text and request.worst_tokens[1] > 0
    return Usage(prompt or None, None if missing else completion)


Answered = tuple[Priced, Request, Reply, float, Worst]  # what was called, the reply to it, seconds, the worst set aside


def _completion(called: Priced, request: Request, reply: Reply, latency: float) -> Completion:
    """What a reply is stored as."""
    usage = plausible_usage(reply, request)
    reasoning = reply.reasoning or thinking_in(reply.text)
    if usage != reply.usage or reasoning != reply.reasoning:
        reply = replace(reply, usage=usage, reasoning=reasoning)
    return Completion(request.key, reply, actual_cost(called.prices, reply.usage, called.free), latency)


class Ledger:
    """The account of one run. `metered`: a limit is set, so that every call in flight is noted durably.

    `under_way` are calls of earlier runs that outlive them, by key, with what is set aside for each.
    """

    def __init__(
        self, store: Store, budget: Budget, metered: bool, under_way: Mapping[str, Worst] = MappingProxyType({})
    ) -> None:
        self.store = store
        self.budget = budget
        self.metered = metered
        self._under_way = dict(under_way)

    def take_over(self, request: Request) -> Worst | None:
        """What is set aside for a request that is under way since an earlier run, now this run's; None for others."""
        worst = self._under_way.pop(request.key, None)
        if worst is not None:
            self.budget.take_over(worst.cost, worst.tokens)
        return worst

    def take(self, worst: Worst) -> str | bool:
        """Set aside what a call may take: True, False while calls in flight must settle first, or why it never can."""
        if self.budget.reserve(worst.cost, worst.tokens):
            return True
        refusal = self.budget.refusal(worst.cost, worst.tokens)
        if refusal is not None:
            return refusal
        if self.budget.in_flight == 0:
            return self.budget.exhausted() or "the budget leaves no room for another call"
        return False

    def give_back(self, worst: Worst) -> None:
        """The call was not sent and nothing of it was noted."""
        self.budget.release(worst.cost, worst.tokens)

    async def note(self, request: Request, worst: Worst) -> None:
        """Make the reservation durable: a kill must not make the call free.

        Raises:
            StoreFault: it could not be written; the call must not be sent.
        """
        if self.metered:
            await self.store.reserve(request.key, worst.cost, worst.tokens)

    async def commit(self, replies: Sequence[Answered]) -> list[Completion | Exception]:
        """Store replies that are paid for, and settle what was set aside; the first completion of a key stands. Of one
        that could not be written, why."""
        completions = [_completion(*reply[:4]) for reply in replies]
        calls = [
            (request, completion, (worst.cost, worst.tokens))
            for (_, request, _, _, worst), completion in zip(replies, completions, strict=True)
        ]
        try:
            stored = await self.store.put_all(calls)
        finally:
            for (*_, worst), completion in zip(replies, completions, strict=True):
                charged = worst.charged(completion)
                self.budget.settle(worst.cost, worst.tokens, charged.cost, charged.tokens)
        return [self._standing(first, completion) for first, completion in zip(stored, completions, strict=True)]

    def _standing(self, first: bool | Exception, completion: Completion) -> Completion | Exception:
        """The completion of a request, which is this one where it is the first; or why it is not stored."""
        if first is True or isinstance(first, Exception):
            return first if isinstance(first, Exception) else completion
        try:
            return self.store.get(completion.key) or completion
        except StoreFault as fault:
            return fault

    async def lost(self, request: Request, worst: Worst, sent: Sent) -> None:
        """No reply came. One that was not charged for gives back what was set aside; any other counts at its worst.

        Raises:
            StoreFault: it could not be written.
        """
        if sent != "no":
            self.budget.settle(worst.cost, worst.tokens, worst.cost, worst.tokens)
            await self.store.lose(request.key, sent)
            return
        self.budget.release(worst.cost, worst.tokens)
        if self.metered:
            await self.store.release(request.key)
