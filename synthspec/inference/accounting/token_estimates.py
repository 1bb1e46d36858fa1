"""Counting tokens without a tokenizer: an upper bound for limits, and a fair guess for plans."""

from __future__ import annotations

import json
from collections.abc import Sequence

from synthspec.sources.documents.units import expected_tokens
from synthspec.spec.messages import Image, Message, Part, Text, ToolCall, ToolDeclaration, ToolResult

__all__ = ["PER_MESSAGE", "estimate_tokens", "expected_tokens", "tool_tokens", "worst_tokens"]

TOLD_OF_TOOLS = 1_000  # tokens of a system prompt of the provider's own
PER_MESSAGE = 8  # tokens a chat template puts around a message


def worst_tokens(messages: Sequence[Message]) -> int:
    """At least as many tokens as the messages have, with what a chat template puts around each."""
    tokens = PER_MESSAGE * len(messages)
    for message in messages:
        for part in message.parts:
            tokens += estimate_tokens(part.text) if type(part) is Text else _part_tokens(part)
    return tokens


def tool_tokens(tools: Sequence[ToolDeclaration]) -> int:
    """At least as many tokens as these declarations have, with what a provider tells its model about tools beside
    them (Anthropic states up to 700)."""
    told = sum(PER_MESSAGE + estimate_tokens(json.dumps(t.key_form, ensure_ascii=False)) for t in tools)
    return TOLD_OF_TOOLS + told if tools else 0


def _part_tokens(part: Part) -> int:
    """Of a picture nothing: that hangs on who is asked (`image_tokens`)."""
    match part:
        case Text(text) | ToolResult(_, text):
            return estimate_tokens(text)
        case ToolCall(id, name, arguments, unread):
            return PER_MESSAGE + estimate_tokens(id + name + json.dumps(dict(arguments), ensure_ascii=False) + unread)
        case Image():
            return 0


def estimate_tokens(text: str) -> int:
    """At least as many tokens as any tokeniser that works on bytes makes of the text: one for each byte of its UTF-8.

    Nothing less is safe. English prose has a token for four bytes, but the byte-level BPE of GPT-2, Llama 3, Qwen 2,
    Command R and DeepSeek makes up to 0.6 of a token for each byte of lists of names and numbers, 0.75 of Chinese,
    0.85 of Korean, 0.9 of random hexadecimal, and 1.0 of digits, Armenian and Tamil.

    >>> estimate_tokens("año 1984")
    9
    """
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
