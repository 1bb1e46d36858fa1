"""What the store costs: CPU and bytes for a stored call, CPU to read one, and to open a large store.

    python benchmarks/store.py [--calls 20000] [--large 200000]

64 calls in flight, one system text for all, a prompt of about 130 characters and a reply of about 200. CPU is this
process's own, less that of the same loop without a store; it takes the writer's thread in.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from hashlib import blake2b
from pathlib import Path

from synthspec.inference.store import Store
from synthspec.spec.messages import Completion, Constraint, Message, Reply, Request, Usage

SYSTEM = "You write realistic transcripts of phone calls to a support desk, and nothing else. " * 4
SCHEMA = Constraint(json_schema={"type": "object", "properties": {"call": {"type": "string"}}, "required": ["call"]})
WORDS = "late parcel double charge lost password broken screen wrong size no signal expired coupon".split()
IN_FLIGHT = 64


def text(number: int, words: int) -> str:
    return " ".join(WORDS[(number >> at % 50) % len(WORDS)] for at in range(words)) + f" {number}"


def calls(count: int) -> Iterator[tuple[Request, Completion]]:
    for i in range(count):
        key = blake2b(b"%d" % i, digest_size=16).hexdigest()
        number = int(key, 16)
        messages = (Message("system", SYSTEM), Message("user", text(number, 15)))
        request = Request(key, "call", i, 1, messages, 1, {}, SCHEMA, worst_tokens=(200, 256))
        yield request, Completion(key, Reply(text(number, 26), Usage(120, 60), "loop-1"), 0.0001, 0.25)


Act = Callable[[Request, Completion], Awaitable[object]]


async def drive(count: int, act: Act) -> float:
    todo = calls(count)

    async def lane() -> None:
        for request, completion in todo:
            await act(request, completion)

    began = time.process_time()
    await asyncio.gather(*(lane() for _ in range(IN_FLIGHT)))
    return time.process_time() - began


async def nothing(request: Request, completion: Completion) -> None:
    await asyncio.sleep(0)


async def fill(path: Path, count: int, reserved: bool = False) -> float:
    """Seconds of CPU to store so many calls."""
    with Store.open(path) as store:

        async def put(request: Request, completion: Completion) -> None:
            if reserved:
                await store.reserve(request.key, 0.001, 456)
            await store.put(request, completion)

        return await drive(count, put)


def measure_storing(base: Path, count: int) -> None:
    least = min(asyncio.run(drive(count, nothing)) for _ in range(3))
    for title, reserved in (("stored", False), ("reserved and stored", True)):
        seconds = []
        for turn in range(3):
            path = base / f"{title}-{turn}"
            seconds.append(asyncio.run(fill(path, count, reserved)))
        size = (path / "run.sqlite").stat().st_size
        each = (min(seconds) - least) / count * 1e6
        print(f"{title:24} {each:6.1f} us of CPU a call, {size / count / 1000:.3f} KB a call", flush=True)
    with Store.open_readonly(path) as store:
        keys = [request.key for request, _ in calls(count)]
        began = time.process_time()
        for key in keys:
            store.get(key)
        each = (time.process_time() - began) / count * 1e6
        began = time.process_time()
        store.get_many(keys)
        print(
            f"{'read, read many':24} {each:6.1f} us, {(time.process_time() - began) / count * 1e6:.1f} us", flush=True
        )


def measure_opening(base: Path, count: int) -> None:
    path = base / "large"
    asyncio.run(fill(path, count))
    size = (path / "run.sqlite").stat().st_size / 1e6
    for title, opened in (("opened to write", Store.open), ("opened to read", Store.open_readonly)):
        began = time.process_time()
        with opened(path) as store:
            spent = time.process_time() - began
            store.spent()
        whole = time.process_time() - began
        print(
            f"{title:24} {1000 * spent:6.1f} ms of CPU for {size:.0f} MB; closed again {1000 * whole:.1f}", flush=True
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--large", type=int, default=0, help="open a store of so many calls")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.calls:
            measure_storing(Path(folder), options.calls)
        if options.large:
            measure_opening(Path(folder), options.large)


if __name__ == "__main__":
    main()
