"""Conversations as values: what a field of `type: messages` holds.

A conversation is a list of maps, each with `role` and `content`; `name` where speakers share a role, and
`tool_calls` or `tool_call_id` where tools are used. It holds no system message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthspec.languages.expressions.types import ANY, TEXT, Type
from synthspec.spec import Field

ROLES = ("user", "assistant")
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
