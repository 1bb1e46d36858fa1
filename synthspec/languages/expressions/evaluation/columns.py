"""Columns of values: NumPy arrays by kind, and the way between them and plain Python values.

integer int64, number float64, boolean bool_, date datetime64[D], datetime datetime64[s], all else object.
A null is None in an object column, NaN among numbers, NaT among dates. A column of integers or booleans with
nulls, or of integers beyond 64 bits, is an object column.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthspec.languages.expressions.evaluation.values import whole
from synthspec.languages.expressions.types import Type

ColumnArray = NDArray[Any]
EXACT = 2**53
_NUMBERS = ({int, float}, {int, float, type(None)}, {float}, {float, type(None)})
_DAYS = ({date}, {date, type(None)})
_MOMENTS = ({datetime}, {datetime, type(None)})
DTYPES: dict[str, str] = {
    "integer": "int64",
    "number": "float64",
    "boolean": "bool",
    "date": "datetime64[D]",
    "datetime": "datetime64[s]",
}


def objects(values: Iterable[Any], length: int) -> ColumnArray:
    """A column of any values as they are."""
    return np.fromiter(values, dtype=object, count=length)


def pack(values: Sequence[Any], kind: str = "any") -> ColumnArray:
    """Plain values as the column of their kind; `kind` settles it where there is none to see it by."""
    kinds = set(map(type, values))
    if kinds <= {type(None)}:
        if not values or kind in ("number", "date", "datetime"):
            return np.array(values, dtype=DTYPES.get(kind, "object"))
        return objects(values, len(values))
    if kinds == {int}:
        try:
            return np.array(values, dtype=np.int64)
        except OverflowError:
            return objects(values, len(values))
    if kinds == {bool}:
        return np.array(values, dtype=np.bool_)
    if kinds in _NUMBERS and not (int in kinds and any(type(v) is int and abs(v) > EXACT for v in values)):
        return np.array(values, dtype=np.float64)
    if kinds in _DAYS:
        return np.array(values, dtype="datetime64[D]")
    if kinds in _MOMENTS and all(v is None or (v.tzinfo is None and not v.microsecond) for v in values):
        return np.array(values, dtype="datetime64[s]")
    return objects(values, len(values))


def unpack(column: ColumnArray) -> list[Any]:
    """A column as plain values, every null as None."""
    values: list[Any] = column.tolist()
    if column.dtype.kind == "f":
        return [None if v != v else v for v in values] if np.isnan(column).any() else values
    if column.dtype == object:
        return [None if type(v) is float and v != v else v for v in values]
    return values


def standard(given: Any) -> ColumnArray:
    """An array of any dtype as one of the kinds above."""
    column: ColumnArray = np.asarray(given)
    kind = column.dtype.kind
    if kind in "iu":
        column = column.astype(np.int64, copy=False)
    elif kind == "f":
        column = column.astype(np.float64, copy=False)
    elif kind == "M" and np.datetime_data(column.dtype)[0] != "D":
        column = column.astype("datetime64[s]", copy=False)
    elif kind == "m":
        clocks = column.astype("timedelta64[s]").tolist()
        column = objects((None if c is None else clock(c) for c in clocks), len(column))
    elif kind not in "bM":
        column = column.astype(object, copy=False)
    return column


def clock(since_midnight: timedelta) -> time:
    """A time of day from what has passed of it."""
    return (datetime.min + since_midnight % timedelta(days=1)).time()


def conform_column(column: ColumnArray, result: Type) -> ColumnArray:
    """The column as its type holds it: floats where numbers are, integers where integers are."""
    if result.kind == "number" and column.dtype != np.float64:
        return numbers(column)
    if result.kind == "integer" and column.dtype in (np.float64, object):
        values = [whole(v) if type(v) is float and v.is_integer() else v for v in unpack(column)]
        return objects(values, len(values)) if float in set(map(type, values)) else pack(values, "integer")
    if result.kind in ("text", "list", "map", "time", "any") and column.dtype != object:
        return objects(unpack(column), len(column))
    if column.dtype == object and result.kind in DTYPES:
        return pack(column.tolist(), result.kind)
    return column


def numbers(column: ColumnArray) -> ColumnArray:
    """A column as float64, NaN for what is no number."""
    if column.dtype != object:
        floats: ColumnArray = column.astype(np.float64)
        return floats
    values = (float(v) if isinstance(v, int | float) else np.nan for v in column.tolist())
    return np.fromiter(values, dtype=np.float64, count=len(column))
