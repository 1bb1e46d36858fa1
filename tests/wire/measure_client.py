"""CPU of one call through a backend, against a server that answers at once.

    python tests/wire/measure_client.py openai:mock-model http://127.0.0.1:8123/v1 -n 4000 -c 64

CPU is this process's own (user and system) over the calls, without start-up.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time

from synthspec.diagnostics import Span
from synthspec.inference.backends import BackendContext
from synthspec.plugins import find_plugin
from synthspec.spec import BackendChoice
from synthspec.spec.messages import Message, Request

PROMPT = "Write one short phone call between a caller and an agent, number {}. " + "Be brief. " * 12


async def _measure(provider: str, model: str, url: str, calls: int, width: int) -> str:
    choice = BackendChoice(
        provider,
        model,
        {"base_url": url},
        {"temperature": 0.7, "max_tokens": 256},
        None,
        Span("-", 1, 1, 1, 1),
    )
    backend = find_plugin("backends", provider).open_backend(choice, BackendContext(None, {}))

    def request(i: int) -> Request:
        messages = (Message("system", "You write calls."), Message("user", PROMPT.format(i)))
        return Request(f"{i:032x}", "call", i, 1, messages, 1)

    todo = iter(range(calls))

    async def work() -> None:
        for i in todo:
            await backend.complete(request(i))

    await backend.complete(request(-1))
    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(work() for _ in range(width)))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    await backend.close()
    return f"{1e3 * cpu / calls:.3f} ms of CPU a call, {calls / wall:.0f} calls a second, {width} in flight"


def main() -> None:
    """Read the command line and print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("backend")
    parser.add_argument("url")
    parser.add_argument("-n", type=int, default=4000)
    parser.add_argument("-c", type=int, default=64)
    a = parser.parse_args()
    os.environ.setdefault("OPENAI_API_KEY", "none")
    provider, _, model = a.backend.partition(":")
    print(asyncio.run(_measure(provider, model, a.url, a.n, a.c)))


if __name__ == "__main__":
    main()
