"""Calls between the row machine and an engine: what is stored is used again, the lowest path goes first, money is set
aside before a call leaves, a reply is durable before it counts, and only here is a request sent again."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections import Counter
from collections.abc import Mapping

from synthspec.inference.accounting.ledger import Answered, Ledger, worst_of
from synthspec.inference.engines import Call, Done, Engine, How
from synthspec.inference.events import CallBegun, CallDone, CallFailed, CallUnsent, Event, Paused, Resumed, Spend, Stop
from synthspec.inference.outcomes import CallOutcome, Id, Replied, Stopped
from synthspec.inference.sending.endpoints import Endpoint
from synthspec.inference.sending.resends import PendingRequest, after_fault
from synthspec.spec.messages import BackendFault, Completion, FaultKind, Reply, Request
from synthspec.spec.rows import RowPath

SettledAsk = tuple[Id, CallOutcome]


def _endpoint_of(request: Request) -> str:
    return request.endpoint or request.prompt


class CallQueue:
    """The calls of one run."""

    def __init__(self, engine: Engine, ledger: Ledger, endpoints: Mapping[str, Endpoint], events: list[Event]) -> None:
        self.stopping: str | None = None
        self._engine = engine
        self._ledger = ledger
        self._endpoints = endpoints
        self._events = events
        self._servers = tuple({id(e.queue): name for name, e in endpoints.items()}.values())  # one endpoint of each
        self._ready: dict[str, list[tuple[tuple[int, ...], int, PendingRequest]]] = {
            name: [] for name in endpoints
        }  # heaps
        self._flying: dict[int, PendingRequest] = {}
        self._count = 0
        self._answers: list[SettledAsk] = []  # stored, to be given to the machine
        self._done: list[Done] = []  # as the engine gave them
        self._news = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self._commits: set[asyncio.Task[None]] = set()
        self._storing: Counter[int] = Counter()  # replies that are being stored, by governor or pool
        self._closing: set[asyncio.Task[None]] = set()
        self.left = False  # calls go on without this run
        self.paused = False

    @property
    def in_flight(self) -> int:
        """Calls that the engine has not answered, and replies that are being stored."""
        return len(self._flying) + len(self._commits) + len(self._answers)

    @property
    def has_room(self) -> bool:
        """Whether a further call would be begun at once, or as soon as those in flight are answered."""
        waiting = sum(map(len, self._ready.values()))
        room = sum(self._engine.room(name) for name in self._servers)
        return not self._endpoints or waiting < room + len(self._flying)

    def stop(self, reason: str, *, instead: bool = False, waits: bool = False) -> None:
        """Let calls in flight end and begin no other; `instead` of an earlier reason, which else stays. Calls that
        outlive the process are left, unless the run `waits` for them."""
        if self.stopping is not None:
            if instead:
                self.stopping = reason
                self._close("leave")
            return
        self.stopping = reason
        self._news.set()
        self._events.append(Stop(reason, by_hand=instead))
        self._close("drain" if waits else "leave")

    def pause(self, held: bool) -> None:
        """Send no call until this is told with False; those in flight end. What is stored goes on being used."""
        if held == self.paused or self.stopping is not None:
            return
        self.paused = held
        if hasattr(self._engine, "hold"):  # an engine of a package may be of a time before there was such a thing
            self._engine.hold(held)
        self._events.append(Paused() if held else Resumed())
        self._news.set()

    async def await_change(self) -> None:
        """While paused, with nothing in flight: wait until calls are sent again, or there is something to tell."""
        await self._news.wait()
        self._news.clear()

    def _close(self, how: How) -> None:
        if self._flying:
            close = self._engine.close(how if self._engine.durable else "drain")
            self._closing.add(asyncio.get_running_loop().create_task(close))

    def ask(self, id: Id, request: Request) -> CallOutcome | None:
        """The answer where there is one already; else None, and the call is made when its turn comes.

        Raises:
            StoreFault: what is stored is damaged.
        """
        stored = self._ledger.store.get(request.key)
        if stored is not None:
            return self._replied(id, request, stored)
        if self.stopping is not None:
            return Stopped(self.stopping)
        worst = self._ledger.take_over(request)
        under_way = worst is not None
        worst = worst or worst_of(self._endpoints[_endpoint_of(request)], request)
        self._wait(PendingRequest(id, request, worst, under_way=under_way))
        return None

    def give_up(self, path: RowPath, reason: str) -> list[SettledAsk]:
        """Of what waits to be sent, the answers to what is asked for this row and those after it: nothing is sent."""
        answers: list[SettledAsk] = []
        for name, heap in self._ready.items():
            late = [asked for at, _, asked in heap if at >= path]
            if late:
                answers += [(asked.id, Stopped(reason)) for asked in late]
                self._ready[name] = [entry for entry in heap if entry[0] < path]
                heapq.heapify(self._ready[name])
        return answers

    def _wait(self, asked: PendingRequest) -> None:
        self._count += 1
        heapq.heappush(self._ready[_endpoint_of(asked.request)], (asked.id[0], self._count, asked))

    def _replied(self, id: Id, request: Request, completion: Completion, server: str = "") -> Replied:
        self._events.append(CallDone(request, id[0], completion, server))
        reply = completion.reply
        return Replied(completion.key, reply.text, reply.finish, reply.reasoning, reply.calls)

    async def send(self) -> list[SettledAsk]:
        """Send what there is room and money for, the lowest path first; once stopping, answer what waits.

        Raises:
            StoreFault: a reservation could not be noted.
        """
        calls: list[Call] = []
        held = self._unstored()
        while self.stopping is None and not self.paused and (asked := self._take(held)) is not None:
            self._count += 1
            self._flying[self._count] = asked
            path, request, worst = asked.id[0], asked.request, asked.worst
            name, at = _endpoint_of(request), asked.not_before
            calls.append(Call(self._count, request, name, path, worst.tokens, at, worst.cost, asked.failed_at))
        if calls:
            await self._submit(calls)
        if self.stopping is None:
            return []
        answers = [(asked.id, Stopped(self.stopping)) for heap in self._ready.values() for _, _, asked in heap]
        for heap in self._ready.values():
            heap.clear()
        return list(answers)

    def _take(self, held: Counter[int]) -> PendingRequest | None:
        """The next call to send, its worst set aside; `held` are places that are not free, by governor or pool: of
        replies that are not stored yet, and of calls that are about to be sent, this one with them."""
        room = self._engine.room
        heads = [
            (heap[0], name) for name, heap in self._ready.items() if heap and room(name) > held[self._queue_of(name)]
        ]
        if not heads:
            return None
        (_, _, asked), name = min(heads)
        allowed = asked.under_way or self._ledger.take(asked.worst)
        if isinstance(allowed, str):
            self.stop(allowed, waits=self._ledger.budget.seconds_left() != 0.0)
        if allowed is not True:
            return None
        heapq.heappop(self._ready[name])
        held[self._queue_of(name)] += 1
        return asked

    def _unstored(self) -> Counter[int]:
        """Replies that are not stored yet, by governor or pool: a crash would cost them too, so they keep places."""
        came = [self._flying[done.send] for done in self._done if done.send in self._flying]
        return self._storing + Counter(self._queue_of(_endpoint_of(asked.request)) for asked in came)

    def _queue_of(self, name: str) -> int:
        return id(self._endpoints[name].queue)

    async def _submit(self, calls: list[Call]) -> None:
        if self._ledger.metered and not self._engine.durable:
            notes = [self._ledger.note(c.request, self._flying[c.send].worst) for c in calls]
            for noted in await asyncio.gather(*notes, return_exceptions=True):
                if isinstance(noted, BaseException):
                    for call in calls:
                        self._ledger.give_back(self._flying.pop(call.send).worst)
                    raise noted
        if self._listening is None:
            self._listening = asyncio.create_task(self._listen())
            self._listening.add_done_callback(self._heard)
        await self._engine.submit(calls)
        self._events.extend(CallBegun(c.request, c.path) for c in calls)

    async def _listen(self) -> None:
        """Take what the engine gives, as it comes."""
        async for done in self._engine.results():
            self._done.extend(done)
            self._news.set()

    def _heard(self, task: asyncio.Task[None]) -> None:
        self._news.set()

    @property
    def has_answers(self) -> bool:
        """Whether `receive` would not wait."""
        return bool(self._done or self._answers)

    async def receive(self) -> list[SettledAsk]:
        """Wait until calls are answered and stored. Replies are stored while others are on their way.

        Raises:
            StoreFault: a reply could not be stored.
        """
        if not (self._done or self._commits or self._answers or self.paused):
            await self._engine.flush()
        if not self.has_answers:
            await self._await_news()
        self._news.clear()
        if self._listening is not None and self._listening.done() and not self._done:
            self._listening.result()
            lost = BackendFault(FaultKind.UNREACHABLE, "the engine ended without an answer", sent="maybe")
            self._done = [Done(send, lost) for send in self._flying]
        answers = await self._take_done()
        for task in [t for t in self._commits if t.done()]:
            self._commits.discard(task)
            task.result()
        answers += self._answers
        self._answers = []
        return answers

    def wake(self) -> None:
        """Something is to be told: whoever waits for replies looks up."""
        self._news.set()

    async def _await_news(self) -> None:
        """Wait for replies; for those that outlive the process only as long as this run may take."""
        left = self._ledger.budget.seconds_left() if self._engine.durable and not self.left else None
        if left is None:
            await self._news.wait()
            return
        try:
            await asyncio.wait_for(self._news.wait(), left)
        except TimeoutError:
            self.left = True
            reason = self._ledger.budget.out_of_time()
            self.stop(self.stopping or reason, instead=self.stopping is not None)

    async def _take_done(self) -> list[SettledAsk]:
        """Begin to store the replies that came; what became of the other calls."""
        done, self._done = self._done, []
        known = [(d, self._flying.pop(d.send)) for d in done if d.send in self._flying]
        replied = [(d, a) for d, a in known if isinstance(d.result, Reply)]
        if replied:
            self._storing.update(self._queue_of(_endpoint_of(asked.request)) for _, asked in replied)
            task = asyncio.create_task(self._commit(replied))
            self._commits.add(task)
            task.add_done_callback(self._heard)
        answers: list[SettledAsk] = []
        for one, asked in known:
            if one.left:
                self.left = True
                self.stop(one.left)
                answers.append((asked.id, Stopped(self.stopping or one.left)))
            elif not isinstance(one.result, Reply):
                answers += await self._unanswered(asked, one.result, one.server)
        self._tell_changes()
        return answers

    def _tell_changes(self) -> None:
        """What became of servers, where a backend has several."""
        for endpoint in self._endpoints.values():
            if endpoint.pool is not None and endpoint.pool.changes:
                self._events.extend(endpoint.pool.changes)
                endpoint.pool.changes.clear()

    async def _commit(self, replied: list[tuple[Done, PendingRequest]]) -> None:
        """Store replies that are paid for, all at once; where one cannot be stored the others are all the same."""
        replies: list[Answered] = []
        for done, asked in replied:
            assert isinstance(done.result, Reply)
            endpoint = self._endpoints[_endpoint_of(asked.request)]
            endpoint.answered = True
            replies.append((endpoint, asked.request, done.result, done.latency, asked.worst))
        try:
            found = await self._ledger.commit(replies)
        finally:
            self._storing.subtract(self._queue_of(_endpoint_of(asked.request)) for _, asked in replied)
        fault: Exception | None = None
        for (done, asked), completion in zip(replied, found, strict=True):
            if isinstance(completion, Exception):
                fault = fault or completion
            else:
                self._answers.append((asked.id, self._replied(asked.id, asked.request, completion, done.server)))
        budget = self._ledger.budget
        self._events.append(Spend(budget.cost, budget.tokens))
        if fault is not None:
            raise fault

    async def _unanswered(self, asked: PendingRequest, fault: BackendFault | None, server: str) -> list[SettledAsk]:
        """A call without a reply: sent again, or given up."""
        await self._ledger.lost(asked.request, asked.worst, "no" if fault is None else fault.sent)
        outcome: CallOutcome | None = None
        if fault is not None:
            now = asyncio.get_running_loop().time()
            found = after_fault(asked, fault, self._endpoints[_endpoint_of(asked.request)], server, now)
            if isinstance(found, str):
                self.stop(found)
            else:
                outcome = found
            again = outcome is None and self.stopping is None
            told = str(fault.kind), again, server, fault.message, self._charged(asked, fault)
            self._events.append(CallFailed(asked.request, asked.id[0], *told))
        else:
            self._events.append(CallUnsent(asked.request, asked.id[0]))
        if outcome is None and self.stopping is not None:
            outcome = Stopped(self.stopping)
        if outcome is not None:
            return [(asked.id, outcome)]
        if asked.under_way:
            asked.under_way = False
            asked.worst = worst_of(self._endpoints[_endpoint_of(asked.request)], asked.request)
        self._wait(asked)
        return []

    def _charged(self, asked: PendingRequest, fault: BackendFault) -> float | None:
        """US dollars that a call may cost at most of which no reply can be used; None is not known."""
        endpoint = self._endpoints[_endpoint_of(asked.request)]
        if fault.sent == "no" or endpoint.free:
            return 0.0
        return None if endpoint.prices is None else asked.worst.cost

    async def shut(self) -> None:
        """End the calls: those in flight are waited for, unless the run was cancelled, and what came is stored."""
        await asyncio.gather(*self._closing)
        task = asyncio.current_task()
        cancelled = task is not None and task.cancelling() > 0
        await self._engine.close("cancel" if cancelled else "leave" if self._engine.durable else "drain")
        if self._listening is not None:
            await asyncio.gather(self._listening, return_exceptions=True)
        with contextlib.suppress(Exception):  # what ended the run is told; here as much is kept as can be
            await self._take_done()
        await asyncio.gather(*self._commits, return_exceptions=True)
        await self._engine.settled()
