"""The types of comparisons, and comparisons that can never be true."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from synthspec.diagnostics import did_you_mean, names_in, nearest
from synthspec.diagnostics.remedies import suggest
from synthspec.languages.expressions.checking.descriptions import a, describe, literal
from synthspec.languages.expressions.checking.operators import as_date
from synthspec.languages.expressions.errors import Fault
from synthspec.languages.expressions.tree import Binary, Expression, ListOf, Literal
from synthspec.languages.expressions.types import Type

MOMENTS = ("date", "datetime", "time")
_EXAMPLES = {"date": "2024-12-31", "datetime": "2024-12-31T18:30:00", "time": "18:30:00"}
_ORDERED = ("text", "date", "datetime", "time", "any")


def check_comparison(node: Binary, left: Type, right: Type) -> Iterator[Fault]:
    """What is wrong with a comparison whose sides have these types."""
    if node.operator in ("in", "not in"):
        yield from _check_membership(node, left, right)
        return
    unread = _unread(node, left, right)
    if unread is not None:
        yield unread
        return
    left, right = as_date(node.left, left, right), as_date(node.right, right, left)
    if not comparable(left, right):
        yield _mismatch(node, left, right)
        return
    if node.operator not in ("==", "!="):
        for operand, kind in ((node.left, left), (node.right, right)):
            if not kind.numeric and kind.kind not in _ORDERED:
                message = f"'{node.operator}' compares numbers, text and dates; {describe(operand)} is {a(kind)}"
                yield Fault("E303", message, operand.start, operand.end)
                return
        return
    yield from _check_values(node, node.left, left, node.right)
    yield from _check_values(node, node.right, right, node.left)


def comparable(left: Type, right: Type) -> bool:
    """Whether values of the two types can be equal."""
    if "any" in (left.kind, right.kind) or left.kind == right.kind or (left.numeric and right.numeric):
        return True
    return {left.kind, right.kind} == {"date", "datetime"}


def _unread(node: Binary, left: Type, right: Type) -> Fault | None:
    """A text literal opposite a date that is none."""
    for literal_side, kind, opposite in ((node.left, left, right), (node.right, right, left)):
        if opposite.kind in MOMENTS and isinstance(literal_side, Literal) and isinstance(literal_side.value, str):
            if as_date(literal_side, kind, opposite).kind in MOMENTS:
                continue
            return _not_a_moment(literal_side, opposite)
    return None


def _not_a_moment(node: Literal, wanted: Type) -> Fault:
    remedy = f"write it as '{_EXAMPLES[wanted.kind]}'"
    return Fault("E303", f"{literal(node.value)} is not {wanted.with_article}", node.start, node.end, remedy)


def _mismatch(node: Binary, left: Type, right: Type) -> Fault:
    sides = f"{describe(node.left)} is {a(left)} and {describe(node.right)} is {a(right)}"
    message = f"{sides}; they cannot be compared"
    remedy = ""
    if {left.kind, right.kind} & {"integer", "number"} and "text" in (left.kind, right.kind):
        remedy = "write the number without quotes, or number(x) to read text as one"
    if "boolean" in (left.kind, right.kind):
        remedy = "booleans are written true and false, without quotes"
    return Fault("E303", message, node.start, node.end, remedy)


def _check_membership(node: Binary, left: Type, right: Type) -> Iterator[Fault]:
    if right.kind == "list":
        item = right.item
        if isinstance(node.right, ListOf):
            yield from _check_items(node, left, node.right)
        elif item is not None:
            as_item = as_date(node.left, left, item)
            if not comparable(as_item, item):
                message = f"{describe(node.right)} is {a(right)}; {describe(node.left)} is {a(left)}"
                yield Fault("E303", message, node.left.start, node.left.end)
            else:
                yield from _check_values(node, node.right, item, node.left)
    elif right.kind in ("text", "map"):
        if left.kind not in ("text", "any"):
            message = f"in {a(right)} there is only text; {describe(node.left)} is {a(left)}"
            yield Fault("E303", message, node.left.start, node.left.end)
    elif right.kind != "any":
        message = f"'{node.operator}' looks in a list or a text; {describe(node.right)} is {a(right)}"
        remedy = "compare one value with '=='"
        yield Fault("E303", message, node.right.start, node.right.end, remedy)


def _check_items(node: Binary, left: Type, items: ListOf) -> Iterator[Fault]:
    from synthspec.languages.expressions.types import type_of

    for item in items.items:
        if not isinstance(item, Literal):
            continue
        if item.value is None:
            message = f"'{node.operator}' finds no null: a null is in no list"
            yield Fault("E311", message, item.start, item.end, "write: x in [...] or x == null")
            continue
        kind = as_date(item, type_of(item.value), left)
        if left.kind in MOMENTS and kind.kind == "text":
            yield _not_a_moment(item, left)
        elif not comparable(left, kind):
            message = f"{describe(node.left)} is {a(left)}, never {literal(item.value)}"
            yield Fault("E303", message, item.start, item.end)
        else:
            yield from _check_values(node, node.left, left, item)


def _check_values(node: Binary, side: Expression, kind: Type, other: Expression) -> Iterator[Fault]:
    """A literal that is none of the values the other side can have."""
    if kind.values is None or isinstance(side, Literal) or not isinstance(other, Literal):
        return
    if any(_same(other.value, value) for value in kind.values):
        return
    in_list = node.operator in ("in", "not in") and side is node.right
    outcome = "has no item" if in_list else "is never"
    message = f"{describe(side).strip(chr(39))} {outcome} {literal(other.value)}"
    known = {literal(v).strip("'") for v in kind.values}
    written = str(literal(other.value)).strip("'")
    near = nearest(written, sorted(known)) if isinstance(other.value, str) and not names_in(written, known) else None
    quoted = near is not None and '"' not in near  # as a text is written in an expression
    remedy = suggest(near, '"') if near is not None and quoted else did_you_mean(written, known)
    yield Fault("E308", message, other.start, other.end, remedy)


def _same(a: Any, b: Any) -> bool:
    return isinstance(a, bool) == isinstance(b, bool) and bool(a == b)
