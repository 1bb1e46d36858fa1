"""The driver of a run: it opens combinations in plan order, gives keys, money and the store to what the row machine
asks, sends calls through an engine, and hands rows on in path order. All that happens is one stream of events.

Where anything raises, the run ends: no call is begun any more, what is in flight is stored, and the error goes on to
whoever reads the stream.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from synthspec.generation.machine.program import Program
from synthspec.generation.machine.row_machine import Turn, advance, begin, paths_of
from synthspec.generation.machine.states import (
    Ask,
    Combination,
    Effect,
    Known,
    Lost,
    Need,
    Note,
    Offer,
    Outcome,
    State,
    Verdict,
)
from synthspec.generation.scheduling.reorder_buffer import CrossRowRules, ReorderBuffer
from synthspec.generation.scheduling.request_writer import FirstRequest, RequestWriter
from synthspec.generation.scheduling.variety import Chain, Recent, Watch, elsewhere, listed_names, mark_of
from synthspec.inference.accounting.ledger import Ledger
from synthspec.inference.engines import Engine
from synthspec.inference.events import Counted, Event, RowKept, RowMissing, RowReady, RowRejected
from synthspec.inference.outcomes import Id, Stopped
from synthspec.inference.sending.endpoints import Endpoint
from synthspec.inference.sending.sender import Sends
from synthspec.languages.templates.template import TemplateFault
from synthspec.planning.plan import Plan
from synthspec.spec.messages import Missing, Path, Row, Stage

INTERRUPTED = "interrupted"  # the reason of a run stopped by hand: nothing is written
SATURATED = "the model only repeats itself (novelty.on_saturation: stop)"
WINDOW = 16_384  # rows that may be worked on ahead of the first that is not final
WINDOW_JUDGED = 4_096  # the same where rows wait for their turn
STUCK = 8  # turns in which nothing happens and nothing is waited for: a fault of ours
OPENED_AT_ONCE = 64  # combinations begun before others have a turn of the event loop


@dataclass(slots=True)
class _Work:
    """One combination being worked on."""

    state: State
    firsts: Mapping[str, FirstRequest]
    mark: str  # its listed values
    rows: int  # not final yet
    chain: tuple[Chain, int] | None = None  # where its texts are told to later rows, and its place there
    kept: dict[Path, Mapping[str, Any]] = field(default_factory=dict)
    notes: dict[Path, list[Note]] = field(default_factory=dict)
    moved: dict[Path, tuple[Mapping[str, FirstRequest], str]] = field(default_factory=dict)


class Driver:
    """One run over the combinations of a plan."""

    def __init__(
        self,
        program: Program,
        plan: Plan,
        requests: RequestWriter,
        judge: CrossRowRules | None,
        ledger: Ledger,
        engine: Engine,
        endpoints: Mapping[str, Endpoint],
    ) -> None:
        spec = program.spec
        self.program, self.plan, self.requests, self.ledger = program, plan, requests, ledger
        self.watch = Watch(tuple(f.name for f in spec.fields if f.value is None))
        self.events: list[Event] = []
        self._sends = Sends(engine, ledger, endpoints, self.events)
        drop = self._dropped if spec.novelty.on_saturation == "stop" else None
        self._buffer = ReorderBuffer(judge, self.watch, drop)
        self._window = WINDOW if judge is None else WINDOW_JUDGED
        self._listed = listed_names(spec)
        avoid = spec.novelty.avoid
        self._avoided = avoid.fields if avoid is not None else ()
        self._recent = Recent(avoid.last) if avoid is not None else None
        self._next = 0  # the combination to open next
        self._combinations: Iterator[dict[str, Any]] = iter(())
        self._waiting: dict[str, Any] | None = None  # the next combination, while the texts it avoids are not known
        self._joined: tuple[Chain, int] | None = None
        self._works: dict[int, _Work] = {}
        self._answers: deque[tuple[Id, Outcome]] = deque()

    @property
    def stopping(self) -> str | None:
        """Why no further call is begun; None while calls are."""
        return self._sends.stopping

    def skip(self, combinations: int) -> None:
        """Begin after so many combinations, whose rows an earlier build settled. To be called before `run`."""
        self._next = combinations

    def stop(self, reason: str) -> None:
        """Let calls in flight end and begin no other."""
        self._sends.stop(reason)

    async def run(self) -> AsyncGenerator[Event, None]:
        """Work until every row is final, telling all that happens. To be closed by whoever stops reading it.

        Raises:
            StoreFault: a completion could not be stored.
        """
        self._combinations = self.plan.combinations(self._next, len(self.plan))
        idle = 0
        try:
            while True:
                more = self._open_some()
                self._settle()
                idle = 0 if self.events or more or self._sends.in_flight else idle + 1
                if idle > STUCK:
                    raise RuntimeError("no call is in flight, and rows are still open")
                for event in self._told():
                    yield event
                if (not more and not self._works and self._waiting is None) or self._is_interrupted():
                    break
                self._answers.extend(await self._sends.send())
                if self._answers or more or not self._sends.in_flight:
                    await asyncio.sleep(0)
                    continue
                self._answers.extend(await self._sends.receive())
        finally:
            await self._sends.shut()
        for event in self._told():
            yield event

    def _told(self) -> list[Event]:
        told = self.events[:]
        self.events.clear()
        return told

    def _is_interrupted(self) -> bool:
        return self.stopping == INTERRUPTED and not self._sends.in_flight

    # --- opening

    def _open_some(self) -> bool:
        """Begin combinations while there is room for their calls; whether more can be begun at once."""
        for _ in range(OPENED_AT_ONCE):
            if self.stopping == INTERRUPTED or not (self.stopping or self._sends.has_room):
                return False
            if len(self._buffer) >= self._window or not self._open_next():
                return False
            self._answer_all()
        return True

    def _open_next(self) -> bool:
        """Begin the next combination, in plan order; False where there is none, or it must wait for earlier rows."""
        values = self._waiting
        if values is None:
            values = next(self._combinations, None)
            if values is None:
                return False
            if self._recent is not None:
                self._joined = self._recent.join(mark_of(self._listed, values))
        context = self.program.context(values)
        if self._joined is not None:
            texts = self._joined[0].before(self._joined[1])
            if texts is None:
                self._waiting = values
                return False
            context["avoid"] = texts
        self._waiting = None
        combination = Combination(self._next, values, context)
        self._next += 1
        self._open(combination)
        return True

    def _open(self, combination: Combination) -> None:
        paths = paths_of(self.program, combination.index)
        self._buffer.open(paths)
        mark = mark_of(self._listed, combination.values)
        work = _Work(State(combination, {}), {}, mark, len(paths), self._joined)
        self._works[combination.index] = work
        try:
            work.firsts = self.requests.open(combination)
        except TemplateFault as e:
            for path in paths:
                reasons = (f"the prompt: {e}",)
                self._act(work, Lost(path, combination, Stage.CALL, reasons, dict(combination.values), ()))
            self._finish_texts(work)
            return
        self._take(work, begin(self.program, combination))

    # --- answering

    def _answer_all(self) -> None:
        while self._answers:
            id, outcome = self._answers.popleft()
            work = self._works[id[0][0]]
            if isinstance(outcome, Verdict):
                self._tell_verdict(work, id[0], outcome)
            self._take(work, advance(self.program, work.state, id, outcome))

    def _tell_verdict(self, work: _Work, path: Path, verdict: Verdict) -> None:
        if verdict.rejection is None and self._recent is not None:
            row = work.state.rows[path]
            assert isinstance(row.waits, Offer)
            work.kept[path] = row.waits.values

    def _take(self, work: _Work, turn: Turn) -> None:
        """A turn of the machine: its state kept, its notes counted, its effects carried out."""
        work.state, effects, notes = turn
        for path, note in notes:
            work.notes.setdefault(path, []).append(note)
            if note.rejections:
                self.events.append(RowRejected(path, note.rejections))
        for effect in effects:
            self._act(work, effect)
        if not work.state.rows:
            self._finish_texts(work)

    def _act(self, work: _Work, effect: Effect) -> None:
        match effect:
            case Ask():
                self._ask(work, effect)
            case Offer(id, path, combination, values, lineage, tries):
                mark = work.moved[path][1] if path in work.moved else work.mark
                row = Row(combination.index, self._slot(path), values, lineage, path, tries)
                self.events.append(RowReady(path))
                self._buffer.offer(id, row, mark)
            case Need():
                self._answers.append((effect.id, Known(self._move(work, effect))))
            case Lost(path, combination, stage, reasons, values, tries):
                self._buffer.lose(Missing(combination.index, self._slot(path), stage, reasons, values, tries, path))

    def _ask(self, work: _Work, ask: Ask) -> None:
        firsts = work.moved[ask.path][0] if ask.path in work.moved else work.firsts
        try:
            request = self.requests.request(ask, firsts)
        except TemplateFault as e:
            self._answers.append((ask.id, Stopped(str(e))))
            return
        answer = self._sends.ask(ask.id, request)
        if answer is not None:
            self._answers.append((ask.id, answer))

    def _move(self, work: _Work, need: Need) -> Combination | None:
        """Another combination to make a row under: a function of its place in the plan alone."""
        spec, slot = self.program.spec, self._slot(need.path)
        mark = mark_of(self._listed, need.combination.values)
        for attempt in range(8):
            index = elsewhere(spec.seed, slot, need.combination.index, attempt + 8 * need.times)
            values = self.plan[index]
            found = mark_of(self._listed, values)
            if found == mark:
                continue
            context = {**need.combination.context, **self.program.context(values)}
            combination = Combination(index, values, context)
            try:
                work.moved[need.path] = self.requests.open(combination, moved=slot), found
            except TemplateFault:
                return None
            return combination
        return None

    # --- rows in order

    def _settle(self) -> None:
        """Hand on every row whose turn has come, and answer those that were offered."""
        while True:
            self._answer_all()
            self._buffer.advance()
            for path, outcome, dropped in self._buffer.settled:
                self._hand_on(path, outcome, dropped)
            self._buffer.settled.clear()
            self._answers.extend((id, Verdict(r)) for id, r in self._buffer.verdicts)
            self._buffer.verdicts.clear()
            if self._buffer.stopped:
                self.stop(SATURATED)
            if not self._answers:
                return

    def _hand_on(self, path: Path, outcome: Row | Missing, dropped: bool) -> None:
        work = self._works[path[0]]
        for note in work.notes.pop(path, ()):
            if not dropped:
                self.events.append(Counted(path, note.asked, note.held, note.rejections))
        self.events.append(RowKept(outcome) if isinstance(outcome, Row) else RowMissing(outcome))
        work.rows -= 1
        self._close(work)

    def _close(self, work: _Work) -> None:
        if work.rows == 0 and not work.state.rows:
            self._works.pop(work.state.combination.index, None)

    def _finish_texts(self, work: _Work) -> None:
        """The rows of a combination are made: later ones may avoid their texts."""
        if work.chain is not None:
            chain, place = work.chain
            work.chain = None
            rows = [row for _, row in sorted(work.kept.items())]
            chain.finish(place, [" ".join(str(r.get(f) or "") for f in self._avoided).strip() for r in rows])
        self._close(work)

    def _slot(self, path: Path) -> int:
        return path[0] * self.program.rows + (path[1] if len(path) > 1 else 0)

    def _dropped(self, path: Path) -> Missing:
        """What a row after a saturation stop comes to, whatever was made of it."""
        values = self.plan[path[0]]
        return Missing(path[0], self._slot(path), Stage.CALL, (SATURATED,), values, (), path)
