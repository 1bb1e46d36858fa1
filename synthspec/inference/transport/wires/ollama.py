"""The words of Ollama's chat: pictures beside the text, arguments as maps, results under the tool's name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from synthspec.inference.transport.wires import base64_of, calls_of, images_of, is_text, names_by_id
from synthspec.inference.transport.wires import openai as _openai
from synthspec.spec.messages import Message, ToolResult

tools_of = _openai.tools_of
calls_in = _openai.calls_in


def messages_of(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The conversation. Each result of a tool is a message of its own."""
    names = {} if all(map(is_text, messages)) else names_by_id(messages)
    return [turn for message in messages for turn in _turns(message, names)]


def _turns(message: Message, names: dict[str, str]) -> Iterator[dict[str, Any]]:
    if is_text(message):
        yield {"role": message.role, "content": message.content}
        return
    for part in message.parts:
        if isinstance(part, ToolResult):
            named = {"tool_name": names[part.id]} if part.id in names else {}
            yield {"role": "tool", "content": part.content, "tool_call_id": part.id, **named}
    images, calls = images_of(message), calls_of(message)
    if images or calls or message.content:
        turn: dict[str, Any] = {"role": message.role, "content": message.content}
        turn |= {"images": [base64_of(i) for i in images]} if images else {}
        asked = [{"id": c.id, "function": {"name": c.name, "arguments": dict(c.arguments)}} for c in calls]
        yield turn | ({"tool_calls": asked} if asked else {})
