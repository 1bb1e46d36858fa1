"""The work on one combination as a pure machine: `begin` gives the first questions, `advance` takes one outcome and
gives what follows. It knows no clock, no task and no store; what it asks depends on completions alone.

One row is worked on like this: its prompts are asked in order; a reply that breaks a rule is asked for again, with what
was wrong; a check that fails sends the row back to the prompt that can put it right; a sound row is offered, and goes
back where it is not new. Where attempts run out the row is lost, with the reason. Where a prompt makes several rows of
one, each of them is worked on in the same way from there on (`fan_out`).
"""

from __future__ import annotations

from synthspec.generation.machine.fan_out import Rowwork
from synthspec.generation.machine.program import Program
from synthspec.generation.machine.row_turn import RowTurn
from synthspec.generation.machine.rows import RowStates
from synthspec.generation.machine.states import (
    Combination,
    Effect,
    FanState,
    Lost,
    Need,
    Outcome,
    ReplyNote,
    RowState,
    State,
    row_of,
)
from synthspec.inference.outcomes import Id
from synthspec.spec.rows import RowPath, Stage

Turn = tuple[State, list[Effect], list[tuple[RowPath, ReplyNote]]]


def begin(program: Program, combination: Combination) -> Turn:
    """The state of a combination, its first questions, and notes."""
    work = Rowwork(program, combination, RowStates())
    computed = {n: v for n, v in combination.context.items() if n in program.validator.computed}
    hopeless = program.validator.computed_faults(computed, {**computed, **combination.values}, ())
    path = (combination.index,)
    if hopeless:  # no call can change what follows from the parameters alone
        work.lose(path, combination, Stage.VALID, tuple(r.reason for r in hopeless), dict(combination.values), ())
        lost = [e.path for e in work.effects if isinstance(e, Lost | Need)]
        return work.state, work.effects, [(p, ReplyNote(rejections=tuple(hopeless))) for p in lost]
    work.take(RowTurn(program, RowState(path, "0", combination)).begin(combination.values))
    work.go_on()
    return work.state, work.effects, work.notes


def lost(program: Program, combination: Combination, stage: Stage, reasons: tuple[str, ...]) -> Turn:
    """The end of a combination that cannot be begun: all its rows are missing."""
    work = Rowwork(program, combination, RowStates())
    work.lose((combination.index,), combination, stage, reasons, dict(combination.values), ())
    return work.state, work.effects, []


def advance(program: Program, state: State, id: Id, outcome: Outcome) -> Turn:
    """The state after one outcome, what follows from it, and notes.

    Raises:
        KeyError: no question of this id is open.
    """
    row = state.rows.get(row_of(id))
    work = Rowwork(program, state.combination, state.rows)
    if isinstance(row, FanState) and row.waits is not None and row.waits.id == id:
        work.answer(row, outcome)
    elif isinstance(row, RowState) and (id in row.calls or (row.waits is not None and row.waits.id == id)):
        work.take(RowTurn(program, row).advance(id, outcome))
    else:
        raise KeyError(f"no open question {id}")
    work.go_on()
    return work.state, work.effects, work.notes
