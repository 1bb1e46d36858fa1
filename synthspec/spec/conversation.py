"""Conversations as values: what a field of `type: messages` holds.

A conversation is a list of maps, each with `role` and `content`; `name` where speakers share a role, and
`tool_calls` or `tool_call_id` where tools are used. It holds no system message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from synthspec.languages.expressions.types import ANY, TEXT, Type
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Bounds, Field
from synthspec.spec.messages import Message, Part, Role, ToolCall, ToolDeclaration, ToolResult, text_of

ROLES = ("user", "assistant")
MOST_EXCHANGES = 200  # of one dialogue
MEMBERS = ("role", "content", "name", "tool_calls", "tool_call_id")
_CALL = Type(
    "map",
    members=(
        ("id", TEXT),
        ("type", TEXT),
        ("function", Type("map", members=(("name", TEXT), ("arguments", ANY)))),
    ),
)


def messages_type(*, named: bool = False, tools: bool = False) -> Type:
    """The type of a conversation: of speakers that share a role where `named`, with calls of tools where `tools`.

    >>> messages_type().item.member("role").values
    ('user', 'assistant')
    """
    roles = (*ROLES, "tool") if tools else ROLES
    members = [("role", Type("text", values=roles)), ("content", TEXT)]
    if named or tools:
        members.append(("name", TEXT))
    if tools:
        members += [("tool_calls", Type("list", item=_CALL)), ("tool_call_id", TEXT)]
    return Type("list", item=Type("map", members=tuple(members)))


def holds_messages(field: Field) -> bool:
    """Whether the field is declared as a conversation."""
    return field.schema.get("type") == "messages"


_OF_TEXT = ("pattern", "minLength", "maxLength")


def one_message(field: Field) -> Field:
    """The field as a text: what the rules of a conversation say of each of its messages."""
    schema = {k: field.schema[k] for k in _OF_TEXT if k in field.schema}
    return replace(field, type=TEXT, schema=schema, turns=Bounds())


def holds_prose(field: Field) -> bool:
    """Whether the field holds text that somebody writes: no value of a list, no number."""
    return holds_messages(field) or (field.type.kind == "text" and not field.type.values)


def spoken(messages: Any) -> Iterator[tuple[int, str, str]]:
    """Every non-empty text of a user or an assistant: its place from 1, its role, its text."""
    for place, message in enumerate(messages if isinstance(messages, list | tuple) else (), 1):
        if isinstance(message, Mapping) and message.get("role") in ROLES:
            content = message.get("content")
            if isinstance(content, str) and content:
                yield place, message["role"], content


def is_conversation(value: Any) -> bool:
    """Whether a value is a list of maps that have `role` and `content`."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(m, Mapping) and "role" in m and "content" in m for m in value)
    )


def said_in(value: Any) -> Any:
    """What is said in a conversation, a line a message; any other value as it is."""
    return "\n".join(text for _, _, text in spoken(value)) if is_conversation(value) else value


def count_turns(messages: Sequence[Mapping[str, Any]]) -> int:
    """How many messages a user wrote."""
    return sum(m.get("role") == "user" for m in messages)


SO_FAR = "(so far)"  # under which a request's values hold the talk that it goes on from; no name in a spec
CALLED = "(called)"  # the same of the arguments of a tool, for the prompt that plays it: they come before all else


@dataclass(frozen=True, slots=True)
class Said:
    """One step of a talk: a speaker's text, the tools it calls, or what a tool gave it."""

    speaker: str
    parts: tuple[Part, ...]
    own: Message = field(init=False, repr=False, compare=False)  # as the speaker sees it
    text: str = field(init=False, repr=False, compare=False)  # what was said
    heard: Message = field(init=False, repr=False, compare=False)  # its text as the one other speaker sees it

    def __post_init__(self) -> None:
        role: Role = "tool" if self.result is not None else "assistant"
        text = text_of(self.parts)
        object.__setattr__(self, "own", Message(role, self.parts))
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "heard", Message("user", text))

    @property
    def result(self) -> ToolResult | None:
        """What a tool gave, where this is that."""
        part = self.parts[0] if self.parts else None
        return part if isinstance(part, ToolResult) else None

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The tools that the speaker calls."""
        return tuple(p for p in self.parts if isinstance(p, ToolCall))


@dataclass(frozen=True, slots=True)
class TalkSoFar:
    """A talk that a request goes on from, and why the attempt at it before was not kept."""

    said: tuple[Said, ...] = ()
    rejected: tuple[str, ...] = ()
    tools: tuple[ToolDeclaration, ...] = ()  # that the speaker may call


def messages_of(said: Sequence[Said], roles: Mapping[str, str], *, named: bool) -> list[dict[str, Any]]:
    """A talk as the messages of a dataset. `roles`: what each speaker is there; `named`: some share a role."""
    made: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    for step in said:
        result = step.result
        if result is not None:
            content = {"name": names.get(result.id, ""), "content": result.content}
            made.append({"role": "tool", "tool_call_id": result.id, **content})
            continue
        message: dict[str, Any] = {"role": roles[step.speaker], "content": step.text}
        if named:
            message["name"] = step.speaker
        if step.calls:
            names.update((c.id, c.name) for c in step.calls)
            message["tool_calls"] = [_call(c) for c in step.calls]
        made.append(message)
    return made


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": dict(call.arguments)}}
