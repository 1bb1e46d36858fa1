"""What an expression may know of the row that it stands in: its address, its combination's number, the spec's seed.

The names are no names that a spec can declare; `address()`, `index()` and `uuid()` read them.
"""

from __future__ import annotations

from typing import Any

from synthspec.languages.expressions import Expression
from synthspec.languages.expressions.functions.placed import ADDRESS, FIELD, INDEX, SEED, placed_calls
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.rows import RowPath, path_text

__all__ = ["FIELD", "RowPlace", "place_of", "reads_place"]


@dataclass(frozen=True, slots=True)
class RowPlace:
    """Where a row stands: its path, and the number of the combination that it was made under."""

    path: RowPath
    combination: int


def place_of(place: RowPlace | None, seed: int) -> dict[str, Any]:
    """The place of a row, by the names that functions read it under; nothing where there is no row yet."""
    return {} if place is None else {ADDRESS: path_text(place.path), INDEX: place.combination, SEED: seed}


def reads_place(expression: Expression) -> bool:
    """Whether the expression has a value only where there is a row."""
    return bool(placed_calls(expression))
