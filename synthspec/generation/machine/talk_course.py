"""A talk as far as it has come, and how it goes on: whose turn it is, and whether it is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from synthspec.generation.machine.errands import Errand
from synthspec.generation.machine.states import Work
from synthspec.inference.requests import Feedback
from synthspec.languages.expressions import compile_row
from synthspec.languages.templates.template import TemplateFault
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Dialogue, Speaker
from synthspec.spec.conversation import MOST_EXCHANGES, SO_FAR, Said, TalkSoFar
from synthspec.spec.messages import Text, ToolDeclaration


@dataclass(frozen=True, slots=True)
class Talk(Work):
    """A talk as far as it has come."""

    attempt: int = 0  # at the whole talk; 0 before the first
    said: tuple[Said, ...] = ()
    spoken: int = 0  # texts in it: whose turn it is
    keys: tuple[str, ...] = ()  # of its completions
    asked: int = 0  # calls for the message that is waited for
    feedback: Feedback | None = None  # on the reply before
    rejected: tuple[str, ...] = ()  # why the attempt before was not kept
    rounds: int = 0  # replies in a row that called tools
    errand: Errand | None = None  # calls of tools that wait for their answers
    past: tuple[str, ...] = ()  # keys of the completions of the attempts before

    def restarted(self) -> Talk:
        return Talk(self.attempt, past=self.so_far)

    @property
    def so_far(self) -> tuple[str, ...]:
        """The keys of all its completions, of the attempts before too."""
        return (*self.past, *self.keys)


class Course:
    """The order of a dialogue's messages: its speakers in turn, for so many exchanges."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._speakers = dialogue.speakers
        self._least, self._most = compile_row(dialogue.minimum), compile_row(dialogue.maximum)
        self._until = compile_row(dialogue.until) if dialogue.until is not None else None

    def bounds(self, values: Mapping[str, Any]) -> tuple[int, int] | str:
        """The least and the greatest number of exchanges, or why there is none."""
        least, most = self._least(values), self._most(values)
        for bound in (least, most):
            if not isinstance(bound, int) or isinstance(bound, bool) or bound < 1:
                return f"`turns` is {bound} here, and must be a whole number from 1 on"
        if least > most:
            return f"`turns` is from {least} to {most} here: no talk has so many"
        if most > MOST_EXCHANGES:
            return f"`turns` is {most} here, over the {MOST_EXCHANGES} that a talk may have"
        return least, most

    def next(self, talk: Talk) -> Speaker:
        """Whose turn it is."""
        return self._speakers[talk.spoken % len(self._speakers)]

    def given(self, talk: Talk, values: Mapping[str, Any]) -> Talk:
        """The talk with the first messages that the spec gives.

        Raises:
            TemplateFault: a value is not what the template needs.
        """
        for speaker in self._speakers[talk.spoken :]:
            if speaker.opening is None:
                break
            text = speaker.opening.render({"turn": 1, **values}).strip()
            if not text:
                raise TemplateFault(f"the opening of {speaker.name} is empty")
            talk = replace(talk, said=(*talk.said, Said(speaker.name, (Text(text),))), spoken=talk.spoken + 1)
        return talk

    def ends(self, talk: Talk, values: Mapping[str, Any]) -> bool:
        """Whether the talk is over: after whole exchanges alone."""
        exchanges, beyond = divmod(talk.spoken, len(self._speakers))
        bounds = self.bounds(values)
        if beyond or not exchanges or isinstance(bounds, str) or exchanges < bounds[0]:
            return False
        if exchanges >= bounds[1]:
            return True
        return self._until is not None and bool(self._until({**values, **self._latest(talk), "turn": exchanges}))

    def _latest(self, talk: Talk) -> dict[str, str]:
        """What each speaker said last."""
        latest: dict[str, str] = {}
        for step in reversed(talk.said):
            if step.speaker not in latest and step.result is None and not step.calls:
                latest[step.speaker] = step.text
                if len(latest) == len(self._speakers):
                    break
        return latest

    def seen(self, talk: Talk, tools: tuple[ToolDeclaration, ...]) -> dict[str, Any]:
        """What the next request sees besides parameters and other prompts' fields."""
        return {"turn": talk.spoken // len(self._speakers) + 1, SO_FAR: TalkSoFar(talk.said, talk.rejected, tools)}
