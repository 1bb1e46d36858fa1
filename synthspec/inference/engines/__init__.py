"""Engines: where calls are made. `local` makes them in this process, on asyncio.

An engine takes calls and gives back what became of each, in any order. It never sends a call twice, knows nothing of
rows, keys, money or the store, and answers every call it took exactly once: the driver (`driver.py`) does the rest. A
contract suite runs over every engine (`tests/test_engine_contract.py`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from synthspec.spec.messages import BackendFault, Reply, Request
from synthspec.spec.rows import Path

How = Literal["drain", "leave", "cancel"]


@dataclass(frozen=True, slots=True)
class Call:
    """One send of a request. `send` is its own; a request that is sent again has another."""

    send: int
    request: Request
    endpoint: str  # the name of the backend that is asked (`spec/backends_used.py`)
    path: Path  # of the row it is for: the lowest goes first
    tokens: int = 0  # it may take at most
    not_before: float = 0.0  # on the clock of the event loop


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a call: a reply, a fault, or None where it was handed back without having been sent."""

    send: int
    result: Reply | BackendFault | None
    latency: float = 0.0  # seconds


class Engine(Protocol):
    """Where calls are made."""

    @property
    def durable(self) -> bool:
        """Whether calls outlive this process, as a batch at a provider does."""
        ...

    def room(self, endpoint: str) -> int:
        """How many more calls to this endpoint can be begun now; 1 or more while none is open."""
        ...

    async def submit(self, calls: Sequence[Call]) -> None:
        """Take calls. Returns without waiting for their replies."""
        ...

    def results(self) -> AsyncIterator[Sequence[Done]]:
        """What became of calls, as it is known, in any order. Ends once the engine is closed and all are answered."""
        ...

    async def flush(self) -> None:
        """Nothing more is ready until some of these are answered: do not wait for more."""
        ...

    async def close(self, how: How) -> None:
        """Take no more. `drain`: calls not sent come back unsent, those in flight end and are answered. `leave`: the
        same where calls outlive the process, without waiting for them. `cancel`: at once, nothing more is answered."""
        ...
