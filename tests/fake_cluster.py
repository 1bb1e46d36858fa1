"""A cluster in this process: workers that answer in any order, tell things twice, and are lost with what they have.

Everything that travels is packed and unpacked as it would be between two machines. No clock is read.
"""

from __future__ import annotations

import asyncio
import pickle
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from synthspec.inference.clusters.crew import Crew
from synthspec.inference.clusters.engine import ClusterEngine
from synthspec.inference.clusters.messages import Greeting, Order, Setting, WorkerAnswers, greeting_of
from synthspec.inference.clusters.opening import Needs
from synthspec.inference.clusters.worker import Worker


def travelled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


class QuickWorker(Worker):
    gather = 0.0


class FakeHand:
    def __init__(self, cluster: FakeCluster, setting: bytes, backends: Mapping[str, Any] | None) -> None:
        self.cluster, self.dead = cluster, False
        self.worker = QuickWorker(setting)
        if backends is not None:
            self.worker._backends = dict(backends)
        self.given: list[int] = []
        self.told: list[Any] = []

    async def greet(self) -> Greeting:
        await self._travel()
        greeting: Greeting = travelled(await self.worker.greet())
        return replace(greeting, **self.cluster.odd)

    async def put(self, orders: Sequence[Order]) -> None:
        await self._travel()
        self.cluster.blocks.append(len(orders))
        self.given += [o.number for o in orders]
        await self.worker.put(travelled(list(orders)))
        self._chance_to_die()

    async def take(self) -> WorkerAnswers:
        answers: WorkerAnswers = travelled(await self.worker.take())
        self._chance_to_die()
        await self._travel()
        luck = self.cluster.luck
        some = [*answers.answers, *(a for a in self.told[-5:] if luck.random() < self.cluster.twice)]
        self.told += answers.answers
        luck.shuffle(some)
        return WorkerAnswers(some, self.cluster.work if self.cluster.work is not None else answers.work)

    def end(self) -> None:
        self.dead = True
        self.worker._news.set()  # whoever waits for answers learns it
        for task in list(self.worker._tasks):
            task.cancel()

    def _chance_to_die(self) -> None:
        luck = self.cluster.luck
        if self.cluster.deaths > 0 and luck.random() < self.cluster.death:
            self.cluster.deaths -= 1
            self.end()
        self._check()

    async def _travel(self) -> None:
        for _ in range(self.cluster.luck.choice([0, 0, 1, 3, 9])):
            await asyncio.sleep(0)
        self._check()

    def _check(self) -> None:
        if self.dead:
            raise ConnectionError("the actor died")


@dataclass
class FakeCluster:
    """`deaths` workers at most are lost on the way, each time something travels by the chance `death`; `twice` is how often an answer is told again; `odd` is what of a node's
    greeting is not as it should be; `hires` how many workers there can be in all."""

    setting: bytes
    backends: Mapping[str, Any] | None = None  # None: workers open their own
    count: int = 2
    seed: int = 0
    deaths: int = 0
    death: float = 0.3
    twice: float = 0.3
    hires: int = 1000
    work: float | None = None
    closed: bool = False

    def __post_init__(self) -> None:
        self.luck = random.Random(self.seed)
        self.odd: dict[str, Any] = {}
        self.blocks: list[int] = []
        self.hands: list[FakeHand] = []

    def hire(self) -> FakeHand:
        if len(self.hands) >= self.hires:
            raise RuntimeError("the cluster is full")
        self.hands.append(FakeHand(self, self.setting, self.backends))
        return self.hands[-1]

    def muster(self) -> list[tuple[Any, Greeting]]:
        found: list[tuple[Any, Greeting]] = []
        for _ in range(self.count):
            hand = self.hire()
            coroutine = hand.worker.greet()
            try:  # it waits for nothing
                coroutine.send(None)
            except StopIteration as end:
                found.append((hand, replace(travelled(end.value), **self.odd)))
        return found

    def close(self) -> None:
        self.closed = True


def cluster_for(needs: Needs, **how: Any) -> FakeCluster:
    return FakeCluster(needs.setting, **how)


def cluster_engine(endpoints: Any, timeout: float, **how: Any) -> ClusterEngine:
    """Over backends of this process, as the contract of engines has them."""
    backends = {name: e.backend for name, e in endpoints.items()}
    setting: Any = Setting({}, None, {}, timeout)  # type: ignore[arg-type]
    cluster = FakeCluster(pickle.dumps(setting), backends, **how)
    crew = Crew(cluster, greeting_of((), {}), timeout)
    for hand, greeting in cluster.muster():
        crew.join(hand, greeting)
    engine = ClusterEngine(endpoints, timeout, crew, {id(b): name for name, b in backends.items()})
    engine.cluster = cluster  # type: ignore[attr-defined]
    return engine
