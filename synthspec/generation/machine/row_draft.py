"""One row while an outcome is taken in: a copy that is worked on, what it asks for, and what is told of it.

The state that it began with is left as it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synthspec.generation.machine.levels import Level
from synthspec.generation.machine.program import Program
from synthspec.generation.machine.states import Ask, Effect, Need, Offer, ReplyNote, RowState
from synthspec.generation.machine.steps import Step
from synthspec.generation.validation.place import RowPlace
from synthspec.inference.outcomes import Id
from synthspec.inference.requests import Feedback
from synthspec.spec.rows import Try

MAX_TRIES_KEPT = 12


class WorkingRow:
    """A row's working copy. `effects` and `notes` are what the turn came to."""

    def __init__(self, program: Program, row: RowState) -> None:
        self.program = program
        self.row = row
        self.combination = row.combination
        self.values = dict(row.values)
        self.asked = dict(row.asked)
        self.keys = dict(row.keys)
        self.texts = dict(row.texts)
        self.feedback = dict(row.feedback)
        self.tries = row.tries
        self.last = row.last
        self.moves = row.moves
        self.questions = row.questions
        self.waits: Ask | Offer | Need | None = None
        self.work = dict(row.work)
        self.made = dict(row.made)
        self.calls = dict(row.calls)
        self.above = row.above
        self.line = row.line
        self.fans = False  # the row's own prompts are done, and it makes the rows of the next level
        self.stopped = row.stopped
        self.effects: list[Effect] = []
        self.notes: list[ReplyNote] = []

    def after(self) -> RowState:
        """The row as it is now."""
        return RowState(
            path=self.row.path,
            place=self.row.place,
            combination=self.combination,
            above=self.above,
            values=self.values,
            asked=self.asked,
            keys=self.keys,
            texts=self.texts,
            feedback=self.feedback,
            tries=self.tries,
            last=self.last,
            moves=self.moves,
            questions=self.questions,
            line=self.line,
            stopped=self.stopped,
            waits=self.waits,
            work=self.work,
            made=self.made,
            calls=self.calls,
        )

    @property
    def level(self) -> Level:
        """The level of the row."""
        return self.program.levels[len(self.row.path) - 1]

    @property
    def is_last(self) -> bool:
        """Whether no further rows come of it."""
        return len(self.row.path) > self.program.last

    @property
    def _place(self) -> RowPlace | None:
        """The row's place, as computed fields and checks see it: known of rows of the dataset alone."""
        return RowPlace(self.row.path, self.combination.index) if self.is_last else None

    def _sound(self) -> set[str]:
        """The computed fields that are known to keep their rules before anything is written for this row."""
        computed = self.program.validator.computed
        return {*self.combination.context, *(n for n in self.above if n in computed)}

    def tried(self, attempt: Try) -> None:
        """Note an attempt that is not kept."""
        self.tries = (*self.tries, attempt)[-MAX_TRIES_KEPT:]

    def _id(self) -> tuple[tuple[int, ...], int]:
        self.questions += 1
        return self.row.path, self.questions

    def _id_of_item(self, step: Step, item: int, attempt: int) -> Id:
        """Given by what is asked alone: the calls of a row come back in any order."""
        before = self.program.position[step.prompt.name] * (self.program.limit + 1)
        return (*self.row.path, -1 - item), before + attempt

    def _wait_for(self, question: Ask | Offer | Need) -> None:
        self.waits = question
        self.effects.append(question)

    def ask(
        self,
        step: Step,
        attempt: int,
        *,
        item: int | None = None,
        feedback: Feedback | None = None,
        lineage: Sequence[str] | None = None,
        opening: str = "",
        variant: tuple[str | int, ...] = (),
        seen: Mapping[str, Any] | None = None,
        endpoint: str = "",
        before: tuple[str, ...] = (),
    ) -> None:
        """Ask for one completion. With `item`, a number from 0, other calls of the row may be open besides."""
        id = self._id() if item is None else self._id_of_item(step, item, attempt)
        question = Ask(
            id=id,
            path=self.row.path,
            prompt=step.prompt.name,
            attempt=attempt,
            rows=1,
            place=self.row.place,
            lineage=self.lineage(step) if lineage is None else tuple(lineage),
            combination=self.combination,
            values={**self.values, **self.combination.values},
            feedback=feedback,
            opening=opening,
            variant=variant,
            seen=seen or {},
            endpoint=endpoint,
            before=before,
        )
        if item is None:
            self._wait_for(question)
        else:
            self.calls[id] = question
            self.effects.append(question)

    def lineage(self, step: Step) -> tuple[str, ...]:
        """The completions that what a prompt reads was written by."""
        return tuple(self.keys[n] for n in self.program.lineage_of(step))
