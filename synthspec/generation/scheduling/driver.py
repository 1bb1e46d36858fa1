"""The driver of a run: it opens combinations in plan order, gives keys, money and the store to what the row machine
asks, sends calls through an engine, and hands rows on in path order. All that happens is one stream of events.

Where anything raises, the run ends: no call is begun any more, what is in flight is stored, and the error goes on to
whoever reads the stream.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, Mapping

from synthspec.generation.machine.program import Program
from synthspec.generation.machine.row_machine import Turn, advance, begin, lost
from synthspec.generation.machine.rows import RowStates
from synthspec.generation.machine.states import (
    Ask,
    Combination,
    Dropped,
    Effect,
    Fanned,
    Known,
    Lost,
    Need,
    Offer,
    Outcome,
    State,
    Verdict,
)
from synthspec.generation.scheduling.combinations import Combinations
from synthspec.generation.scheduling.early_stop import ONLY_REPEATS, EarlyStop, too_few
from synthspec.generation.scheduling.moves import Moves
from synthspec.generation.scheduling.open_combination import OpenCombination
from synthspec.generation.scheduling.overshoot import Overshoot
from synthspec.generation.scheduling.reorder_buffer import CrossRowRules, ReorderBuffer, Unwanted
from synthspec.generation.scheduling.request_writer import RequestWriter
from synthspec.generation.scheduling.rows_in_order import RowsInOrder
from synthspec.generation.scheduling.variety import Watch, listed_names, mark_of
from synthspec.inference.accounting.ledger import Ledger
from synthspec.inference.engines import Engine
from synthspec.inference.events import Event, RowReady, RowRejected
from synthspec.inference.outcomes import Id, Stopped
from synthspec.inference.sending.endpoints import Endpoint
from synthspec.inference.sending.sender import CallQueue
from synthspec.languages.templates.template import TemplateFault
from synthspec.planning.plan import Plan
from synthspec.spec.rows import Missing, Row, RowPath, Stage

INTERRUPTED = "interrupted"  # the reason of a run stopped by hand: nothing is written
WINDOW = 16_384  # rows that may be worked on ahead of the first that is not final
WINDOW_RULED = 4_096  # the same where rows wait for their turn
WINDOW_ROUND = 50_000  # the same where calls go in rounds: what one batch may hold
STUCK = 8  # turns in which nothing happens and nothing is waited for: a fault of ours
OPENED_AT_ONCE = 64  # combinations begun before others have a turn of the event loop


class Driver:
    """One run over the combinations of a plan."""

    def __init__(
        self,
        program: Program,
        plan: Plan,
        requests: RequestWriter,
        rules: CrossRowRules | None,
        ledger: Ledger,
        engine: Engine,
        endpoints: Mapping[str, Endpoint],
    ) -> None:
        spec = program.spec
        self.program, self.plan, self.requests, self.ledger = program, plan, requests, ledger
        self.watch = Watch(tuple(f.name for f in spec.fields if f.value is None))
        self.events: list[Event] = []
        self._sends = CallQueue(engine, ledger, endpoints, self.events)
        drop = self._after_stop if spec.novelty.on_saturation == "stop" else None
        self._buffer = ReorderBuffer(rules, self.watch, drop, program.most, program.novel_level)
        self._settled = RowsInOrder()
        self._wanted = math.inf if spec.open_ended else spec.rows
        self._window = WINDOW_ROUND if engine.durable else WINDOW if rules is None else WINDOW_RULED
        self._listed = listed_names(spec)
        self._avoided = spec.novelty.avoid.fields if spec.novelty.avoid is not None else ()
        self._combinations = Combinations(program, plan, self._listed)
        self._moves = Moves(program, plan, requests, self._listed)
        self._works: dict[int, OpenCombination] = {}
        self._answers: deque[tuple[Id, Outcome]] = deque()
        self._overshoot = Overshoot(program.most)
        self.early_stop = EarlyStop.RESUMABLE  # what kind of stop it is, once there is one

    @property
    def stopping(self) -> str | None:
        """Why no further call is begun; None while calls are."""
        return self._sends.stopping

    @property
    def left(self) -> bool:
        """Whether calls go on without this run, and a later one has their replies."""
        return self._sends.left

    def skip(self, combinations: int, rows: int, dropped: int = 0) -> None:
        """Begin after so many combinations, of which an earlier build settled these rows. To be called before `run`."""
        self._combinations.skip(combinations)
        self._settled.count, self._settled.dropped = rows, dropped

    @property
    def wanted(self) -> tuple[float, int]:
        """Rows that the dataset is to have, without end where all there are are wanted; combinations that may be begun
        for them."""
        return self._wanted, self._combinations.end

    @property
    def has_all(self) -> bool:
        """Whether the dataset has all its rows, or no combination is left that could make one."""
        return self._settled.count >= self._wanted or self._combinations.exhausted

    def is_after_stop(self, path: RowPath) -> bool:
        """Whether a row comes at or after the one from which on none is kept, because the model only repeats itself."""
        return self._buffer.is_after_stop(path)

    def tell(self, event: Event) -> None:
        """An event of an engine's own, told with the next ones."""
        self.events.append(event)
        self._sends.wake()

    def _stop_as(self, kind: EarlyStop, reason: str) -> None:
        if self.stopping is None:
            self.early_stop = kind
        self.stop(reason)

    def stop(self, reason: str) -> None:
        """Let calls in flight end and begin no other; after INTERRUPTED, what is stored is used no more either."""
        self._sends.stop(reason, instead=reason == INTERRUPTED)

    def pause(self, held: bool) -> None:
        """Send no call until this is told with False. The rows come to be the same."""
        self._sends.pause(held)

    async def run(self) -> AsyncGenerator[Event, None]:
        """Work until every row is final, telling all that happens. To be closed by whoever stops reading it.

        Raises:
            StoreFault: a completion could not be stored.
        """
        idle = 0
        try:
            while True:
                stopping = self.stopping
                more = self._open_some()
                self._settle()
                more = more or self.stopping != stopping  # what is left is opened, and lost
                idle = 0 if self.events or more or self._sends.in_flight or self._sends.paused else idle + 1
                if idle > STUCK:
                    raise RuntimeError("no call is in flight, and rows are still open")
                for event in self._told():
                    yield event
                if self._is_done(more) or self._is_interrupted():
                    break
                self._answers.extend(await self._sends.send())
                for event in self._told():  # calls that were begun, before any of them is waited for
                    yield event
                if self._answers or more or not self._sends.in_flight:
                    waits = self._sends.paused and self.stopping is None and not (self._answers or more or self.events)
                    await (self._sends.await_change() if waits else asyncio.sleep(0))
                    if not self._sends.has_answers:
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
        rows, combinations = self._settled.count, self._combinations
        if rows >= self._wanted:
            return True
        if more or self._works or combinations.waits:
            return False
        if combinations.exhausted and self.stopping is None and rows < self._wanted < math.inf:
            reason = too_few(rows, self.program.spec.rows, combinations.end, self._settled.dropped)
            self._stop_as(EarlyStop.ALL_TRIED, reason)
        return True

    def _is_interrupted(self) -> bool:
        return (self.stopping == INTERRUPTED or self.left) and not self._sends.in_flight

    # --- opening

    def _open_some(self) -> bool:
        """Begin combinations while there is room for their calls; whether more can be begun at once."""
        for _ in range(OPENED_AT_ONCE):
            if self.stopping == INTERRUPTED or self.left or not (self.stopping or self._sends.has_room):
                return False
            if len(self._buffer) >= self._window or (self._buffer.stopped is not None and self.stopping is None):
                return False
            if not self.program.is_settled_by_plan:
                self._settle()  # what is stored is used before anything new is begun
            expected = len(self._buffer) + self._overshoot.likely
            if self._settled.count + expected >= self._wanted or not self._open_next():
                return False
            self._answer_all()
        return True

    def _open_next(self) -> bool:
        """Begin the next combination, in plan order; False where there is none, or it must wait for earlier rows."""
        combination = self._combinations.take()
        if combination is None:
            return False
        self._open(combination)
        return True

    def _open(self, combination: Combination) -> None:
        self._buffer.open(combination.index)
        self._overshoot.open()
        mark = mark_of(self._listed, combination.values)
        work = OpenCombination(State(combination, RowStates()), {}, mark, self._combinations.joined)
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

    def _tell_verdict(self, work: OpenCombination, path: RowPath, verdict: Verdict) -> None:
        if verdict.rejection is None and self._combinations.keeps_texts:
            row = work.state.rows[path]
            assert isinstance(row.waits, Offer)
            if row.waits.whole:
                work.kept[path] = row.waits.values

    def _take(self, work: OpenCombination, turn: Turn) -> None:
        """A turn of the machine: its state kept, its notes counted, its effects carried out."""
        work.state, effects, notes = turn
        for path, note in notes:
            work.notes.setdefault(path, []).append(note)
            if note.rejections:
                self.events.append(RowRejected(path, note.rejections))
        for effect in effects:
            self._act(work, effect)
        if not work.state.rows:
            work.finish_texts(self._avoided)
            self._close(work)

    def _act(self, work: OpenCombination, effect: Effect) -> None:
        match effect:
            case Ask():
                self._ask(work, effect)
            case Offer():
                self._offer(work, effect)
            case Need():
                self._answers.append((effect.id, Known(self._moves.find(work, effect))))
            case Lost(path, combination, stage, reasons, values, tries):
                self._buffer.lose(Missing(combination.index, 0, stage, reasons, values, tries, path))
            case Dropped(path, combination, rule, reason, values):
                self._overshoot.decide(path, None)
                self._buffer.lose(Unwanted(path, combination.index, rule, reason, values))
            case Fanned(path, count, values):
                if not count and values:
                    work.empty[path] = values
                self._overshoot.decide(path, count)
                self._buffer.fan(path, count)

    def _offer(self, work: OpenCombination, offer: Offer) -> None:
        path, values = offer.path, offer.values
        mark = work.mark_at(path)
        if not offer.whole:
            self._buffer.offer_above(offer.id, path, values, mark)
            return
        row = Row(offer.combination.index, 0, values, offer.lineage, path, offer.tries, offer.line)
        self.events.append(RowReady(path, values))
        self._buffer.offer(offer.id, row, mark)

    def _ask(self, work: OpenCombination, ask: Ask) -> None:
        limit = self._limit()
        if self.is_after_stop(ask.path):
            self._answers.append((ask.id, Stopped(ONLY_REPEATS)))
            return
        if limit is not None and ask.path >= limit:
            self._overshoot.hold(ask)
            return
        try:
            request = self.requests.request(ask, work.firsts_at(ask.path))
        except TemplateFault as e:
            self._answers.append((ask.id, Stopped(str(e))))
            return
        answer = self._sends.ask(ask.id, request)
        if answer is not None:
            self._answers.append((ask.id, answer))

    def _limit(self) -> RowPath | None:
        """The first row for which nothing is asked yet: those before it may be all that the dataset has room for."""
        if self.stopping is not None or self.program.is_settled_by_plan:
            return None
        return self._buffer.beyond(self._wanted - self._settled.count, self._overshoot.mean)

    def _ask_held(self) -> None:
        """Ask what was held back, where rows before came to fewer."""
        while (ask := self._overshoot.take(self._limit)) is not None:
            self._ask(self._works[ask.path[0]], ask)

    # --- rows in order

    def _settle(self) -> None:
        """Hand on every row whose turn has come, and answer those that were offered."""
        while True:
            self._answer_all()
            self._buffer.advance()
            for path, outcome, dropped in self._buffer.settled:
                if self._settled.count < self._wanted:
                    self.events.extend(self._settled.tell(self._works[path[0]], path, outcome, dropped))
            self._buffer.settled.clear()
            self._close_passed()
            self._answers.extend((id, Verdict(r)) for id, r in self._buffer.verdicts)
            self._buffer.verdicts.clear()
            if (stop := self._buffer.stopped) is not None:
                self._answers.extend(self._sends.give_up(stop, ONLY_REPEATS))
                if self._buffer.is_at_stop:
                    self._stop_as(EarlyStop.SATURATED, ONLY_REPEATS)
            self._ask_held()
            if not self._answers:
                return

    def _close_passed(self) -> None:
        """Forget the combinations of which all rows were handed on."""
        while self._works:
            index = next(iter(self._works))
            if index >= self._buffer.combination or self._works[index].state.rows:
                return
            del self._works[index]

    def _close(self, work: OpenCombination) -> None:
        index = work.state.combination.index
        if index < self._buffer.combination and not work.state.rows:
            self._works.pop(index, None)

    def _after_stop(self, path: RowPath) -> Missing:
        """What a row after a saturation stop comes to, whatever was made of it."""
        values = self.plan[path[0]]
        return Missing(path[0], 0, Stage.CALL, (ONLY_REPEATS,), values, (), path)
