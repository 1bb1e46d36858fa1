"""What each operator does to plain values. Total: where there is no answer the result is None, the null.

Whole numbers stay exact within 64 bits and become floats beyond; a result that is not finite is null.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from synthspec.languages.expressions import transcendental

LOWEST, HIGHEST = -(2**63), 2**63 - 1
MAX_SIZE = 10_000_000  # characters of a text, items of a list; what would be longer is null
FAULTS = (
    TypeError, ValueError, ArithmeticError, AttributeError, LookupError, RecursionError, MemoryError,
)  # fmt: skip


def settle(value: Any) -> Any:
    """A computed value as the language holds it: no NaN, no infinity, no whole number beyond 64 bits."""
    kind = type(value)
    if kind is float:
        return value if math.isfinite(value) else None
    if kind is int:
        if LOWEST <= value <= HIGHEST:
            return value
        try:
            return float(value)
        except OverflowError:
            return None
    if (kind is str or kind is list) and len(value) > MAX_SIZE:
        return None
    return value


def add(a: Any, b: Any) -> Any:
    try:
        if type(a) is not type(b):
            if isinstance(a, date):
                return _shift(a, b)
            if isinstance(b, date):
                return _shift(b, a)
        return settle(a + b)
    except FAULTS:
        return None


def subtract(a: Any, b: Any) -> Any:
    try:
        if isinstance(a, date):
            return _days(a, b) if isinstance(b, date) else _shift(a, -b)
        return settle(a - b)
    except FAULTS:
        return None


def _shift(day: date, days: Any) -> date | None:
    """A date some days on: whole days of a date, down to the second of a datetime."""
    if isinstance(days, bool) or not isinstance(days, int | float):
        return None
    if isinstance(day, datetime):
        return day + timedelta(seconds=round(days * 86400))
    return day + timedelta(days=math.floor(days))


def _days(a: date, b: date) -> int | float:
    if isinstance(a, datetime) or isinstance(b, datetime):
        return (moment(a) - moment(b)).total_seconds() / 86400
    return (a - b).days


def moment(day: date) -> datetime:
    """A date as its midnight; a datetime is itself."""
    return day if isinstance(day, datetime) else datetime(day.year, day.month, day.day)


def multiply(a: Any, b: Any) -> Any:
    try:
        if isinstance(a, str | list | tuple) or isinstance(b, str | list | tuple):
            return None
        return settle(a * b)
    except FAULTS:
        return None


def divide(a: Any, b: Any) -> Any:
    try:
        return settle(a / b)
    except FAULTS:
        return None


def floor_divide(a: Any, b: Any) -> Any:
    try:
        return whole(a // b)
    except FAULTS:
        return None


def remainder(a: Any, b: Any) -> Any:
    try:
        return None if isinstance(a, str) else settle(a % b)
    except FAULTS:
        return None


def power(a: Any, b: Any) -> Any:
    try:
        if type(a) is int and type(b) is int and b > 0 and b * a.bit_length() > 2048:
            a = float(a)
        whole_numbers = type(a) is int and type(b) is int and b >= 0
        result = a**b if whole_numbers else transcendental.power(a, b)
        return None if isinstance(result, complex) else settle(result)
    except FAULTS:
        return None


def whole(value: Any) -> Any:
    """A number with nothing after the point, as an integer where it fits 64 bits."""
    if type(value) is float:
        if not math.isfinite(value):
            return None
        return int(value) if -(2.0**63) <= value < 2.0**63 else value
    return settle(value)


def negative(a: Any) -> Any:
    try:
        return settle(-a)
    except FAULTS:
        return None


def positive(a: Any) -> Any:
    return a if isinstance(a, int | float) else None


def is_null(value: Any) -> bool:
    """Whether a value is missing: None or NaN."""
    return value is None or (type(value) is float and value != value)


def equal(a: Any, b: Any) -> bool:
    """`==`. A null equals nothing; a date is its midnight."""
    if a is None or b is None:
        return False
    try:
        if type(a) is not type(b) and isinstance(a, date) and isinstance(b, date):
            return moment(a) == moment(b)
        return bool(a == b)
    except FAULTS:  # lists in lists beyond what the machine compares
        return False


def unequal(a: Any, b: Any) -> bool:
    return a is not None and b is not None and not equal(a, b)


def _ordered(compare: Callable[[Any, Any], Any]) -> Callable[[Any, Any], bool]:
    def holds(a: Any, b: Any) -> bool:
        try:
            return bool(compare(a, b))
        except TypeError:
            if isinstance(a, date) and isinstance(b, date) and type(a) is not type(b):
                return holds(moment(a), moment(b))
            return False

    return holds


def contains(item: Any, whole: Any) -> bool:
    """`in`: an item of a list, a part of a text, a member of a map."""
    if item is None or whole is None:
        return False
    if isinstance(whole, str):
        return isinstance(item, str) and item in whole
    if isinstance(whole, Mapping):
        return isinstance(item, str) and item in whole
    if not isinstance(whole, Sequence):
        return False
    if isinstance(item, date):
        return any(equal(item, other) for other in whole)
    try:
        return item in whole
    except FAULTS:
        return False


def member(owner: Any, name: str) -> Any:
    """`owner.name`; null where there is none."""
    return owner.get(name) if isinstance(owner, Mapping) else None


def item(owner: Any, index: Any) -> Any:
    """`owner[index]`; null where there is none. Negative counts from the end."""
    if isinstance(owner, Mapping):
        return owner.get(index) if isinstance(index, str) else None
    try:
        return owner[index] if isinstance(index, int) else owner[whole(index)]
    except FAULTS:
        return None


def read_moment(text: str, like: Any) -> Any:
    """An ISO text as the kind of moment that `like` is; the text itself where it is none."""
    kind = datetime if isinstance(like, datetime) else type(like)
    try:
        if kind is date and len(text) > 10:
            return datetime.fromisoformat(text)
        return kind.fromisoformat(text) if kind in (date, datetime, time) else text
    except ValueError:
        return text


OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "//": floor_divide,
    "%": remainder,
    "**": power,
    "==": equal,
    "!=": unequal,
    "<": _ordered(lambda a, b: a < b),
    "<=": _ordered(lambda a, b: a <= b),
    ">": _ordered(lambda a, b: a > b),
    ">=": _ordered(lambda a, b: a >= b),
    "in": contains,
    "not in": lambda a, b: a is not None and b is not None and not contains(a, b),
}
