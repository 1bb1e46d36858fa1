"""Regular expressions as a tree, read by Python's own parser.

Alternations stay as they are written (`python_parser.unmerged_parser`).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Literal

from synthspec.diagnostics.errors import ExitStatus, SynthspecError
from synthspec.languages.patterns.python_parser import opcodes, replacement_error, unmerged_parser
from synthspec.languages.patterns.wording import regex_words
from synthspec.lazy_dataclass import dataclass

LONGEST_TEXT = 4_000  # characters of a pattern
DEEPEST = 60  # groups inside groups

SetItem = tuple[int, int] | str  # a range of code points, both ends included, or one of the classes d D w W s S


class PatternFault(SynthspecError, ValueError):
    """What is wrong with a pattern: a message, its offset in the pattern (from 0), and how to fix it."""

    default_status = ExitStatus.WRONG_SPEC

    def __init__(self, message: str, offset: int = 0, help: str = "") -> None:
        super().__init__(message, help)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of a set."""

    items: tuple[SetItem, ...]
    negated: bool = False
    ignore_case: bool = False
    ascii: bool = False

    def contains(self, char: str) -> bool:
        """Whether `re` would match the character."""
        forms = cases(char) if self.ignore_case else (char,)
        return any(_matches(item, form, self.ascii) for item in self.items for form in forms) != self.negated


@dataclass(frozen=True, slots=True)
class Concatenation:
    items: tuple[PatternNode, ...]


@dataclass(frozen=True, slots=True)
class Alternation:
    branches: tuple[PatternNode, ...]


@dataclass(frozen=True, slots=True)
class Quantifier:
    """`high` None has no end. A possessive repeat never gives back what it took; a lazy one takes little first."""

    body: PatternNode
    low: int
    high: int | None
    possessive: bool = False
    lazy: bool = False


@dataclass(frozen=True, slots=True)
class CaptureGroup:
    number: int
    body: PatternNode


@dataclass(frozen=True, slots=True)
class Atomic:
    body: PatternNode


@dataclass(frozen=True, slots=True)
class Anchor:
    """`end` is also before a last line break, `text end` is not; `ascii` is of boundaries alone."""

    kind: Literal["start", "end", "text end", "line start", "line end", "boundary", "no boundary"]
    ascii: bool = False


@dataclass(frozen=True, slots=True)
class Backreference:
    number: int
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """`yes` where the group took part in the match, else `no`."""

    number: int
    yes: PatternNode
    no: PatternNode


@dataclass(frozen=True, slots=True)
class Look:
    """A look-ahead, or a look-behind of so many characters: matches no character itself."""

    body: PatternNode
    negated: bool = False
    behind: int | None = None


PatternNode = (
    Chars | Concatenation | Alternation | Quantifier | CaptureGroup | Atomic | Anchor | Backreference | Condition | Look
)
ANY = Chars((), negated=True)


@lru_cache(maxsize=512)
def parse_tree(text: str) -> PatternNode:
    """The tree of a regular expression that Python's `re` accepts. Raises PatternFault for any other."""
    if len(text) > LONGEST_TEXT:
        raise PatternFault(
            f"the pattern is {len(text):,} characters long; the most is {LONGEST_TEXT:,}",
            LONGEST_TEXT,
            "split it into several patterns",
        )
    return parse_any_length(text)


