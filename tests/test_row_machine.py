"""The row machine alone: outcomes of one state commute, any order and any failures give the same rows, and a state is
never changed by an outcome."""

from __future__ import annotations

import copy
import itertools
import random
from pathlib import Path
from typing import Any

import pytest
from depth import one_in, rest_slow
from fan_out_specs import fan_out_reply, fan_out_spec
from loopback import digest
from several_specs import several_reply, several_spec
from test_latency import random_spec, reply

from synthspec.compiler import compile_spec
from synthspec.generation.machine.program import Program
from synthspec.generation.machine.row_machine import advance, begin
from synthspec.generation.machine.states import (
    Ask,
    Combination,
    Dropped,
    Fanned,
    Known,
    Lost,
    Need,
    Offer,
    Outcome,
    RowState,
    State,
    Verdict,
)
from synthspec.generation.validation.rules import Validator
from synthspec.inference.outcomes import Failed, Replied, Stopped
from synthspec.planning.plan import build_plan
from synthspec.spec.messages import Message, Request
from synthspec.spec.rows import Rejection, Stage

STALE = Rejection(Stage.NOVEL, "unique(call)", "the same call as in a row before")
NO_REPLY = Rejection(Stage.CALL, "too long", "the provider refused it")


KINDS = {
    "plain": (random_spec, reply),
    "fans": (fan_out_spec, fan_out_reply),
    "several": (several_spec, several_reply),
}


class World:
    """Answers a question as a function of the question alone."""

    def __init__(self, number: int, folder: Path, kind: str = "plain") -> None:
        draw, self.reply = KINDS[kind]
        compiled = compile_spec(draw(number, folder), {})
        assert compiled.spec is not None and compiled.ok
        self.number = number
        self.program = Program(compiled.spec, Validator(compiled.spec))
        self.plan = build_plan(compiled.spec, compiled.tables)

    def combination(self, index: int) -> Combination:
        values = self.plan[index]
        return Combination(index, values, {**self.program.context(values), "avoid": []})

    def answer(self, question: Any) -> Outcome:
        mark = digest(self.number, question.id)
        if mark % 41 == 0:
            return Stopped("the budget is reached")
        match question:
            case Ask():
                if mark % 11 == 0:
                    return Failed(NO_REPLY)
                told = question.feedback.text if question.feedback is not None else ""
                key = f"{digest(question.id, question.lineage, told):032x}"
                said = Message("user", f"{told} csv" if question.rows > 1 else told)
                request = Request(key, question.prompt, 0, question.attempt, (said,), question.rows)
                return Replied(key, self.reply(request), "length" if mark % 13 == 0 else "stop")
            case Offer():
                return Verdict(STALE if mark % 3 == 0 else None)
            case Need():
                before = question.combination.index - (question.what == "move")
                return Known(self.combination(before) if mark % 4 else None)
        raise AssertionError(question)


def questions(state: State) -> list[Any]:
    rows = [row for _, row in sorted(state.rows.items())]
    calls = [call for row in rows if isinstance(row, RowState) for _, call in sorted(row.calls.items())]
    return [row.waits for row in rows if row.waits is not None] + calls


def played(world: World, index: int, rng: random.Random) -> tuple[dict[Any, Any], list[Any], int]:
    """What every row came to, and the notes, with outcomes in an order drawn at random."""
    state, effects, notes = begin(world.program, world.combination(index))
    came: dict[Any, Any] = {}
    fans: dict[Any, int] = {}
    steps = 0
    while True:
        for effect in effects:
            if isinstance(effect, Lost | Dropped):
                assert effect.path not in came
                came[effect.path] = effect
            elif isinstance(effect, Fanned):
                assert effect.path not in fans
                fans[effect.path] = effect.count
        waiting = questions(state)
        assert sorted(state.open) == sorted(q.id for q in waiting)
        if not waiting:
            break
        question = rng.choice(waiting)
        outcome = world.answer(question)
        if isinstance(question, Offer) and question.whole and outcome == Verdict(None):
            assert question.path not in came
            came[question.path] = question
        before = copy.deepcopy(state)
        after, effects, told = advance(world.program, state, question.id, outcome)
        assert state == before, "an outcome changed the state it was given"
        state, steps = after, steps + 1
        notes = [*notes, *told]
        with pytest.raises(KeyError):
            advance(world.program, state, question.id, outcome)
    assert set(came) == set(leaves((index,), fans, came)), "every row comes to one end"
    assert not len(state.rows), "nothing is remembered of a combination that is over"
    return came, sorted(notes, key=repr), steps


def leaves(path: Any, fans: dict[Any, int], came: dict[Any, Any]) -> list[Any]:
    """The rows that come of one, and those that are dropped before any can."""
    if path not in fans:
        return [path]
    return [leaf for number in range(fans[path]) for leaf in leaves((*path, number), fans, came)]


