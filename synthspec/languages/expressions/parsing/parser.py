"""Text to syntax tree. The grammar is `grammar.lark`; what common mistakes mean is in `mistakes.py`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from synthspec.languages.expressions.errors import Fault
from synthspec.languages.expressions.parsing.mistakes import explain_mistake, explain_stop
from synthspec.languages.expressions.traversal import number_draws
from synthspec.languages.expressions.tree import Expression, Name
from synthspec.languages.lazy_patterns import lazy_pattern

if TYPE_CHECKING:
    from lark import Lark, Token

MAX_LENGTH = 10_000
MAX_DEPTH = 100
KEPT = 2048  # trees of texts parsed before: an editor parses a spec again at each letter

_SIGNS = {"AND_SIGN": "AND", "OR_SIGN": "OR", "NOT_SIGN": "NOT", "POWER_SIGN": "POWER"}
_KEYWORDS = frozenset({"IF", "THEN", "ELSE", "OR", "AND", "NOT", "IN", "MATCHES", "TRUTH", "NULL"})
_WORDS = {*_KEYWORDS, "TRUE", "FALSE"} - {"TRUTH"}  # what no name is, in capitals
_NAME = lazy_pattern(r"[^\W\d]\w*")  # as the grammar has it
_OPENS_OPERAND = frozenset({"IF", "NOT", "TRUTH", "NULL"})
_ENDS_OPERAND = frozenset({"NAME", "NUMBER", "STRING", "TRUTH", "NULL", "RPAR", "RSQB", "RBRACE"})


class Words:
    """Settles what a word is by its place, so that `persona.in` is a name and `a AND b` is understood."""

    always_accept = tuple(_SIGNS)

    def process(self, stream: Iterator[Token]) -> Iterator[Token]:
        """Retype tokens as they pass."""
        before = ""
        for token in stream:
            token.type = self._type(token, before)
            before = token.type
            yield token

    def _type(self, token: Token, before: str) -> str:
        if token.type in _SIGNS:
            return _SIGNS[token.type]
        if token.type != "NAME" and token.type not in _KEYWORDS:
            return token.type
        if before == "DOT":
            return "NAME"
        word = "TRUTH" if token.lower() in ("true", "false") else token.upper()
        after_operand = before in _ENDS_OPERAND
        if token.type == "NAME":
            if after_operand and word == "IS":
                return "COMPARE"
            miswritten = word in _KEYWORDS and (after_operand != (word in _OPENS_OPERAND) or word == "IF")
            return word if miswritten else "NAME"
        return "NAME" if token.type == "MATCHES" and not after_operand and before != "NOT" else token.type


@cache
def expression_parser() -> Lark:
    """The parser, loaded on first use."""
    from synthspec.languages.expressions.parsing.builder import Builder
    from synthspec.languages.expressions.parsing.parse_table import load_parser

    return load_parser(Words(), Builder())


@lru_cache(maxsize=KEPT)
def parse_expression(text: str) -> tuple[Expression | None, tuple[Fault, ...]]:
    """The tree of an expression and what is wrong with how it is written.

    A mistake whose meaning is plain (`&&`, `=` for `==`) gives both its fault and the tree of what was meant,
    so that the rest can be checked in the same pass. No tree: the text could not be read at all.
    """
    if len(text) > MAX_LENGTH:
        message = f"an expression of {len(text):,} characters; the longest allowed has {MAX_LENGTH:,}"
        return None, (Fault("E302", message, 0, len(text), "compute parts of it in parameters of their own"),)
    if not text.strip():
        return None, (Fault("E302", "an empty expression", 0, len(text)),)
    if _NAME.fullmatch(text) and text.upper() not in _WORDS:  # the parser need not be loaded for it
        return Name(text, 0, len(text)), ()
    from lark.exceptions import UnexpectedInput

    try:
        part: Any = expression_parser().parse(text)
    except UnexpectedInput as stop:
        return None, (explain_stop(text, stop, _tokens(text)),)
    faults = tuple(explain_mistake(text, m) for m in part.mistakes)
    if part.depth > MAX_DEPTH:
        return None, faults
    return number_draws(part.node), faults


def _tokens(text: str) -> list[Token]:
    """The words of the text up to the first that is none."""
    from lark.exceptions import UnexpectedInput

    seen: list[Token] = []
    try:
        for token in expression_parser().lex(text):
            seen.append(token)
    except UnexpectedInput:
        return seen
    return seen