def parse_any_length(text: str) -> PatternNode:
    """As `parse_tree`, for patterns put together by a program, such as a lexer's."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = unmerged_parser().parse(text)
            re.compile(text)
        return _Reader().sequence(parsed, parsed.state.flags, 0)
    except re.error as fault:
        said, help = regex_words(fault)
        raise PatternFault(f"not a regular expression: {said}", min(fault.pos or 0, len(text)), help) from None
    except OverflowError as fault:
        raise PatternFault(f"not a regular expression: {fault}", max(text.find("{"), 0), "repeat less") from None
    except RecursionError:
        raise _too_deep() from None


def _too_deep() -> PatternFault:
    return PatternFault(f"groups are nested more than {DEEPEST} deep", 0, "take some of the groups away")


def check_replacement(text: str, replacement: str) -> None:
    """Raises PatternFault where a replacement has a bad escape or names a group that the pattern has not."""
    fault = replacement_error(text, replacement)
    if fault is not None:
        raise PatternFault(
            f"not a replacement: {fault}",
            getattr(fault, "pos", None) or 0,
            "\\1 and \\g<name> stand for groups; write \\\\ for a backslash",
        )


def read_replacement(text: str, replacement: str) -> list[str | int]:
    """A replacement as literal text and the numbers of groups, in order. Raises PatternFault for a bad one."""
    check_replacement(text, replacement)
    parsed = unmerged_parser().parse_template(replacement, re.compile(text))
    if isinstance(parsed, list):  # Python 3.12 and later
        return parsed
    groups, parts = dict(parsed[0]), parsed[1]
    return [groups.get(at, part or "") for at, part in enumerate(parts)]


class _Reader:
    """From the parser's (opcode, argument) pairs to nodes."""

    def sequence(self, parsed: Any, flags: int, depth: int) -> PatternNode:
        if depth > DEEPEST:
            raise _too_deep()
        items = tuple(self.node(str(op), value, flags, depth) for op, value in parsed)
        return items[0] if len(items) == 1 else Concatenation(items)

    def node(self, op: str, value: Any, flags: int, depth: int) -> PatternNode:
        if op in ("LITERAL", "NOT_LITERAL"):
            return self.chars([(value, value)], op == "NOT_LITERAL", flags)
        if op == "ANY":
            return ANY if flags & re.DOTALL else Chars(((10, 10),), negated=True)
        if op == "IN":
            items = [item for code, argument in value if (item := _item(str(code), argument)) is not None]
            return self.chars(items, str(value[0][0]) == "NEGATE", flags)
        if op == "AT":
            kind = _anchor(str(value), flags)
            return Anchor(kind, "boundary" in kind and bool(flags & re.ASCII))
        if op == "GROUPREF":
            return Backreference(value, bool(flags & re.IGNORECASE))
        return self.compound(op, value, flags, depth + 1)

    def compound(self, op: str, value: Any, flags: int, depth: int) -> PatternNode:
        if op == "BRANCH":
            return Alternation(tuple(self.sequence(branch, flags, depth) for branch in value[1]))
        if op in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            low, high, body = value
            last = None if high == opcodes.MAXREPEAT else int(high)
            inside = self.sequence(body, flags, depth)
            return Quantifier(inside, int(low), last, op == "POSSESSIVE_REPEAT", op == "MIN_REPEAT")
        if op == "SUBPATTERN":
            number, added, removed, body = value
            if added & _ALPHABETS:
                flags &= ~_ALPHABETS
            inside = self.sequence(body, (flags | added) & ~removed, depth)
            return inside if number is None else CaptureGroup(number, inside)
        if op == "ATOMIC_GROUP":
            return Atomic(self.sequence(value, flags, depth))
        if op in ("ASSERT", "ASSERT_NOT"):
            behind = value[1].getwidth()[0] if value[0] < 0 else None
            return Look(self.sequence(value[1], flags, depth), op == "ASSERT_NOT", behind)
        if op == "GROUPREF_EXISTS":
            number, yes, no = value
            return Condition(number, self.sequence(yes, flags, depth), self.sequence(no or (), flags, depth))
        raise PatternFault(f"cannot read {op.lower()} in a pattern", 0, "write it another way")

    def chars(self, items: list[SetItem], negated: bool, flags: int) -> Chars:
        return Chars(tuple(items), negated, bool(flags & re.IGNORECASE), bool(flags & re.ASCII))


def _item(code: str, argument: Any) -> SetItem | None:
    if code == "LITERAL":
        return (argument, argument)
    if code == "RANGE":
        low, high = argument
        return (low, high)
    if code == "CATEGORY":
        negated, kind = "_NOT_" in str(argument), str(argument).rpartition("_")[2][0]
        return kind if negated else kind.lower()
    return None


_ALPHABETS = re.ASCII | re.UNICODE
_ANCHORS: dict[str, Literal["start", "end", "text end", "boundary", "no boundary"]] = {
    "AT_BEGINNING": "start",
    "AT_BEGINNING_STRING": "start",
    "AT_END": "end",
    "AT_END_STRING": "text end",
    "AT_BOUNDARY": "boundary",
    "AT_NON_BOUNDARY": "no boundary",
}


def _anchor(code: str, flags: int) -> Any:
    if flags & re.MULTILINE and code in ("AT_BEGINNING", "AT_END"):
        return "line start" if code == "AT_BEGINNING" else "line end"
    return _ANCHORS[code]


def _matches(item: SetItem, char: str, ascii_only: bool) -> bool:
    if isinstance(item, tuple):
        return item[0] <= ord(char) <= item[1]
    return _in_class(item.lower(), char, ascii_only) != item.isupper()


def _in_class(kind: str, char: str, ascii_only: bool) -> bool:
    if ascii_only and not char.isascii():
        return False
    if kind == "d":
        return char.isdecimal()
    if kind == "w":
        return char.isalnum() or char == "_"
    return char in " \t\n\r\f\v" if ascii_only else char.isspace()


def cases(char: str) -> tuple[str, ...]:
    """A character in its other cases, itself first; only those of one character."""
    forms = (char, char.lower(), char.upper(), char.casefold())
    return tuple(dict.fromkeys(form for form in forms if len(form) == 1))


def children(node: PatternNode) -> tuple[PatternNode, ...]:
    """The nodes directly inside a node, in order."""
    match node:
        case Concatenation(items):
            return items
        case Alternation(branches):
            return branches
        case Quantifier() | CaptureGroup() | Atomic() | Look():
            return (node.body,)
        case Condition():
            return (node.yes, node.no)
        case _:
            return ()


def walk(node: PatternNode) -> Iterator[PatternNode]:
    """A node and every node inside it."""
    yield node
    for child in children(node):
        yield from walk(child)


_LOOK = re.compile(r"\(\?<?[=!]")


def tokens(text: str) -> Iterator[tuple[int, str, bool]]:
    """(offset, token, whether inside [...]) over a valid pattern. An escape is one token, and so is `(?=`."""
    offset, inside, opened = 0, False, 0
    while offset < len(text):
        token = text[offset : offset + 2] if text[offset] == "\\" else text[offset]
        if not inside and token == "(" and (found := _LOOK.match(text, offset)):
            token = found.group()
        yield offset, token, inside
        if inside and token == "]" and offset > opened:
            inside = False
        elif not inside and token == "[":
            inside, opened = True, offset + (2 if text[offset + 1 : offset + 2] == "^" else 1)
        offset += len(token)
