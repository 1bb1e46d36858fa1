"""Which key waits in which batch, and which call for its answer. Nothing here waits, calls out or touches a file.

A key may wait with no call that claims it: an earlier run made the batch, and this one has not come to that row yet.
Its answer is kept until a call asks for it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping

from synthspec.inference.batches.desk import Batch
from synthspec.inference.engines import Call, Done
from synthspec.spec.messages import BackendFault, FaultKind, Reply

MISSED = 2  # batches in which a request was not come to, after which that counts as a fault


class WaitingCalls:
    """The batches that are under way, and the calls that wait for them."""

    def __init__(self) -> None:
        self.batches: dict[str, Batch] = {}  # by intent
        self._in: dict[str, Batch] = {}  # the batch that a key waits in
        self._claims: dict[str, Call] = {}  # calls that wait for an answer of a batch, by key
        self._answers: dict[str, Reply | BackendFault] = {}  # that came, and nobody asked for yet
        self._missed: Counter[str] = Counter()

    def add(self, batch: Batch, calls: Mapping[str, Call] | None = None) -> None:
        """A batch's keys wait in it from now on, with the calls that claim them."""
        self.batches[batch.intent] = batch
        self._in |= dict.fromkeys(batch.keys, batch)
        self._claims |= calls or {}

    def is_in_a_batch(self, call: Call) -> bool:
        """Whether the call's key waits in a batch."""
        return call.request.key in self._in

    def is_claimed(self, batch: Batch) -> bool:
        """Whether a call waits for this batch."""
        return any(key in self._claims for key in batch.keys)

    def claim(self, call: Call) -> bool:
        """Let a call wait for the batch that its key is in; False where it is in none, or another call claimed it."""
        key = call.request.key
        if key not in self._in or key in self._claims:
            return False
        self._claims[key] = call
        return True

    def answered(self, call: Call) -> Done | None:
        """The call with the answer that came before it was asked for."""
        key = call.request.key
        return self._done(call, self._answers.pop(key)) if key in self._answers else None

    def deliver(self, batch: Batch, answers: Mapping[str, Reply | BackendFault | None]) -> list[Done]:
        """What the calls of a batch come to; what came that nobody asked for yet is kept."""
        done: list[Done] = []
        for key in sorted(batch.keys):
            answer, call = answers.get(key), self._claims.pop(key, None)
            if answer is None:
                done += self._not_come_to(batch, key, call)
            elif call is None:
                self._answers[key] = answer
            else:
                done.append(self._done(call, answer))
        return done

    def give_back(self, batch: Batch, fault: BackendFault | None) -> list[Done]:
        """The calls of a batch of which nothing is at the provider, as failed by `fault` or as not sent."""
        calls = [self._claims.pop(key) for key in sorted(batch.keys) if key in self._claims]
        for key in batch.keys:
            self._in.pop(key, None)
        return [Done(call.send, fault) for call in calls]

    def leave(self, batch: Batch, reason: str) -> list[Done]:
        """The calls of a batch that stays at the provider for another run."""
        claims = [self._claims.pop(key) for key in batch.keys if key in self._claims]
        return [Done(call.send, None, left=reason) for call in claims]

    def _not_come_to(self, batch: Batch, key: str, call: Call | None) -> list[Done]:
        """A request that the provider did not work on is no attempt; one that it never works on is a fault."""
        batch.keys.discard(key)
        self._in.pop(key, None)
        self._missed[key] += 1
        if call is None:
            return []
        if self._missed[key] < MISSED:
            return [Done(call.send, None)]
        said = f"{batch.place.provider} gave no answer in {self._missed[key]} batches"
        return [Done(call.send, BackendFault(FaultKind.TIMED_OUT, said, sent="no"))]

    def _done(self, call: Call, answer: Reply | BackendFault) -> Done:
        """The call with its answer, which took as long as the batch."""
        batch = self._in.pop(call.request.key, None)
        return Done(call.send, answer, max(0.0, time.time() - batch.created) if batch is not None else 0.0)
