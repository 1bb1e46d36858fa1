"""Which argument of a call is which parameter, for the checker and both evaluators alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

from synthspec.languages.expressions.functions.signatures import REQUIRED, Function, FunctionParameter
from synthspec.languages.expressions.tree import Expression, FunctionCall, ListOf, Literal, Name
from synthspec.languages.expressions.types import TypeKind
from synthspec.lazy_dataclass import dataclass

READERS: dict[TypeKind, Any] = {
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "time": time.fromisoformat,
}


@dataclass(frozen=True, slots=True)
class Bound:
    """Arguments by parameter, and what could not be placed."""

    given: tuple[tuple[str, Expression], ...]
    extra: tuple[Expression, ...] = ()
    unknown: tuple[tuple[str, Expression], ...] = ()
    twice: tuple[tuple[str, Expression], ...] = ()


def bind(call: FunctionCall, names: Sequence[str], repeated: str = "") -> Bound:
    """Place a call's arguments among the parameters; `repeated` takes the positional ones from its place."""
    given: list[tuple[str, Expression]] = []
    extra: list[Expression] = []
    unknown: list[tuple[str, Expression]] = []
    twice: list[tuple[str, Expression]] = []
    for at, value in enumerate(call.arguments):
        if at < len(names):
            given.append((names[at], value))
        elif repeated:
            given.append((repeated, value))
        else:
            extra.append(value)
    taken = {name for name, _ in given}
    for name, value in call.keywords:
        if name not in names or name == repeated:
            unknown.append((name, value))
        elif name in taken:
            twice.append((name, value))
        else:
            taken.add(name)
            given.append((name, value))
    return Bound(tuple(given), tuple(extra), tuple(unknown), tuple(twice))


def bind_function(call: FunctionCall, function: Function) -> Bound:
    """Place a call's arguments among a function's parameters."""
    repeated = next((p.name for p in function.parameters if p.repeated), "")
    return bind(call, [p.name for p in function.parameters], repeated)


def function_arguments(call: FunctionCall, function: Function) -> list[Expression]:
    """The arguments of a well-formed call in the order of the parameters, defaults filled in; before them what the
    function reads of the place where it stands.

    A text literal where only a date, datetime or time can stand is that moment.
    """
    given = bind_function(call, function).given
    arguments: list[Expression] = [Name(name, call.start, call.end) for name in function.place]
    for parameter in function.parameters:
        values = [value for name, value in given if name == parameter.name]
        if not values and parameter.default is not REQUIRED:
            values = [Literal(parameter.default, call.start, call.end)]
        arguments.extend(as_moment(value, parameter) for value in values)
    return arguments


def as_moment(value: Expression, parameter: FunctionParameter) -> Expression:
    """The literal moment that a text literal is read as, where the parameter takes moments and no text."""
    if not isinstance(value, Literal) or not isinstance(value.value, str):
        return value
    if any(t.kind in ("text", "any") for t in parameter.types):
        return value
    for t in parameter.types:
        moment = read_literal(value.value, t.kind)
        if moment is not None:
            return Literal(moment, value.start, value.end)
    return value


def read_literal(text: str, kind: TypeKind) -> date | time | None:
    """An ISO text as a date, datetime or time; None where it is none."""
    if kind not in READERS or (kind == "time" and ":" not in text):
        return None
    try:
        moment: date | time = READERS[kind](text.strip())
    except ValueError:
        return None
    return moment


def holds_text(node: Expression) -> bool:
    """Whether it is a text literal, or a list with one: what might be read as a date."""
    if isinstance(node, ListOf):
        return any(holds_text(i) for i in node.items)
    return isinstance(node, Literal) and isinstance(node.value, str)
