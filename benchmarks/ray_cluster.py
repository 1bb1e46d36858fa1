"""What calls cost on a Ray cluster, against one process; and what 10 and 100 nodes would come to.

    python benchmarks/ray_cluster.py [--rows 2000] [--concurrency 128]       measured: needs Ray
    python benchmarks/ray_cluster.py --simulate [--driver-ms 0.7] [--worker-ms 0.5]

Measured: rows of one prompt from a server of this machine that waits 50 ms, over `local` and over `ray` with a cluster of
its own; and rows that the embedded model writes, in this process and in workers. Processor time of the driver and of its workers, beside the rows a second of the clock: on a machine with few
processors, or with other work, the first says what more of them would give.

Simulated: the crew that a build uses (`inference/clusters/crew.py`) over workers on a clock that jumps. Assumed: a call
takes 2 s in the median, logarithmically normal with sigma 0.5, whatever the load (servers that never fill up); a message
takes 1 ms; the driver is one processor that needs `--driver-ms` for a row, a worker one that needs `--worker-ms`; four
workers a node, each with 128 calls in hand; no node is lost; rows do not wait for one another.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mock_server import mock_server

from synthspec.compiler import compile_spec
from synthspec.generation.build import Build, finish_build
from synthspec.inference.clusters.crew import BLOCKS, LARGEST, Crew
from synthspec.inference.clusters.messages import Greeting, Order, WorkerAnswer, WorkerAnswers, greeting_of
from synthspec.inference.clusters.ray_cluster import RayCluster
from synthspec.inference.clusters.worker import Worker
from synthspec.spec.messages import Message, Reply, Request

SPEC = """\
synthspec: 1
name: notes
rows: {rows}
parameters: {{n: "uniform(0, 1)", topic: [bill, meter, move]}}
prompts: {{note: {{user: "about {{{{ topic }}}}, number {{{{ n }}}}", writes: [note]}}}}
fields: {{topic: {{value: topic}}, note: {{type: string, words: {{min: 3}}}}}}
backend: {{provider: openai, model: m, base_url: '{url}'}}
limits: {{concurrency: {concurrency}}}
"""
TESTS = Path(__file__).parent.parent / "tests"
WORKERS_PER_NODE = 4
MEDIAN, SIGMA, MESSAGE = 2.0, 0.5, 0.001  # seconds


_HIRE = RayCluster.hire


class Measured(Worker):
    """A worker that says how long its process worked."""

    async def seconds(self) -> float:
        return time.process_time()


def measure(rows: int, concurrency: int) -> None:
    with mock_server(latency=0.05) as url, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        path.write_text(SPEC.format(rows=rows, concurrency=concurrency, url=url))
        for engine in ("local", "ray"):
            print("server:", one(path, Path(folder) / engine, engine, rows, {}), flush=True)
        path, given = TESTS.parent / "specs/reviews.yaml", {"rows": "300", "backend": "ngram"}
        for engine in ("local", "ray"):
            out = Path(folder) / f"embedded-{engine}"
            print("embedded model:", one(path, out, engine, 300, given), flush=True)


def one(path: Path, out: Path, engine: str, rows: int, given: dict[str, str]) -> str:
    from synthspec.inference.clusters import ray_cluster

    hands: list[Any] = []
    if engine == "ray":
        ray_cluster.Worker = Measured
        hire = _HIRE
        ray_cluster.RayCluster.hire = lambda self: hands.append(hire(self)) or hands[-1]  # type: ignore[method-assign]
    compiled = compile_spec(path, given)
    assert compiled.spec is not None and compiled.ok
    work = Build(replace(compiled.spec, limits=replace(compiled.spec.limits, engine=engine)), compiled.tables, out)
    begun: list[tuple[float, float]] = []
    ended: list[float] = []

    def listen(event: Any) -> None:
        name = type(event).__name__
        if name == "CallBegun" and not begun:
            begun.append((time.monotonic(), time.process_time()))
        elif name == "RowKept" and work.tally.kept == rows and hands:
            import ray

            ended.extend(ray.get([h._actor.seconds.remote() for h in hands]))

    asyncio.run(finish_build(work, listen))
    wall, cpu = time.monotonic() - begun[0][0], time.process_time() - begun[0][1]
    said = f"{engine}: {rows / wall:,.0f} rows/s, driver {cpu / rows * 1000:.3f} ms of CPU a row"
    return said + (f", {len(hands)} workers {sum(ended) / rows * 1000:.3f} ms a row, start included" if hands else "")


class JumpingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock goes on to the next timer at once."""

    now = 0.0

    def __init__(self) -> None:
        super().__init__()
        select = self._selector.select  # type: ignore[attr-defined]

        def jump(timeout: float | None) -> Any:
            self.now += timeout or 0.0
            return select(0)

        self._selector.select = jump  # type: ignore[attr-defined]

    def time(self) -> float:
        return self.now


