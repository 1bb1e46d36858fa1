"""A backend in this process: replies are a function of the request, latencies random, in turns of the event loop.

    with fake_backend(monkeypatch, reply, seed=3) as fake: ...; fake.calls

It takes the place of `provider: openai`. No clock is read: a call "takes" a number of turns of the loop.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

import synthspec.inference.backends.openai as provider
from synthspec.spec.messages import BackendFault, FaultKind, Reply, Request, Usage

Replier = Callable[[Request], str]
TURNS = (0, 0, 1, 2, 5, 20, 60)


@dataclass
class FakeBackend:
    """Answers by `reply`. After `abandon_at` replies it cancels the build; `faults` is the share of calls that fail."""

    reply: Replier
    seed: int = 0
    abandon_at: int | None = None
    faults: float = 0.0
    turns: tuple[int, ...] = TURNS
    calls: Counter[str] = field(default_factory=Counter)  # by key
    most_in_flight: int = 0
    fingerprint: str = "fake"
    seeded: bool = False

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._in_flight = 0
        self.task: asyncio.Task[Any] | None = None

    @property
    def total(self) -> int:
        return sum(self.calls.values())

    async def complete(self, request: Request) -> Reply:
        self.calls[request.key] += 1
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            for _ in range(self._random.choice(self.turns)):
                await asyncio.sleep(0)
            if self.abandon_at is not None and self.total >= self.abandon_at and self.task is not None:
                self.task.cancel()
            if self._random.random() < self.faults:
                raise BackendFault(FaultKind.TOO_LONG, "made to fail")
            return Reply(self.reply(request), Usage(10, 20), "fake-1")
        finally:
            self._in_flight -= 1

    async def models(self) -> tuple[str, ...]:
        return ("fake",)

    async def close(self) -> None:
        return None


def use(monkeypatch: pytest.MonkeyPatch, backend: Any) -> None:
    """Let every prompt of `provider: openai` run on this backend."""
    monkeypatch.setattr(provider, "PROVIDER", replace(provider.PROVIDER, open=lambda choice, context: backend))
