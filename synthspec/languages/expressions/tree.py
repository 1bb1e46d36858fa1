"""The syntax tree of expressions. Offsets are characters of the expression's own text, end exclusive."""

from __future__ import annotations

from typing import Any

from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, text, boolean, or null."""

    value: Any
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Name:
    """A parameter, field, column or metric."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ListOf:
    """`[a, b, c]`."""

    items: tuple[Expression, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class MapOf:
    """`{role: 'user', content: x}`."""

    entries: tuple[tuple[str, Expression], ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Member:
    """`persona.job`."""

    owner: Expression
    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Index:
    """`items[0]`; negative counts from the end."""

    owner: Expression
    index: Expression
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """`words(text)`. `ordinal` numbers the random calls of one expression in the order written, else -1."""

    function: str
    arguments: tuple[Expression, ...]
    keywords: tuple[tuple[str, Expression], ...]
    start: int
    end: int
    ordinal: int = -1


@dataclass(frozen=True, slots=True)
class Unary:
    """`-a`, `not a`."""

    operator: str
    operand: Expression
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic, comparison, `and`, `or`, `in`, `not in`, `matches`."""

    operator: str
    left: Expression
    right: Expression
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Conditional:
    """`if c then a else b`."""

    condition: Expression
    then: Expression
    otherwise: Expression
    start: int
    end: int


Expression = Literal | Name | ListOf | MapOf | Member | Index | FunctionCall | Unary | Binary | Conditional
