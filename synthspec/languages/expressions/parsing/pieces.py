"""Pieces of an expression while it is read: a node with the span that it takes in, and the mistakes inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synthspec.languages.expressions.parsing.mistakes import Mistake
from synthspec.languages.expressions.tree import (
    Binary,
    Expression,
    Literal,
    Name,
)
from synthspec.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from lark import Token


MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class ParsedPart:
    """A piece read so far. Its span takes in the brackets around it, which its node does not."""

    node: Expression
    start: int
    end: int
    depth: int = 1
    mistakes: tuple[Mistake, ...] = ()
    key: Token | None = None  # of an argument given by keyword
    sign: tuple[int, int] | None = None  # where its '=' is
    last: ParsedPart | None = None  # of a comparison without brackets: its right side, which a chain goes on from
    raw: str | None = None  # a text literal as written: a regular expression reads its own backslashes


def span_of(token: Token) -> tuple[int, int]:
    """Where a token begins and ends."""
    return token.start_pos or 0, token.end_pos or 0


def joined(node: Expression, start: int, end: int, parts: list[ParsedPart], *mistakes: Mistake) -> ParsedPart:
    """A node with the mistakes and the depth of its parts; null in its place where it is nested too deeply."""
    depth = 1 + max((p.depth for p in parts), default=0)
    found = tuple(m for p in parts for m in p.mistakes) + mistakes
    if depth == MAX_DEPTH + 1:
        found += (Mistake("deep", start, end),)
    if depth > MAX_DEPTH:
        return ParsedPart(Literal(None, start, end), start, end, depth, found)
    return ParsedPart(node, start, end, depth, found)


def unkeyed(part: ParsedPart) -> ParsedPart:
    """An item of a list; `name = value` can only be a comparison there."""
    if part.key is None:
        return part
    start, end = span_of(part.key)
    name = Name(str(part.key), start, end)
    node = Binary("==", name, part.node, start, part.end)
    sign = part.sign or (end, part.start)
    return joined(node, start, part.end, [part], Mistake("sign", *sign, "=="))
