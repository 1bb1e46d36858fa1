"""A regular expression as a GBNF grammar, the language of llama.cpp's `grammar` option."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from synthspec.languages.patterns.python_parser import opcodes as op
from synthspec.languages.patterns.python_parser import parse_as_python

_CATEGORIES = {
    op.CATEGORY_DIGIT: "0-9",
    op.CATEGORY_WORD: "0-9A-Za-z_",
    op.CATEGORY_SPACE: r" \t\n\r",
}
_NOT_CATEGORIES = {
    op.CATEGORY_NOT_DIGIT: "0-9",
    op.CATEGORY_NOT_WORD: "0-9A-Za-z_",
    op.CATEGORY_NOT_SPACE: r" \t\n\r",
}
_ANCHORS = (op.AT_BEGINNING, op.AT_BEGINNING_STRING, op.AT_END, op.AT_END_STRING)


class _UnsupportedError(Exception):
    pass


def gbnf_of_regex(regex: str) -> str | None:
    """A grammar for the same texts; None where GBNF cannot say it (look-around, back-references, ...).

    >>> gbnf_of_regex(r"[A-C]\\d{2,3}(x|yz)?")
    'root ::= [A-C] [0-9]{2,3} ("x" | "yz")?'
    """
    try:
        return f"root ::= {_sequence(parse_as_python(regex))}"
    except (re.error, _UnsupportedError, RecursionError, OverflowError):
        return None


def _sequence(nodes: Iterable[Any]) -> str:
    parts: list[str] = []
    for kind, value in nodes:
        text = _node(kind, value)
        if kind is op.LITERAL and parts and parts[-1].endswith('"') and parts[-1].startswith('"'):
            parts[-1] = parts[-1][:-1] + text[1:]
        elif text:
            parts.append(text)
    return " ".join(parts) or '""'


def _node(kind: Any, value: Any) -> str:
    if kind is op.LITERAL:
        return f'"{_escaped(value, chr(34))}"'
    if kind is op.NOT_LITERAL:
        return f"[^{_escaped(value, '[]^-')}]"
    if kind is op.ANY:
        return r"[^\n]"
    if kind is op.IN:
        return _set(value)
    if kind is op.BRANCH:
        return "(" + " | ".join(_sequence(v) for v in value[1]) + ")"
    if kind is op.SUBPATTERN and not value[1] and not value[2]:
        return _sequence(value[3]) if _is_group(value[3]) else f"({_sequence(value[3])})"
    if kind in (op.MAX_REPEAT, op.MIN_REPEAT):
        return _repeat(*value)
    if kind is op.AT and value in _ANCHORS:
        return ""  # a grammar matches the whole reply
    raise _UnsupportedError


def _is_group(body: Any) -> bool:
    """Whether it is written in brackets already."""
    return len(body) == 1 and body[0][0] in (op.BRANCH, op.SUBPATTERN)


def _repeat(low: int, high: int, body: Any) -> str:
    inner = _sequence(body)
    atoms = (op.IN, op.ANY, op.LITERAL, op.NOT_LITERAL)
    single = _is_group(body) or (len(body) == 1 and body[0][0] in atoms)
    inner = inner if single else f"({inner})"
    if high == op.MAXREPEAT:
        return inner + {0: "*", 1: "+"}.get(low, f"{{{low},}}")
    if (low, high) == (0, 1):
        return f"{inner}?"
    return inner + (f"{{{low}}}" if low == high else f"{{{low},{high}}}")


def _set(items: Any) -> str:
    negated = items[0][0] is op.NEGATE
    members = items[1:] if negated else items
    if len(members) == 1 and members[0][0] is op.CATEGORY and members[0][1] in _NOT_CATEGORIES:
        return f"[{'' if negated else '^'}{_NOT_CATEGORIES[members[0][1]]}]"
    return f"[{'^' if negated else ''}{''.join(_member(*m) for m in members)}]"


def _member(kind: Any, value: Any) -> str:
    if kind is op.LITERAL:
        return _escaped(value, "[]^-")
    if kind is op.RANGE:
        return f"{_escaped(value[0], '[]^-')}-{_escaped(value[1], '[]^-')}"
    if kind is op.CATEGORY and value in _CATEGORIES:
        return _CATEGORIES[value]
    raise _UnsupportedError


def _escaped(code: int, special: str) -> str:
    char = chr(code)
    if char in "\n\r\t":
        return {"\n": r"\n", "\r": r"\r", "\t": r"\t"}[char]
    if char == "\\" or char in special:
        return f"\\{char}" if char in '\\"[]' else f"\\x{code:02X}"
    if code < 32 or code > 126:
        return f"\\x{code:02X}" if code < 256 else f"\\u{code:04X}" if code < 65536 else f"\\U{code:08X}"
    return char
