"""Calls of tools that wait for their answers: each is given at once, or asked of the prompt that plays the tool."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from synthspec.dataset.cells import json_text, plain
from synthspec.inference.outcomes import Replied
from synthspec.inference.requests import Feedback
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.conversation import Said
from synthspec.spec.messages import ToolCall, ToolResult
from synthspec.spec.rows import Rejection


@dataclass(frozen=True, slots=True)
class Errand:
    """The calls of one reply, as far as they are answered."""

    asked: Said
    answers: tuple[str, ...] = ()
    attempt: int = 0  # at the answer that is waited for
    feedback: Feedback | None = None  # on the reply before

    @property
    def call(self) -> ToolCall | None:
        """The first call that is not answered."""
        calls = self.asked.calls
        return calls[len(self.answers)] if len(self.answers) < len(calls) else None

    @property
    def said(self) -> tuple[Said, ...]:
        """The calls, then what the tools gave."""
        given = zip(self.asked.calls, self.answers, strict=False)
        return (self.asked, *(Said(self.asked.speaker, (ToolResult(c.id, a),)) for c, a in given))

    def answered(self, text: str) -> Errand:
        """With the answer to the first call that had none."""
        return replace(self, answers=(*self.answers, text), attempt=0, feedback=None)


def arguments_mark(call: ToolCall) -> str:
    """What tells a call from others of the same tool.

    >>> arguments_mark(ToolCall("1", "add", {"b": 2, "a": 1}))
    '{"a": 1, "b": 2}'
    """
    return json.dumps(dict(call.arguments), sort_keys=True, ensure_ascii=False, default=str)


def answered_before(said: Sequence[Said], call: ToolCall) -> str | None:
    """What the same call of the same tool was answered with earlier in a talk: a tool does not contradict itself."""
    mark = arguments_mark(call)
    same = {c.id for s in said for c in s.calls if c.name == call.name and arguments_mark(c) == mark}
    return next((s.result.content for s in said if s.result is not None and s.result.id in same), None)


class Reader(Protocol):
    """What reads the replies of a prompt that plays a tool: the program of a spec of its own."""

    def read_one(self, reply: Replied) -> tuple[dict[str, Any] | None, tuple[Rejection, ...]]:
        """The values of a reply, or why it is rejected."""
        ...


@dataclass(frozen=True, slots=True)
class PlayedTool:
    """A prompt that plays a tool, ready to be used."""

    reader: Reader
    shaped: bool  # whether an answer is a map of its fields, and not the one text

    def read(self, reply: Replied) -> tuple[str | None, tuple[Rejection, ...]]:
        """The answer that a reply is, or why it is none."""
        values, rejections = self.reader.read_one(reply)
        if values is None:
            return None, rejections
        if self.shaped:
            return json_text(plain(values), compact=False), rejections
        return str(next(iter(values.values()))), rejections
