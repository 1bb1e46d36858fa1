"""Whether a value is of the kind that a check was told, from a part of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synthspec.languages.expressions.types import ANY, Type, type_of
from synthspec.sources.table import TableFault


class UnlikeRow(TableFault):
    """A row is not as the rows that were looked at, so that what was checked does not hold for it."""

    code = "E352"


def is_like(value: Any, kind: Type) -> bool:
    """Whether a value is null or of a type.

    >>> is_like(3, Type("number")), is_like(3.5, Type("integer")), is_like([1, "a"], Type("list", item=Type("integer")))
    (True, False, False)
    """
    if value is None or kind.kind == "any":
        return True
    if kind.kind == "list":
        return isinstance(value, list) and (kind.item is None or all(is_like(v, kind.item) for v in value))
    if kind.kind == "map":
        members = kind.members or ()
        return isinstance(value, Mapping) and all(n in value and is_like(value[n], t) for n, t in members)
    found = type_of(value).kind
    return found == kind.kind or (kind.kind == "number" and found == "integer")


def require_like(
    rows: Sequence[Mapping[str, Any]], numbers: Sequence[int], kinds: Mapping[str, Type], file: str
) -> None:
    """Refuse rows of a file that are not of these types.

    Raises:
        UnlikeRow: one is not.
    """
    told = {name: kind for name, kind in kinds.items() if kind != ANY}
    for row, number in zip(rows, numbers, strict=True):
        for name, kind in told.items():
            if name in row and not is_like(row[name], kind):
                said = f"{UnlikeRow.code}: row {number + 1:,} of {file}: '{name}' is {_what(row[name], kind)}"
                help = "write it as the others are, or convert the file to Parquet, which says the type of each column"
                raise UnlikeRow(f"{said}; the rows that were looked at have {kind.with_article} there", help)


def _what(value: Any, kind: Type) -> str:
    found = type_of(value)
    return found.with_article if found.kind != kind.kind else f"{found.with_article} of another form"
