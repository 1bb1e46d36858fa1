"""The words of Cohere's chat, second version: near OpenAI's, with a plan in the place of text beside calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from synthspec.inference.transport.wires import calls_of, is_text
from synthspec.inference.transport.wires import openai as _openai
from synthspec.spec.messages import Message

tools_of = _openai.tools_of
calls_in = _openai.calls_in


def messages_of(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The conversation. Each result of a tool is a message of its own."""
    return [turn for message in messages for turn in _turns(message)]


def _turns(message: Message) -> Iterator[dict[str, Any]]:
    written = _openai.messages_of((message,))
    if is_text(message) or not calls_of(message):
        yield from written
        return
    for turn in written:
        said = turn.pop("content")
        yield turn | ({"tool_plan": said} if said else {})
