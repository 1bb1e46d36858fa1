"""Values that a reporter gives, as a table holds them."""

from __future__ import annotations

import datetime
import enum
import math
from collections.abc import Mapping
from typing import Any

LARGEST = 2**63


class Odd(Exception):
    """A value that no cell of a table can hold."""


def plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON has it; dates stay. NaN is null, and a member of an enum its text, or else its name.

    Raises:
        Odd: it is none, and what it is instead.
    """
    if isinstance(value, enum.Enum):
        return plain(value.value if isinstance(value.value, str) or isinstance(value, int) else value.name)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -LARGEST <= value < LARGEST:
            raise Odd("a whole number of more than 64 bits")
        return int(value)
    if isinstance(value, float):
        if math.isinf(value):
            raise Odd("an infinite number")
        return None if math.isnan(value) else float(value)
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise Odd("a text that is not Unicode") from None
        return str(value)
    if type(value).__name__ in ("NaTType", "NAType"):
        return None
    if isinstance(value, datetime.date | datetime.time):
        return value
    return _nested(value, depth)


def _nested(value: Any, depth: int) -> Any:
    if depth > 20:
        raise Odd("lists nested more than 20 deep")
    if isinstance(value, list | tuple):
        return [as_json(plain(v, depth + 1)) for v in value]
    if isinstance(value, Mapping):
        if not all(isinstance(k, str) for k in value):
            raise Odd("a map whose keys are not texts")
        return {str(k): as_json(plain(v, depth + 1)) for k, v in value.items()}
    if type(value).__module__.partition(".")[0] == "numpy" and hasattr(value, "tolist"):
        found = value.tolist()
        if type(found) is not type(value):
            return plain(found, depth + 1)
    if isinstance(value, set | frozenset):
        raise Odd("a set, which has no order")
    name = type(value).__name__
    raise Odd(f"{'an' if name[:1] in 'AEIOUaeiou' else 'a'} {name}")


def as_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime.date | datetime.time) else value


def moment_kind(value: Any) -> str:
    """What a date, a moment or a time of day is called; "" for any other value."""
    if isinstance(value, datetime.datetime):
        return "datetime"
    return "date" if isinstance(value, datetime.date) else "time" if isinstance(value, datetime.time) else ""
