"""Several tables as one: the rows of the first, then those of the next."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

from synthspec.languages.expressions.types import Type, join_all
from synthspec.sources.table import Table, TableFault


class JoinedTable(Table):
    """Tables with the same columns, one after another.

    `parts` are named for messages, such as by their files. The order of columns is the first part's.

    Raises:
        TableFault: a part has other columns than the first.
    """

    def __init__(self, parts: Sequence[tuple[str, Table]]) -> None:
        first, rest = parts[0], parts[1:]
        for name, table in rest:
            _refuse_other_columns(first, name, table)
        self._parts = [table for _, table in parts]
        self._starts = list(accumulate((len(t) for t in self._parts), initial=0))
        self.guessed_encoding = next((t.guessed_encoding for t in self._parts if t.guessed_encoding), "")

    @property
    def names(self) -> tuple[str, ...]:
        return self._parts[0].names

    @property
    def in_memory(self) -> bool:
        return all(part.in_memory for part in self._parts)

    def __len__(self) -> int:
        return self._starts[-1]

    def rows(self, numbers: Iterable[int], names: Sequence[str] | None = None) -> list[dict[str, Any]]:
        numbers = list(numbers)
        wanted = self.names if names is None else tuple(names)
        found: dict[int, dict[str, Any]] = {}
        for part, asked in self._by_part(numbers).items():
            here = self._parts[part].rows([n - self._starts[part] for n in asked], wanted)
            found.update(zip(asked, here, strict=True))
        return [dict(found[n]) for n in numbers]

    def values(self, name: str, numbers: Iterable[int]) -> list[Any]:
        numbers = list(numbers)
        found: dict[int, Any] = {}
        for part, asked in self._by_part(numbers).items():
            here = self._parts[part].values(name, [n - self._starts[part] for n in asked])
            found.update(zip(asked, here, strict=True))
        return [found[n] for n in numbers]

    def column_type(self, name: str) -> Type:
        return join_all(
            [part.column_type(name) for part in self._parts if len(part)] or [self._parts[0].column_type(name)]
        )

    @property
    def text_columns(self) -> tuple[str, ...]:
        texts = {name for part in self._parts for name in part.text_columns}
        return tuple(name for name in self.names if name in texts)

    def has_gaps(self, name: str) -> bool:
        return any(part.has_gaps(name) for part in self._parts)

    def _by_part(self, numbers: Iterable[int]) -> dict[int, list[int]]:
        """The parts that hold these rows, each with those of it, from the first to the last and once each."""
        found: dict[int, list[int]] = {}
        for number in sorted(set(numbers)):
            found.setdefault(bisect_right(self._starts, number) - 1, []).append(number)
        return found


def _refuse_other_columns(first: tuple[str, Table], name: str, table: Table) -> None:
    wanted, found = set(first[1].names), set(table.names)
    if wanted == found:
        return
    missing = ", ".join(f"'{n}'" for n in first[1].names if n not in found)
    more = ", ".join(f"'{n}'" for n in table.names if n not in wanted)
    unlike = " and ".join(filter(None, (f"lacks {missing}" if missing else "", f"has {more} too" if more else "")))
    help = "give every file the same columns, or make them sources of their own"
    raise TableFault(f"'{name}' has other columns than '{first[0]}': it {unlike}", help)
