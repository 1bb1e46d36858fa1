"""The words of OpenAI's chat completions, which many servers speak."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthspec.inference.transport.errors import Service
from synthspec.inference.transport.replies import member
from synthspec.inference.transport.wires import arguments_text, calls_of, data_url, is_text, listed_calls, read_call
from synthspec.spec.messages import Image, Message, Text, ToolCall, ToolDeclaration, ToolResult


def messages_of(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The conversation. Each result of a tool is a message of its own."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        if is_text(message):
            turns.append({"role": message.role, "content": message.content})
        else:
            turns += _turns(message)
    return turns


def _turns(message: Message) -> Iterator[dict[str, Any]]:
    for part in message.parts:
        if isinstance(part, ToolResult):
            yield {"role": "tool", "tool_call_id": part.id, "content": part.content}
    if calls := calls_of(message):
        yield {"role": message.role, "content": message.content or None, "tool_calls": [_call(c) for c in calls]}
    elif shown := [p for p in map(_part, message.parts) if p is not None]:
        yield {"role": message.role, "content": shown}


def _part(part: Any) -> dict[str, Any] | None:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    return {"type": "image_url", "image_url": {"url": data_url(part)}} if isinstance(part, Image) else None


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments_text(call)}}


def tools_of(tools: Sequence[ToolDeclaration]) -> list[dict[str, Any]]:
    """The tools that the model may call."""
    return [
        {
            "type": "function",
            "function": {"name": t.name, "description": t.description, "parameters": dict(t.parameters)},
        }
        for t in tools
    ]


def calls_in(service: Service, message: Mapping[str, Any], around: Any) -> tuple[ToolCall, ...]:
    """The calls of a reply's message.

    Raises:
        BackendFault: `tool_calls` is something else than a list of maps.
    """
    listed = listed_calls(service, message.get("tool_calls"), around)
    return tuple(
        read_call(n, c.get("id"), member(c, "function", "name"), member(c, "function", "arguments"))
        for n, c in enumerate(listed, 1)
    )
