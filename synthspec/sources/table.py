"""Rows of a source by their numbers. What a table is, the one that is all in memory, and one with columns renamed.

A table may hold far more rows than memory does: whoever uses it asks for the rows and the columns that it needs, many
at once where it can. What goes through every row asks `too_large_for` first.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

from synthspec.diagnostics.errors import ExitStatus, SynthspecError
from synthspec.languages.expressions.types import ANY, Type, type_of_values
from synthspec.lazy_dataclass import dataclass

MAX_VALUES = 10_000_000  # of what is held or gone through as a whole
BLOCK = 4096  # rows read at once by what goes through a column
MOST_DISTINCT = 200  # different values from which the type of a column is told


class TableFault(SynthspecError):
    """The data cannot be read; the message says why, `help` what to write, "" where that is not known."""

    default_status = ExitStatus.WRONG_SPEC
    code = "E511"


class MissingPackage(TableFault):
    """An optional package that reads the data is not installed."""

    code = "E350"


@dataclass(frozen=True, slots=True)
class Note:
    """Something to say of a source that is read all the same: a warning at one of its keys."""

    code: str
    message: str
    help: str
    key: str = ""  # "" for the kind's own


class Table(ABC):
    """Columns of equal length, in the order of the source. Rows count from 0.

    A kind of table has `names`, `__len__` and `rows`; one that knows better ways gives `values` and `column_type` too.
    """

    guessed_encoding: str = ""  # the encoding, where nothing in the file tells it for certain
    notes: tuple[Note, ...] = ()  # on how a file was read; each message goes on after the file's name

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The columns, in order."""

    @abstractmethod
    def __len__(self) -> int:
        """How many rows there are."""

    @abstractmethod
    def rows(self, numbers: Iterable[int], names: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """The rows of these numbers, in their order and as often as they are named; of these columns, or of all.

        Raises:
            TableFault: a row cannot be read, or is not as the table was said to be.
        """

    @property
    def in_memory(self) -> bool:
        """Whether every value is held, so that going through all costs nothing but time."""
        return False

    def values(self, name: str, numbers: Iterable[int]) -> list[Any]:
        """The values of a column in the rows of these numbers."""
        return [row[name] for row in self.rows(numbers, (name,))]

    def row(self, number: int) -> dict[str, Any]:
        """One row."""
        return self.rows((number,))[0]

    def iterate(self, names: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
        """Every row, in order, a block at a time."""
        for start in range(0, len(self), BLOCK):
            yield from self.rows(range(start, min(start + BLOCK, len(self))), names)

    @property
    def columns(self) -> Mapping[str, Sequence[Any]]:
        """Each column as a sequence, read by need."""
        return {name: LazyColumn(self, name) for name in self.names}

    def column_type(self, name: str) -> Type:
        """The type of a column's values; nulls do not count. Few different values are remembered."""
        return type_of_column(self.columns[name])

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns with text in them: what a row is compared by where nothing else is said."""
        return tuple(n for n, values in self.columns.items() if any(isinstance(v, str) for v in values))

    def has_gaps(self, name: str) -> bool:
        """Whether a column is null in some row, as far as is known."""
        return None in self.columns[name]

    def some(self, count: int) -> Sequence[int]:
        """The numbers of rows that stand for the table, in order: all that are in memory, else up to `count` that are
        quickly read, the same each time.
        """
        return range(len(self)) if self.in_memory else spread(len(self), count)

    def forget(self) -> None:
        """Let go of what is only kept to be quick."""
        return

    def too_large_for(self, names: Iterable[str] | None = None) -> str:
        """Why these columns, or all, cannot be gone through as a whole; "" where they can."""
        width = len(self.names) if names is None else len(tuple(names))
        if self.in_memory or len(self) * max(1, width) <= MAX_VALUES:
            return ""
        return (
            f"{len(self):,} rows of {width} column{'s' * (width != 1)}; at most {MAX_VALUES:,} values are gone through"
        )


class MemoryTable(Table):
    """A table whose values are all in memory."""

    __slots__ = ("columns", "guessed_encoding", "notes")

    def __init__(
        self, columns: Mapping[str, Sequence[Any]], guessed_encoding: str = "", notes: tuple[Note, ...] = ()
    ) -> None:
        self.columns: Mapping[str, Sequence[Any]] = columns
        self.guessed_encoding = guessed_encoding
        self.notes = notes

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.columns)

    @property
    def in_memory(self) -> bool:
        return True

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MemoryTable) and dict(self.columns) == dict(other.columns)

    __hash__ = None  # type: ignore[assignment]

    def rows(self, numbers: Iterable[int], names: Sequence[str] | None = None) -> list[dict[str, Any]]:
        chosen = self.columns if names is None else {n: self.columns[n] for n in names}
        return [{name: values[number] for name, values in chosen.items()} for number in numbers]

    def row(self, number: int) -> dict[str, Any]:
        return {name: values[number] for name, values in self.columns.items()}

    def values(self, name: str, numbers: Iterable[int]) -> list[Any]:
        column = self.columns[name]
        return [column[number] for number in numbers]


class RenamedTable(Table):
    """The same table under other names of its columns."""

    def __init__(self, table: Table, renames: Mapping[str, str]) -> None:
        self._table = table
        self._old = {renames.get(name, name): name for name in table.names}
        self.guessed_encoding = table.guessed_encoding

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._old)

    @property
    def in_memory(self) -> bool:
        return self._table.in_memory

    def __len__(self) -> int:
        return len(self._table)

    def rows(self, numbers: Iterable[int], names: Sequence[str] | None = None) -> list[dict[str, Any]]:
        chosen = self._old if names is None else {n: self._old[n] for n in names}
        found = self._table.rows(numbers, None if names is None else tuple(chosen.values()))
        return [{new: row[old] for new, old in chosen.items()} for row in found]

    def values(self, name: str, numbers: Iterable[int]) -> list[Any]:
        return self._table.values(self._old[name], numbers)

    def column_type(self, name: str) -> Type:
        return self._table.column_type(self._old[name])

    @property
    def text_columns(self) -> tuple[str, ...]:
        texts = set(self._table.text_columns)
        return tuple(new for new, old in self._old.items() if old in texts)

    def has_gaps(self, name: str) -> bool:
        return self._table.has_gaps(self._old[name])

    def some(self, count: int) -> Sequence[int]:
        return self._table.some(count)

    def forget(self) -> None:
        self._table.forget()


class LazyColumn(Sequence[Any]):
    """A column of a table that is read by need."""

    __slots__ = ("_name", "_table")

    def __init__(self, table: Table, name: str) -> None:
        self._table, self._name = table, name

    def __len__(self) -> int:
        return len(self._table)

    @overload
    def __getitem__(self, at: int) -> Any: ...
    @overload
    def __getitem__(self, at: slice) -> list[Any]: ...
    def __getitem__(self, at: int | slice) -> Any:
        if isinstance(at, slice):
            return self._table.values(self._name, range(*at.indices(len(self))))
        number = at + len(self) if at < 0 else at
        if not 0 <= number < len(self):
            raise IndexError(f"row {at} of {len(self)}")
        return self._table.values(self._name, (number,))[0]

    def __iter__(self) -> Iterator[Any]:
        for start in range(0, len(self), BLOCK):
            yield from self[start : start + BLOCK]

    def __contains__(self, value: object) -> bool:
        return any(v is value or v == value for v in self)


def spread(length: int, count: int) -> Sequence[int]:
    """`count` numbers below a length, evenly spread from the first to the last; all where there are no more."""
    if length <= count:
        return range(length)
    return [number * (length - 1) // (count - 1) for number in range(count)] if count > 1 else [0]


def type_of_column(values: Iterable[Any]) -> Type:
    """The type of some values; nulls do not count, and few different values are remembered."""
    distinct: dict[str, Any] = {}
    for v in values:
        if v is not None:
            distinct.setdefault(f"{type(v).__name__}:{v!r}", v)
        if len(distinct) > MOST_DISTINCT:
            break
    if not distinct:
        return ANY
    joined = type_of_values(tuple(distinct.values()))
    return Type(joined.kind, item=joined.item, members=joined.members)


def refuse_many(values: int) -> None:
    """Refuse a file before its values fill the memory.

    Raises:
        TableFault: there are more than MAX_VALUES.
    """
    if values > MAX_VALUES:
        raise TableFault(f"{values:,} values; a source can have at most {MAX_VALUES:,}")


def table_of(rows: Iterable[Mapping[str, Any]]) -> MemoryTable:
    """Rows as columns; a missing key is a null."""
    rows = list(rows)
    names = list(dict.fromkeys(str(n) for r in rows for n in r))
    refuse_many(len(rows) * len(names))
    return MemoryTable({n: [r.get(n) for r in rows] for n in names})


def rename(table: Table, renames: Mapping[str, str]) -> Table:
    """The same table with columns renamed, old to new."""
    if not renames:
        return table
    if isinstance(table, MemoryTable):
        return MemoryTable({renames.get(n, n): v for n, v in table.columns.items()}, table.guessed_encoding)
    return RenamedTable(table, renames)
