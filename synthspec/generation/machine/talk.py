"""`dialogue`: speakers in turn. Each message is a call of its own, which builds on the one before."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from synthspec.formats.recovery.refusals import refuse
from synthspec.formats.recovery.thinking import without_thinking
from synthspec.formats.recovery.turn import read_turn
from synthspec.formats.recovery.written_calls import AS_TEXT, WrittenCalls, written_calls
from synthspec.generation.machine.errands import Errand, PlayedTool
from synthspec.generation.machine.states import Ask, ReplyNote
from synthspec.generation.machine.steps import ENDED_EARLY, REFUSED, Opening, Step
from synthspec.generation.machine.talk_course import Course, Talk
from synthspec.generation.machine.tool_answers import ToolAnswers
from synthspec.generation.machine.toolbox import MOST_AT_ONCE, Kit, Toolbox, column_of, read_call, shown
from synthspec.generation.validation.field_rules import field_rules
from synthspec.inference.outcomes import Failed, Replied, Stopped
from synthspec.inference.requests import Feedback
from synthspec.languages.expressions import compile_row
from synthspec.languages.templates.template import TemplateFault
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Field, Prompt, Speaker
from synthspec.spec.backends_used import choice_text, endpoint_of_speaker
from synthspec.spec.conversation import Said, messages_of, one_message
from synthspec.spec.messages import Text, ToolCall, ToolDeclaration
from synthspec.spec.rows import Rejection, Stage, Try

if TYPE_CHECKING:
    from synthspec.generation.machine.row_turn import RowTurn


@dataclass(frozen=True, slots=True)
class Talks:
    """What all dialogues of a spec share."""

    toolbox: Toolbox
    players: Mapping[str, PlayedTool]
    tool_rounds: int


class Talking:
    """How a dialogue is worked on."""

    def __init__(self, prompt: Prompt, field: Field, talks: Talks) -> None:
        assert prompt.dialogue is not None
        dialogue = prompt.dialogue
        self._name = prompt.name
        self._field = field.name
        self._speakers = dialogue.speakers
        self._roles = {s.name: s.role for s in dialogue.speakers}
        self._named = len(set(self._roles.values())) < len(self._roles)
        self._endpoints = {s.name: _endpoint_of(prompt, s) for s in dialogue.speakers}
        self._others = {s.name: [o.name for o in dialogue.speakers if o is not s] for s in dialogue.speakers}
        self._course = Course(dialogue)
        self._tool_rounds = talks.tool_rounds
        self._answers = ToolAnswers(prompt.name, talks.players, self._resume)
        self._kits = {s.name: talks.toolbox.kit_of(s, prompt.name) for s in dialogue.speakers}
        self._column = prompt.writes[1] if len(prompt.writes) > 1 else None
        self._rules = tuple(field_rules(one_message(field)))

    def openings(self, step: Step, index: int, values: Mapping[str, Any]) -> Iterator[Opening]:
        """The first message that is not given, by whoever speaks it."""
        talk = self._course.given(Talk(1), values)
        if isinstance(self._course.bounds(values), tuple) and not self._course.ends(talk, values):
            speaker = self._course.next(talk)
            endpoint = self._endpoints[speaker.name](values)
            if not isinstance(endpoint, NoBackend) and not isinstance(self._kits[speaker.name](index, values), str):
                yield Opening(self._name, self._course.seen(talk, ()), endpoint)

    # --- the row's turn

    def begin(self, turn: RowTurn, step: Step) -> None:
        before = turn.work.get(self._name)
        attempt, past = (before.attempt, before.so_far) if isinstance(before, Talk) else (0, ())
        feedback = turn.feedback.get(self._name)
        rejected = tuple(r.reason for r in feedback.rejections) if feedback is not None else ()
        self._restart(turn, step, attempt, *turn.last, rejected, past)

    def reopen(self, turn: RowTurn, step: Step, rejections: Sequence[Rejection]) -> bool:
        talk = turn.work.get(self._name)
        return isinstance(talk, Talk) and talk.attempt < turn.program.limit

    def take(self, turn: RowTurn, step: Step, question: Ask, outcome: Replied | Failed | Stopped) -> None:
        talk = turn.work[self._name]
        assert isinstance(talk, Talk)
        match outcome:
            case Stopped(reason):
                turn.give_up(Stage.CALL, (reason,))
            case Failed(rejection):
                turn.notes.append(ReplyNote(rejections=(rejection,)))
                if talk.errand is None:
                    self._ask(turn, step, talk, Stage.CALL, (rejection.reason,))
                else:
                    self._answers.failed(turn, step, talk, *self._at_hand(turn, talk), rejection)
            case Replied() if talk.errand is not None:
                self._answers.read(turn, step, talk, *self._at_hand(turn, talk), outcome)
            case Replied():
                self._read(turn, step, talk, outcome)

    def _restart(
        self,
        turn: RowTurn,
        step: Step,
        attempt: int,
        stage: Stage,
        reasons: tuple[str, ...],
        rejected: tuple[str, ...],
        past: tuple[str, ...],
    ) -> None:
        """Begin the talk, or begin it again; where attempts are used up the row is lost, for these reasons."""
        if attempt >= turn.program.limit:
            turn.give_up(stage, reasons or (f"the talk was begun {attempt} times, as `limits.attempts` allows",))
            return
        values = self._known(turn)
        bounds = self._course.bounds(values)
        if isinstance(bounds, str):
            turn.give_up(Stage.VALID, (bounds,))
            return
        turn.asked[self._name] = attempt + 1
        try:
            talk = self._course.given(Talk(attempt + 1, rejected=rejected, past=past), values)
        except TemplateFault as e:
            turn.give_up(Stage.CALL, (f"the prompt: {e}",))
            return
        self._go_on(turn, step, talk)

    def _go_on(self, turn: RowTurn, step: Step, talk: Talk) -> None:
        """Ask for the next message, or end the talk."""
        if self._course.ends(talk, self._known(turn)):
            self._finish(turn, step, talk)
        else:
            self._ask(turn, step, talk, Stage.CALL, ())

    def _ask(self, turn: RowTurn, step: Step, talk: Talk, stage: Stage, reasons: tuple[str, ...]) -> None:
        """Ask for the message that is to come; where its attempts are used up the row is lost, for these reasons."""
        if talk.asked >= turn.program.limit:
            turn.work[self._name] = talk
            turn.give_up(stage, reasons)
            return
        speaker = self._course.next(talk)
        kit = self._kit(turn, speaker)
        if isinstance(kit, str):
            turn.give_up(Stage.VALID, (f"the tools of {speaker.name}: {kit}",))
            return
        endpoint = self._endpoints[speaker.name](self._known(turn))
        if isinstance(endpoint, NoBackend):
            turn.give_up(
                Stage.VALID, (f"`backend.choose` of {speaker.name} gives '{endpoint}', which `of` does not list",)
            )
            return
        tools = tuple(ready.declaration for ready in kit.values())
        talk = replace(talk, asked=talk.asked + 1)
        turn.work[self._name] = talk
        first = not talk.keys and turn.program.opens(step)
        turn.ask(
            step,
            talk.asked,
            feedback=talk.feedback,
            lineage=(*turn.lineage(step), *talk.keys[-1:]),
            opening=self._name if first else "",
            variant=("turn", len(talk.said), talk.attempt, *_mark(tools)),
            seen=self._course.seen(talk, tools),
            endpoint=endpoint,
            before=talk.so_far,
        )

    def _read(self, turn: RowTurn, step: Step, talk: Talk, reply: Replied) -> None:
        speaker = self._course.next(talk)
        reply = self._with_written_calls(turn, speaker, reply)
        if reply.calls:
            self._call(turn, step, talk, speaker, reply)
            return
        text, rejections = self._text(turn, speaker, reply)
        turn.notes.append(ReplyNote(1, 0 if text is None else 1, tuple(rejections)))
        if text is None or rejections:
            self._reject(turn, step, talk, speaker, reply.text, rejections)
            return
        said = (*talk.said, Said(speaker.name, (Text(text),)))
        self._go_on(
            turn,
            step,
            Talk(
                talk.attempt,
                said,
                talk.spoken + 1,
                (*talk.keys, reply.key),
                0,
                None,
                talk.rejected,
                past=talk.past,
            ),
        )

    def _reject(
        self, turn: RowTurn, step: Step, talk: Talk, speaker: Speaker, text: str, rejections: Sequence[Rejection]
    ) -> None:
        """Ask for the same message again, with what was wrong."""
        attempt = Try(self._name, talk.attempt, f"{speaker.name}: {text}", tuple(rejections))
        turn.tried(attempt)
        talk = replace(talk, feedback=Feedback(text, tuple(rejections), 1))
        self._ask(turn, step, talk, rejections[0].stage, attempt.reasons)

    def _call(self, turn: RowTurn, step: Step, talk: Talk, speaker: Speaker, reply: Replied) -> None:
        """Carry out the tools that a speaker calls, and let it go on; or ask again where it cannot be done."""
        if talk.rounds >= self._tool_rounds:
            turn.notes.append(ReplyNote(1))
            reason = f"{speaker.name} called tools {talk.rounds} times in a row, as `limits.tool_rounds` allows"
            turn.give_up(Stage.VALID, (reason,))
            return
        kit = self._kit(turn, speaker)
        read = [read_call({} if isinstance(kit, str) else kit, c) for c in reply.calls]
        rejections = [r for r in read if isinstance(r, Rejection)]
        if len(read) > MOST_AT_ONCE:
            rejections = [refuse("tools", "too many", f"{len(read)} calls at once: at most {MOST_AT_ONCE}", "")]
        text = ""
        if reply.text.strip() and not rejections:
            found, rejections = self._text(turn, speaker, reply)
            text = found or ""
        turn.notes.append(ReplyNote(1, 0 if rejections else 1, tuple(rejections)))
        if rejections:
            told = "\n".join([*([reply.text] if reply.text.strip() else []), *map(shown, reply.calls)])
            self._reject(turn, step, talk, speaker, told, rejections)
            return
        first = 1 + sum(len(s.calls) for s in talk.said)
        calls = [replace(c, id=f"call_{n}") for n, c in enumerate(read, first) if isinstance(c, ToolCall)]
        errand = Errand(Said(speaker.name, (*([Text(text)] if text else []), *calls)))
        keys = (*talk.keys, reply.key)
        talk = replace(talk, keys=keys, asked=0, feedback=None, rounds=talk.rounds + 1, errand=errand)
        self._answers.answer(turn, step, talk, *self._at_hand(turn, talk))

    def _resume(self, turn: RowTurn, step: Step, talk: Talk) -> None:
        """All calls are answered: whoever made them goes on."""
        self._ask(turn, step, talk, Stage.CALL, ())

    def _at_hand(self, turn: RowTurn, talk: Talk) -> tuple[Kit, dict[str, Any]]:
        """The tools of the speaker whose calls are answered, and what is known of the row."""
        kit = self._kit(turn, self._course.next(talk))
        assert not isinstance(kit, str)
        return kit, self._known(turn)

    def _kit(self, turn: RowTurn, speaker: Speaker) -> Kit | str:
        """The tools that a speaker may call in this row, or what is wrong with them."""
        return self._kits[speaker.name](turn.combination.index, self._known(turn))

    def _text(self, turn: RowTurn, speaker: Speaker, reply: Replied) -> tuple[str | None, list[Rejection]]:
        """The message that a reply is, and which rules it breaks; None where it is no message."""
        if reply.finish == "refused" and not reply.text.strip():
            return None, [REFUSED]
        simulated = self._roles[speaker.name] == "user"
        text = read_turn(reply.text, speaker.name, self._others[speaker.name], simulated=simulated)
        if isinstance(text, Rejection):
            return None, [text]
        if reply.finish in ENDED_EARLY:
            return None, [ENDED_EARLY[reply.finish]]
        kit = self._kit(turn, speaker)
        written = written_calls(text, speaker.name, () if isinstance(kit, str) else kit)
        if written is not None:
            no_message = (
                written if isinstance(written, Rejection) else refuse("tools", "call in the text", AS_TEXT, text)
            )
            return None, [no_message]
        return text, self._faults(turn, text)

    def _with_written_calls(self, turn: RowTurn, speaker: Speaker, reply: Replied) -> Replied:
        """The reply with the calls that its text holds, where there is one way to read them."""
        kit = self._kit(turn, speaker)
        if isinstance(kit, str) or not kit or reply.calls or reply.finish != "stop":
            return reply
        found = written_calls(without_thinking(reply.text), speaker.name, kit)
        return replace(reply, text=found.text, calls=found.calls) if isinstance(found, WrittenCalls) else reply

    def _faults(self, turn: RowTurn, text: str) -> list[Rejection]:
        """The first rule that a message breaks, if any."""
        cleaned = turn.program.validator.clean({self._field: [{"role": "user", "content": text}]})
        content = cleaned[self._field][0]["content"]
        if not content.strip():
            return [Rejection(Stage.VALID, f"type({self._field})", f"{self._field}: the message is empty", self._field)]
        for label, rule in self._rules:
            fault = rule(content)
            if fault is not None:
                return [Rejection(Stage.VALID, label, f"{self._field}: {fault}", self._field)]
        return []

    def _finish(self, turn: RowTurn, step: Step, talk: Talk) -> None:
        """The talk is whole: it stands, or it is begun again where it breaks a rule."""
        turn.work[self._name] = talk
        made = messages_of(talk.said, self._roles, named=self._named)
        validator = turn.program.validator
        values = validator.clean({self._field: made})
        if self._column is not None:
            values[self._column] = self._column_of(turn)
        faults = validator.field_faults((self._field,), values)
        text = "\n".join(f"{s.speaker}: {s.text}" for s in talk.said)
        if not faults:
            turn.finish_step(step, values, talk.keys, text)
            return
        turn.notes.append(ReplyNote(rejections=tuple(faults)))
        attempt = Try(self._name, talk.attempt, text, tuple(faults))
        turn.tried(attempt)
        self._restart(turn, step, talk.attempt, Stage.VALID, attempt.reasons, attempt.reasons, talk.so_far)

    # --- whose turn it is

    def _known(self, turn: RowTurn) -> dict[str, Any]:
        return {**turn.values, **turn.combination.values}

    def _column_of(self, turn: RowTurn) -> list[dict[str, Any]]:
        """The tools that any speaker of a row may call."""
        kits = [self._kit(turn, s) for s in self._speakers]
        found = [r.declaration for kit in kits if not isinstance(kit, str) for r in kit.values()]
        return column_of(list({json.dumps(d.key_form, sort_keys=True): d for d in found}.values()))


class NoBackend(str):
    """A name that `backend.choose` gives and `of` does not list."""

    __slots__ = ()


def _endpoint_of(prompt: Prompt, speaker: Speaker) -> Callable[[Mapping[str, Any]], str]:
    """What gives the endpoint that a speaker speaks through for a row, `NoBackend` where there is none."""
    own, choose = endpoint_of_speaker(prompt, speaker.name), speaker.choose
    if choose is None:
        return lambda values: own
    chosen = compile_row(choose.expression)

    def endpoint(values: Mapping[str, Any]) -> str:
        name = choice_text(chosen(values))
        return f"{own}={name}" if name in choose.of else NoBackend(name)

    return endpoint


def _mark(tools: tuple[ToolDeclaration, ...]) -> tuple[str, ...]:
    """What a request's key knows of the tools that may be called."""
    return (json.dumps([t.key_form for t in tools], sort_keys=True),) if tools else ()
