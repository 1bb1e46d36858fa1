"""Source data: a CSV, JSONL, JSON or Parquet file, or inline rows, as columns of plain values.

One module a kind of file, found by the suffixes it names:

    SUFFIXES: tuple[str, ...]                # (".toml",): a literal, read without importing the module
    READS: tuple[str, ...]                   # optional: which of delimiter, encoding, decimal it heeds; none by default
    def read(path, reading) -> Table         # may raise TableFault; what it raises else is reported too

It loads what is heavy inside `read`. A package adds one through the entry point group `synthspec.sources`, whose
names are suffixes without their dot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthspec.diagnostics.errors import SynthspecError
from synthspec.languages.expressions.types import ANY, Type, type_of_values
from synthspec.plugins import find_plugin, is_built_in, is_plugin, plugin_error, plugin_names, plugin_package, raised

MAX_BYTES = 512 * 1024 * 1024
MAX_VALUES = 10_000_000


class TableFault(SynthspecError):
    """The data cannot be read; the message says why, `help` what to write, "" where that is not known."""

    default_status = 1


@dataclass(frozen=True, slots=True)
class Reading:
    """How a text file is to be read, as far as its spec says; None is found out."""

    delimiter: str | None = None  # one character
    encoding: str | None = None  # a name that Python knows
    decimal: str | None = None  # "." or ","


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length, in file order."""

    columns: Mapping[str, Sequence[Any]]
    guessed_encoding: str = ""  # the encoding, where nothing in the file tells it for certain

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def row(self, index: int) -> dict[str, Any]:
        """One row by its index, from 0."""
        return {name: values[index] for name, values in self.columns.items()}

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns with text in them: what a row is compared by where nothing else is said."""
        return tuple(n for n, values in self.columns.items() if any(isinstance(v, str) for v in values))

    def column_type(self, name: str) -> Type:
        """The type of a column's values; nulls do not count. Few different values are remembered."""
        values = [v for v in self.columns[name] if v is not None]
        distinct: list[Any] = []
        seen: set[str] = set()
        for v in values:
            mark = f"{type(v).__name__}:{v!r}"
            if mark not in seen:
                seen.add(mark)
                distinct.append(v)
            if len(distinct) > 200:
                break
        if not distinct:
            return ANY
        joined = type_of_values(tuple(distinct))
        return Type(joined.kind, item=joined.item, members=joined.members)


def readable() -> tuple[str, ...]:
    """The suffix of every kind of file that can be read, with those that packages brought."""
    return tuple(f".{name}" for name in plugin_names("sources"))


def is_readable(suffix: str) -> bool:
    """Whether files of this suffix, such as ".csv", can be read."""
    return suffix[:1] == "." and is_plugin("sources", suffix[1:])


def settings_read(suffix: str) -> tuple[str, ...]:
    """Which settings of a `Reading` matter to files of this suffix."""
    return tuple(getattr(find_plugin("sources", suffix[1:]), "READS", ()))


def read_table(path: Path, reading: Reading | None = None) -> Table:
    """Read a data file by its extension.

    Raises:
        TableFault: missing, unreadable, too large, or not what its extension says.
    """
    suffix = path.suffix.lower()
    if not is_readable(suffix):
        raise TableFault(f"a source is one of {', '.join(readable())}, not '{suffix or path.name}'")
    fault = plugin_error("sources", suffix[1:])
    if fault is not None:
        raise TableFault(*fault)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise TableFault(f"{size / 1e6:.0f} MB; a source holds at most {MAX_BYTES // 1_000_000} MB")
        table: Table = find_plugin("sources", suffix[1:]).read(path, reading or Reading())
    except OSError as e:
        raise TableFault((e.strerror or str(e)).lower()) from None
    except Exception as e:
        if isinstance(e, TableFault) or is_built_in("sources", suffix[1:]):
            raise
        raise TableFault(f"the plug-in '{suffix[1:]}' raised {raised(e)}", _report_to(suffix[1:])) from None
    if not isinstance(table, Table):
        raise TableFault(f"the plug-in '{suffix[1:]}' gave no Table", _report_to(suffix[1:]))
    return table


def _report_to(name: str) -> str:
    return f"correct the file, or tell the authors of {plugin_package('sources', name)}"


def refuse_many(values: int) -> None:
    """Refuse a file before its values fill the memory.

    Raises:
        TableFault: there are more than MAX_VALUES.
    """
    if values > MAX_VALUES:
        raise TableFault(f"{values:,} values; a source holds at most {MAX_VALUES:,}")


def table_of(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Rows as columns; a missing key is a null."""
    rows = list(rows)
    names = list(dict.fromkeys(str(n) for r in rows for n in r))
    refuse_many(len(rows) * len(names))
    return Table({n: [r.get(n) for r in rows] for n in names})


def rename(table: Table, renames: Mapping[str, str]) -> Table:
    """The same table with columns renamed, old to new."""
    return Table({renames.get(n, n): v for n, v in table.columns.items()}, table.guessed_encoding)
