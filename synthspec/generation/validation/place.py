"""What an expression may know of the row that it stands in: its address, its combination's number, the spec's seed.

The names are no names that a spec can declare; `address()`, `index()` and `uuid()` read them.
"""

from __future__ import annotations

from typing import Any

from synthspec.languages.expressions import Expression
from synthspec.languages.expressions.functions.placed import ADDRESS, FIELD, INDEX, SEED, placed_calls
from synthspec.spec.messages import Path, path_text

__all__ = ["FIELD", "place_of", "reads_place"]


def place_of(path: Path, seed: int) -> dict[str, Any]:
    """The place of a row, by the names that functions read it under; nothing where there is no row yet."""
    return {ADDRESS: path_text(path), INDEX: path[0], SEED: seed} if path else {}


def reads_place(expression: Expression) -> bool:
    """Whether the expression has a value only where there is a row."""
    return bool(placed_calls(expression))
