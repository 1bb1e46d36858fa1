"""Whole columns to a file: what a plan is, before anybody makes rows of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synthspec.languages.expressions.evaluation.columns import unpack
from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of few different values: each row's place in `values`."""

    places: NDArray[np.int64]
    values: Sequence[Any]


ColumnCells: TypeAlias = NDArray[Any] | Coded


def cell_texts(column: ColumnCells, cell: Callable[[Any], str]) -> list[str]:
    """`cell` of every value, each different one of a coded column written once.

    `cell` must write whole numbers as `str` and finite numbers as `repr` does, as JSON and CSV do.
    """
    if isinstance(column, Coded):
        texts = np.empty(len(column.values), dtype=object)
        texts[:] = [cell(v) for v in column.values]
        return texts[column.places].tolist()  # type: ignore[no-any-return]
    if column.dtype.kind == "i":
        return list(map(str, column.tolist()))
    if column.dtype.kind == "f" and bool(np.isfinite(column).all()):
        return list(map(repr, column.tolist()))
    if column.dtype.kind == "b":
        return cell_texts(Coded(column.astype(np.int64), (False, True)), cell)
    return [cell(v) for v in unpack(column)]


def cell_values(column: ColumnCells) -> list[Any]:
    """The column as plain values, every null as None."""
    return unpack(uncoded(column))


def uncoded(column: ColumnCells) -> NDArray[Any]:
    """The column as an array of its values."""
    if not isinstance(column, Coded):
        return column
    values = np.empty(len(column.values), dtype=object)
    for place, value in enumerate(column.values):
        values[place] = value
    found: NDArray[Any] = values[column.places]
    return found
