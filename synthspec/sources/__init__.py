"""Source data: a CSV, JSONL, JSON or Parquet file, or inline rows, as columns of plain values.

One module a kind of file, found by the suffixes it names:

    SUFFIXES: tuple[str, ...]                # (".toml",): a literal, read without importing the module
    READS: tuple[str, ...]                   # optional: which fields of a `Reading` it heeds; none by default
    BY_NEED: bool                            # optional: files of any size are read, by row number
    def read(path, reading) -> Table         # may raise TableFault; what it raises else is reported too

It loads what is heavy inside `read`. A package adds one through the entry point group `synthspec.sources`, whose
names are suffixes without their dot.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from synthspec.diagnostics.errors import system_reason
from synthspec.lazy_dataclass import dataclass
from synthspec.plugins import find_plugin, is_built_in, is_plugin, plugin_error, plugin_names, plugin_package, raised
from synthspec.sources.compressed import is_compressed, suffix_of, unpacked
from synthspec.sources.guarded_table import guarded_table
from synthspec.sources.headers import Header
from synthspec.sources.table import MemoryTable, Table, TableFault, refuse_many, rename, table_of

__all__ = [
    "MAX_BYTES", "WHOLE_BYTES", "WHOLE_VALUES", "MemoryTable", "Reading", "Table", "TableFault", "is_readable",
    "read_table", "readable", "refuse_large", "refuse_many", "rename", "settings_read", "suffix_of", "table_of",
]  # fmt: skip

MAX_BYTES = 512 * 1024 * 1024  # of a file that must be read as a whole
WHOLE_BYTES = 16 * 1024 * 1024  # up to which a file that could be read by need is read as a whole: every value is seen
WHOLE_VALUES = 1_000_000  # the same of its values


@dataclass(frozen=True, slots=True)
class Reading:
    """How a text file is to be read, as far as its spec says; None is found out."""

    delimiter: str | None = None  # one character
    encoding: str | None = None  # a name that Python knows
    decimal: str | None = None  # "." or ","
    header: Header = None  # the line with the names of the columns, from 1; False: none; or the names
    sheet: str | int | None = None  # by name, or by number from 1
    at: str | None = None  # where the rows are: data.items
    by_need: bool = False  # also of a small file as little as can be is held: it is one of many
    dates: str | None = None  # how days are written, such as DD.MM.YYYY


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
    suffix = suffix_of(path)
    if not is_readable(suffix):
        raise TableFault(f"a source is one of {', '.join(readable())}, not '{suffix or path.name}'")
    fault = plugin_error("sources", suffix[1:])
    if fault is not None:
        raise TableFault(*fault)
    try:
        module = find_plugin("sources", suffix[1:])
        if not getattr(module, "BY_NEED", False):
            refuse_large(path)
        table = _read(module, path, reading or Reading())
    except OSError as e:
        raise TableFault(system_reason(e)) from None
    except Exception as e:
        if isinstance(e, TableFault) or is_built_in("sources", suffix[1:]):
            raise
        raise TableFault(f"the plug-in '{suffix[1:]}' raised {raised(e)}", _report_to(suffix[1:])) from None
    if not isinstance(table, Table):
        raise TableFault(f"the plug-in '{suffix[1:]}' gave no Table", _report_to(suffix[1:]))
    return guarded_table("sources", suffix[1:], table)


def _read(module: Any, path: Path, reading: Reading) -> Table:
    """The table of a file, or of what is inside a compressed one, which is gone afterwards."""
    if not is_compressed(path):
        table: Table = module.read(path, reading)
        return table
    with unpacked(path, MAX_BYTES) as inside:
        table = module.read(inside, replace(reading, by_need=False))
        if table.in_memory:
            return table
        refuse_many(len(table) * len(table.names))
        return table_of(table.iterate())


def refuse_large(path: Path) -> None:
    """Refuse a file that is too large to be read as a whole.

    Raises:
        OSError: it is not there.
        TableFault: it has more than MAX_BYTES.
    """
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise TableFault(f"{size / 1e6:.0f} MB; a source can have at most {MAX_BYTES // 1_000_000} MB")


def _report_to(name: str) -> str:
    return f"correct the file, or report it to the authors of {plugin_package('sources', name)}"
