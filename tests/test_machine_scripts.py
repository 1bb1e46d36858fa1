"""The row machine by hand: one question after another, what each answer leads to, and why a row is lost."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from synthspec.compiler import compile_spec
from synthspec.generation.machine.program import Program
from synthspec.generation.machine.row_draft import MAX_TRIES_KEPT
from synthspec.generation.machine.row_machine import advance, begin
from synthspec.generation.machine.row_turn import MAX_MOVES
from synthspec.generation.machine.states import (
    Ask,
    Combination,
    Effect,
    Fanned,
    Known,
    Lost,
    Need,
    Offer,
    Outcome,
    ReplyNote,
    Verdict,
)
from synthspec.generation.validation.rules import Validator
from synthspec.inference.outcomes import Failed, Replied, Stopped
from synthspec.spec.rows import Rejection, Stage

HEAD = """
synthspec: 1
name: calls
rows: 30
parameters: {topic: [bill, meter]}
backend: {provider: openai, model: m, base_url: "http://127.0.0.1:1/v1"}
"""
BATCH = """
prompts: {calls: {user: "Write about {{ topic }}.", rows: 3, writes: [call, minutes], format: csv}}
fields: {call: {type: string}, minutes: {type: integer, maximum: 90}}
limits: {attempts: 2}
"""
CHAIN = """
prompts:
  call: {user: "Write about {{ topic }}.", writes: [call]}
  title: {user: "A title for {{ call }}", writes: [title]}
  rate: {user: "Rate {{ title }}", writes: [score], format: json}
fields:
  call: {type: string}
  title: {type: string, words: {max: 3}}
  score: {type: integer, minimum: 1, maximum: 5}
