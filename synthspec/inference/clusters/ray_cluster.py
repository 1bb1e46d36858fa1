"""Workers as actors of Ray, on a cluster that is begun here or joined."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from synthspec.inference.clusters.messages import Greeting, Order, WorkerAnswers
from synthspec.inference.clusters.opening import Needs, workers_for
from synthspec.inference.clusters.worker import Worker
from synthspec.inference.transport.errors import missing_package
from synthspec.spec.messages import BackendFault, FaultKind

if TYPE_CHECKING:
    from synthspec.inference.clusters.crew import Hand

EXTRA = "ray"
SPARE = 3  # workers begun again, where some could not be begun
PATIENCE = 60.0  # seconds that a cluster has to begin a worker
LATE = 10.0  # seconds that others may take longer than the first
REACHED = 10.0  # seconds in which its head answers, where an address is given
LONGEST = 300  # characters of what Ray says


class RayCluster:
    """A cluster of Ray: one of this machine's own where no address is given, else the one there.

    Raises:
        BackendFault: Ray is not installed, or the cluster cannot be joined.
    """

    def __init__(self, address: str, needs: Needs) -> None:
        try:
            ray: Any = import_module("ray")
        except ImportError:
            raise missing_package("the engine 'ray'", EXTRA) from None
        self._ray, self._needs = ray, needs
        self._ours = not ray.is_initialized()
        self._closed = False
        if self._ours:
            _join(ray, address)
        total = ray.cluster_resources()
        self._gpus = int(total.get("GPU", 0))
        self._count = workers_for(needs, max(1, int(total.get("CPU", 1))), self._gpus)
        self._setting = ray.put(needs.setting)

    def muster(self) -> list[tuple[Hand, Greeting]]:
        """Begin as many workers as the build needs, and greet each.

        Raises:
            BackendFault: none could be begun in time, or one failed.
        """
        until = time.monotonic() + PATIENCE
        asked = {hand.greeting(): hand for hand in (self.hire() for _ in range(self._count))}
        greeted: list[tuple[Hand, Greeting]] = []
        failed = ""
        spare = SPARE
        while asked:
            ready, _ = self._ray.wait(list(asked), num_returns=1, timeout=max(0.0, until - time.monotonic()))
            if not ready:
                break
            hand = asked.pop(ready[0])
            try:
                greeted.append((hand, self._ray.get(ready[0])))
                until = min(until, time.monotonic() + LATE)
            except Exception as e:  # its node has just left, perhaps
                failed = f": {_why(e)}"
                hand.end()
                if spare and self._ray.is_initialized():
                    spare -= 1
                    another = self.hire()
                    asked[another.greeting()] = another
        for late in asked.values():
            late.end()
        if greeted:
            return greeted
        lacking = "processor" if not self._needs.models else "processor, or no GPU,"
        why = failed or f" within {PATIENCE:g} s: it has no {lacking} free"
        raise BackendFault(FaultKind.UNREACHABLE, f"the cluster began no worker{why}")

    def hire(self) -> RayHand:
        gpus = 1 if self._needs.models and self._gpus else 0
        how = {"num_cpus": 1, "num_gpus": gpus, "max_restarts": 0, "scheduling_strategy": "SPREAD"}
        actor = self._ray.remote(Worker).options(**how).remote(self._setting)
        return RayHand(self._ray, actor)

    def close(self) -> None:
        """Let the cluster go; one that was begun here ends."""
        if self._ours and not self._closed:
            self._closed = True
            with contextlib.suppress(Exception), _signals_kept():
                self._ray.shutdown()


class RayHand:
    """An actor."""

    def __init__(self, ray: Any, actor: Any) -> None:
        self._ray, self._actor = ray, actor

    def greeting(self) -> Any:
        """What `greet` will come to, as Ray has it."""
        return self._actor.greet.remote()

    async def greet(self) -> Greeting:
        async with asyncio.timeout(PATIENCE):
            found: Greeting = await self.greeting()
        return found

    async def put(self, orders: Sequence[Order]) -> None:
        await self._actor.put.remote(orders)

    async def take(self) -> WorkerAnswers:
        answers: WorkerAnswers = await self._actor.take.remote()
        return answers

    def end(self) -> None:
        with contextlib.suppress(Exception):
            self._ray.kill(self._actor)


def _join(ray: Any, address: str) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing of a build is told to anybody
    own = {"address": "local", "include_dashboard": False} if not address else {"address": address}
    try:
        _refuse_silent(address)
        with _signals_kept():
            ray.init(**own, **quiet)
    except Exception as e:
        where = f"the cluster '{address}' cannot be joined" if address else "Ray cannot begin a cluster here"
        raise BackendFault(FaultKind.UNREACHABLE, f"{where}: {_why(e)}") from None


def _refuse_silent(address: str) -> None:
    """Ray would wait for minutes where nothing answers.

    Raises:
        OSError: nothing does.
    """
    parts = urlsplit(address if "://" in address else f"//{address}")
    if parts.hostname and parts.port:
        socket.create_connection((parts.hostname, parts.port), REACHED).close()


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray takes SIGTERM for itself, and would end the process at once: a build lets calls in flight end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)


def _why(error: BaseException) -> str:
    told = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
    said = " ".join(told.split())
    return said[:LONGEST] or type(error).__name__
