"""The words of Anthropic's messages: every message a list of blocks, results of tools in the user's.

Where a model thought before it called a tool, the API wants those blocks back with the call, unchanged: they are kept
with the first call of a reply.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthspec.inference.transport.wires import base64_of, calls_of, is_text, read_call
from synthspec.spec.messages import Image, Message, Part, Text, ToolCall, ToolDeclaration, ToolResult

_OWN = "anthropic:"
_THOUGHTS = ("thinking", "redacted_thinking")


def messages_of(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The conversation without its system messages; results of tools that follow each other are one message."""
    turns: list[dict[str, Any]] = []
    answering = False
    for message in messages:
        if message.role == "system":
            continue
        if is_text(message):
            turns.append({"role": message.role, "content": message.content})
        elif message.role == "tool" and answering:
            turns[-1]["content"] += list(_blocks(message))
        else:
            role = "user" if message.role == "tool" else message.role
            turns.append({"role": role, "content": list(_blocks(message))})
        answering = message.role == "tool"
    return turns


def _blocks(message: Message) -> Iterator[dict[str, Any]]:
    yield from (block for call in calls_of(message) for block in _thoughts_of(call))
    for part in message.parts:
        if not isinstance(part, Text) or part.text:  # an empty block of text is refused
            yield _block(part)


def _block(part: Part) -> dict[str, Any]:
    match part:
        case Text(text):
            return {"type": "text", "text": text}
        case Image():
            source = {"type": "base64", "media_type": part.media_type, "data": base64_of(part)}
            return {"type": "image", "source": source}
        case ToolCall(id, name, arguments):
            return {"type": "tool_use", "id": id, "name": name, "input": dict(arguments)}
        case ToolResult(id, content):
            return {"type": "tool_result", "tool_use_id": id, "content": content}


def _thoughts_of(call: ToolCall) -> list[dict[str, Any]]:
    if not call.opaque.startswith(_OWN):
        return []
    blocks: list[dict[str, Any]] = json.loads(call.opaque.removeprefix(_OWN))
    return blocks


def tools_of(tools: Sequence[ToolDeclaration]) -> list[dict[str, Any]]:
    """The tools that the model may call."""
    return [{"name": t.name, "description": t.description, "input_schema": dict(t.parameters)} for t in tools]


def calls_in(content: Sequence[Any]) -> tuple[ToolCall, ...]:
    """The calls among the blocks of a reply."""
    blocks = [b for b in content if isinstance(b, Mapping)]
    thoughts = [dict(b) for b in blocks if b.get("type") in _THOUGHTS]
    opaque = _OWN + json.dumps(thoughts) if thoughts else ""
    used = [b for b in blocks if b.get("type") == "tool_use"]
    return tuple(
        read_call(n, b.get("id"), b.get("name"), b.get("input"), opaque if n == 1 else "")
        for n, b in enumerate(used, 1)
    )