def drawn(plain: int, fans: int, several: int) -> list[Any]:
    """So many specs of each kind; one in seven in the default run, without the few that cost the most."""
    cases = [*(("plain", n) for n in range(plain)), *(("fans", n) for n in range(fans)),
             *(("several", n) for n in range(several))]  # fmt: skip
    costly = [("several", 6), ("several", 11), ("fans", 30), ("fans", 33), ("fans", 36)]
    return rest_slow(cases, [at for at, case in enumerate(cases) if case[1] % 14 == 0 and case not in costly])


@pytest.mark.parametrize(("kind", "number"), drawn(40, 40, 20))
def test_any_order_gives_the_same_rows(number: int, kind: str, tmp_path: Path) -> None:
    world = World(number, tmp_path, kind)
    for index in range(3):
        first = played(world, index, random.Random(0))
        for seed in range(1, 6 if first[2] < 100 else 3):
            assert played(world, index, random.Random(seed)) == first


@pytest.mark.parametrize(("kind", "number"), drawn(60, 60, 20))
def test_outcomes_of_one_state_commute(number: int, kind: str, tmp_path: Path) -> None:
    world = World(number, tmp_path, kind)
    if world.program.last == 0 and kind != "several":
        return  # one row: never two questions at once
    rng = random.Random(number)
    state, _, _ = begin(world.program, world.combination(0))
    tried = 0
    while (waiting := questions(state)) and tried < 2_000:
        some = rng.sample(waiting, min(4, len(waiting)))
        ends = []
        for order in itertools.permutations(some):
            after, effects, notes = state, [], []
            for question in order:
                after, more, told = advance(world.program, after, question.id, world.answer(question))
                effects += more
                notes += told
            ends.append((after.rows, after.combination, sorted(map(repr, effects)), sorted(map(repr, notes))))
        assert all(end == ends[0] for end in ends)
        tried += len(ends)
        question = rng.choice(waiting)
        state, _, _ = advance(world.program, state, question.id, world.answer(question))
    assert tried or kind != "plain"  # a list may be empty


@pytest.mark.parametrize(("kind", "number"), one_in(3, [(kind, n) for kind in KINDS for n in range(8)]))
def test_a_run_that_stops_ends_every_row_and_asks_for_nothing_again(kind: str, number: int, tmp_path: Path) -> None:
    """From any call on, whatever was asked last: a row of a prompt of several calls too."""
    world = World(number, tmp_path, kind)
    for last in (0, 1, 2, 3, 5, 8, 13, 21):
        rng, asked = random.Random(last), 0
        state, effects, _ = begin(world.program, world.combination(0))
        ended: set[Any] = set()
        while True:
            ended |= {e.path for e in effects if isinstance(e, Lost | Dropped)}
            waiting = questions(state)
            if not waiting:
                break
            question = rng.choice(waiting)
            outcome = world.answer(question)
            if isinstance(question, Ask):
                asked += 1
                outcome = Stopped("the budget is reached") if asked > last else outcome
            state, effects, _ = advance(world.program, state, question.id, outcome)
            if isinstance(question, Ask) and asked > last:
                before = {q.id for q in waiting}
                again = [q for q in questions(state) if isinstance(q, Ask) and q.id not in before]
                assert not [q for q in again if (q.path, q.prompt) == (question.path, question.prompt)]
                lost = [e for e in effects if isinstance(e, Lost)]
                assert all(e.stage is Stage.CALL and "the budget is reached" in e.reasons for e in lost)
        assert not len(state.rows)
        assert ended or asked <= last


def test_an_outcome_of_another_kind_is_refused(tmp_path: Path) -> None:
    world = World(next(n for n in range(99) if World(n, tmp_path).program.last == 0), tmp_path)
    state, effects, _ = begin(world.program, world.combination(0))
    (question,) = effects
    assert isinstance(question, Ask)
    for wrong in (Verdict(None), Known(None)):
        with pytest.raises(TypeError):
            advance(world.program, state, question.id, wrong)
    with pytest.raises(KeyError):
        advance(world.program, state, ((99,), 1), Failed(NO_REPLY))


def test_a_machine_knows_no_clock_no_task_and_no_store() -> None:
    import ast

    from synthspec.generation.machine import program, row_draft, row_machine, row_turn, states

    for module in (program, row_machine, row_draft, row_turn, states):
        assert module.__file__ is not None
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        names = {n for node in ast.walk(tree) if isinstance(node, ast.Import) for n in (a.name for a in node.names)}
        names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not any(n.split(".")[0] in ("asyncio", "time", "threading", "random") for n in names)
        allowed = {"synthspec.inference.outcomes", "synthspec.inference.requests"}  # values alone
        assert {n for n in names if n.startswith("synthspec.inference")} <= allowed
        assert not any(isinstance(node, ast.Await | ast.AsyncFunctionDef) for node in ast.walk(tree))


def test_a_kept_row_knows_its_failed_attempts(tmp_path: Path) -> None:
    """What was offered tells of every attempt before it, in order, none of them the one that was kept."""
    seen = 0
    for number in range(12):
        world = World(number, tmp_path)
        for index in range(3):
            came, _, _ = played(world, index, random.Random(0))
            for end in came.values():
                if isinstance(end, Offer):
                    seen += len(end.tries)
                    assert all(t.reasons for t in end.tries)
    assert seen
