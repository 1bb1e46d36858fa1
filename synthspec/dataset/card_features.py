"""The types of a dataset's columns as the `datasets` library reads them in a card.

Text files carry no types: `datasets` guesses them from the first rows of each file, and does not open a folder
in which one file has nulls alone where another has words, or whole numbers where another has fractions.
Parquet holds its own types and needs nothing said.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synthspec.dataset.writers import Column
from synthspec.languages.expressions.types import Type

_SCALARS = {"integer": "int64", "number": "float64", "boolean": "bool"}
_TEXTS = frozenset(["text", "date", "datetime", "time"])  # text files hold moments as text


def features_of(columns: Sequence[Column], form: str) -> list[dict[str, Any]] | None:
    """One entry a column, in the YAML of `dataset_info`; None where nothing need or can be said.

    >>> features_of([Column("n", Type("integer")), Column("day", Type("date"))], "csv")
    [{'name': 'n', 'dtype': 'int64'}, {'name': 'day', 'dtype': 'string'}]
    """
    if form not in ("csv", "jsonl", "json"):
        return None
    found = []
    for column in columns:
        feature = _feature(column.type, form)
        if feature is None:
            return None
        found.append({"name": column.name, **feature})
    return found


def _feature(of: Type, form: str) -> dict[str, Any] | None:
    if of.kind in _SCALARS:
        return {"dtype": _SCALARS[of.kind]}
    if of.kind in _TEXTS or form == "csv":
        return {"dtype": "string"}
    if of.kind == "list":
        item = _feature(of.item, form) if of.item is not None else None
        if item is None:
            return None
        return {"list": item.get("dtype") or item.get("struct") or item}
    if of.kind == "map" and of.members:
        members = [(name, _feature(member, form)) for name, member in of.members]
        if any(feature is None for _, feature in members):
            return None
        return {"struct": [{"name": name, **(feature or {})} for name, feature in members]}
    return None  # anything, or a map of any members: what JSON holds must be looked at
