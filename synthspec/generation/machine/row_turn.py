"""One row's turn in the row machine: from a state and an outcome to the next question, or to the end of the row.

The turn works on a draft of the row; the state it began with is left as it was.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Self

from synthspec.generation.machine.levels import Level
from synthspec.generation.machine.program import ReadReply
from synthspec.generation.machine.row_draft import WorkingRow
from synthspec.generation.machine.states import (
    Ask,
    Dropped,
    Known,
    Lost,
    Need,
    Offer,
    Outcome,
    ReplyNote,
    Verdict,
    completions,
)
from synthspec.generation.machine.steps import Step
from synthspec.inference.outcomes import Failed, Id, Replied, Stopped
from synthspec.inference.requests import Feedback, combined_key
from synthspec.spec.fan_outs import SUBSTITUTES
from synthspec.spec.rows import Rejection, Stage, Try

BATCH = "-1"  # the end of the place of a request for several rows
NO_ITEM = "under other values the list has no item for this row"
MAX_MOVES = 2  # how often a row may be moved to another combination


class RowTurn(WorkingRow):
    """The rules of a turn: what follows from an outcome."""

    def begin(self, names: Collection[str] = ()) -> Self:
        """The first question of a row, for which these names were bound."""
        self.program.validator.compute(self.values, self.combination.values, self._place)
        self._go_on(frozenset(self.values.keys() - self.above.keys()) | frozenset(names), self._sound())
        return self

    def advance(self, id: Id, outcome: Outcome) -> Self:
        """Take the answer to a question the row waits for."""
        if id in self.calls:
            self._take(self.calls.pop(id), outcome)
            return self
        waited = self.row.waits
        match waited, outcome:
            case _, Stopped(reason):
                self.stopped = True
                self._lose(Stage.CALL, (reason,))
            case Ask(), Replied() | Failed() if self.program.step(waited.prompt).calls is not None:
                self._take(waited, outcome)
            case Ask(), Replied():
                self._read(self.program.step(waited.prompt), outcome)
            case Ask(), Failed(rejection):
                self.notes.append(ReplyNote(rejections=(rejection,)))
                self._ask_again(self.program.step(waited.prompt), Stage.CALL, (rejection.reason,))
            case Offer(), Verdict(None):
                self.fans = not self.is_last
            case Offer(), Verdict(rejection):
                assert rejection is not None
                if self._go_back(self.program.novel_target, [rejection]):
                    self._go_on(frozenset(self.values), self._sound())
            case Need(), Known():
                self._move(outcome)
            case _:
                raise TypeError(f"{type(waited).__name__} is not answered with {type(outcome).__name__}")
        return self

    def _take(self, question: Ask, outcome: Outcome) -> None:
        """What became of a call of a prompt that makes several."""
        step = self.program.step(question.prompt)
        if step.calls is None or not isinstance(outcome, Replied | Failed | Stopped):
            raise TypeError(f"{type(question).__name__} is not answered with {type(outcome).__name__}")
        self.stopped = self.stopped or isinstance(outcome, Stopped)
        step.calls.take(self, step, question, outcome)

    def _go_on(self, fresh: frozenset[str], sound: set[str]) -> None:
        """Check what is there and ask for what is not. `fresh` fields are not checked yet, `sound` ones are computed
        and known to keep their rules."""
        validator = self.program.validator
        while True:
            values = self.combination.values
            validator.compute(self.values, values, self._place)
            unsound = validator.computed_faults(self.values, {**self.values, **values}, sound)
            if unsound:
                if not self._go_back(self.program.writer_behind(unsound[0]), unsound):
                    return
                fresh, sound = frozenset(), self._sound()
                continue
            sound.update(n for n in self.values if n in validator.computed)
            faults = validator.check_faults(self.values, values, fresh, self._place)
            if faults:
                retries = self.program.retries
                target = retries[faults[0][0]]
                if not self._go_back(target, [r for c, r in faults if retries[c] == target]):
                    return
                fresh, sound = frozenset(), self._sound()
                continue
            dropped = validator.drop_of(self.values, values, fresh, self._place)
            if dropped is not None:
                said = {**values, **self.values}
                self.effects.append(Dropped(self.row.path, self.combination, dropped.rule, dropped.reason, said))
                return
            step = next((s for s in self._steps if s.prompt.name not in self.keys), None)
            if self.moves and (level := self._unbound(step)) is not None:
                if not self._bind(level):
                    return
                fresh = frozenset({level.name})
                continue
            if step is None:
                self._end()
                return
            if step.wanted({**self.values, **values}):
                if step.calls is not None:
                    step.calls.begin(self, step)
                    return
                spent = f"'{step.prompt.name}' was asked {self.program.limit} times, as `limits.attempts` allows"
                self._ask_again(step, self.last[0], (*self.last[1], spent))
                return
            fresh = self._write(step, dict.fromkeys(step.prompt.writes), "", "")

    @property
    def _steps(self) -> tuple[Step, ...]:
        """The prompts that write the row's fields: all of them where it was moved here from another combination."""
        return self.program.steps_by_level if self.moves else self.level.steps

    def _unbound(self, step: Step | None) -> Level | None:
        """The first level whose list gives a row that was moved its item, where that is due: its prompts are done."""
        own = self.level.number if step is None else step.prompt.level
        for level in self.program.levels[:own]:
            if level.items is not None and level.name not in self.combination.values:
                return level
        return None

    def _bind(self, level: Level) -> bool:
        """Give a row that was moved the item of its place in a list; False where it is lost, for there is none."""
        assert level.items is not None
        items = level.items({**self.values, **self.combination.values})
        place = self.row.path[level.number + 1]
        written = bool(self.program.makers[level.number + 1])  # by a model: of another length than the list before
        if not isinstance(items, list | tuple) or not items or (place >= len(items) and not written):
            self._lose(Stage.VALID, (NO_ITEM,))
            return False
        bound = {**self.combination.values, level.name: items[place % len(items)]}
        self.combination = replace(self.combination, values=bound)
        return True

    def _unbind(self, target: str) -> tuple[str, ...]:
        """A row that was moved goes back above lists: their items, and all that was written below, are given up."""
        reached = self.program.step(target).prompt.level
        lists = {v.name for v in self.program.levels[reached:] if v.items is not None}
        if not self.moves or not lists:
            return ()
        kept = {n: v for n, v in self.combination.values.items() if n not in lists}
        self.combination = replace(self.combination, values=kept)
        return tuple(s.prompt.name for s in self.program.steps if s.prompt.level > reached)

    def _write(self, step: Step, values: dict[str, object], key: str, text: str) -> frozenset[str]:
        """Take in what a prompt wrote; the fields that are new by it."""
        before = frozenset(self.values)
        self.values.update(values)
        self.keys[step.prompt.name] = key
        self.texts[step.prompt.name] = text
        self.made.pop(step.prompt.name, None)
        self.program.validator.compute(self.values, self.combination.values, self._place)
        return (frozenset(self.values) - before) | frozenset(step.prompt.writes)

    def _read(self, step: Step, reply: Replied) -> None:
        read = self.program.read(step, self.combination.values, reply, 1)
        self.notes.append(ReplyNote(1, read.held, read.rejections))
        key, text = reply.key, reply.text
        if read.good:
            sound = {n for n in self.values if n in self.program.validator.computed}
            fresh = self._write(step, read.good[0], key, text)
            self._go_on(fresh, sound | self._sound())
            return
        name = step.prompt.name
        attempt = Try(name, self.asked[name], text, read.faults)
        self.tried(attempt)
        self.feedback[name] = Feedback(text, read.rejections, 1)
        self._ask_again(step, read.faults[0].stage, attempt.reasons)

    def read(self, step: Step, reply: Replied) -> ReadReply:
        """What a reply holds: one row, or why not."""
        return self.program.read(step, self.combination.values, reply, 1)

    def finish_step(self, step: Step, values: Mapping[str, Any], keys: Sequence[str], text: str) -> None:
        """Take in what a prompt that makes several calls wrote, by these completions, and go on."""
        sound = {n for n in self.values if n in self.program.validator.computed}
        fresh = self._write(step, dict(values), keys[0] if len(keys) == 1 else combined_key(keys), text)
        self.made[step.prompt.name] = tuple(keys)
        self._go_on(fresh, sound | self._sound())

    def give_up(self, stage: Stage, reasons: tuple[str, ...]) -> None:
        """The row cannot be had."""
        self._lose(stage, reasons)

    def _ask_again(self, step: Step, stage: Stage, reasons: tuple[str, ...]) -> None:
        """Ask a prompt for this row; where its attempts are used up the row is lost, for these reasons."""
        name = step.prompt.name
        attempt = self.asked.get(name, 0) + 1
        if attempt > self.program.limit:
            self._lose(stage, reasons)
            return
        self.asked[name] = attempt
        opening = "" if step.prompt.needs else name
        values = {**self.values, **self.combination.values}
        endpoint = step.endpoint(values)
        if endpoint is None:
            self._lose(Stage.CALL, (step.not_listed(values),))
        else:
            self.ask(step, attempt, feedback=self.feedback.get(name), opening=opening, endpoint=endpoint)

    def _end(self) -> None:
        """All that is asked for the row is there."""
        if not self.is_last and self.level.number != self.program.novel_level:
            self.fans = True
            return
        lineage, values = completions(self.keys, self.made), dict(self.values)
        self._wait_for(
            Offer(self._id(), self.row.path, self.combination, values, lineage, self.tries, self.is_last, self.line)
        )

    def _go_back(self, target: str | None, rejections: Sequence[Rejection]) -> bool:
        """Undo what a prompt wrote and all that hangs on it; False where the row is lost instead."""
        self.notes.append(ReplyNote(rejections=tuple(rejections)))
        reasons = tuple(r.reason for r in rejections)
        stage = rejections[0].stage
        if target is None or target not in self.keys or not self._is_own(target):
            self._lose(stage, (*reasons, "no prompt can be retried for it"))
            return False
        self.last = (stage, reasons)
        text = self.texts[target]
        step = self.program.step(target)
        if step.calls is None:
            self.tried(Try(target, self.asked.get(target, 0), text, tuple(rejections)))
        again = step.calls.reopen(self, step, rejections) if step.calls is not None else self._may_be_asked(target)
        if not again:
            self._lose(stage, reasons)
            return False
        self.feedback[target] = Feedback(text, tuple(rejections), 1)
        for name in dict.fromkeys((target, *step.after, *self._unbind(target))):
            self.keys.pop(name, None)
            self.texts.pop(name, None)
            self.made.pop(name, None)
            if name != target:
                self.feedback.pop(name, None)
                if name in self.work:
                    self.work[name] = self.work[name].restarted()
            for written in self.program.step(name).prompt.writes:
                self.values.pop(written, None)
        for computed in self.program.validator.computed:
            if computed not in self.above:
                self.values.pop(computed, None)
        return True

    def _may_be_asked(self, name: str) -> bool:
        return self.asked.get(name, 0) < self.program.limit

    def _is_own(self, prompt: str) -> bool:
        """Whether a prompt is asked for this row, not for one above it that others come of too."""
        return bool(self.moves) or self.program.step(prompt).prompt.level == self.level.number

    def _lose(self, stage: Stage, reasons: tuple[str, ...]) -> None:
        """The row cannot be had here; unless the run is stopped, perhaps under another combination."""
        movable = self.program.spreads and self.moves < MAX_MOVES and self.combination.index > 0
        if not self.stopped and stage is Stage.NOVEL and movable:
            self._need("move", stage, reasons)
        elif not self.stopped and self.program.replaces and self.is_last and self.moves < SUBSTITUTES:
            self._need("substitute", stage, reasons)
        else:
            values = {**self.combination.values, **self.values}
            self.effects.append(Lost(self.row.path, self.combination, stage, reasons, values, self.tries))

    def _need(self, what: Literal["move", "substitute"], stage: Stage, reasons: tuple[str, ...]) -> None:
        self.last = (stage, reasons)
        self.calls = {}
        place = self.row.place if len(self.row.path) > 1 else ""
        self._wait_for(Need(self._id(), self.row.path, what, self.combination, self.moves, place))

    def replace_it(self, stage: Stage, reasons: tuple[str, ...]) -> Self:
        """A row that was not to be had with others is made by itself, under other values."""
        self._lose(stage, reasons)
        return self

    def _move(self, known: Known) -> None:
        """Begin the row anew under another combination, or lose it where there is none."""
        if known.combination is None:
            values = {**self.combination.values, **self.values}
            self.effects.append(Lost(self.row.path, self.combination, *self.last, values, self.tries))
            return
        self.combination = known.combination
        self.moves += 1
        self.values, self.asked, self.keys, self.texts, self.feedback = {}, {}, {}, {}, {}
        self.work, self.made = {}, {}
        self.above, self.line = {}, ()
        self.tries, self.last = self.tries[-2:], (Stage.CALL, ())
        self._go_on(frozenset(), set(self.combination.context))
