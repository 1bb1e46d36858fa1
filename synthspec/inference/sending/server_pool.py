"""Several servers behind one backend: one queue of calls, and each server with a governor of its own."""

from __future__ import annotations

import asyncio
import heapq
import math
import time
from collections.abc import Callable, Collection, Sequence
from types import TracebackType
from typing import Self

from synthspec.inference.events import ServerChange
from synthspec.inference.sending.choosing import ServerRecords, is_answer
from synthspec.inference.sending.governor import Governor
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.messages import BackendFault, Reply

CallOrder = tuple[int, ...]
_Place = tuple[int, int]  # a server, and the number of the call there
_MOST_HELD = 64  # calls passed over at once, which wait for another server


@dataclass(slots=True)
class _Waiting:
    """A call that no server has a place for yet."""

    order: CallOrder
    asked: int
    tokens: int
    failed_at: Collection[str]
    place: asyncio.Future[_Place]

    def __lt__(self, other: _Waiting) -> bool:
        return (self.order, self.asked) < (other.order, other.asked)


class ServerPool:
    """The servers of one backend. A call waits until one of them has a place for it: the lowest `order` goes first.

    `names` are their addresses, and `governors` says how fast each may be asked.
    """

    def __init__(
        self, names: Sequence[str], governors: Sequence[Governor], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.names = tuple(names)
        self.changes: list[ServerChange] = []  # to be told, and cleared, by whoever reads them
        self._standings = ServerRecords(names)
        self._governors = tuple(governors)
        self._clock = clock
        self._waiting: list[_Waiting] = []  # a heap
        self._asked = 0
        self._timer: asyncio.TimerHandle | None = None
        for governor in {id(g): g for g in governors}.values():
            governor.on_room.append(self._wake)

    def room(self, open_calls: int) -> int:
        """How many more calls could go out, beside so many that were taken and are not answered."""
        servers = self._standings.servers
        places = sum(
            1 if s.out_since is not None else max(0, g.window - g.in_flight)
            for s, g in zip(servers, self._governors, strict=True)
        )
        waiting = open_calls - sum(s.in_flight for s in servers)
        return max(0 if open_calls else 1, places - waiting)

    def slot(self, tokens: int = 0, order: CallOrder = (), failed_at: Collection[str] = ()) -> ServerSlot:
        """A place for one call on any server: `async with pool.slot(tokens) as slot: slot.at …`."""
        return ServerSlot(self, tokens, order, failed_at)

    def given_up(self) -> str | None:
        """Why no more calls should be sent: each server and what it said. None while there is hope for one."""
        return self.faults() if self._standings.given_up(self._clock()) else None

    def faults(self) -> str:
        """What each server said last."""
        return f"none of the {len(self.names)} servers can be used ({self._standings.faults()})"

    # --- places

    def _free(self, tokens: int) -> list[int]:
        """The servers that a call could go to now."""
        now, standings = self._clock(), self._standings
        places = enumerate(self._governors)
        return [i for i, governor in places if governor.wait_for(tokens) == 0.0 and standings.may_go(i, now)]

    def _take(self, free: Sequence[int], tokens: int, failed_at: Collection[str]) -> _Place | None:
        """A place on the best of these servers."""
        at = self._standings.best(self._clock(), free, failed_at)
        if at is None:
            return None
        self._governors[at].take(tokens)
        return at, self._standings.began(at)

    def _leave(self, place: _Place) -> None:
        at, number = place
        self._standings.left(at, number)
        self._governors[at].leave()

    def _ended(self, place: _Place, result: Reply | BackendFault, seconds: float, tokens: int) -> None:
        at, number = place
        governor = self._governors[at]
        if isinstance(result, Reply):
            if result.usage.total is not None:
                governor.give_back(tokens - result.usage.total)
            governor.succeeded(seconds)
            change = self._standings.succeeded(at, seconds)
        elif is_answer(result.kind):
            governor.failed(result)
            change = self._standings.succeeded(at, seconds)
        else:
            governor.failed(result)
            change = self._standings.failed(at, number, result, self._clock())
        if change is not None:
            said = self._standings.servers[at].fault if change == "out" else ""
            self.changes.append(ServerChange(self.names[at], said))

    async def _enter(self, tokens: int, order: CallOrder, failed_at: Collection[str]) -> _Place:
        if not self._waiting:
            place = self._take(self._free(tokens), tokens, failed_at)
            if place is not None:
                return place
        self._asked += 1
        waiting = _Waiting(order, self._asked, tokens, failed_at, asyncio.get_running_loop().create_future())
        heapq.heappush(self._waiting, waiting)
        self._wake()
        try:
            return await waiting.place
        except asyncio.CancelledError:
            if waiting.place.cancelled():
                self._wake()  # whoever stood behind may go now
            else:
                self._leave(waiting.place.result())
            raise

    def _wake(self) -> None:
        """Let in as many as there are places, in order. One that waits for another server holds up nobody."""
        held: list[_Waiting] = []
        while self._waiting and len(held) < _MOST_HELD:
            first = self._waiting[0]
            if not first.place.done():
                free = self._free(first.tokens)
                place = self._take(free, first.tokens, first.failed_at) if free else None
                if place is not None:
                    first.place.set_result(place)
                elif free:
                    held.append(first)
                else:
                    break
            heapq.heappop(self._waiting)
        for waiting in held:
            heapq.heappush(self._waiting, waiting)
        if self._waiting:
            self._wake_later(self._waiting[0].tokens)

    def _wake_later(self, tokens: int) -> None:
        """Come back when a server may be tried again, or one that is held back may be asked."""
        now = self._clock()
        seconds = self._standings.next_try(now)
        for at, governor in enumerate(self._governors):
            wait = governor.wait_for(tokens)
            if 0.0 < wait < seconds and not self._standings.is_out(at):
                seconds = wait
        if seconds == math.inf:
            return
        loop = asyncio.get_running_loop()
        seconds = max(seconds, 0.001)
        if self._timer is not None:
            if loop.time() < self._timer.when() <= loop.time() + seconds:
                return
            self._timer.cancel()
        self._timer = loop.call_later(seconds, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._wake()


class ServerSlot:
    """A place for one call on one of several servers, held inside `async with`."""

    __slots__ = ("_failed_at", "_order", "_place", "_pool", "_tokens", "at")

    def __init__(self, pool: ServerPool, tokens: int, order: CallOrder, failed_at: Collection[str]) -> None:
        self.at = 0  # the number of the server
        self._pool = pool
        self._tokens = tokens
        self._order = order
        self._failed_at = failed_at

    def ended(self, result: Reply | BackendFault, seconds: float) -> None:
        """What became of the call, and how long it took. To be told of every call that ended."""
        self._pool._ended(self._place, result, seconds, self._tokens)

    async def __aenter__(self) -> Self:
        self._place = await self._pool._enter(self._tokens, self._order, self._failed_at)
        self.at = self._place[0]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._pool._leave(self._place)
