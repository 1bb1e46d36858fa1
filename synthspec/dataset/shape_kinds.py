"""The kinds of row that training libraries read: the roles of each, and how it is made of the texts that play them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from synthspec.dataset.cells import cell_text, json_text
from synthspec.dataset.writers import Column
from synthspec.languages.expressions.types import TEXT, Type
from synthspec.lazy_dataclass import dataclass

TextEdit = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class FieldRole:
    """A part that a field plays, and the names a field that plays it usually has."""

    name: str
    usual: tuple[str, ...]
    required: bool = True


@dataclass(frozen=True, slots=True)
class RowShape:
    """A kind of row: its roles, and how it is made of the texts that play them."""

    roles: tuple[FieldRole, ...]
    columns: Callable[[frozenset[str]], tuple[Column, ...]]  # given the roles that are played
    make: Callable[[frozenset[str], TextEdit], dict[str, Any]]


def _turns(roles: frozenset[str], text: TextEdit) -> list[tuple[str, str]]:
    asked = text("user")
    if "context" in roles and text("context"):
        asked = f"{asked}\n\n{text('context')}"
    system = [("system", text("system"))] if "system" in roles and text("system") else []
    return [*system, ("user", asked), ("assistant", text("assistant"))]


def _messages(roles: frozenset[str], text: TextEdit) -> dict[str, Any]:
    return {"messages": [{"role": r, "content": c} for r, c in _turns(roles, text)]}


def _sharegpt(roles: frozenset[str], text: TextEdit) -> dict[str, Any]:
    return {"conversations": [{"from": _SPEAKERS[r], "value": c} for r, c in _turns(roles, text)]}


def given_turns(kind: str, value: Any, system: str, converses: bool) -> dict[str, Any]:
    """A field that holds the whole conversation already, in either of the two spellings."""
    turns = [_turn(m) for m in value] if isinstance(value, list | tuple) else []
    if system:
        turns.insert(0, {"role": "system", "content": system})
    if kind == "sharegpt":
        return {"conversations": [said for m in turns for said in _sharegpt_turns(m)]}
    return {"messages": [m if converses else {"role": m["role"], "content": m["content"]} for m in turns]}


def _turn(message: Any) -> Mapping[str, Any]:
    """A message with its role and content; what else it has stays."""
    if not isinstance(message, Mapping):
        return {"role": "user", "content": cell_text(message)}
    role = str(message.get("role", message.get("from", "user")))
    content = cell_text(message.get("content", message.get("value")))
    rest = {n: v for n, v in message.items() if n not in ("role", "from", "content", "value")}
    return {"role": _ROLES.get(role, role), "content": content, **rest}


def _sharegpt_turns(message: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """A message as ShareGPT has it: calls of tools and their answers are turns of their own."""
    calls = message.get("tool_calls") or ()
    if message["content"] or not calls:
        yield {"from": _SPEAKERS.get(message["role"], message["role"]), "value": message["content"]}
    for call in calls:
        yield {"from": "function_call", "value": json_text(call["function"], compact=False)}


def _alpaca(roles: frozenset[str], text: TextEdit) -> dict[str, Any]:
    row = {
        "instruction": text("instruction"),
        "input": text("input") if "input" in roles else "",
        "output": text("output"),
    }
    return {"system": text("system"), **row} if "system" in roles else row


def _prompt_completion(roles: frozenset[str], text: TextEdit) -> dict[str, Any]:
    return {"prompt": text("prompt"), "completion": text("completion")}


def _preference(roles: frozenset[str], text: TextEdit) -> dict[str, Any]:
    return {"prompt": text("prompt"), "chosen": text("chosen"), "rejected": text("rejected")}


def _texts(*names: str) -> tuple[Column, ...]:
    return tuple(Column(n, TEXT) for n in names)


def _turn_list(column: str, *members: str) -> tuple[Column, ...]:
    return (Column(column, Type("list", item=Type("map", members=tuple((m, TEXT) for m in members)))),)


_SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt", "tool": "observation"}
_ROLES = {"human": "user", "gpt": "assistant"}
_ASKED = ("user", "instruction", "prompt", "question", "query", "input")
_ANSWERED = ("assistant", "output", "completion", "answer", "response")
_CHAT = (
    FieldRole("messages", ("messages", "conversations", "conversation"), required=False),
    FieldRole("system", ("system",), required=False),
    FieldRole("user", _ASKED),
    FieldRole("context", ("context", "input"), required=False),
    FieldRole("assistant", _ANSWERED),
)

SHAPES: Mapping[str, RowShape] = {
    "messages": RowShape(_CHAT, lambda roles: _turn_list("messages", "role", "content"), _messages),
    "sharegpt": RowShape(_CHAT, lambda roles: _turn_list("conversations", "from", "value"), _sharegpt),
    "alpaca": RowShape(
        (
            FieldRole("system", ("system",), required=False),
            FieldRole("instruction", ("instruction", "prompt", "question", "query", "user")),
            FieldRole("input", ("input", "context"), required=False),
            FieldRole("output", ("output", "completion", "answer", "response", "assistant")),
        ),
        lambda roles: _texts(*(["system"] if "system" in roles else []), "instruction", "input", "output"),
        _alpaca,
    ),
    "prompt_completion": RowShape(
        (
            FieldRole("prompt", ("prompt", "instruction", "question", "query", "input", "user")),
            FieldRole("completion", ("completion", "output", "answer", "response", "assistant")),
        ),
        lambda roles: _texts("prompt", "completion"),
        _prompt_completion,
    ),
    "preference": RowShape(
        (
            FieldRole("prompt", ("prompt", "instruction", "question", "query", "input", "user")),
            FieldRole("chosen", ("chosen",)),
            FieldRole("rejected", ("rejected",)),
        ),
        lambda roles: _texts("prompt", "chosen", "rejected"),
        _preference,
    ),
}
SHAPE_NAMES = ("table", *SHAPES)
