"""What a random function of the expression language is: its arguments, their ranges, and what it comes from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Literal

from synthspec.lazy_dataclass import dataclass

Constant = float | str | date | datetime | time | Sequence[object]
ArgumentKind = Literal["number", "date", "datetime", "time", "list", "weights", "distribution", "distributions"]

INFINITY = math.inf
EXACT = 2.0**53  # every whole number up to here is a float


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: its range is `low`..`high`, each end included unless open; `default` None means required.

    `kind` "distribution" is one call of a random function that is not drawn, "distributions" a list of them,
    "weights" a list of numbers of at least 0, not all 0, or the default "equal".
    """

    name: str
    summary: str
    default: float | str | None = None
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False
    integer: bool = False
    kind: ArgumentKind = "number"


@dataclass(frozen=True, slots=True)
class Relation:
    """A rule between arguments: each "below" or "at most" the next, or lists of the "same length"."""

    rule: Literal["below", "at most", "same length"]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Distribution:
    """One random function; `mean` and `formula` (the inverse distribution function of u) are for readers.

    `result` is the kind of value drawn; "any" is that of what it draws from.
    """

    name: str
    summary: str
    arguments: tuple[Argument, ...]
    result: Literal["number", "integer", "boolean", "date", "datetime", "time", "any"]
    source: str
    relations: tuple[Relation, ...] = ()
    mean: str = ""
    formula: str = ""


def above(name: str, summary: str, bound: float = 0.0, default: float | None = None) -> Argument:
    return Argument(name, summary, default, low=bound, low_open=True)
