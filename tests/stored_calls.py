"""Calls for tests of the store; as a program, a process that stores call after call until it is killed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from synthspec.inference.store import Store
from synthspec.spec.messages import Completion, Message, Reply, Request, Usage


def key_of(number: int) -> str:
    return f"{number:032x}"


def request_of(number: int, *, prompt: str = "call", attempt: int = 1) -> Request:
    messages = (Message("system", "Be brief."), Message("user", f"Write call {number}."))
    return Request(key_of(number), prompt, number, attempt, messages, rows=1)


def completion_of(number: int, text: str = "hello", cost: float = 0.25) -> Completion:
    return Completion(key_of(number), Reply(text, Usage(10, 5), "m-1", "stop"), cost=cost, latency=0.5)


async def store_for_ever(folder: Path, start: int) -> None:
    """Say the number of each call as soon as it is stored; 32 are in hand at a time."""
    store = Store.open(folder)
    numbers = iter(range(start, start + 1_000_000))

    async def worker() -> None:
        for n in numbers:
            await store.reserve(key_of(n), 1.0, 10)
            await store.put(request_of(n), completion_of(n, "text " * 200, 0.5))
            sys.stdout.write(f"{n}\n")
            sys.stdout.flush()

    await asyncio.gather(*(worker() for _ in range(32)))


if __name__ == "__main__":
    asyncio.run(store_for_ever(Path(sys.argv[1]), int(sys.argv[2])))
