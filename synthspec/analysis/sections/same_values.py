"""Values that are known to be the same: of two fields in every row, of one expression in all rows."""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from synthspec.languages.expressions import Expression, check_expression, names_of
from synthspec.languages.expressions.evaluation.rows import constant_value
from synthspec.languages.expressions.functions.choosing import mark_of
from synthspec.languages.expressions.functions.placed import placed_calls
from synthspec.languages.expressions.traversal import children, is_constant
from synthspec.languages.expressions.tree import Binary, FunctionCall, Index, MapOf, Member, Name, Unary
from synthspec.languages.expressions.types import Length, Type
from synthspec.spec import Field

DEEPEST = 20  # fields that are computed from fields


def are_alike(one: Field, other: Field, fields: Mapping[str, Field]) -> bool:
    """Whether two fields have the same value in every row, whatever is written: they are computed alike."""
    forms = [_form(Name(field.name, 0, 0), fields, 0) for field in (one, other)]
    return forms[0] == forms[1]


def _form(node: Expression, fields: Mapping[str, Field], depth: int) -> Hashable:
    """What is equal for expressions that come to the same, wherever they stand."""
    if is_constant(node):
        return "constant", mark_of(constant_value(node))
    if isinstance(node, Name):
        field = fields.get(node.name)
        if field is None or field.value is None or field.examples is not None or field.clean or depth > DEEPEST:
            return "name", node.name
        return _form(field.value, fields, depth + 1)
    if isinstance(node, FunctionCall) and node.function in ("first", "last") and len(node.arguments) == 1:
        return _item(node.arguments[0], 0 if node.function == "first" else -1, fields, depth)
    if isinstance(node, FunctionCall) and node.function == "best" and len(node.arguments) == 2:
        return _item(FunctionCall("rank", node.arguments, (), 0, 0), 0, fields, depth)
    if isinstance(node, FunctionCall) and node.function == "uuid":
        return object()
    if isinstance(node, Index) and is_constant(node.index):
        return _item(node.owner, constant_value(node.index), fields, depth)
    said: Hashable = None
    match node:
        case FunctionCall(function=function, keywords=keywords):
            said = function, tuple(name for name, _ in keywords)
        case Binary(operator=operator) | Unary(operator=operator):
            said = operator
        case Member(name=name):
            said = name
        case MapOf(entries=entries):
            said = tuple(key for key, _ in entries)
    return type(node).__name__, said, tuple(_form(child, fields, depth) for child in children(node))


def _item(owner: Expression, place: object, fields: Mapping[str, Field], depth: int) -> Hashable:
    """An item of a list; from the end only where nobody knows how long the list is."""
    least, most = _length(owner, fields) or (0, None)
    if isinstance(place, int) and place < 0 and most is not None and (least == most or most == 1):
        place += most
    return "item", mark_of(place), _form(owner, fields, depth)


def _length(owner: Expression, fields: Mapping[str, Field]) -> Length | None:
    return check_expression(owner, {name: field.type for name, field in fields.items()})[0].length


def is_one_value(
    expression: Expression, types: Mapping[str, Type], fields: Mapping[str, Field], depth: int = 0
) -> bool:
    """Whether an expression has the same value in every row: it reads nothing, or names of one value alone."""
    if is_constant(expression):
        return True
    if placed_calls(expression):
        return False
    return all(_has_one_value(name, types, fields, depth) for name in names_of(expression))


def _has_one_value(name: str, types: Mapping[str, Type], fields: Mapping[str, Field], depth: int) -> bool:
    kind, field = types.get(name), fields.get(name)
    if field is not None and field.optional:
        return False
    if kind is not None and kind.values is not None and len(kind.values) == 1:
        return True
    if field is None or field.value is None or field.examples is not None or depth > DEEPEST:
        return False
    return is_one_value(field.value, types, fields, depth + 1)