checks: [{that: score >= 3, message: the judge finds it dull}]
novelty: {unique: [call, title], on_saturation: MODE}
limits: {attempts: 3}
"""
STALE = Rejection(Stage.NOVEL, "unique", "the same as a row before")
NO_REPLY = Rejection(Stage.CALL, "too long", "the provider refused it")


class Script:
    """One combination, its open questions answered in order."""

    def __init__(self, folder: Path, text: str, index: int = 1) -> None:
        path = folder / "spec.yaml"
        path.write_text(HEAD + text)
        compiled = compile_spec(path)
        assert compiled.spec is not None and compiled.ok, compiled.diagnostics
        self.program = Program(compiled.spec, Validator(compiled.spec))
        self.notes: list[ReplyNote] = []
        self.lost: list[Lost] = []
        self.keys = 0
        self.state, effects, notes = begin(self.program, self.combination(index))
        self._take(effects, notes)

    def combination(self, index: int) -> Combination:
        values = {"topic": "bill" if index % 2 else "meter"}
        return Combination(index, values, self.program.context(values))

    def _take(self, effects: Iterable[Effect], notes: Iterable[tuple[Any, ReplyNote]]) -> None:
        effects = list(effects)
        self.open = [e for e in effects if not isinstance(e, Lost | Fanned)]
        self.lost += [e for e in effects if isinstance(e, Lost)]
        self.notes += [note for _, note in notes]

    @property
    def question(self) -> Any:
        (question,) = self.open
        return question

    def answer(self, outcome: Outcome | str) -> Any:
        """The questions that follow; a text is a reply."""
        if isinstance(outcome, str):
            self.keys += 1
            outcome = Replied(f"{self.keys:032x}", outcome)
        self.state, effects, notes = advance(self.program, self.state, self.question.id, outcome)
        self._take(effects, notes)
        return self.open


def chain(folder: Path, mode: str = "continue", index: int = 1) -> Script:
    return Script(folder, CHAIN.replace("MODE", mode), index)


# --- several rows of one reply


def test_rows_that_are_missing_are_asked_for_alone(tmp_path: Path) -> None:
    script = Script(tmp_path, BATCH)
    assert isinstance(script.question, Ask) and (script.question.rows, script.question.attempt) == (3, 1)
    again, first, second = sorted(
        script.answer("call,minutes\na call here,5\nb call here,6\n"), key=lambda q: not isinstance(q, Ask)
    )
    assert (again.rows, again.attempt, again.feedback.rows) == (1, 2, 1)
    assert isinstance(first, Offer) and isinstance(second, Offer)
    assert [q.values["call"] for q in (first, second)] == ["a call here", "b call here"]
    assert [q.path for q in (first, second)] == [(1, 0), (1, 1)]
    assert script.notes == [ReplyNote(3, 2, ())]


def test_a_row_lost_from_a_batch_tells_what_was_wrong_with_it(tmp_path: Path) -> None:
    script = Script(tmp_path, BATCH)
    (again,) = script.answer("call,minutes\na call here,500\nb call here,600\nc call here,700\n")
    assert (again.rows, again.attempt) == (3, 2)
    assert script.answer("call,minutes\na call here,500\n") == []
    assert [lost.path for lost in script.lost] == [(1, 0), (1, 1), (1, 2)]
    for lost in script.lost:
        assert lost.stage is Stage.VALID
        assert all("minutes" in reason for reason in lost.reasons) and len(lost.reasons) == 1
        assert [t.attempt for t in lost.tries] == [1, 2]
        assert len(lost.tries[0].reasons) == 3


def test_a_reply_with_too_few_rows_says_so(tmp_path: Path) -> None:
    script = Script(tmp_path, BATCH.replace("attempts: 2", "attempts: 1"))
    offers = script.answer("call,minutes\na call here,5\n")
    assert [q.path for q in offers] == [(1, 0)]
    assert [(lost.path, lost.stage, lost.reasons) for lost in script.lost] == [
        ((1, n), Stage.PARSE, ("the reply held 1 row(s) of those asked for",)) for n in (1, 2)
    ]


def test_no_reply_for_a_batch(tmp_path: Path) -> None:
    script = Script(tmp_path, BATCH)
    (again,) = script.answer(Failed(NO_REPLY))
    assert (again.rows, again.attempt) == (3, 2)
    script.answer(Failed(NO_REPLY))
    assert [(lost.stage, lost.reasons) for lost in script.lost] == [(Stage.CALL, (NO_REPLY.reason,))] * 3
    stopped = Script(tmp_path, BATCH)
    assert stopped.answer(Stopped("the budget is reached")) == []
    assert [lost.reasons for lost in stopped.lost] == [("the budget is reached",)] * 3


# --- one row through its prompts


def test_a_row_is_offered_with_what_made_it(tmp_path: Path) -> None:
    script = chain(tmp_path)
    for name, reply in (("call", "a call"), ("title", "a title"), ("rate", '{"score": 4}')):
        assert (script.question.prompt, script.question.attempt, script.question.rows) == (name, 1, 1)
        assert script.question.lineage == tuple(f"{n:032x}" for n in range(1, script.keys + 1))[-1:]
        script.answer(reply)
    assert isinstance(script.question, Offer)
    assert script.question.values == {"call": "a call", "title": "a title", "score": 4}
    assert script.question.lineage == tuple(f"{n:032x}" for n in (1, 2, 3)) and script.question.tries == ()
    assert script.answer(Verdict(None)) == [] and not script.state.rows


def test_a_failed_check_goes_back_to_what_was_judged(tmp_path: Path) -> None:
    script = chain(tmp_path)
    for reply in ("a call", "a title", '{"score": 1}'):
        script.answer(reply)
    assert (script.question.prompt, script.question.attempt) == ("title", 2)
    assert script.question.values == {"topic": "bill", "call": "a call"}, "what hangs on it is gone, the rest is kept"
    assert script.question.feedback.text == "a title"
    script.answer("better")
    assert (script.question.prompt, script.question.attempt, script.question.feedback) == ("rate", 2, None)


def test_a_repeat_goes_back_to_the_first_prompt_that_wrote_it(tmp_path: Path) -> None:
    script = chain(tmp_path)
    for reply in ("a call", "a title", '{"score": 4}'):
        script.answer(reply)
    script.answer(Verdict(STALE))
    assert (script.question.prompt, script.question.attempt) == ("call", 2)
    assert script.question.values == {"topic": "bill"}
    assert script.notes[-1] == ReplyNote(rejections=(STALE,))


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_attempts_are_as_many_as_allowed(limit: int, tmp_path: Path) -> None:
    script = Script(tmp_path, CHAIN.replace("MODE", "continue").replace("attempts: 3", f"attempts: {limit}"))
    script.answer("a call")
    for attempt in range(1, limit + 1):
        assert (script.question.prompt, script.question.attempt) == ("title", attempt)
        script.answer("a title that has too many words")
    (lost,) = script.lost
    assert lost.stage is Stage.VALID and len(lost.tries) == limit and "title" in lost.reasons[0]
    assert lost.values == {"topic": "bill", "call": "a call"}


def test_a_judge_that_is_never_content(tmp_path: Path) -> None:
    script = chain(tmp_path)
    script.answer("a call")
    for attempt in (1, 2, 3):
        assert (script.question.prompt, script.question.attempt) == ("title", attempt)
        script.answer("a title")
        script.answer('{"score": 1}')
    (lost,) = script.lost
    assert lost.stage is Stage.VALID and "the judge finds it dull" in lost.reasons[0]
    assert [t.prompt for t in lost.tries] == ["title"] * 3


def test_only_so_many_attempts_are_shown(tmp_path: Path) -> None:
    script = Script(
        tmp_path, CHAIN.replace("MODE", "continue").replace("attempts: 3", f"attempts: {MAX_TRIES_KEPT + 3}")
    )
    script.answer("a call")
    while script.open:
        script.answer("a title that has too many words")
    (lost,) = script.lost
    assert [t.attempt for t in lost.tries] == list(range(4, MAX_TRIES_KEPT + 4))


# --- rows moved to another combination


def stale_until_lost(script: Script) -> None:
    while isinstance(script.question, Ask):
        for reply in ("a call", "a title", '{"score": 4}'):
            script.answer(reply)
        script.answer(Verdict(STALE))
        if not script.open:
            return


def test_a_row_that_only_repeats_moves_so_often(tmp_path: Path) -> None:
    script = chain(tmp_path, "spread", index=7)
    for move in range(MAX_MOVES):
        stale_until_lost(script)
        assert isinstance(script.question, Need) and script.question.times == move
        script.answer(Known(script.combination(6 - move)))
        assert (script.question.prompt, script.question.attempt) == ("call", 1)
        assert script.question.combination.index == 6 - move
    stale_until_lost(script)
    (lost,) = script.lost
    assert lost.stage is Stage.NOVEL and lost.reasons == (STALE.reason,) and lost.combination.index == 5
    assert lost.path == (7,)


def test_a_row_with_nowhere_to_go_is_lost_for_its_own_reason(tmp_path: Path) -> None:
    script = chain(tmp_path, "spread", index=7)
    stale_until_lost(script)
    assert script.answer(Known(None)) == []
    (lost,) = script.lost
    assert (lost.stage, lost.reasons) == (Stage.NOVEL, (STALE.reason,))
    assert lost.values["topic"] == "bill"


@pytest.mark.parametrize(("mode", "index"), [("continue", 7), ("spread", 0)])
def test_rows_that_cannot_move_do_not(mode: str, index: int, tmp_path: Path) -> None:
    script = chain(tmp_path, mode, index)
    stale_until_lost(script)
    assert script.open == [] and script.lost[0].stage is Stage.NOVEL
