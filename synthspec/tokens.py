"""Counting tokens without a tokenizer: an upper bound for limits, and a fair guess for plans."""

from __future__ import annotations

from collections.abc import Sequence

from synthspec.records import Message

PER_MESSAGE = 8  # tokens a chat template puts around a message


def worst_tokens(messages: Sequence[Message]) -> int:
    """At least as many tokens as the messages have: no byte-level BPE makes more tokens than there are bytes.

    Real text has about one token for four bytes; two thirds of the bytes is above what tokenizers make of any
    script in wide use, and the whole count is taken where text is mostly not letters.
    """
    total = 0
    for message in messages:
        size = len(message.content.encode("utf-8", "surrogatepass"))
        letters = sum(c.isalpha() or c == " " for c in message.content)
        total += PER_MESSAGE + (size * 2 // 3 if letters * 2 > len(message.content) else size)
    return total


def expected_tokens(text: str) -> int:
    """A fair guess: a token for four bytes."""
    return len(text.encode("utf-8", "surrogatepass")) // 4 + 1
