"""What the store costs: CPU and bytes for a stored call, CPU to read one, and to open a large store.

    python benchmarks/store.py [--calls 20000] [--large 200000] [--repeat 1]

64 calls in flight, one system text for all, a prompt of about 130 characters and a reply of about 200. CPU is this
process's own, less that of the same loop without a store; it takes the writer's thread in. `--calls 0 --large 100000
--repeat 50` makes a store of 1 GB; what opening it takes is measured in a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
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


def calls(count: int, repeat: int = 1) -> Iterator[tuple[Request, Completion]]:
    """Requests with their replies, each reply's text so many times over."""
    for i in range(count):
        key = blake2b(b"%d" % i, digest_size=16).hexdigest()
        number = int(key, 16)
        messages = (Message("system", SYSTEM), Message("user", text(number, 15)))
        request = Request(key, "call", i, 1, messages, 1, {}, SCHEMA, worst_tokens=(200, 256))
        yield request, Completion(key, Reply(text(number, 26) * repeat, Usage(120, 60), "loop-1"), 0.0001, 0.25)


Act = Callable[[Request, Completion], Awaitable[object]]


async def drive(count: int, act: Act, repeat: int = 1) -> float:
    todo = calls(count, repeat)

    async def lane() -> None:
        for request, completion in todo:
            await act(request, completion)

    began = time.process_time()
    await asyncio.gather(*(lane() for _ in range(IN_FLIGHT)))
    return time.process_time() - began


async def nothing(request: Request, completion: Completion) -> None:
    await asyncio.sleep(0)


async def fill(path: Path, count: int, reserved: bool = False, repeat: int = 1) -> float:
    """Seconds of CPU to store so many calls."""
    with Store.open(path) as store:

        async def put(request: Request, completion: Completion) -> None:
            if reserved:
                await store.reserve(request.key, 0.001, 456)
            await store.put(request, completion)

        return await drive(count, put, repeat)


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
        store.get_rows(keys)
        print(
            f"{'read, read many':24} {each:6.1f} us, {(time.process_time() - began) / count * 1e6:.1f} us", flush=True
        )


OPENING = """
import resource, sys, time
from pathlib import Path
from synthspec.inference.store import Store
path, how = Path(sys.argv[1]), sys.argv[2]
least, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, (time.process_time(), time.monotonic())
with (Store.open if how == "write" else Store.open_readonly)(path) as store:
    spent, wall = time.process_time() - began[0], time.monotonic() - began[1]
    calls = store.spent().requests
whole = time.process_time() - began[0]
more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - least) / 1024
print(f"opened to {how:14} {1000 * spent:6.1f} ms of CPU, {1000 * wall:.1f} ms in all, {more:.1f} MB; closed again {1000 * whole:.1f} ms; {calls:,} calls")
"""


def measure_opening(base: Path, count: int, repeat: int) -> None:
    path = base / "large"
    asyncio.run(fill(path, count, repeat=repeat))
    print(f"a store of {(path / 'run.sqlite').stat().st_size / 1e6:,.0f} MB", flush=True)
    for how in ("write", "read"):
        subprocess.run([sys.executable, "-c", OPENING, str(path), how], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--large", type=int, default=0, help="open a store of so many calls")
    parser.add_argument("--repeat", type=int, default=1, help="how often the text of each reply is said in that one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.calls:
            measure_storing(Path(folder), options.calls)
        if options.large:
            measure_opening(Path(folder), options.large, options.repeat)


if __name__ == "__main__":
    main()
