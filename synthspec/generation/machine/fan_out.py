"""Rows that come of a row: one for every item of a list, or those of replies, asked for together until all are there.

A row is begun once those before it are, and only so many of one row are open at once: so a combination of any number of
rows takes little memory. Which are open follows from how many are final, not from which were faster.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from synthspec.generation.machine.levels import Level
from synthspec.generation.machine.program import Program
from synthspec.generation.machine.row_draft import MAX_TRIES_KEPT
from synthspec.generation.machine.row_turn import BATCH, RowTurn
from synthspec.generation.machine.rows import RowStates
from synthspec.generation.machine.states import (
    Ask,
    Combination,
    Effect,
    Fanned,
    FanState,
    Items,
    Lost,
    Made,
    Outcome,
    ReplyNote,
    RowState,
    State,
    completions,
    digest_of_item,
)
from synthspec.generation.machine.steps import Step
from synthspec.inference.outcomes import Failed, Replied, Stopped
from synthspec.inference.requests import Feedback
from synthspec.spec.rows import Rejection, RowPath, Stage, Try

NO_LIST = "`each` goes over a list; here it is no list"


class Rowwork:
    """The rows of one combination while an outcome is taken in. `effects` and `notes` are what it came to."""

    def __init__(self, program: Program, combination: Combination, rows: RowStates) -> None:
        self.program = program
        self.combination = combination
        self.rows = rows
        self.effects: list[Effect] = []
        self.notes: list[tuple[RowPath, ReplyNote]] = []
        self._changed: list[RowPath] = []  # fan-outs of which further rows may be begun, or that may be done

    @property
    def state(self) -> State:
        """What there is now."""
        return State(self.combination, self.rows)

    # --- one row

    def take(self, turn: RowTurn) -> None:
        """A row after its turn. One that is final leaves; one that is whole but for the rows below it fans out."""
        after = turn.after()
        self.notes += [(after.path, note) for note in turn.notes]
        for effect in turn.effects:
            if isinstance(effect, Lost) and len(effect.path) <= self.program.last:
                self.lose(*_parts(effect), final=turn.stopped)
            else:
                self.effects.append(effect)
        if turn.fans:
            self._fan_out(after)
        elif after.is_final:
            self._leave(after.path)
        else:
            self.rows = self.rows.having(after.path, after)

    def lose(
        self,
        path: RowPath,
        combination: Combination,
        stage: Stage,
        reasons: tuple[str, ...],
        values: Mapping[str, Any],
        tries: tuple[Try, ...],
        final: bool = False,
    ) -> None:
        """A row that cannot be had, and so all that were expected of it: each of them is missing, or replaced."""
        if len(path) <= self.program.last:
            count = self.program.rows_of(path)
            self.effects.append(Fanned(path, count))
            for number in range(count):
                self.lose((*path, number), combination, stage, reasons, values, tries, final)
        elif final or not self.program.replaces:
            self.effects.append(Lost(path, combination, stage, reasons, values, tries))
        else:
            place = ".".join(map(str, path[1:])) or "0"
            row = RowState(path, place, combination, tries=tries)
            parent = self.rows.get(path[:-1])
            if isinstance(parent, FanState):
                self.rows = self.rows.having(parent.path, replace(parent, open=parent.open + 1))
            self.take(RowTurn(self.program, row).replace_it(stage, reasons))

    def _leave(self, path: RowPath) -> None:
        """A row, with all that came of it, is final."""
        self.rows = self.rows.without(path)
        fan = self.rows.get(path[:-1])
        if isinstance(fan, FanState):
            self.rows = self.rows.having(fan.path, replace(fan, open=fan.open - 1))
            self._changed.append(fan.path)

    # --- rows of the next level

    def _fan_out(self, row: RowState) -> None:
        level = self.program.levels[len(row.path) - 1]
        assert level.fan is not None
        if level.items is not None:
            self._over_items(row, level)
            return
        seen = {**row.values, **row.combination.values}
        if level.fan.endpoint(seen) is None:
            self.lose(row.path, row.combination, Stage.CALL, (level.fan.not_listed(seen),), seen, row.tries)
            self._leave(row.path)
            return
        count = self.program.rows_of(row.path)
        self.effects.append(Fanned(row.path, count))
        places = tuple(range(count))
        fan = FanState(row.path, row, places=places, wanted=level.fewest)
        if level.fan.wanted(seen):
            self._ask(level.fan, fan)
        else:
            nothing = dict.fromkeys(level.fan.prompt.writes)
            made = tuple(Made(n, f"{_prefix(row)}{n}", {}, nothing) for n in places)
            self._keep(replace(fan, places=(), made=made))

    def _over_items(self, row: RowState, level: Level) -> None:
        assert level.items is not None
        items = level.items({**row.values, **row.combination.values})
        if items is not None and not isinstance(items, list | tuple):
            values = {**row.combination.values, **row.values}
            self.lose(row.path, row.combination, Stage.VALID, (NO_LIST,), values, row.tries)
            self._leave(row.path)
            return
        found = tuple(items or ())
        self.effects.append(Fanned(row.path, len(found), {} if found else row.values))
        self._keep(FanState(row.path, row, made=Items(level.name, found, _prefix(row), repeats(found))))

    def _keep(self, fan: FanState) -> None:
        self.rows = self.rows.having(fan.path, fan)
        self._changed.append(fan.path)

    def go_on(self) -> None:
        """Begin the rows that there is room for, until nothing changes any more."""
        while self._changed:
            path = self._changed.pop()
            fan = self.rows.get(path)
            if not isinstance(fan, FanState):
                continue
            if fan.begun < len(fan.made) and fan.open < self.program.levels[len(path) - 1].quota:
                self._begin_next(fan)
                self._changed.append(path)
            elif fan.open == 0 and fan.waits is None and fan.begun == len(fan.made):
                self._leave(path)

    def _begin_next(self, fan: FanState) -> None:
        made, level = fan.made[fan.begun], self.program.levels[len(fan.path) - 1]
        self.rows = self.rows.having(fan.path, replace(fan, begun=fan.begun + 1, open=fan.open + 1))
        parent, combination = fan.row, fan.row.combination
        if made.names:
            combination = replace(combination, values={**combination.values, **made.names})
        written = {}
        if level.items is None:
            assert level.fan is not None
            written = {level.fan.prompt.name: (made.key, made.text, made.attempt)}
        row = RowState(
            path=(*fan.path, made.number),
            place=made.place,
            combination=combination,
            above=parent.values,
            values={**parent.values, **made.values},
            asked={n: attempt for n, (_, _, attempt) in written.items()},
            keys={**parent.keys, **{n: key for n, (key, _, _) in written.items()}},
            texts={n: text for n, (_, text, _) in written.items()},
            tries=made.tries,
            made=parent.made,
            line=(*parent.line, len(completions(parent.keys, parent.made))),
        )
        self.take(RowTurn(self.program, row).begin(made.names))

    # --- rows of replies

    def _ask(self, step: Step, fan: FanState) -> None:
        """The next question of a fan-out by replies."""
        attempt, row = fan.attempt + 1, fan.row
        question = Ask(
            id=(fan.path, row.questions + attempt),
            path=fan.path,
            prompt=step.prompt.name,
            attempt=attempt,
            rows=fan.wanted,
            place=f"{_prefix(row)}{BATCH}",
            lineage=tuple(row.keys[n] for n in self.program.lineage_of(step)),
            combination=row.combination,
            values={**row.values, **row.combination.values},
            feedback=fan.feedback,
            opening="" if step.prompt.needs else step.prompt.name,
            endpoint=step.endpoint({**row.values, **row.combination.values}) or "",
        )
        self.effects.append(question)
        self._keep(replace(fan, attempt=attempt, waits=question))

    def answer(self, fan: FanState, outcome: Outcome) -> None:
        """Rows that came are worked on, each for itself; the rest are asked for while attempts last."""
        step = self.program.levels[len(fan.path) - 1].fan
        assert step is not None
        first = (*fan.path, fan.places[0])  # the row that the notes go with: it is final after this reply, not before
        fan = replace(fan, waits=None)
        match outcome:
            case Failed(rejection):
                self.notes.append((first, ReplyNote(rejections=(rejection,))))
                fan = replace(fan, reasons=(rejection.reason,))
            case Replied():
                fan = self._read(fan, step, outcome, first)
            case Stopped(reason):
                self._give_up(replace(fan, stage=Stage.CALL, reasons=(reason,)), final=True)
                return
            case _:
                raise TypeError(f"a fan-out is not answered with {type(outcome).__name__}")
        if fan.places and fan.attempt < self.program.limit:
            self._ask(step, fan)
        else:
            self._give_up(fan)

    def _read(self, fan: FanState, step: Step, reply: Replied, first: RowPath) -> FanState:
        key, text = reply.key, reply.text
        read = self.program.read(step, fan.row.combination.values, reply, fan.wanted)
        self.notes.append((first, ReplyNote(fan.wanted, read.held, read.rejections)))
        good = read.good[: fan.wanted]
        made = tuple(
            Made(place, f"{_prefix(fan.row)}{place}", {}, values, fan.attempt, key, text, fan.tries)
            for place, values in zip(fan.places, good, strict=False)
        )
        valid = any(r.stage is Stage.VALID for r in read.rejections)
        held = f"the reply held {read.held} row(s) of those asked for"
        rejections = read.rejections or (Rejection(Stage.PARSE, "too few rows", held),)
        attempt = Try(step.prompt.name, fan.attempt, text, rejections)
        assert isinstance(fan.made, tuple)
        return replace(
            fan,
            made=(*fan.made, *made),
            places=fan.places[len(made) :],
            wanted=fan.wanted - len(good),
            stage=Stage.VALID if valid else Stage.PARSE,
            reasons=attempt.reasons,
            tries=(*fan.tries, attempt),
            feedback=Feedback(text, read.rejections, fan.wanted - len(good)),
        )

    def _give_up(self, fan: FanState, final: bool = False) -> None:
        """No further reply is asked for: the rows that are not there are missing."""
        row = fan.row
        self._keep(replace(fan, places=()))
        values = {**row.values, **row.combination.values}
        for place in fan.places:
            path = (*fan.path, place)
            self.lose(path, row.combination, fan.stage, fan.reasons, values, fan.tries[-MAX_TRIES_KEPT:], final)


def _parts(lost: Lost) -> tuple[RowPath, Combination, Stage, tuple[str, ...], Mapping[str, Any], tuple[Try, ...]]:
    return lost.path, lost.combination, lost.stage, lost.reasons, lost.values, lost.tries


def _prefix(row: RowState) -> str:
    """What the places of the rows below begin with: nothing at the first level, where each row has a combination."""
    return f"{row.place}." if len(row.path) > 1 else ""


def repeats(items: Sequence[Any]) -> dict[int, int]:
    """By number, of the items that equal some before them: how many these are."""
    seen: Counter[str] = Counter()
    found: dict[int, int] = {}
    for number, item in enumerate(items):
        mark = digest_of_item(item)
        if seen[mark]:
            found[number] = seen[mark]
        seen[mark] += 1
    return found
