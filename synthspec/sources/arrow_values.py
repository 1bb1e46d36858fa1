"""Values and types of Arrow columns as the language has them.

Decimals become integers or numbers, maps become maps, durations become text, NaN and the infinite become null, bytes of
UTF-8 become text, and those of a picture (or of anything else) a data URL. Times of day stay what they are.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable
from typing import Any

from synthspec.languages.expressions.types import ANY, BOOLEAN, DATE, DATETIME, INTEGER, NUMBER, TEXT, TIME, Type
from synthspec.sources.pictures import as_shown

Conversion = Callable[[Any], Any]


def plain_values(column: Any) -> list[Any]:
    """The values of an array or a chunked array.

    Raises:
        ValueError, OverflowError: a date that Python has none for.
    """
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        return _of_dictionary(column)
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    change = change_of(kind)
    values: list[Any] = column.to_pylist()
    return values if change is None else [None if v is None else change(v) for v in values]


def _of_dictionary(column: Any) -> list[Any]:
    """Each value that comes again is held once."""
    values: list[Any] = []
    for chunk in column.chunks if hasattr(column, "chunks") else (column,):
        known = plain_values(chunk.dictionary)
        values.extend(None if i is None else known[i] for i in chunk.indices.to_pylist())
    return values


def change_of(kind: Any) -> Conversion | None:
    """What makes a plain value of what Arrow gives of a type; None where it is one. Nulls are not asked about."""
    import pyarrow as pa

    t = pa.types
    if t.is_decimal(kind):
        return int if kind.scale <= 0 else float
    if t.is_floating(kind):
        return _number
    if t.is_duration(kind):
        return duration_text
    if t.is_binary(kind) or t.is_large_binary(kind) or t.is_fixed_size_binary(kind):
        return as_shown
    if t.is_map(kind):
        return _map(change_of(kind.item_type))
    if t.is_struct(kind):
        return _struct({f.name: c for f in kind if (c := change_of(f.type)) is not None})
    if t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind):
        return _list(change_of(kind.value_type))
    return change_of(kind.value_type) if t.is_dictionary(kind) else None


def _number(value: Any) -> Any:
    return value if math.isfinite(value) else None


def duration_text(value: Any) -> str:
    """A duration as ISO 8601 writes it in days and seconds, whatever its unit.

    >>> duration_text(datetime.timedelta(days=1, seconds=90))
    'P1DT90S'
    """
    whole = value if isinstance(value, datetime.timedelta) else datetime.timedelta(microseconds=int(value) // 1000)
    seconds = whole.seconds + whole.microseconds / 1e6
    return f"P{whole.days}DT{seconds:g}S"


def _map(change: Conversion | None) -> Conversion:
    def changed(pairs: Any) -> dict[str, Any]:
        found = dict(pairs)
        return {str(k): v if v is None or change is None else change(v) for k, v in found.items()}

    return changed


def _struct(changes: dict[str, Conversion]) -> Conversion:
    def changed(value: dict[str, Any]) -> Any:
        made = {k: changes[k](v) if v is not None and k in changes else v for k, v in value.items()}
        return as_shown(made)

    return changed


def _list(change: Conversion | None) -> Conversion | None:
    if change is None:
        return None
    return lambda values: [None if v is None else change(v) for v in values]


def type_of_arrow(kind: Any) -> Type:
    """The type of the values of an Arrow column."""
    import pyarrow as pa

    t = pa.types
    simple = ((t.is_boolean, BOOLEAN), (t.is_integer, INTEGER), (t.is_floating, NUMBER), (t.is_timestamp, DATETIME),
              (t.is_date, DATE), (t.is_time, TIME), (t.is_string, TEXT), (t.is_large_string, TEXT),
              (t.is_duration, TEXT))  # fmt: skip
    for test, found in simple:
        if test(kind):
            return found
    if t.is_decimal(kind):
        return INTEGER if kind.scale <= 0 else NUMBER
    if t.is_dictionary(kind):
        return type_of_arrow(kind.value_type)
    if t.is_list(kind) or t.is_large_list(kind) or t.is_fixed_size_list(kind):
        return Type("list", item=type_of_arrow(kind.value_type))
    if t.is_struct(kind):
        return Type("map", members=tuple((f.name, type_of_arrow(f.type)) for f in kind))
    return Type("map") if t.is_map(kind) else ANY
