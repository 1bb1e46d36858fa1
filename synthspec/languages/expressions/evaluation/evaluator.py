"""Evaluation over whole columns at once. Numbers go through NumPy; the rest maps the scalar meaning.

Every fast path gives what `rows.py` gives for each row, or is not taken: a test holds the two to each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any

import numpy as np

from synthspec.languages.expressions.checking.binding import function_arguments
from synthspec.languages.expressions.evaluation import arithmetic
from synthspec.languages.expressions.evaluation.columns import (
    ColumnArray,
    conform_column,
    objects,
    pack,
    standard,
    unpack,
)
from synthspec.languages.expressions.evaluation.rows import applied, function_of, known, null_of, operator_of, search_of
from synthspec.languages.expressions.evaluation.values import item, member, negative, positive
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
from synthspec.languages.expressions.types import Type
from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ConstantColumn:
    """A value that is the same in every row."""

    value: Any


Value = ColumnArray | ConstantColumn


def evaluate(
    expression: Expression,
    columns: Mapping[str, ColumnArray],
    length: int,
    uniforms: Mapping[int, ColumnArray] | None = None,
    result: Type | None = None,
) -> ColumnArray:
    """The expression over `length` rows, for an expression found correct by `check_expression`.

    `columns` holds an array of that length for each name, `uniforms` one of numbers in the open interval
    (0, 1) for the ordinal of each random call. With `result`, the type that `check_expression` gave, the dtype
    is that of the type and does not hang on which rows are asked for. Kinds of columns: see `columns.py`.
    """
    with np.errstate(all="ignore"):
        value = _Evaluation(columns, length, uniforms or {}).value(expression)
        column = spread(value, length)
        return column if result is None else conform_column(column, result)


def spread(value: Value, length: int) -> ColumnArray:
    """The value as a column."""
    return pack([value.value] * length) if isinstance(value, ConstantColumn) else value


class _Evaluation:
    """One evaluation: its columns, its length, its uniform numbers."""

    def __init__(self, columns: Mapping[str, ColumnArray], length: int, uniforms: Mapping[int, ColumnArray]) -> None:
        self.columns, self.length, self.uniforms = columns, length, uniforms

    def value(self, node: Expression) -> Value:
        match node:
            case Literal(value=value):
                return ConstantColumn(value)
            case Name(name=name):
                return standard(self.columns[name])
            case ListOf(items=items):
                return self._map(lambda *values: [*values], [self.value(i) for i in items])
            case MapOf(entries=entries):
                keys = [key for key, _ in entries]
                return self._map(
                    lambda *values: dict(zip(keys, values, strict=True)), [self.value(v) for _, v in entries]
                )
            case Member(owner=owner, name=name):
                return self._map(lambda o: known(member(o, name)), [self.value(owner)])
            case Index(owner=owner, index=index):
                return self._map(lambda o, i: known(item(o, i)), [self.value(owner), self.value(index)])
            case Unary():
                return self._unary(node)
            case Binary():
                return self._binary(node)
            case Conditional():
                return self._choose(node)
            case FunctionCall():
                return self._draw(node) if is_random(node) else self._call(node)

    def _map(self, apply: Any, values: Sequence[Value], kind: str = "any") -> Value:
        """The scalar meaning over every row; once, where nothing varies."""
        if all(isinstance(v, ConstantColumn) for v in values):
            return ConstantColumn(apply(*(v.value for v in values if isinstance(v, ConstantColumn))))
        plain = [repeat(v.value) if isinstance(v, ConstantColumn) else unpack(v) for v in values]
        found = list(map(apply, *plain))
        kinds = set(map(type, found))
        if int in kinds and float in kinds:  # 1 stays 1, whether or not 2.5 is in another of the rows
            return objects(found, len(found))
        return pack(found, kind)

    def truth(self, node: Expression) -> Value:
        """A condition: a null is false."""
        value = self.value(node)
        if isinstance(value, ConstantColumn):
            return ConstantColumn(bool(value.value))
        return value if value.dtype == np.bool_ else np.array([bool(v) for v in unpack(value)], dtype=np.bool_)

    def _unary(self, node: Unary) -> Value:
        if node.operator == "not":
            truth = self.truth(node.operand)
            return ConstantColumn(not truth.value) if isinstance(truth, ConstantColumn) else ~truth
        operand = self.value(node.operand)
        if not isinstance(operand, ConstantColumn) and operand.dtype == np.float64:
            return -operand if node.operator == "-" else operand
        return self._map(negative if node.operator == "-" else positive, [operand])

    def _binary(self, node: Binary) -> Value:
        if node.operator in ("and", "or"):
            return self._logic(node)
        if node.operator == "matches":
            search = search_of(node.right)
            return self._map(lambda t: isinstance(t, str) and search(t) is not None, [self.value(node.left)])
        left, right = self.value(node.left), self.value(node.right)
        fast = arithmetic.operate(node.operator, _operand(left), _operand(right))
        if fast is not NotImplemented:
            return fast  # type: ignore[no-any-return]
        operate = operator_of(node)
        if node.operator in ("in", "not in") and isinstance(right, ConstantColumn):
            return self._among(node.operator, left, right.value, operate)
        return self._map(operate, [left, right])

    def _among(self, operator: str, left: Value, items: Any, operate: Any) -> Value:
        """Membership of one list, in constant time a row where its items are texts."""
        if isinstance(left, ConstantColumn) or left.dtype != object or not isinstance(items, list):
            return self._map(lambda a: operate(a, items), [left])
        values = unpack(left)
        if not all(type(i) is str for i in items) or not set(map(type, values)) <= {str, type(None)}:
            return self._map(lambda a: operate(a, items), [left])
        wanted = frozenset(items)
        if operator == "in":
            return np.array([v in wanted for v in values], dtype=np.bool_)
        return np.array([v is not None and v not in wanted for v in values], dtype=np.bool_)

    def _logic(self, node: Binary) -> Value:
        left, right = self.truth(node.left), self.truth(node.right)
        a = left.value if isinstance(left, ConstantColumn) else left
        b = right.value if isinstance(right, ConstantColumn) else right
        both = (a & b) if node.operator == "and" else (a | b)
        return ConstantColumn(both) if isinstance(both, bool) else both

    def _choose(self, node: Conditional) -> Value:
        condition, then, otherwise = (
            self.truth(node.condition),
            self.value(node.then),
            self.value(node.otherwise),
        )
        if isinstance(condition, ConstantColumn):
            return then if condition.value else otherwise
        fast = arithmetic.choose(condition, _operand(then), _operand(otherwise))
        if fast is not NotImplemented:
            return fast  # type: ignore[no-any-return]
        return self._map(lambda c, a, b: a if c else b, [condition, then, otherwise])

    def _call(self, node: FunctionCall) -> Value:
        function = function_of(node)
        values = [self.value(a) for a in function_arguments(node, function)]
        kind = function.result.kind if isinstance(function.result, Type) else "any"
        if function.columns is not None and any(not isinstance(v, ConstantColumn) for v in values):
            operands = [_operand(v) for v in values]
            if all(arithmetic.is_number(o) for o in operands):
                column = function.columns(*operands)
                if column is not NotImplemented:
                    return arithmetic.finite(standard(column))
        apply = function.apply
        if function.nulls:
            return self._map(lambda *given: applied(apply, [*given]), values, kind)

        null = null_of(function)

        def call(*given: Any) -> Any:
            return null if None in given else applied(apply, [*given])

        return self._map(call, values, kind)

    def _draw(self, node: FunctionCall) -> Value:
        from synthspec.languages.expressions.random.calls import draw

        return draw(node, self.uniforms[node.ordinal], self.value, self.length)


def _operand(value: Value) -> Any:
    """What NumPy works on: the array, or the number itself."""
    return value.value if isinstance(value, ConstantColumn) else value
