"""Evaluation over one row of plain values: an expression becomes nested closures, compiled once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, time
from typing import Any

from synthspec.languages.expressions.checking.binding import function_arguments, holds_text
from synthspec.languages.expressions.evaluation.values import (
    FAULTS,
    OPERATORS,
    item,
    member,
    negative,
    positive,
    read_moment,
    settle,
    whole,
)
from synthspec.languages.expressions.functions.signatures import Function, find_function
from synthspec.languages.expressions.traversal import is_random
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
from synthspec.languages.expressions.types import BOOLEAN, Type

RowMap = Mapping[str, Any]
Evaluator = Callable[[RowMap], Any]


def compile_row(expression: Expression, result: Type | None = None) -> Evaluator:
    """The expression as a function of one row, for an expression found correct by `check_expression`.

    Values are plain Python ones; a name that the row lacks is null, and so is NaN. With `result`, the type
    that `check_expression` gave, numbers are float and integers int, as a column of that type holds them.

    Raises:
        ValueError: the expression draws at random, or calls a function that there is not.
    """
    evaluate = _compile(expression)
    if result is None or not result.numeric:
        return evaluate

    def typed(row: RowMap) -> Any:
        return conform(evaluate(row), result)

    return typed


def conform(value: Any, result: Type) -> Any:
    """A value as its type holds it: 3 as 3.0 where numbers are, 3.0 as 3 where integers are."""
    if result.kind == "number" and type(value) is int:
        return float(value)
    if result.kind == "integer" and type(value) is float and value.is_integer():
        return whole(value)
    return value


def constant_value(expression: Expression) -> Any:
    """The value of an expression without names or draws."""
    return _compile(expression)({})


def _compile(node: Expression) -> Evaluator:
    match node:
        case Literal(value=value):
            return lambda row: value
        case Name(name=name):
            return _name(name)
        case ListOf(items=items):
            parts = [_compile(i) for i in items]
            return lambda row: [part(row) for part in parts]
        case MapOf(entries=entries):
            members = [(key, _compile(value)) for key, value in entries]
            return lambda row: {key: value(row) for key, value in members}
        case Member(owner=inner, name=name):
            owner = _compile(inner)
            return lambda row: known(member(owner(row), name))
        case Index(owner=inner, index=at):
            owner, index = _compile(inner), _compile(at)
            return lambda row: known(item(owner(row), index(row)))
        case Unary(operator="not", operand=inner):
            operand = _compile(inner)
            return lambda row: not operand(row)
        case Unary(operator=operator, operand=inner):
            operand, change = _compile(inner), negative if operator == "-" else positive
            return lambda row: change(operand(row))
        case Conditional(condition=c, then=t, otherwise=o):
            condition, then, otherwise = _compile(c), _compile(t), _compile(o)
            return lambda row: then(row) if condition(row) else otherwise(row)
        case FunctionCall():
            return _call(node)
        case Binary():
            return _binary(node)


def _name(name: str) -> Evaluator:
    def read(row: RowMap) -> Any:
        value = row.get(name)
        return None if type(value) is float and value != value else value

    return read


def known(value: Any) -> Any:
    """The value, NaN made null."""
    return None if type(value) is float and value != value else value


def _binary(node: Binary) -> Evaluator:
    left, right = _compile(node.left), _compile(node.right)
    if node.operator == "and":
        return lambda row: bool(left(row)) and bool(right(row))
    if node.operator == "or":
        return lambda row: bool(left(row)) or bool(right(row))
    if node.operator == "matches":
        return _matches(left, node.right)
    operate = operator_of(node)
    return lambda row: operate(left(row), right(row))


def _matches(left: Evaluator, right: Expression) -> Evaluator:
    search = search_of(right)

    def found(row: RowMap) -> bool:
        text = left(row)
        return isinstance(text, str) and search(text) is not None

    return found


def search_of(pattern: Expression) -> Callable[[str], Any]:
    """The search of a literal regular expression."""
    if not isinstance(pattern, Literal) or not isinstance(pattern.value, str):
        raise ValueError("the right side of 'matches' is a text literal")
    return re.compile(pattern.value).search


def operator_of(node: Binary) -> Callable[[Any, Any], Any]:
    """What an operator does to two values. A text literal opposite a date is read as one."""
    operate = OPERATORS[node.operator]
    if node.operator == "+" or holds_text(node.left) == holds_text(node.right):
        return operate
    if holds_text(node.left):

        def left_text(a: Any, b: Any) -> Any:
            return operate(_moments(a, b), b)

        return left_text

    def right_text(a: Any, b: Any) -> Any:
        return operate(a, _moments(b, a))

    return right_text


def _moments(literal: Any, opposite: Any) -> Any:
    if isinstance(opposite, list) and opposite:
        opposite = opposite[0]
    if not isinstance(opposite, date | time):
        return literal
    if isinstance(literal, list):
        return [read_moment(t, opposite) if isinstance(t, str) else t for t in literal]
    return read_moment(literal, opposite)


def _call(node: FunctionCall) -> Evaluator:
    function = function_of(node)
    apply = function.apply
    parts = [_compile(a) for a in function_arguments(node, function)]
    null = null_of(function)
    if function.nulls:
        return lambda row: applied(apply, [part(row) for part in parts])
    if len(parts) == 1:
        return _call_of_one(apply, parts[0], null)

    def call(row: RowMap) -> Any:
        values = [part(row) for part in parts]
        return null if None in values else applied(apply, values)

    return call


def _call_of_one(apply: Callable[..., Any], part: Evaluator, null: Any) -> Evaluator:
    def call(row: RowMap) -> Any:
        value = part(row)
        if value is None:
            return null
        try:
            value = apply(value)
        except FAULTS:
            return None
        return settle(value) if type(value) is float else value

    return call


def applied(apply: Callable[..., Any], values: list[Any]) -> Any:
    """A function's value; null where it has none."""
    try:
        value = apply(*values)
    except FAULTS:
        return None
    return settle(value) if type(value) is float else value


def null_of(function: Function) -> Any:
    """What a function gives of a null: false where it tests something, else null."""
    return False if function.result == BOOLEAN else None


def function_of(node: FunctionCall) -> Function:
    """The function that a call names.

    Raises:
        ValueError: it draws at random, or there is none.
    """
    if is_random(node):
        raise ValueError(f"'{node.function}' draws at random: it has no value for one row")
    function = find_function(node.function)
    if function is None:
        raise ValueError(f"there is no function '{node.function}'")
    return function
