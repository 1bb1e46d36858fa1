"""A sample: the columns of a table as a person reads them, with missing values, numbers and dates told from text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import PurePath
from typing import Any

import numpy as np

from synthspec.diagnostics.errors import ExitStatus, SynthspecError
from synthspec.lazy_dataclass import dataclass
from synthspec.profiling.calendar import read_dates
from synthspec.profiling.naming import HeaderNames
from synthspec.sources import Table

MOST_ROWS = 20_000
MOST_COLUMNS = 120
EXACT = 2**53
LONGEST = 20_000  # characters of a text that is shown to a model
MISSING = frozenset({"", "na", "n/a", "nan", "null", "#n/a", "<na>", "?"})


class SampleFault(SynthspecError):
    """Nothing can be learnt from the data; the message says why."""

    default_status = ExitStatus.WRONG_SPEC


@dataclass(frozen=True, slots=True)
class SampleColumn:
    """One column: `header` as the file has it, `path` of a member of an object, `name` as a spec can have it.

    `values` are None, bool, int, float, date, datetime, time, str, list or dict; `note` says what was read into them.
    """

    header: str
    name: str
    values: tuple[Any, ...]
    path: tuple[str, ...] = ()
    note: str = ""

    @property
    def present(self) -> list[Any]:
        """The values that are not missing."""
        return [v for v in self.values if v is not None]


@dataclass(frozen=True, slots=True)
class Sample:
    """Columns of equal length; `total` rows stand in the file, of which these were looked at."""

    file: str
    columns: tuple[SampleColumn, ...]
    rows: int
    total: int
    left_out: tuple[str, ...] = ()  # what of the file was not looked at, in sentences


def sample_of(table: Table, file: str) -> Sample:
    """The sample of a table.

    Raises:
        SampleFault: it has no rows or no columns with values.
    """
    total, headers = len(table), list(table.names)
    if not headers:
        raise SampleFault("the file has no columns")
    if not total:
        raise SampleFault("the file has a header and no rows", "a spec is made from values: give at least a few rows")
    places = np.unique(np.linspace(0, total - 1, min(total, MOST_ROWS)).round().astype(int)).tolist()
    left_out = []
    if len(places) < total:
        left_out.append(f"{len(places):,} of its {total:,} rows were looked at, evenly spaced.")
    if len(headers) > MOST_COLUMNS:
        left_out.append(f"Its first {MOST_COLUMNS} columns are here, of {len(headers):,}.")
    names = HeaderNames()
    columns = []
    rows = table.rows(places, headers[:MOST_COLUMNS])
    for header in headers[:MOST_COLUMNS]:
        for path, inner in _members((), [row[header] for row in rows]):
            column = SampleColumn(header, names.give(".".join((header, *path))), tuple(map(_plain, inner)), path)
            columns.append(_read(column))
    if not any(c.present for c in columns):
        raise SampleFault("every value of the file is missing", "a spec is made from values: give rows that have some")
    return Sample(PurePath(file).name, tuple(columns), len(places), total, tuple(left_out))


def _members(path: tuple[str, ...], values: Sequence[Any]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """The column, or of a column of objects with the same few members each of these."""
    present = [v for v in values if v is not None]
    keys = list(dict.fromkeys(str(k) for v in present if isinstance(v, Mapping) for k in v))
    if not present or len(path) > 2 or not all(isinstance(v, Mapping) for v in present) or not 0 < len(keys) <= 20:
        yield path, list(values)
        return
    for key in keys:
        yield from _members((*path, key), [None if v is None else v.get(key) for v in values])


def _plain(value: Any) -> Any:
    """A value of a kind that JSON has, a date or time; None where it is missing."""
    match value:
        case None | bool() | int() | datetime() | date() | time() | list() | dict():
            return value
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return float(value) if value.is_finite() else None
        case str():
            return None if value.strip().casefold() in MISSING else value
        case bytes():
            return None
        case _:
            return str(value)


def _read(column: SampleColumn) -> SampleColumn:
    """Texts that are all numbers, dates or times, as these."""
    present = column.present
    if not present or not all(isinstance(v, str) for v in present):
        return _one_kind(column)
    numbers = _numbers(present)
    if numbers is not None:
        note = "missing values are written as a text such as NA"
        return _one_kind(replace(column, values=_filled(column.values, numbers), note=note))
    dates = read_dates(present)
    if dates is not None:
        return replace(column, values=_filled(column.values, list(dates.values)), note=dates.note)
    return column


def _one_kind(column: SampleColumn) -> SampleColumn:
    """Values of several kinds are texts, but numbers are numbers."""
    kinds = {type(v) for v in column.present}
    if kinds and kinds <= {int, float}:
        whole = all(isinstance(v, int) or (v.is_integer() and abs(v) < EXACT) for v in column.present)
        values = tuple(v if v is None else int(v) if whole else float(v) for v in column.values)
        return replace(column, values=values)
    if len(kinds) <= 1:
        return column
    texts = tuple(None if v is None else v if isinstance(v, str) else _text(v) for v in column.values)
    named = ", ".join(sorted(k.__name__ for k in kinds))
    return replace(column, values=texts, note=f"values of several kinds ({named}): read as texts")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _numbers(texts: Sequence[str]) -> list[int | float] | None:
    """Texts as numbers, where each is one that is not a code such as 007."""
    found: list[int | float] = []
    for text in texts:
        stripped = text.strip()
        digits = stripped.lstrip("+-")
        if (not digits[:1].isdigit() and digits[:1] != ".") or (digits[:1] == "0" and digits[1:2].isdigit()):
            return None
        try:
            found.append(int(stripped) if digits.isdecimal() and len(digits) < 19 else float(stripped))
        except ValueError:
            return None
    return found


def _filled(values: Sequence[Any], present: Sequence[Any]) -> tuple[Any, ...]:
    """The values present in the places where there are any."""
    left = iter(present)
    return tuple(None if v is None else next(left) for v in values)