class Processor:
    """One thing after another."""

    def __init__(self) -> None:
        self.free = 0.0

    async def use(self, seconds: float) -> None:
        now = asyncio.get_running_loop().time()
        self.free = max(self.free, now) + seconds
        await asyncio.sleep(self.free - now)


class SimulatedHand:
    def __init__(self, driver: Processor, luck: random.Random, driver_s: float, worker_s: float) -> None:
        self._driver, self._luck, self._driver_s, self._worker_s = driver, luck, driver_s, worker_s
        self._own, self._done, self._news = Processor(), list[WorkerAnswer](), asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def greet(self) -> Greeting:
        return greeting_of((), {})

    async def put(self, orders: Sequence[Order]) -> None:
        await asyncio.sleep(MESSAGE)
        for order in orders:
            task = asyncio.create_task(self._call(order))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _call(self, order: Order) -> None:
        await self._own.use(self._worker_s)
        seconds = MEDIAN * self._luck.lognormvariate(0, SIGMA)
        await asyncio.sleep(seconds)
        self._done.append(WorkerAnswer(order.number, Reply("x"), seconds))
        self._news.set()

    async def take(self) -> WorkerAnswers:
        await self._news.wait()
        await asyncio.sleep(MESSAGE + Worker.gather)
        self._news.clear()
        done, self._done = self._done, []
        await self._driver.use(len(done) * self._driver_s)
        return WorkerAnswers(done, self._worker_s)

    def end(self) -> None: ...


class Nothing:
    def hire(self) -> Any:
        raise RuntimeError

    def close(self) -> None: ...


async def simulated(nodes: int, calls: int, driver_s: float, worker_s: float) -> float:
    driver, luck, ours = Processor(), random.Random(1), greeting_of((), {})
    crew = Crew(Nothing(), ours, 3600.0)
    for _ in range(nodes * WORKERS_PER_NODE):
        crew.join(SimulatedHand(driver, luck, driver_s, worker_s), ours)
    request = Request("", "note", 0, 1, (Message("user", "x"),), 1)
    places = asyncio.Semaphore(nodes * WORKERS_PER_NODE * BLOCKS * LARGEST)

    loop, ended = asyncio.get_running_loop(), list[float]()

    async def call() -> None:
        async with places:
            await crew.complete("note", request)
        ended.append(loop.time())

    await asyncio.gather(*(call() for _ in range(calls)))
    await crew.close()
    return calls // 2 / (ended[3 * calls // 4] - ended[calls // 4])  # without its start and its end


def simulate(driver_ms: float, worker_ms: float) -> None:
    print(
        f"driver {driver_ms} ms, worker {worker_ms} ms of CPU a row; {MEDIAN} s a call; {WORKERS_PER_NODE} workers a node"
    )
    for nodes in (1, 10, 100):
        places = nodes * WORKERS_PER_NODE * BLOCKS * LARGEST
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            rate = runner.run(simulated(nodes, min(8 * places, 80_000), driver_ms / 1000, worker_ms / 1000))
        print(
            f"{nodes:4} nodes, {places:6,} calls in hand: {rate:8,.0f} rows/s, driver busy {rate * driver_ms / 1000:.0%}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--concurrency", type=int, default=128)
    parser.add_argument("--simulate", action="store_true")
    parser.add_argument("--driver-ms", type=float, default=0.7)
    parser.add_argument("--worker-ms", type=float, default=0.5)
    given = parser.parse_args()
    os.environ.setdefault("OPENAI_API_KEY", "none")
    if given.simulate:
        simulate(given.driver_ms, given.worker_ms)
    else:
        measure(given.rows, given.concurrency)


if __name__ == "__main__":
    main()
