"""A table of a plug-in that a package brought: what goes wrong while its rows are read is said to be the plug-in's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from synthspec.languages.expressions.types import Type
from synthspec.plugins import is_built_in
from synthspec.plugins.guarding import PluginFault, blaming
from synthspec.sources.table import BLOCK, MemoryTable, Table, TableFault

T = TypeVar("T")


def guarded_table(kind: str, name: str, table: Table) -> Table:
    """The table of a plug-in of this kind and name, of which only TableFault and PluginFault come out."""
    if type(table) is MemoryTable or is_built_in(kind, name):
        return table
    return _GuardedTable(kind, name, table)


class _GuardedTable(Table):
    def __init__(self, kind: str, name: str, table: Table) -> None:
        self._kind, self._name, self._table = kind, name, table
        self.guessed_encoding, self.notes = table.guessed_encoding, table.notes
        self._names = self._asked(lambda: tuple(table.names))

    def _asked(self, question: Callable[[], T]) -> T:
        with blaming(self._kind, self._name, (TableFault,)):
            return question()

    @property
    def names(self) -> tuple[str, ...]:
        return self._names

    @property
    def in_memory(self) -> bool:
        return self._asked(lambda: self._table.in_memory)

    def __len__(self) -> int:
        return self._asked(lambda: len(self._table))

    def rows(self, numbers: Iterable[int], names: Sequence[str] | None = None) -> list[dict[str, Any]]:
        wanted = list(numbers)
        found = self._asked(lambda: list(self._table.rows(wanted, names)))
        if len(found) != len(wanted):
            raise PluginFault(self._kind, self._name, f"gave {len(found)} rows where {len(wanted)} were asked for")
        columns = self._names if names is None else tuple(names)
        for row in found:
            if not isinstance(row, Mapping) or any(n not in row for n in columns):
                raise PluginFault(self._kind, self._name, f"gave a row without its columns ({', '.join(columns)[:80]})")
        return found

    def values(self, name: str, numbers: Iterable[int]) -> list[Any]:
        wanted = list(numbers)
        found = self._asked(lambda: list(self._table.values(name, wanted)))
        if len(found) != len(wanted):
            raise PluginFault(self._kind, self._name, f"gave {len(found)} values where {len(wanted)} were asked for")
        return found

    def iterate(self, names: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        for start in range(0, len(self), BLOCK):
            yield from self.rows(range(start, min(start + BLOCK, len(self))), names)

    def column_type(self, name: str) -> Type:
        return self._asked(lambda: self._table.column_type(name))

    @property
    def text_columns(self) -> tuple[str, ...]:
        return self._asked(lambda: tuple(self._table.text_columns))

    def has_gaps(self, name: str) -> bool:
        return self._asked(lambda: self._table.has_gaps(name))

    def some(self, count: int) -> Sequence[int]:
        return self._asked(lambda: self._table.some(count))

    def forget(self) -> None:
        self._asked(self._table.forget)
