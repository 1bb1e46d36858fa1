"""Dates, moments and times of day, drawn as whole days or seconds, both ends included.

Dates are datetime64[D], moments datetime64[s] without a zone, times of day timedelta64[s] since midnight.
"""

from __future__ import annotations

import datetime
from typing import Any

import numpy as np

from synthspec.languages.expressions.random.quantiles.discrete import integer, integer_cumulative
from synthspec.languages.expressions.random.quantiles.families import Array

DAY = 86_400
CALENDAR = {"date": "datetime64[D]", "datetime": "datetime64[s]", "time": "timedelta64[s]"}


def calendar_quantile(name: str, u: Array, start: Any, end: Any) -> Array:
    """Days, moments or times of day at u; NaT where an end is missing, or (not of times) before its start."""
    first, last = instants(name, start), instants(name, end)
    sound = ~(np.isnan(first) | np.isnan(last)) & ((first <= last) | (name == "time"))
    first = np.where(sound, first, 0.0)
    span = np.where(sound, (last - first) % DAY if name == "time" else last - first, 0.0)
    steps = integer(u, np.zeros_like(span), span) + first
    steps = steps % DAY if name == "time" else steps
    return np.where(sound, steps.astype(np.int64).astype(CALENDAR[name]), np.array("NaT", CALENDAR[name]))


def calendar_cumulative(name: str, x: Any, start: Any, end: Any) -> Array:
    """P(X ≤ x); of times of day, counted from the start and over midnight."""
    first, last, point = (instants(name, value) for value in (start, end, x))
    if name == "time":
        return integer_cumulative((point - first) % DAY, 0.0, (last - first) % DAY)  # type: ignore[arg-type]
    return np.where(first <= last, integer_cumulative(point, first, last), np.nan)


def instants(name: str, value: Any) -> Array:
    """Days or seconds as float64; of text, `datetime` objects, NumPy dates or arrays of them. None: NaN."""
    array = np.asarray(value)
    if name == "time" and array.dtype.kind not in "mM":
        clocks = [_clock(item) for item in array.ravel().tolist()]
        array = np.array(clocks, "timedelta64[s]").reshape(array.shape)
    elif name == "time" and array.dtype.kind == "M":
        array = array - array.astype("datetime64[D]")
    elif array.dtype == object:
        array = np.array([_naive(item) for item in array.ravel()], dtype=CALENDAR[name]).reshape(array.shape)
    converted = array.astype(CALENDAR[name])
    return np.where(np.isnat(converted), np.nan, converted.astype(np.int64).astype(np.float64))


def _naive(item: Any) -> Any:
    return item.replace(tzinfo=None) if isinstance(item, datetime.datetime) else item


def _clock(item: Any) -> np.timedelta64:
    if item is None:
        return np.timedelta64("NaT", "s")
    clock = item if isinstance(item, datetime.time) else datetime.time.fromisoformat(str(item))
    return np.timedelta64(clock.hour * 3600 + clock.minute * 60 + clock.second, "s")
