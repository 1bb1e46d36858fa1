"""The types of arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from synthspec.languages.expressions.checking.binding import read_literal
from synthspec.languages.expressions.checking.descriptions import a, describe
from synthspec.languages.expressions.errors import Fault
from synthspec.languages.expressions.tree import Binary, Expression, Literal
from synthspec.languages.expressions.types import ANY, INTEGER, NUMBER, TEXT, Length, Type, join


def operate_types(node: Binary, left: Type, right: Type) -> tuple[Type, list[Fault]]:
    """The type of an arithmetic expression and what is wrong with its operands."""
    left, right = as_date(node.left, left, right), as_date(node.right, right, left)
    kind = _result(node, left, right)
    return (kind, []) if kind is not None else (ANY, list(_mismatch(node, left, right)))


def as_date(node: Expression, kind: Type, opposite: Type) -> Type:
    """The type of an operand, a text literal opposite a date read as one."""
    if opposite.kind in ("date", "datetime", "time") and isinstance(node, Literal) and isinstance(node.value, str):
        for wanted in ("date", "datetime", "time"):
            if read_literal(node.value, wanted) is not None and (wanted == "time") == (opposite.kind == "time"):
                return Type(opposite.kind if wanted != "datetime" else "datetime")
    return kind


def _result(node: Binary, left: Type, right: Type) -> Type | None:
    operator = node.operator
    if left.numeric and right.numeric:
        return _number(node, left, right)
    moments = ("date", "datetime")
    if operator == "-" and left.kind in moments and right.kind in moments:
        return INTEGER if left.kind == right.kind == "date" else NUMBER
    if operator in "+-" and left.kind in moments and (right.numeric or right.kind == "any"):
        return Type(left.kind) if right.numeric else ANY
    if operator == "+" and right.kind in moments and (left.numeric or left.kind == "any"):
        return Type(right.kind)
    if operator == "+" and left.kind == right.kind == "text":
        return TEXT
    if operator == "+" and left.kind == right.kind == "list":
        return replace(join(left, right), length=_together(left.length, right.length))
    if operator in "+-" and "any" in (left.kind, right.kind):
        other = right if left.kind == "any" else left
        addable = ("text", "list") if operator == "+" else moments
        return ANY if other.numeric or other.kind == "any" or other.kind in addable else None
    if operator not in "+-" and all(k.numeric or k.kind == "any" for k in (left, right)):
        return INTEGER if operator == "//" else NUMBER
    return None


def _together(left: Length | None, right: Length | None) -> Length | None:
    """The length of two lists, one after the other."""
    if left is None or right is None:
        return None
    return left[0] + right[0], None if left[1] is None or right[1] is None else left[1] + right[1]


def _number(node: Binary, left: Type, right: Type) -> Type:
    if node.operator == "//":
        return INTEGER
    whole = left.kind == right.kind == "integer" and node.operator != "/"
    if node.operator == "**":
        exponent = node.right.value if isinstance(node.right, Literal) else -1
        whole = whole and exponent >= 0
    return INTEGER if whole else NUMBER


def _mismatch(node: Binary, left: Type, right: Type) -> Iterator[Fault]:
    operator = node.operator
    if operator == "+" and "text" in (left.kind, right.kind):
        other = node.left if right.kind == "text" else node.right
        kind = left if right.kind == "text" else right
        message = f"'+' cannot join text and {a(kind)}"
        yield Fault("E303", message, other.start, other.end, "write text(x) to join it, or number(x) to add it")
        return
    if operator in "+-" and left.kind == right.kind:
        message = f"'{operator}' does not work on two values of type {left}"
        yield Fault("E303", message, node.start, node.end)
        return
    wrong = [(n, k) for n, k in ((node.left, left), (node.right, right)) if not k.numeric and k.kind != "any"]
    for operand, kind in wrong:
        remedy = "write number(x) to read text as a number" if kind.kind == "text" else ""
        message = f"'{operator}' takes numbers; {describe(operand)} is {a(kind)}"
        yield Fault("E303", message, operand.start, operand.end, remedy)
