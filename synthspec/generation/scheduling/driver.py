"""The driver of a run: it opens combinations in plan order, gives keys, money and the store to what the row machine
asks, sends calls through an engine, and hands rows on in path order. All that happens is one stream of events.

Where anything raises, the run ends: no call is begun any more, what is in flight is stored, and the error goes on to
whoever reads the stream.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from synthspec.generation.machine.program import Program
from synthspec.generation.machine.row_machine import Turn, advance, begin, lost
from synthspec.generation.machine.rows import Rows
from synthspec.generation.machine.states import (
    Ask,
    Combination,
    Dropped,
    Effect,
    Fanned,
    Known,
    Lost,
    Need,
    Note,
    Offer,
    Outcome,
    State,
    Verdict,
)
from synthspec.generation.scheduling.reorder_buffer import CrossRowRules, ReorderBuffer, Unwanted
from synthspec.generation.scheduling.reorder_buffer import Outcome as Settled
from synthspec.generation.scheduling.request_writer import Firsts, RequestWriter
from synthspec.generation.scheduling.variety import Chain, Recent, Watch, elsewhere, listed_names, mark_of
from synthspec.inference.accounting.ledger import Ledger
from synthspec.inference.engines import Engine
from synthspec.inference.events import Counted, Event, RowDropped, RowEmpty, RowKept, RowMissing, RowReady, RowRejected
from synthspec.inference.outcomes import Id, Stopped
from synthspec.inference.sending.endpoints import Endpoint
from synthspec.inference.sending.sender import Sends
from synthspec.languages.templates.template import TemplateFault
from synthspec.planning.plan import Plan
from synthspec.spec.fan_outs import MOST_COMBINATIONS
from synthspec.spec.rows import Missing, Path, Row, Stage

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
    firsts: Firsts
    mark: str  # its listed values
    chain: tuple[Chain, int] | None = None  # where its texts are told to later rows, and its place there
    kept: dict[Path, Mapping[str, Any]] = field(default_factory=dict)
    notes: dict[Path, list[Note]] = field(default_factory=dict)
    moved: dict[Path, tuple[Firsts, str]] = field(default_factory=dict)
    empty: dict[Path, Mapping[str, Any]] = field(default_factory=dict)  # rows that had none of the next level to make


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
        drop = self._after_stop if spec.novelty.on_saturation == "stop" else None
        self._buffer = ReorderBuffer(judge, self.watch, drop, program.most, program.novel_level)
        self._rows = 0  # handed on, and counted as rows of the dataset
        self._dropped = 0
        self._last: Path = ()  # of the row that was kept last
        self._end = most_combinations(program, plan)
        self._wanted = math.inf if spec.open_ended else spec.rows
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

    def skip(self, combinations: int, rows: int, dropped: int = 0) -> None:
        """Begin after so many combinations, of which an earlier build settled these rows. To be called before `run`."""
        self._next, self._rows, self._dropped = combinations, rows, dropped

    def stop(self, reason: str) -> None:
        """Let calls in flight end and begin no other; after INTERRUPTED, what is stored is used no more either."""
        self._sends.stop(reason, instead=reason == INTERRUPTED)

    async def run(self) -> AsyncGenerator[Event, None]:
        """Work until every row is final, telling all that happens. To be closed by whoever stops reading it.

        Raises:
            StoreFault: a completion could not be stored.
        """
        self._combinations = self.plan.combinations(self._next, self._end)
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
                if self._is_done(more) or self._is_interrupted():
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

    def _is_done(self, more: bool) -> bool:
        """Whether the dataset has all its rows, or nothing is left that could make one."""
        if self._rows >= self._wanted:
            return True
        if more or self._works or self._waiting is not None:
            return False
        if self._next >= self._end and self.stopping is None and self._rows < self._wanted < math.inf:
            self.stop(_too_few(self._rows, self.program.spec.rows, self._end, self._dropped))
        return True

    def _is_interrupted(self) -> bool:
        return self.stopping == INTERRUPTED and not self._sends.in_flight

    # --- opening

    def _open_some(self) -> bool:
        """Begin combinations while there is room for their calls; whether more can be begun at once."""
        for _ in range(OPENED_AT_ONCE):
            if self.stopping == INTERRUPTED or not (self.stopping or self._sends.has_room):
                return False
            if len(self._buffer) >= self._window:
                return False
            if not self.program.is_settled_by_plan:
                self._settle()  # what is stored is used before anything new is begun
            if self._rows + len(self._buffer) >= self._wanted or not self._open_next():
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
        self._buffer.open(combination.index)
        mark = mark_of(self._listed, combination.values)
        work = _Work(State(combination, Rows()), {}, mark, self._joined)
        self._works[combination.index] = work
        try:
            work.firsts = self.requests.open(combination)
        except TemplateFault as e:
            self._take(work, lost(self.program, combination, Stage.CALL, (f"the prompt: {e}",)))
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
            if row.waits.whole:
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
            case Offer():
                self._offer(work, effect)
            case Need():
                self._answers.append((effect.id, Known(self._move(work, effect))))
            case Lost(path, combination, stage, reasons, values, tries):
                self._buffer.lose(Missing(combination.index, 0, stage, reasons, values, tries, path))
            case Dropped(path, combination, rule, reason, values):
                self._buffer.lose(Unwanted(path, combination.index, rule, reason, values))
            case Fanned(path, count, values):
                if not count and values:
                    work.empty[path] = values
                self._buffer.fan(path, count)

    def _offer(self, work: _Work, offer: Offer) -> None:
        path, values = offer.path, offer.values
        mark = work.moved[path][1] if path in work.moved else work.mark
        if not offer.whole:
            self._buffer.offer_above(offer.id, path, values, mark)
            return
        row = Row(offer.combination.index, 0, values, offer.lineage, path, offer.tries, offer.line)
        self.events.append(RowReady(path))
        self._buffer.offer(offer.id, row, mark)

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
        if need.what == "substitute":
            return self._substitute(work, need)
        spec, slot = self.program.spec, self.program.number_of(need.path)
        mark = mark_of(self._listed, need.combination.values)
        for attempt in range(8):
            index = elsewhere(spec.seed, slot, need.combination.index, attempt + 8 * need.times)
            values = self.plan[index]
            if mark_of(self._listed, values) != mark:
                return self._moved(work, need, index, values, slot)
        return None

    def _substitute(self, work: _Work, need: Need) -> Combination | None:
        """What stands for the row's combination: the same listed values, all else drawn anew."""
        index, number = need.combination.index, need.times + 1
        values = self.plan.substitute(index, number)
        if values is None:
            return None
        original = min((first.key for first in work.firsts.values()), default=str(index))
        return self._moved(work, need, index, values, f"{original}/{need.place}/{number}")

    def _moved(
        self, work: _Work, need: Need, index: int, values: Mapping[str, Any], name: int | str
    ) -> Combination | None:
        context = {**need.combination.context, **self.program.context(values)}
        combination = Combination(index, values, context)
        try:
            firsts = self.requests.open(combination, moved=name)
        except TemplateFault:
            return None
        work.moved[need.path] = firsts, mark_of(self._listed, values)
        return combination

    # --- rows in order

    def _settle(self) -> None:
        """Hand on every row whose turn has come, and answer those that were offered."""
        while True:
            self._answer_all()
            self._buffer.advance()
            for path, outcome, dropped in self._buffer.settled:
                if self._rows < self._wanted:
                    self._hand_on(path, outcome, dropped)
            self._buffer.settled.clear()
            self._close_passed()
            self._answers.extend((id, Verdict(r)) for id, r in self._buffer.verdicts)
            self._buffer.verdicts.clear()
            if self._buffer.stopped:
                self.stop(SATURATED)
            if not self._answers:
                return

    def _hand_on(self, path: Path, outcome: Settled | None, dropped: bool) -> None:
        for note in self._works[path[0]].notes.pop(path, ()):
            if not dropped:
                self.events.append(Counted(path, note.asked, note.held, note.rejections))
        match outcome:
            case Row():
                self.events.append(RowKept(replace(outcome, slot=self._rows, uses=self._newly_used(outcome))))
                self._last = path
                self._rows += 1
            case Missing():
                self.events.append(RowMissing(replace(outcome, slot=self._rows)))
                self._rows += 1
            case Unwanted(path, combination, rule, reason, values):
                self.events.append(RowDropped(path, combination, rule, reason, values))
                self._dropped += 1
            case None if path in self._works[path[0]].empty:
                self.events.append(RowEmpty(path, self._works[path[0]].empty.pop(path)))

    def _newly_used(self, row: Row) -> int:
        """How many of a row's completions no row before it was made of: it may share those above a fan-out."""
        shared = 0
        for length, inherited in enumerate(row.line, 1):
            if row.path[:length] != self._last[:length]:
                break
            shared = inherited
        return sum(1 for key in row.keys[shared:] if key)

    def _close_passed(self) -> None:
        """Forget the combinations of which all rows were handed on."""
        while self._works:
            index = next(iter(self._works))
            if index >= self._buffer.combination or self._works[index].state.rows:
                return
            del self._works[index]

    def _close(self, work: _Work) -> None:
        index = work.state.combination.index
        if index < self._buffer.combination and not work.state.rows:
            self._works.pop(index, None)

    def _finish_texts(self, work: _Work) -> None:
        """The rows of a combination are made: later ones may avoid their texts."""
        if work.chain is not None:
            chain, place = work.chain
            work.chain = None
            rows = [row for _, row in sorted(work.kept.items())]
            chain.finish(place, [" ".join(str(r.get(f) or "") for f in self._avoided).strip() for r in rows])
        self._close(work)

    def _after_stop(self, path: Path) -> Missing:
        """What a row after a saturation stop comes to, whatever was made of it."""
        values = self.plan[path[0]]
        return Missing(path[0], 0, Stage.CALL, (SATURATED,), values, (), path)


def most_combinations(program: Program, plan: Plan) -> int:
    """How many combinations may be begun: those of the plan, and more of them where rows may be dropped."""
    if program.is_settled_by_plan or program.spec.each is not None:
        return len(plan)
    return program.spec.limits.combinations or MOST_COMBINATIONS * len(plan)


def _too_few(rows: int, wanted: int, combinations: int, dropped: int) -> str:
    said = f"{rows:,} of {wanted:,} rows after {combinations:,} combinations (limits.combinations)"
    return f"{said}; {dropped:,} were dropped" if dropped else said
