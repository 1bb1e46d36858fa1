"""Several tables as one, one after another: the parts of a data set, the shards of one on a hub."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

from synthspec.languages.expressions.types import Type, join_all
from synthspec.sources.table import Note, Table, TableFault, spread

WARM = 4  # tables that keep what they read


class UnlikeTables(TableFault):
    """Tables that are to be one have other columns, or other types in one."""

    code = "E353"


class JoinedTable(Table):
    """The rows of the first, then those of the second, and so on. All have the same columns, in any order."""

    def __init__(self, parts: Sequence[tuple[str, Table]]) -> None:
        """Each part has a name for messages, such as that of its file.

        Raises:
            UnlikeTables: two have other columns, or values of other types in one.
        """
        assert parts
        named, tables = [name for name, _ in parts], [table for _, table in parts]
        self._tables = tables
        self._ends = list(accumulate(len(t) for t in tables))
        self._warm: list[int] = []
        self.guessed_encoding = next((t.guessed_encoding for t in tables if t.guessed_encoding), "")
        self.notes = _notes(parts)
        for table, name in zip(tables, named, strict=True):
            _require_alike(tables[0], named[0], table, name)
        self._types = {n: _joined(n, tables, named) for n in self.names}

    @property
    def names(self) -> tuple[str, ...]:
        return self._tables[0].names

    @property
    def in_memory(self) -> bool:
        return all(t.in_memory for t in self._tables)

    def __len__(self) -> int:
        return self._ends[-1]

    def rows(self, numbers: Iterable[int], names: Sequence[str] | None = None) -> list[dict[str, Any]]:
        return self._gathered(list(numbers), lambda table, some: table.rows(some, names or self.names))

    def values(self, name: str, numbers: Iterable[int]) -> list[Any]:
        return self._gathered(list(numbers), lambda table, some: table.values(name, some))

    def column_type(self, name: str) -> Type:
        return self._types[name]

    @property
    def text_columns(self) -> tuple[str, ...]:
        texts = {n for t in self._tables for n in t.text_columns}
        return tuple(n for n in self.names if n in texts)

    def has_gaps(self, name: str) -> bool:
        return any(t.has_gaps(name) for t in self._tables)

    def some(self, count: int) -> Sequence[int]:
        if self.in_memory:
            return range(len(self))
        chosen = [at for at, table in enumerate(self._tables) if len(table)]
        chosen = [chosen[i] for i in spread(len(chosen), 16)]
        each = -(-count // max(1, len(chosen)))
        found = ((at, spread_of(self._tables[at], each)) for at in chosen)
        return [self._start(at) + number for at, some in found for number in some]

    def forget(self) -> None:
        for table in self._tables:
            table.forget()

    def _start(self, at: int) -> int:
        return self._ends[at - 1] if at else 0

    def _gathered(self, numbers: list[int], read: Any) -> list[Any]:
        """What is read of each table, in the order of the numbers."""
        if numbers and not 0 <= min(numbers) <= max(numbers) < len(self):
            raise IndexError(f"row {min(numbers) if min(numbers) < 0 else max(numbers)} of {len(self)}")
        places: dict[int, list[int]] = {}
        for place, number in enumerate(numbers):
            places.setdefault(bisect_right(self._ends, number), []).append(place)
        found: list[Any] = [None] * len(numbers)
        for at in sorted(places):
            self._warm_up(at)
            some = [numbers[place] - self._start(at) for place in places[at]]
            for place, value in zip(places[at], read(self._tables[at], some), strict=True):
                found[place] = value
        return found

    def _warm_up(self, at: int) -> None:
        """Let the table that was used least recently forget what it keeps."""
        if at in self._warm:
            self._warm.remove(at)
        self._warm.append(at)
        if len(self._warm) > WARM:
            self._tables[self._warm.pop(0)].forget()


def _notes(parts: Sequence[tuple[str, Table]]) -> tuple[Note, ...]:
    """What is said of how the parts were read: each thing once, of the first, with how many others it is true of."""
    found: dict[str, list[Note]] = {}
    for name, table in parts:
        for note in table.notes:
            found.setdefault(note.code, []).append(replace(note, message=f"'{name}' {note.message}"))
    return tuple(
        replace(notes[0], message=f"{notes[0].message}; {len(notes) - 1} more alike") if len(notes) > 1 else notes[0]
        for notes in found.values()
    )


def spread_of(table: Table, count: int) -> Sequence[int]:
    """Some rows of a table, no more than a count also of one that is in memory."""
    some = table.some(count)
    return [some[i] for i in spread(len(some), count)]


def _require_alike(first: Table, first_name: str, other: Table, name: str) -> None:
    if set(first.names) == set(other.names):
        return
    lost = [n for n in first.names if n not in other.names]
    more = [n for n in other.names if n not in first.names]
    said = [f"'{where}' has {_listed(found)}" for where, found in ((first_name, lost), (name, more)) if found]
    message = f"'{first_name}' and '{name}' have other columns: only {' and only '.join(said)}"
    raise UnlikeTables(message, "give each file the same columns, or name fewer files")


def _listed(names: Sequence[str], most: int = 4) -> str:
    shown = ", ".join(f"'{n}'" for n in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _joined(name: str, tables: Sequence[Table], named: Sequence[str]) -> Type:
    types = list(_told(name, tables))
    first = {kind.kind: at for at, kind in reversed(types)}
    first.pop("any", None)
    kinds = sorted(first, key=lambda k: first[k])
    if len(kinds) > 1 and set(kinds) != {"integer", "number"}:
        one, two = kinds[0], next(k for k in kinds[1:] if {k, kinds[0]} != {"integer", "number"})
        message = f"'{name}' is {_article(one)} in '{named[first[one]]}' and {_article(two)} in '{named[first[two]]}'"
        raise UnlikeTables(message, "write the column alike in every file, or name fewer files")
    joined = join_all([kind for _, kind in types if kind.kind != "any"])
    return Type(joined.kind, item=joined.item, members=joined.members)


def _told(name: str, tables: Sequence[Table]) -> Iterator[tuple[int, Type]]:
    for at, table in enumerate(tables):
        if len(table):
            yield at, table.column_type(name)


def _article(kind: str) -> str:
    return f"an {kind}" if kind == "integer" else f"a {kind}"
