"""The least and the greatest number that an expression can be, as far as a spec says: for what must have an end."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from synthspec.languages.expressions import Expression
from synthspec.languages.expressions.reach import reach_of
from synthspec.languages.expressions.tree import Binary, Conditional, FunctionCall, ListOf, Literal, Name, Unary
from synthspec.languages.expressions.types import Type
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Draw, Field, Formula

KnownEnds = tuple[float | None, float | None]  # None: nothing says
UNKNOWN: KnownEnds = (None, None)
MAX_DEPTH = 20  # parameters that are computed from parameters


@dataclass(frozen=True, slots=True)
class KnownNames:
    """What bounds are looked up in."""

    types: Mapping[str, Type]
    fields: Mapping[str, Field]
    draws: Mapping[str, Draw]


def ends_of_expression(expression: Expression, known: KnownNames, depth: int = 0) -> KnownEnds:
    """The least and the greatest value.

    >>> from synthspec.languages.expressions import parse_expression
    >>> parsed, _ = parse_expression("min(n * 2, 7) + 1")
    >>> ends_of_expression(parsed, KnownNames({"n": Type("integer", values=(1, 2, 9))}, {}, {}))
    (3.0, 8.0)
    """
    match expression:
        case Literal(value=value) if isinstance(value, int | float):
            return float(value), float(value)
        case Name(name=name):
            return _named(name, known, depth)
        case Unary(operator="-", operand=inner):
            low, high = ends_of_expression(inner, known, depth)
            return (None if high is None else -high), (None if low is None else -low)
        case Binary(operator=operator, left=left, right=right):
            return _joined(operator, ends_of_expression(left, known, depth), ends_of_expression(right, known, depth))
        case Conditional(then=then, otherwise=otherwise):
            return _either([ends_of_expression(then, known, depth), ends_of_expression(otherwise, known, depth)])
        case FunctionCall():
            return _called(expression, known, depth)
    return UNKNOWN


def _named(name: str, known: KnownNames, depth: int) -> KnownEnds:
    kind = known.types.get(name)
    values = kind.values if kind is not None else None
    if values and all(isinstance(v, int | float) for v in values):
        return float(min(values)), float(max(values))
    draw = known.draws.get(name)
    if isinstance(draw, Formula) and depth < MAX_DEPTH:
        return ends_of_expression(draw.expression, known, depth + 1)
    field = known.fields.get(name)
    if field is None or draw is not None:
        return UNKNOWN
    if field.value is not None:
        return ends_of_expression(field.value, known, depth + 1) if depth < MAX_DEPTH else UNKNOWN
    low, high = (field.schema.get(k, field.schema.get(o)) for k, o in _BOUNDS)
    return (None if low is None else float(low)), (None if high is None else float(high))


_BOUNDS = (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))


def _joined(operator: str, left: KnownEnds, right: KnownEnds) -> KnownEnds:
    if operator == "+":
        return _sum(left[0], right[0]), _sum(left[1], right[1])
    if operator == "-":
        return _sum(left[0], _minus(right[1])), _sum(left[1], _minus(right[0]))
    if operator == "/" and right[0] is not None and right[0] == right[1] and right[0] > 0:
        return _over(left[0], right[0]), _over(left[1], right[0])
    whole = [v for v in (*left, *right) if v is not None]
    if operator == "*" and len(whole) == 4:
        products = [a * b for a in left for b in right if a is not None and b is not None]
        return min(products), max(products)
    return UNKNOWN


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other


def _over(value: float | None, number: float) -> float | None:
    return None if value is None else value / number


def _minus(value: float | None) -> float | None:
    return None if value is None else -value


def _either(ends: Iterable[KnownEnds]) -> KnownEnds:
    every = list(ends)
    lows, highs = [e[0] for e in every], [e[1] for e in every]
    return _least(lows), _most(highs)


def _least(values: list[float | None]) -> float | None:
    return None if not values or None in values else min(v for v in values if v is not None)


def _most(values: list[float | None]) -> float | None:
    return None if not values or None in values else max(v for v in values if v is not None)


def _called(call: FunctionCall, known: KnownNames, depth: int) -> KnownEnds:
    arguments = call.arguments
    if len(arguments) == 1 and isinstance(arguments[0], ListOf):
        arguments = arguments[0].items
    ends = [ends_of_expression(a, known, depth) for a in arguments]
    if call.function == "min" and len(ends) > 1:
        return _least([e[0] for e in ends]), min((e[1] for e in ends if e[1] is not None), default=None)
    if call.function == "max" and len(ends) > 1:
        return max((e[0] for e in ends if e[0] is not None), default=None), _most([e[1] for e in ends])
    if call.function in ("round", "floor", "ceil") and ends:
        low, high = ends[0]
        return (None if low is None else math.floor(low)), (None if high is None else math.ceil(high))
    if call.function == "len" and len(arguments) == 1 and isinstance(arguments[0], Name):
        return _length(arguments[0].name, known)
    if call.function == "clip" and len(ends) == 3:
        return ends[1][0], ends[2][1]
    if call.ordinal >= 0:
        return _drawn(call, known, depth)
    return (0.0, None) if call.function in ("len", "words", "sentences") else UNKNOWN


def _drawn(call: FunctionCall, known: KnownNames, depth: int) -> KnownEnds:
    """The ends of a random function, whose arguments may be parameters."""
    given = dict(enumerate(call.arguments)) | dict(call.keywords)

    def ends(place: int, name: str) -> KnownEnds:
        found = given.get(name, given.get(place))
        return ends_of_expression(found, known, depth) if found is not None else UNKNOWN

    match call.function:
        case "integer":
            return ends(0, "low")[0], ends(1, "high")[1]
        case "bernoulli":
            return 0.0, 1.0
        case "binomial":
            return 0.0, ends(0, "n")[1]
        case "truncated":
            return ends(1, "low")[0], ends(2, "high")[1]
        case "choice" if isinstance(given.get("values", given.get(0)), ListOf):
            listed = given.get("values", given.get(0))
            assert isinstance(listed, ListOf)
            return _either(ends_of_expression(item, known, depth) for item in listed.items)
    if (found := reach_of(call)) is not None:
        low, high = found
        return (low if math.isfinite(low) else None), (high if math.isfinite(high) else None)
    return (0.0, None) if call.function in ("poisson", "geometric", "negative_binomial") else UNKNOWN


def _length(name: str, known: KnownNames) -> KnownEnds:
    field = known.fields.get(name)
    if field is None or name in known.draws:
        return 0.0, None
    most = field.schema.get("maxItems")
    return float(field.schema.get("minItems", 0)), float(most) if isinstance(most, int) else None
