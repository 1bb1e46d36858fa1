"""Plan order under concurrency: rows arrive in any order and are decided, and handed on, in the plan's.

A row is final once every row before it is. Rules between rows see only final rows, so what is rejected does not
depend on which call was faster. A conflict with a row that is final already can be told at once, for no later
row can undo it; all others wait for their turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from synthspec.records import Rejection, Row, Stage


class Judge(Protocol):
    """Rules between rows."""

    def judge(self, row: Mapping[str, Any]) -> Rejection | None: ...

    def keep(self, slot: int, row: Mapping[str, Any]) -> None: ...


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


class Frontier:
    """Hands rows on in plan order. `sink` gets every row or the reason for its absence, exactly once each."""

    def __init__(self, judge: Judge | None, sink: Callable[[Row | Missing], None], window: int) -> None:
        self.judge = judge
        self.sink = sink
        self.window = window
        self.next = 0
        self._done: dict[int, Row | Missing] = {}
        self._waiting: dict[int, tuple[Row, asyncio.Future[Rejection | None]]] = {}
        self._room = asyncio.Event()
        self._swept = -1

    async def room(self, slot: int) -> None:
        """Wait until a slot is near enough to the frontier to be worked on."""
        while slot >= self.next + self.window:
            self._room.clear()
            await self._room.wait()

    async def offer(self, row: Row) -> Rejection | None:
        """A sound row. None: it is final. Else why it is not new beside the rows before it."""
        if self.judge is None:
            self._settle(row.slot, row)
            return None
        if row.slot != self.next:
            known = self.judge.judge(row.values)
            if known is not None:
                return known
        future: asyncio.Future[Rejection | None] = asyncio.get_running_loop().create_future()
        self._waiting[row.slot] = (row, future)
        self._advance()
        return await future

    def give_up(self, missing: Missing) -> None:
        """A row that will not come."""
        self._settle(missing.slot, missing)

    def _settle(self, slot: int, outcome: Row | Missing) -> None:
        self._done[slot] = outcome
        self._advance()

    def _advance(self) -> None:
        moved = self.next
        while True:
            outcome = self._done.pop(self.next, None)
            if outcome is not None:
                self.sink(outcome)
                self.next += 1
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

    def _decide(self, slot: int) -> bool:
        """Judge the row whose turn it is; whether it was taken."""
        assert self.judge is not None
        row, future = self._waiting.pop(slot)
        rejection = self.judge.judge(row.values)
        if rejection is None:
            self.judge.keep(slot, row.values)
            self.sink(row)
            self.next += 1
        if not future.done():
            future.set_result(rejection)
        return rejection is None

    def _sweep(self) -> None:
        """While one row holds up the others, tell those that are sure to fail."""
        assert self.judge is not None
        for slot in list(self._waiting):
            row, future = self._waiting[slot]
            rejection = self.judge.judge(row.values)
            if rejection is not None:
                del self._waiting[slot]
                if not future.done():
                    future.set_result(rejection)
