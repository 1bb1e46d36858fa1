"""The near end: orders go to workers in blocks, answers come back in any order, and a worker that is lost costs what it
had in hand and no more.

An order is given to one worker, once. What a lost worker had is not known to have come to anything: it is answered by
a fault that may have been charged for, and the driver sends it again as another call. Another worker takes its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Protocol

from synthspec.inference.clusters.messages import Greeting, Order, WorkerAnswer, WorkerAnswers, difference
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.messages import BackendFault, FaultKind, Reply, Request

LARGEST = 64  # orders in a block
BLOCKS = 2  # that a worker has in hand, so that it never waits for the next
WORK = 0.5  # seconds of work that a block should be
SMOOTHED = 0.3  # share of the newest measure of work
GRACE = 30.0  # seconds after the time that a call may take, before a worker that is silent is given up
LEAVING = 5.0  # seconds that workers have to end
MOST_LOST = 8  # workers lost in a row with no answer between, beyond as many as there were: there is no hope


class WorkerLost(BackendFault):
    """A worker went away with calls in hand; the server that it asked has no part in that."""

    of_server = False

    def __init__(self, why: str) -> None:
        super().__init__(FaultKind.UNREACHABLE, why, sent="maybe")


class Hand(Protocol):
    """One worker, as the driver has hold of it. Any of these may raise: then the worker is lost."""

    async def greet(self) -> Greeting: ...
    async def put(self, orders: Sequence[Order]) -> None: ...
    async def take(self) -> WorkerAnswers: ...
    def end(self) -> None:
        """At once. Does not raise."""
        ...


class Cluster(Protocol):
    """Where workers are begun."""

    def hire(self) -> Hand: ...
    def close(self) -> None: ...


@dataclass(slots=True, eq=False)
class _Member:
    hand: Hand
    node: str
    size: int
    work: float | None = None
    open: dict[int, float] = field(default_factory=dict)  # orders in hand, the oldest first, and when they were given
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    listening: asyncio.Task[None] | None = None
    gone: bool = False

    @property
    def room(self) -> int:
        return 0 if self.gone else BLOCKS * self.size - len(self.open)


class Crew:
    """Workers, and the orders that they have. `least` is the smallest block: what a local model writes at once."""

    def __init__(
        self,
        cluster: Cluster,
        ours: Greeting,
        timeout: float,
        *,
        least: int = 1,
        grace: float = GRACE,
        tell: Callable[[str], None] = lambda said: None,
    ) -> None:
        self._cluster, self._ours, self._overdue, self._tell = cluster, ours, timeout + grace, tell
        self._least = min(LARGEST, max(1, least))
        self._members: list[_Member] = []
        self._hiring: set[asyncio.Task[None]] = set()
        self._queue: deque[Order] = deque()
        self._waiting: dict[int, asyncio.Future[WorkerAnswer]] = {}
        self._given: dict[int, Callable[[], None]] = {}
        self._count = 0
        self._began_with = 0  # workers
        self._lost = 0  # in a row, without an answer
        self._last = ""
        self._sharing = False
        self._closed = False

    @property
    def room(self) -> int:
        """Orders that would go to a worker at once."""
        free = sum(m.room for m in self._members)
        free += sum(BLOCKS * self._least for _ in self._hiring)
        return max(0, free - len(self._queue))

    def join(self, hand: Hand, greeting: Greeting) -> None:
        """Take in a worker that was greeted.

        Raises:
            BackendFault: it cannot work for this driver.
        """
        why = difference(self._ours, greeting)
        if why is not None:
            hand.end()
            raise BackendFault(FaultKind.BAD_REQUEST, why)
        self._members.append(_Member(hand, greeting.node, LARGEST))
        self._began_with = max(self._began_with, len(self._members))

    async def complete(
        self, backend: str, request: Request, given: Callable[[], None] = lambda: None
    ) -> tuple[Reply | BackendFault, float]:
        """What came of one call, and the seconds that it took. `given` is told when it goes to a worker; cancelled
        before that, it goes to none.

        Raises:
            WorkerLost: the worker that had it went away.
            BackendFault: there is no worker, and none to come.
        """
        self._begin()
        self._count += 1
        number = self._count
        future: asyncio.Future[WorkerAnswer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self._given[number] = given
        self._queue.append(Order(number, backend, request))
        self._share_soon()
        try:
            answer = await future
        finally:
            self._waiting.pop(number, None)
            self._given.pop(number, None)
        result = answer.result
        return (result if isinstance(result, Reply) else result.raised()), answer.latency

    async def close(self) -> None:
        """End every worker."""
        if self._closed:
            return
        self._closed = True
        for member in self._members:
            member.gone = True
            member.hand.end()
        listening = [m.listening for m in self._members if m.listening is not None]
        if listening:  # they end with their workers; Ray's client complains of answers that are not waited for
            await asyncio.wait(listening, timeout=LEAVING)
        tasks = [task for member in self._members for task in member.tasks] + list(self._hiring)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._members = []
        self._cluster.close()

    def _begin(self) -> None:
        for member in self._members:
            if member.listening is None:
                member.listening = asyncio.create_task(self._listen(member))
                member.tasks |= {member.listening, asyncio.create_task(self._watch(member))}

    def _share_soon(self) -> None:
        """Share out what came in one turn of the event loop: in few blocks, not in many."""
        if not self._sharing:
            self._sharing = True
            asyncio.get_running_loop().call_soon(self._share)

    def _share(self) -> None:
        self._sharing = False
        while self._queue:
            free = max(self._members, key=lambda m: m.room, default=None)
            if free is None or free.room <= 0:
                break
            working = [m for m in self._members if not m.gone]
            fair = -(-len(self._queue) // len(working))
            block = [self._queue.popleft() for _ in range(min(free.room, free.size, fair, len(self._queue)))]
            wanted = [order for order in block if self._is_wanted(order)]
            if wanted:
                now = asyncio.get_running_loop().time()
                free.open |= {order.number: now for order in wanted}
                for order in wanted:
                    self._given.pop(order.number)()
                self._send(free, wanted)
        if self._queue and not self._hiring and all(m.gone for m in self._members):
            self._give_up()

    def _is_wanted(self, order: Order) -> bool:
        """Whether it was not cancelled."""
        future = self._waiting.get(order.number)
        return future is not None and not future.done()

    def _send(self, member: _Member, block: list[Order]) -> None:
        async def send() -> None:
            try:
                await member.hand.put(block)
            except Exception as e:
                self._lose(member, _said(e))

        task = asyncio.create_task(send())
        member.tasks.add(task)
        task.add_done_callback(member.tasks.discard)

    async def _watch(self, member: _Member) -> None:
        """Give up a worker from which nothing comes any more."""
        loop = asyncio.get_running_loop()
        while not member.gone:
            await asyncio.sleep(self._overdue / 4)
            given = next(iter(member.open.values()), math.inf)
            if loop.time() - given > self._overdue:
                self._lose(member, f"it did not answer for {self._overdue:g} s")

    async def _listen(self, member: _Member) -> None:
        while not member.gone:
            try:
                answers = await member.hand.take()
            except Exception as e:
                self._lose(member, _said(e))
                return
            self._take(member, answers)

    def _take(self, member: _Member, answers: WorkerAnswers) -> None:
        for answer in answers.answers:
            given = member.open.pop(answer.number, None)
            future = self._waiting.get(answer.number)
            if given is None or future is None or future.done():
                continue  # told twice, or not wanted any more
            self._lost = 0
            future.set_result(answer)
        member.work = answers.work if member.work is None else member.work + SMOOTHED * (answers.work - member.work)
        fitting = LARGEST if member.work <= 0 else int(WORK / member.work)
        member.size = max(self._least, min(LARGEST, fitting), 1)
        self._share_soon()

    def _lose(self, member: _Member, why: str) -> None:
        if member.gone or self._closed:
            return
        member.gone = True
        self._members.remove(member)
        member.hand.end()
        self._lost += 1
        self._last = f"the worker on {member.node} was lost: {why}"
        self._tell(self._last)
        for number in member.open:
            self._fail(number, WorkerLost(self._last))
        for task in member.tasks - {asyncio.current_task()}:
            task.cancel()
        if self._lost < MOST_LOST + self._began_with:
            task = asyncio.create_task(self._hire())
            self._hiring.add(task)
            task.add_done_callback(self._hired)
        self._share_soon()

    async def _hire(self) -> None:
        """Another worker in the place of one that was lost."""
        hand = None
        try:
            hand = self._cluster.hire()
            self.join(hand, await hand.greet())
        except BackendFault as e:
            self._last = e.message
        except Exception as e:
            self._last = f"no other worker could be begun: {_said(e)}"
            if hand is not None:
                hand.end()

    def _hired(self, task: asyncio.Task[None]) -> None:
        self._hiring.discard(task)
        if not self._closed:
            with contextlib.suppress(RuntimeError):  # the loop is closing
                self._begin()
                self._share_soon()

    def _give_up(self) -> None:
        """There is no worker, and none to come."""
        fault = BackendFault(FaultKind.BAD_REQUEST, f"no worker is left: {self._last}", sent="no")
        while self._queue:
            self._fail(self._queue.popleft().number, fault)

    def _fail(self, number: int, fault: BackendFault) -> None:
        future = self._waiting.get(number)
        if future is not None and not future.done():
            future.set_exception(fault)


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
