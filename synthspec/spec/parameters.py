"""Parameters: how their values are drawn, and which combinations there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from synthspec.diagnostics import Span
from synthspec.languages.expressions.tree import Expression
from synthspec.languages.expressions.types import Type
from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Choice:
    """One of `values`, in proportion to `weights` (equal where not given)."""

    values: tuple[Any, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Formula:
    """An expression over earlier parameters and random functions."""

    expression: Expression


@dataclass(frozen=True, slots=True)
class PatternDraw:
    """Text that matches a regular expression."""

    regex: str


@dataclass(frozen=True, slots=True)
class SourceDraw:
    """A column of a source, or the whole row as a map. Parameters that draw one row of a source take the same one."""

    source: str
    column: str = ""  # "" for the whole row
    where: Expression | None = None
    replacement: bool = True
    rows: int | None = None  # a list of so many different rows, drawn for this parameter alone
    count: Expression | None = None  # how many each list has, where that varies; `rows` is then the greatest number
    nearest: Expression | None = None  # a text: the rows most alike to it, in the order of likeness
    by: str = ""  # the column that is compared with it; "" for all columns of text

    @property
    def shares_row(self) -> bool:
        """Whether it is of the one row that all such draws of the source take."""
        return self.rows is None and self.nearest is None


@dataclass(frozen=True, slots=True)
class FakerDraw:
    """A value of a Faker provider."""

    provider: str
    locale: str = "en_US"
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ListDraw:
    """A list of what another draw gives, as long as `count` says. Without replacement its items differ."""

    item: Draw
    type: Type  # of an item
    count: Expression
    most: int
    replacement: bool = True


@dataclass(frozen=True, slots=True)
class GivenDraw:
    """Depends on the value of another parameter."""

    on: str
    cases: tuple[tuple[Any, Draw], ...]
    otherwise: Draw | None


Draw = Choice | Formula | PatternDraw | SourceDraw | FakerDraw | GivenDraw | ListDraw


@dataclass(frozen=True, slots=True)
class Parameter:
    """What varies between prompts."""

    name: str
    draw: Draw
    type: Type
    span: Span


@dataclass(frozen=True, slots=True)
class Correlation:
    """A wanted rank correlation between two parameters, -1 to 1."""

    between: tuple[str, str]
    rank: float
    span: Span


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Combinations for which the expression is true are not drawn."""

    expression: Expression
    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class PlanRules:
    """How combinations are drawn."""

    strategy: str = "balanced"
    strength: int = 2
    over: tuple[str, ...] = ()
    exclude: tuple[Exclusion, ...] = ()
    correlate: tuple[Correlation, ...] = ()
