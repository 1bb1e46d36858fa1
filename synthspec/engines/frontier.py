"""Plan order under concurrency: rows arrive in any order and are decided, and handed on, in the plan's.

A row is final once every row before it is. Rules between rows see only final rows, so what is rejected does not
depend on which call was faster. A rejection that is sure to stand, with the same reason, at the row's turn is told
at once; all others wait. Repeats are counted in plan order too: where the model only repeats itself, the stop names
a row, and no row after it is kept, finished or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from synthspec.engines.variety import Watch
from synthspec.records import Rejection, Row, Stage


class Judge(Protocol):
    """Rules between rows."""

    def judge(self, row: Mapping[str, Any]) -> Rejection | None: ...

    def judge_early(self, row: Mapping[str, Any]) -> Rejection | None: ...

    def keep(self, slot: int, row: Mapping[str, Any]) -> None: ...


class Poisoned(Exception):
    """Something raised where rows are judged or handed on: no row is taken any more."""


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt at a row that was not kept."""

    prompt: str
    attempt: int
    text: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """A row that could not be had: where it was lost, why, and all that was tried."""

    combination: int
    slot: int
    stage: Stage
    reasons: tuple[str, ...]
    values: Mapping[str, Any]
    tries: tuple[Try, ...] = ()


@dataclass(frozen=True, slots=True)
class Stop:
    """What is done where the model only repeats itself: how to say so, and what a row after it comes to."""

    announce: Callable[[], None]
    dropped: Callable[[int], Missing]


class Frontier:
    """Hands rows on in plan order. `sink` gets every row or the reason for its absence, exactly once each."""

    def __init__(
        self, judge: Judge | None, sink: Callable[[Row | Missing], None], window: int, watch: Watch, stop: Stop | None
    ) -> None:
        self.judge = judge
        self.sink = sink
        self.window = window
        self.next = 0
        self.fault: BaseException | None = None
        self._watch = watch
        self._stop = stop
        self._stopped = False
        self._done: dict[int, Row | Missing] = {}
        self._waiting: dict[int, tuple[Row, str, asyncio.Future[Rejection | None]]] = {}
        self._repeats: dict[int, list[str]] = {}  # by slot, the mark of the combination of each repeat
        self._room = asyncio.Event()
        self._swept = -1

    async def room(self, slot: int) -> None:
        """Wait until a slot is near enough to the frontier to be worked on.

        Raises:
            Poisoned: no row is taken any more.
        """
        while slot >= self.next + self.window and self.fault is None:
            self._room.clear()
            await self._room.wait()
        self._refuse()

    async def offer(self, row: Row, mark: str) -> Rejection | None:
        """A sound row. None: it is final. Else why it is not new beside the rows before it.

        Raises:
            Poisoned: no row is taken any more.
        """
        self._refuse()
        if self.judge is None:
            self._settle(row.slot, row, mark)
            return None
        try:
            if row.slot != self.next and not self._stopped:
                known = self.judge.judge_early(row.values)
                if known is not None:
                    self._repeats.setdefault(row.slot, []).append(mark)
                    return known
        except BaseException as e:
            self.poison(e)
            raise
        future: asyncio.Future[Rejection | None] = asyncio.get_running_loop().create_future()
        self._waiting[row.slot] = (row, mark, future)
        self._advance()
        return await future

    def give_up(self, missing: Missing) -> None:
        """A row that will not come."""
        if self.fault is None:
            self._settle(missing.slot, missing, "")

    def poison(self, fault: BaseException) -> None:
        """Take no row any more, and tell all that wait."""
        if self.fault is not None:
            return
        self.fault = fault
        waiting, self._waiting = self._waiting, {}
        for _, _, future in waiting.values():
            if not future.done():
                future.set_exception(Poisoned(str(fault)))
        self._room.set()

    def _refuse(self) -> None:
        if self.fault is not None:
            raise Poisoned(str(self.fault))

    def _settle(self, slot: int, outcome: Row | Missing, mark: str) -> None:
        self._done[slot] = outcome
        if isinstance(outcome, Row):
            self._marks(slot).append(mark)
        self._advance()

    def _marks(self, slot: int) -> list[str]:
        return self._repeats.setdefault(slot, [])

    def _advance(self) -> None:
        try:
            self._move()
        except BaseException as e:
            self.poison(e)
            raise

    def _move(self) -> None:
        moved = self.next
        while True:
            outcome = self._done.pop(self.next, None)
            if outcome is not None:
                mark = self._marks(self.next).pop() if isinstance(outcome, Row) else ""
                self._hand_on(outcome, mark)
            elif self.next in self._waiting:
                if not self._decide(self.next):
                    break
            else:
                break
        if self.next != moved:
            self._room.set()
        if self._waiting and self._swept != self.next:
            self._swept = self.next
            self._sweep()

    def _hand_on(self, outcome: Row | Missing, mark: str) -> None:
        """The row whose turn it is goes on, and what it says of the model is counted."""
        slot = self.next
        if self._stopped:
            assert self._stop is not None
            self._repeats.pop(slot, None)
            self.sink(self._stop.dropped(slot))
            self.next += 1
            return
        for repeated in self._repeats.pop(slot, ()):
            self._watch.repeated(repeated)
        if isinstance(outcome, Row):
            self._watch.kept(mark, outcome.values)
        self.sink(outcome)
        self.next += 1
        if self._stop is not None and self._watch.saturated:
            self._stopped = True
            self._stop.announce()

    def _decide(self, slot: int) -> bool:
        """Judge the row whose turn it is; whether it was taken."""
        assert self.judge is not None
        row, mark, future = self._waiting[slot]
        rejection = None if self._stopped else self.judge.judge(row.values)
        if rejection is None:
            if not self._stopped:
                self.judge.keep(slot, row.values)
            self._hand_on(row, mark)
        else:
            self._marks(slot).append(mark)
        del self._waiting[slot]
        if not future.done():
            future.set_result(rejection)
        return rejection is None

    def _sweep(self) -> None:
        """While one row holds up the others, tell those that are sure to fail."""
        assert self.judge is not None
        if self._stopped:
            return
        for slot in list(self._waiting):
            row, mark, future = self._waiting[slot]
            rejection = self.judge.judge_early(row.values)
            if rejection is not None:
                self._marks(slot).append(mark)
                del self._waiting[slot]
                if not future.done():
                    future.set_result(rejection)
