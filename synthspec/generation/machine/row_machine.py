"""The work on one combination as a pure machine: `begin` gives the first questions, `advance` takes one outcome and
gives what follows. It knows no clock, no task and no store; what it asks depends on completions alone.

One row is worked on like this: its prompts are asked in order; a reply that breaks a rule is asked for again, with what
was wrong; a check that fails sends the row back to the prompt that can put it right; a sound row is offered, and goes
back where it is not new. Where attempts run out the row is lost, with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from synthspec.generation.machine.program import Program, Step
from synthspec.generation.machine.row_turn import BATCH, MAX_TRIES_KEPT, RowTurn
from synthspec.generation.machine.states import (
    Ask,
    BatchState,
    Combination,
    Effect,
    Lost,
    Note,
    Outcome,
    RowState,
    State,
    row_of,
)
from synthspec.inference.outcomes import Failed, Id, Replied, Stopped
from synthspec.inference.requests import Feedback
from synthspec.spec.messages import Path, Stage, Try

Turn = tuple[State, list[Effect], list[tuple[Path, Note]]]


def paths_of(program: Program, index: int) -> tuple[Path, ...]:
    """The rows that a combination stands for, in order."""
    first = index * program.rows
    count = min(program.rows, program.spec.rows - first)
    return ((index,),) if program.rows == 1 else tuple((index, place) for place in range(count))


def begin(program: Program, combination: Combination) -> Turn:
    """The state of a combination, its first questions, and notes."""
    paths = paths_of(program, combination.index)
    computed = {n: v for n, v in combination.context.items() if n in program.validator.computed}
    hopeless = program.validator.computed_faults(computed, {**computed, **combination.values}, ())
    if hopeless:  # no call can change what follows from the parameters alone
        reasons = tuple(r.reason for r in hopeless)
        lost: list[Effect] = [Lost(p, combination, Stage.VALID, reasons, dict(combination.values), ()) for p in paths]
        return State(combination, {}), lost, [(p, Note(rejections=tuple(hopeless))) for p in paths]
    if program.batch is None:
        row = RowState(paths[0], 0, combination)
        return _taken(State(combination, {}), RowTurn(program, row).begin())
    batch = BatchState((combination.index,), combination, tuple(range(len(paths))), program.batch.prompt.rows)
    asked = _ask_batch(program.batch, batch)
    return State(combination, {batch.path: asked}), _questions(asked), []


def advance(program: Program, state: State, id: Id, outcome: Outcome) -> Turn:
    """The state after one outcome, what follows from it, and notes.

    Raises:
        KeyError: no question of this id is open.
    """
    row = state.rows.get(row_of(id))
    if isinstance(row, BatchState) and row.waits is not None and row.waits.id == id:
        return _advance_batch(program, state, row, outcome)
    if isinstance(row, RowState) and (id in row.calls or (row.waits is not None and row.waits.id == id)):
        return _taken(state, RowTurn(program, row).advance(id, outcome))
    raise KeyError(f"no open question {id}")


def _taken(state: State, turn: RowTurn) -> Turn:
    """The state with one row as it is after its turn; a row that is final leaves it."""
    after = turn.after()
    rows = dict(state.rows)
    if after.is_final:
        rows.pop(after.path, None)
    else:
        rows[after.path] = after
    return State(state.combination, rows), turn.effects, [(after.path, n) for n in turn.notes]


def _questions(batch: BatchState) -> list[Effect]:
    return [batch.waits] if batch.waits is not None else []


def _ask_batch(step: Step, batch: BatchState) -> BatchState:
    """The batch with its next question."""
    attempt = batch.attempt + 1
    question = Ask(
        id=(batch.path, attempt),
        path=batch.path,
        prompt=step.prompt.name,
        attempt=attempt,
        rows=batch.wanted,
        place=BATCH,
        lineage=(),
        combination=batch.combination,
        values=batch.combination.values,
        feedback=batch.feedback,
        opening="" if step.prompt.needs else step.prompt.name,
    )
    return replace(batch, attempt=attempt, waits=question)


def _advance_batch(program: Program, state: State, batch: BatchState, outcome: Outcome) -> Turn:
    """Rows that came are worked on, each for itself; the rest are asked for while attempts last."""
    step = program.batch
    assert step is not None
    notes: list[tuple[Path, Note]] = []
    first = (batch.path[0], batch.places[0])  # the row that the notes go with: it is final after this reply, not before
    written: list[tuple[int, dict[str, object]]] = []
    given_up = False
    match outcome:
        case Failed(rejection):
            notes.append((first, Note(rejections=(rejection,))))
            batch = replace(batch, reasons=(rejection.reason,))
        case Replied(key, text, finish):
            read = program.read(step, batch.combination.values, (key, text, finish), batch.wanted)
            notes.append((first, Note(batch.wanted, read.held, read.rejections)))
            good = read.good[: batch.wanted]
            written = list(zip(batch.places, good, strict=False))
            valid = any(r.stage is Stage.VALID for r in read.rejections)
            held = f"the reply held {read.held} row(s) of those asked for"
            reasons = tuple(r.reason for r in read.rejections) or (held,)
            before, wanted = batch.tries, batch.wanted - len(good)
            batch = replace(
                batch,
                places=batch.places[len(written) :],
                wanted=wanted,
                stage=Stage.VALID if valid else Stage.PARSE,
                reasons=reasons,
                tries=(*before, Try(step.prompt.name, batch.attempt, text, reasons)),
                feedback=Feedback(text, read.rejections, wanted),
            )
            rows = [_written(state, batch, step, (key, text), before, *w) for w in written]
            return _after_batch(program, state, batch, step, rows, notes)
        case Stopped(reason):
            batch = replace(batch, stage=Stage.CALL, reasons=(reason,))
            given_up = True
        case _:
            raise TypeError(f"a batch is not answered with {type(outcome).__name__}")
    return _after_batch(program, state, batch, step, [], notes, given_up)


def _written(
    state: State,
    batch: BatchState,
    step: Step,
    reply: tuple[str, str],
    tries: tuple[Try, ...],
    place: int,
    values: dict[str, object],
) -> RowState:
    """A row that a batch wrote."""
    name, (key, text) = step.prompt.name, reply
    return RowState(
        path=(batch.path[0], place),
        place=place,
        combination=state.combination,
        values=values,
        asked={name: batch.attempt},
        keys={name: key},
        texts={name: text},
        tries=tries,
    )


def _after_batch(
    program: Program,
    state: State,
    batch: BatchState,
    step: Step,
    written: Sequence[RowState],
    notes: list[tuple[Path, Note]],
    given_up: bool = False,
) -> Turn:
    rows = dict(state.rows)
    rows.pop(batch.path, None)
    effects: list[Effect] = []
    if batch.places and batch.attempt < program.limit and not given_up:
        batch = _ask_batch(step, batch)
        rows[batch.path] = batch
        effects += _questions(batch)
    else:
        for place in batch.places:
            values = dict(batch.combination.values)
            path = (batch.path[0], place)
            effects.append(
                Lost(path, batch.combination, batch.stage, batch.reasons, values, batch.tries[-MAX_TRIES_KEPT:])
            )
    state = replace(state, rows=rows)
    for row in written:
        state, more, told = _taken(state, RowTurn(program, row).begin())
        effects += more
        notes += told
    return state, effects, notes
