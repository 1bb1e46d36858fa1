"""What each rule of the grammar becomes. One method a rule; no method keeps anything between calls."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lark import Transformer

from synthspec.languages.expressions.evaluation.values import settle
from synthspec.languages.expressions.parsing.mistakes import Mistake
from synthspec.languages.expressions.parsing.pieces import ParsedPart, joined, span_of, unkeyed
from synthspec.languages.expressions.tree import (
    Binary,
    Conditional,
    Expression,
    FunctionCall,
    Index,
    ListOf,
    Literal,
    MapOf,
    Member,
    Name,
    Unary,
)

if TYPE_CHECKING:
    pass

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
MEANT = {"=": "==", "===": "==", "!==": "!=", "<>": "!=", "=<": "<=", "=>": ">="}
NULLS = frozenset({"null", "none", "nil", "na", "nan", "undefined", "missing"})
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"'}


class Builder(Transformer):  # type: ignore[type-arg]
    """Called by the parser as each rule is complete."""

    def start(self, items: list[Any]) -> ParsedPart:
        part: ParsedPart = items[0]
        return part

    def number(self, items: list[Any]) -> ParsedPart:
        start, end = span_of(items[0])
        digits = items[0].replace("_", "")
        value: int | float | None = float(digits)
        if digits.isdecimal() and len(digits) <= 400:
            value = settle(int(digits))
        mistakes = () if value is not None and math.isfinite(value) else (Mistake("huge", start, end),)
        return ParsedPart(Literal(value, start, end), start, end, 1, mistakes)

    def text(self, items: list[Any]) -> ParsedPart:
        start, end = span_of(items[0])
        raw = str(items[0][1:-1])
        return ParsedPart(Literal(unescape(raw), start, end), start, end, raw=raw)

    def boolean(self, items: list[Any]) -> ParsedPart:
        start, end = span_of(items[0])
        word = str(items[0])
        value = word.lower() == "true"
        mistakes = () if word == word.lower() else (Mistake("word", start, end, word.lower()),)
        return ParsedPart(Literal(value, start, end), start, end, 1, mistakes)

    def null(self, items: list[Any]) -> ParsedPart:
        start, end = span_of(items[0])
        mistakes = () if items[0] == "null" else (Mistake("word", start, end, "null"),)
        return ParsedPart(Literal(None, start, end), start, end, 1, mistakes)

    def name(self, items: list[Any]) -> ParsedPart:
        start, end = span_of(items[0])
        return ParsedPart(Name(str(items[0]), start, end), start, end)

    def group(self, items: list[Any]) -> ParsedPart:
        (start, _), inside, (_, end) = span_of(items[0]), items[1], span_of(items[2])
        return joined(inside.node, start, end, [inside])

    def items(self, items: list[Any]) -> list[ParsedPart]:
        return items[0] if items else []

    def filled(self, items: list[Any]) -> list[ParsedPart]:
        if len(items) == 1:
            return items
        items[0].append(items[2])
        return items[0]  # type: ignore[no-any-return]

    def keyword(self, items: list[Any]) -> ParsedPart:
        value: ParsedPart = items[2]
        return ParsedPart(
            value.node,
            value.start,
            value.end,
            value.depth,
            value.mistakes,
            key=items[0],
            sign=span_of(items[1]),
        )

    def list_of(self, items: list[Any]) -> ParsedPart:
        (start, _), (_, end) = span_of(items[0]), span_of(items[-1])
        inside = [unkeyed(p) for p in items[1]]
        return joined(ListOf(tuple(p.node for p in inside), start, end), start, end, inside)

    def key(self, items: list[Any]) -> Any:
        return items[0]

    def entry(self, items: list[Any]) -> tuple[Any, ParsedPart]:
        key, sign, value = items
        if sign == "=":
            value = replace(value, mistakes=(*value.mistakes, Mistake("sign", *span_of(sign), ":")))
        return key, value

    def entries(self, items: list[Any]) -> list[tuple[Any, ParsedPart]]:
        return items[0] if items else []

    def pairs(self, items: list[Any]) -> list[Any]:
        return self.filled(items)

    def map_of(self, items: list[Any]) -> ParsedPart:
        (start, _), (_, end) = span_of(items[0]), span_of(items[-1])
        entries: dict[str, ParsedPart] = {}
        mistakes: tuple[Mistake, ...] = ()
        for word, value in items[1]:
            key = unescape(word[1:-1]) if word.type == "STRING" else str(word)
            if key in entries:
                mistakes += (Mistake("twice", *span_of(word), key),)
            entries[key] = value
        node = MapOf(tuple((k, p.node) for k, p in entries.items()), start, end)
        return joined(node, start, end, [p for _, p in items[1]], *mistakes)

    def call(self, items: list[Any]) -> ParsedPart:
        (start, _), (_, end) = span_of(items[0]), span_of(items[-1])
        return self._call(str(items[0]), items[2], start, end)

    def method(self, items: list[Any]) -> ParsedPart:
        owner, name, end = items[0], items[2], span_of(items[-1])[1]
        given = items[4]
        rest = (given[0].start, given[-1].end) if given else (end - 1, end - 1)
        mistake = Mistake("method", *span_of(name), str(name), ((owner.start, owner.end), rest))
        return self._call(str(name), [owner, *given], owner.start, end, mistake)

    def _call(self, name: str, given: Any, start: int, end: int, *mistakes: Mistake) -> ParsedPart:
        positional = tuple(p.node for p in given if p.key is None)
        keywords = tuple((str(p.key), p.node) for p in given if p.key is not None)
        named = False
        for p in given:
            if p.key is None and named:
                mistakes += (Mistake("positional", p.start, p.end),)
            named = named or p.key is not None
        return joined(FunctionCall(name, positional, keywords, start, end), start, end, [*given], *mistakes)

    def member(self, items: list[Any]) -> ParsedPart:
        owner, name = items[0], items[2]
        end = span_of(name)[1]
        return joined(Member(owner.node, str(name), owner.start, end), owner.start, end, [owner])

    def index(self, items: list[Any]) -> ParsedPart:
        owner, inside, (_, end) = items[0], items[2], span_of(items[3])
        return joined(Index(owner.node, inside.node, owner.start, end), owner.start, end, [owner, inside])

    def binary(self, items: list[Any]) -> ParsedPart:
        left, sign, right = items
        mistakes = (Mistake("sign", *span_of(sign), "**"),) if sign == "^" else ()
        operator = "**" if sign == "^" else str(sign)
        node = Binary(operator, left.node, right.node, left.start, right.end)
        return joined(node, left.start, right.end, [left, right], *mistakes)

    power = binary

    def signed(self, items: list[Any]) -> ParsedPart:
        sign, operand = items
        start = span_of(sign)[0]
        if isinstance(operand.node, Literal) and type(operand.node.value) in (int, float):
            value = -operand.node.value if sign == "-" else operand.node.value
            return ParsedPart(Literal(value, start, operand.end), start, operand.end, 1, operand.mistakes)
        node = Unary(str(sign), operand.node, start, operand.end)
        return joined(node, start, operand.end, [operand])

    def negation(self, items: list[Any]) -> ParsedPart:
        sign, operand = items
        start, end = span_of(sign)
        mistakes = () if sign == "not" else (Mistake("sign", start, end, "not"),)
        return joined(Unary("not", operand.node, start, operand.end), start, operand.end, [operand], *mistakes)

    def disjunction(self, items: list[Any]) -> ParsedPart:
        return _chain("or", items)

    def conjunction(self, items: list[Any]) -> ParsedPart:
        return _chain("and", items)

    def comparator(self, items: list[Any]) -> tuple[str, int, int, tuple[Mistake, ...]]:
        start, end = span_of(items[0])[0], span_of(items[-1])[1]
        words = " ".join(str(i).lower() for i in items)
        if words in COMPARISONS or words in ("in", "not in", "matches"):
            mistakes = (
                ()
                if all(str(i).islower() or words in COMPARISONS for i in items)
                else (Mistake("sign", start, end, words),)
            )
            return words, start, end, mistakes
        if words == "not matches":
            return "not matches", start, end, (Mistake("not matches", start, end),)
        if words.startswith("is"):
            meant = "==" if words == "is" else "!="
            return meant, start, end, (Mistake("is", start, end, meant),)
        if len(items) == 2:
            return ("!=" if words[0] == "=" else "=="), start, end, (Mistake("compare not", start, end),)
        return MEANT[words], start, end, (Mistake("sign", start, end, MEANT[words]),)

    def comparison(self, items: list[Any]) -> ParsedPart:
        left, comparator, right = items
        if left.last is None:
            return replace(self._compared(left, comparator, right), last=right)
        more = self._compared(replace(left.last, mistakes=()), comparator, right)
        node = Binary("and", left.node, more.node, left.start, more.end)
        return replace(joined(node, left.start, more.end, [left, more]), last=right)

    def _compared(self, left: ParsedPart, comparator: Any, right: ParsedPart) -> ParsedPart:
        operator, start, _, mistakes = comparator
        if mistakes and mistakes[0].kind == "is" and _means_null(right):
            right = ParsedPart(Literal(None, right.start, right.end), right.start, right.end, 1)
            mistakes = (Mistake("is null", start, right.end, operator, ((left.start, left.end),)),)
        elif mistakes and mistakes[0].kind == "is" and isinstance(right.node, Name) and right.node.name == "empty":
            right = ParsedPart(Literal(None, right.start, right.end), right.start, right.end, 1)
            mistakes = (Mistake("is empty", start, right.end, operator, ((left.start, left.end),)),)
        if operator in ("==", "!=") and (_is_null(left) or _is_null(right)):
            tested = left if _is_null(right) else right
            test: Expression = FunctionCall("missing", (tested.node,), (), left.start, right.end)
            if operator == "!=":
                test = Unary("not", test, left.start, right.end)
            return joined(test, left.start, right.end, [left, right], *mistakes)
        positive = "matches" if operator == "not matches" else operator
        pattern = right.node
        if positive == "matches" and right.raw is not None:
            pattern = Literal(right.raw, right.node.start, right.node.end)
        node: Expression = Binary(positive, left.node, pattern, left.start, right.end)
        if positive != operator:
            node = Unary("not", node, left.start, right.end)
        return joined(node, left.start, right.end, [left, right], *mistakes)

    def conditional(self, items: list[Any]) -> ParsedPart:
        start = span_of(items[0])[0]
        miswritten = tuple(
            Mistake("sign", *span_of(items[at]), items[at].lower()) for at in (0, 2, 4) if not items[at].islower()
        )
        return _choose(items[1], items[3], items[5], start, items[5].end, *miswritten)

    def python_conditional(self, items: list[Any]) -> ParsedPart:
        then, condition, otherwise = items[0], items[2], items[4]
        return _reordered(condition, then, otherwise, "python conditional", span_of(items[1]))

    def c_conditional(self, items: list[Any]) -> ParsedPart:
        condition, then, otherwise = items[0], items[2], items[4]
        return _reordered(condition, then, otherwise, "c conditional", span_of(items[1]))


def _is_null(part: ParsedPart) -> bool:
    return isinstance(part.node, Literal) and part.node.value is None


def _means_null(part: ParsedPart) -> bool:
    """Whether it is null, or a name that other languages have for it."""
    return _is_null(part) or (isinstance(part.node, Name) and part.node.name.lower() in NULLS)


def _reordered(
    condition: ParsedPart, then: ParsedPart, otherwise: ParsedPart, kind: str, at: tuple[int, int]
) -> ParsedPart:
    spans = tuple((p.start, p.end) for p in (condition, then, otherwise))
    start, end = min(s for s, _ in spans), max(e for _, e in spans)
    return _choose(condition, then, otherwise, start, end, Mistake(kind, *at, "", spans))


def _choose(
    condition: ParsedPart, then: ParsedPart, otherwise: ParsedPart, start: int, end: int, *mistakes: Mistake
) -> ParsedPart:
    node = Conditional(condition.node, then.node, otherwise.node, start, end)
    return joined(node, start, end, [condition, then, otherwise], *mistakes)


def _chain(operator: str, items: list[Any]) -> ParsedPart:
    mistakes = tuple(Mistake("sign", *span_of(i), operator) for i in items[1::2] if i != operator)
    part = _balanced(operator, items[::2])
    return ParsedPart(part.node, part.start, part.end, part.depth, part.mistakes + mistakes)


def _balanced(operator: str, parts: list[ParsedPart]) -> ParsedPart:
    """A chain as a tree of logarithmic depth: `and` and `or` mean the same however they are grouped."""
    if len(parts) == 1:
        return parts[0]
    middle = (len(parts) + 1) // 2
    left, right = _balanced(operator, parts[:middle]), _balanced(operator, parts[middle:])
    node = Binary(operator, left.node, right.node, left.start, right.end)
    return joined(node, left.start, right.end, [left, right])


def unescape(body: str) -> str:
    r"""Text between quotes. `\n`, `\t`, `\r`, `\\` and `\'` are read; other backslashes stay."""
    if "\\" not in body:
        return body
    return re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[0]), body, flags=re.DOTALL)
