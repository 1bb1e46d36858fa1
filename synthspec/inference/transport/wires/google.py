"""The words of Gemini's contents: parts of text, of inline data, of function calls and of their responses.

A thinking model signs its calls, and wants the signature back with them; models from Gemini 3 on refuse a call of the
running turn without one. Where a call came from elsewhere there is none: then the value goes with it that the
documentation names for that (https://ai.google.dev/gemini-api/docs/thought-signatures).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthspec.inference.transport.wires import base64_of, calls_of, is_text, names_by_id, read_call
from synthspec.spec.messages import Image, Message, Part, Text, ToolCall, ToolDeclaration, ToolResult

_OWN = "google:"
_SIGNING = re.compile(r"(?:.*/)?gemini-(?:[3-9]|\d\d)")
_UNSIGNED = "skip_thought_signature_validator"


def contents_of(messages: Sequence[Message], model: str) -> list[dict[str, Any]]:
    """The conversation without its system messages; results of tools that follow each other are one content."""
    names = {} if all(map(is_text, messages)) else names_by_id(messages)
    turns: list[dict[str, Any]] = []
    answering = False
    for message in messages:
        if message.role == "system":
            continue
        parts = list(_parts(message, names, model))
        if message.role == "tool" and answering:
            turns[-1]["parts"] += parts
        else:
            turns.append({"role": "model" if message.role == "assistant" else "user", "parts": parts})
        answering = message.role == "tool"
    return turns


def _parts(message: Message, names: Mapping[str, str], model: str) -> Iterator[dict[str, Any]]:
    if is_text(message):
        yield {"text": message.content}
        return
    signed = any(c.opaque.startswith(_OWN) for c in calls_of(message)) or _SIGNING.match(model) is None
    for part in message.parts:
        if isinstance(part, Text) and not part.text:
            continue
        written = _part(part, names)
        if isinstance(part, ToolCall) and not signed:  # the first of parallel calls alone carries one
            written["thoughtSignature"], signed = _UNSIGNED, True
        yield written


def _part(part: Part, names: Mapping[str, str]) -> dict[str, Any]:
    match part:
        case Text(text):
            return {"text": text}
        case Image():
            return {"inlineData": {"mimeType": part.media_type, "data": base64_of(part)}}
        case ToolCall(id, name, arguments, _, opaque):
            call = {"functionCall": {"id": id, "name": name, "args": dict(arguments)}}
            own = opaque.startswith(_OWN)
            return {**call, "thoughtSignature": opaque.removeprefix(_OWN)} if own else call
        case ToolResult(id, content):
            response = {"id": id, "name": names.get(id, id), "response": {"result": content}}
            return {"functionResponse": response}


def tools_of(tools: Sequence[ToolDeclaration]) -> list[dict[str, Any]]:
    """The tools that the model may call."""
    declared = [
        {"name": t.name, "description": t.description, "parametersJsonSchema": dict(t.parameters)} for t in tools
    ]
    return [{"functionDeclarations": declared}]


def calls_in(parts: Sequence[Any]) -> tuple[ToolCall, ...]:
    """The calls among the parts of a reply."""
    found = [(p, p["functionCall"]) for p in parts if isinstance(p, Mapping) and _is_call(p.get("functionCall"))]
    return tuple(
        read_call(n, call.get("id"), call.get("name"), call.get("args"), _signature(part))
        for n, (part, call) in enumerate(found, 1)
    )


def _is_call(value: Any) -> bool:
    return isinstance(value, Mapping)


def _signature(part: Mapping[str, Any]) -> str:
    given = part.get("thoughtSignature")
    return _OWN + given if isinstance(given, str) and given else ""
