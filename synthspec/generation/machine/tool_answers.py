"""Answers to the tools that a speaker calls: given at once, or asked of the prompt that plays the tool."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from synthspec.generation.machine.errands import PlayedTool, answered_before, arguments_mark
from synthspec.generation.machine.states import ReplyNote
from synthspec.generation.machine.steps import Step
from synthspec.generation.machine.talk_course import Talk
from synthspec.generation.machine.toolbox import Kit, shown
from synthspec.inference.outcomes import Replied
from synthspec.inference.requests import Feedback
from synthspec.spec.conversation import CALLED
from synthspec.spec.rows import Rejection, Stage, Try

if TYPE_CHECKING:
    from synthspec.generation.machine.row_turn import RowTurn

GoOn = Callable[["RowTurn", Step, Talk], None]


class ToolAnswers:
    """How the calls of one reply are answered, one after the other. `go_on` is told when all are."""

    def __init__(self, prompt: str, players: Mapping[str, PlayedTool], go_on: GoOn) -> None:
        self._name, self._players, self._go_on = prompt, players, go_on

    def answer(self, turn: RowTurn, step: Step, talk: Talk, kit: Kit, values: Mapping[str, Any]) -> None:
        """Answer calls, up to one whose answer must be asked for; when all are answered the speaker goes on."""
        errand = talk.errand
        assert errand is not None
        while (call := errand.call) is not None:
            ready = kit[call.name]
            given = answered_before((*talk.said, *errand.said), call) if ready.player else ready.answer(call, values)
            if given is None:
                self._ask(turn, step, replace(talk, errand=errand), kit, values, Stage.CALL, ())
                return
            errand = errand.answered(given)
        self._go_on(turn, step, replace(talk, said=(*talk.said, *errand.said), errand=None))

    def failed(
        self, turn: RowTurn, step: Step, talk: Talk, kit: Kit, values: Mapping[str, Any], rejection: Rejection
    ) -> None:
        """A call of the prompt that plays a tool came to nothing: it is made again."""
        self._ask(turn, step, talk, kit, values, Stage.CALL, (rejection.reason,))

    def read(self, turn: RowTurn, step: Step, talk: Talk, kit: Kit, values: Mapping[str, Any], reply: Replied) -> None:
        """Take the answer of a prompt that plays a tool, or ask for it again."""
        errand = talk.errand
        assert errand is not None and errand.call is not None
        call = errand.call
        given, rejections = self._players[kit[call.name].player].read(reply)
        turn.notes.append(ReplyNote(1, 0 if given is None else 1, rejections))
        if given is not None:
            talk = replace(talk, keys=(*talk.keys, reply.key), errand=errand.answered(given))
            self.answer(turn, step, talk, kit, values)
            return
        attempt = Try(self._name, talk.attempt, f"{shown(call)}: {reply.text}", tuple(rejections))
        turn.tried(attempt)
        errand = replace(errand, feedback=Feedback(reply.text, rejections, 1))
        self._ask(turn, step, replace(talk, errand=errand), kit, values, rejections[0].stage, attempt.reasons)

    def _ask(
        self,
        turn: RowTurn,
        step: Step,
        talk: Talk,
        kit: Kit,
        values: Mapping[str, Any],
        stage: Stage,
        reasons: tuple[str, ...],
    ) -> None:
        """Ask the prompt that plays a tool; where its attempts are used up the row is lost, for these reasons."""
        errand = talk.errand
        assert errand is not None and errand.call is not None
        call, ready = errand.call, kit[errand.call.name]
        if errand.attempt >= turn.program.limit:
            turn.work[self._name] = talk
            turn.give_up(stage, tuple(f"the tool {call.name}: {reason}" for reason in reasons))
            return
        errand = replace(errand, attempt=errand.attempt + 1)
        turn.work[self._name] = replace(talk, errand=errand)
        turn.ask(
            step,
            errand.attempt,
            feedback=errand.feedback,
            lineage=(*turn.lineage(step), *talk.keys[-1:]),
            variant=("tool", call.name, arguments_mark(call)),
            seen={**ready.seen(call, values), CALLED: ready.bound(call)},
            endpoint=ready.player,
        )
