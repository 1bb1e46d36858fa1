"""Apache Parquet with true types: what `pandas`, `datasets` and DuckDB read as it is.

Integers are int64, numbers float64, dates date32, date-times timestamp[us] (Parquet has no whole seconds),
times time64[us]. A list is a list of its item's type, a map with known members a struct; a map of unknown
members, and a value of any type, are JSON text. A column in which a value turns up that does not fit (an
integer of more than 64 bits, a map with a further member) becomes text: what is written already is written
anew, nothing is lost. Rows go out in groups, so memory stays flat. The same rows give the same bytes.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthspec.dataset.cells import json_text, plain
from synthspec.dataset.writers import Column
from synthspec.dataset.writers._arrow import dictionary_type, direct_array
from synthspec.dataset.writers._columnar import Coded, ColumnCells, cell_values, uncoded
from synthspec.languages.expressions.types import Type

if TYPE_CHECKING:
    import pyarrow

SUMMARY = "Apache Parquet with true column types"
BINARY = True

GROUP_ROWS = 10_000
GROUP_CHARACTERS = 32_000_000
_INT64 = range(-(2**63), 2**63)
_MOMENTS: Mapping[str, Any] = {"date": datetime.date, "datetime": datetime.datetime, "time": datetime.time}


class MisfitError(Exception):
    """A value that its column's type cannot hold."""


class ParquetWriter:
    """An open Parquet file."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._path = path
        self._types = {c.name: c.type for c in columns}
        self._coded: dict[str, pyarrow.DataType] = {}
        self._waiting: list[Mapping[str, Any]] = []
        self._characters = 0
        self._file: Any = None
        self._closed = False

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            self._waiting.append(row)
            self._characters += sum(len(v) for v in row.values() if isinstance(v, str))
            if len(self._waiting) >= GROUP_ROWS or self._characters >= GROUP_CHARACTERS:
                self._flush()

    def write_columns(self, columns: Mapping[str, ColumnCells]) -> None:
        """The same values as `write`, without a Python object for each; one group of rows.

        The columns that are coded must be the same at every call.
        """
        import pyarrow

        self._flush()
        columns = {n: columns[n] for n in self._types}
        if self._file is None:
            self._coded = {
                n: dictionary_type(c)
                for n, c in columns.items()
                if isinstance(c, Coded) and self._types[n].kind == "text"
            }
        found = {n: direct_array(c if n in self._coded else uncoded(c), self._types[n]) for n, c in columns.items()}
        slow = {n: cell_values(columns[n]) for n, array in found.items() if array is None}
        values = self._fitted(slow)
        schema = self._opened().schema
        arrays = [found[n] if n in found and n not in values else pyarrow.array(values[n], schema.field(n).type)
                  for n in self._types]  # fmt: skip
        table = pyarrow.Table.from_arrays(arrays, schema=schema)
        self._opened().write_table(table, row_group_size=max(len(table), 1))

    def close(self) -> None:
        if not self._closed:
            self._flush()
            self._opened().close()
            self._closed = True

    def _opened(self) -> Any:
        if self._file is None:
            self._file = self._open(self._path)
        return self._file

    def _open(self, path: Path) -> Any:
        import pyarrow.parquet

        types = {n: self._coded.get(n) or arrow_type(t) for n, t in self._types.items()}
        schema = pyarrow.schema([pyarrow.field(n, t) for n, t in types.items()])
        repeating: Any = [n for n, t in self._types.items() if t.kind != "number"] if self._coded else True
        bounds: Any = [n for n in self._types if n not in self._coded] if self._coded else True
        return pyarrow.parquet.ParquetWriter(
            path,
            schema,
            compression="zstd",
            store_schema=not self._coded,
            use_dictionary=repeating,
            write_statistics=bounds,
        )

    def _flush(self) -> None:
        import pyarrow

        rows, self._waiting, self._characters = self._waiting, [], 0
        if not rows:
            return
        columns = self._fitted({name: [r.get(name) for r in rows] for name in self._types})
        table = pyarrow.table(columns, schema=self._opened().schema)
        self._opened().write_table(table, row_group_size=GROUP_ROWS)

    def _fitted(self, columns: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        """The values as Arrow takes them; a column that its type cannot hold becomes text from the first row on."""
        found = {}
        for name, values in columns.items():
            try:
                found[name] = [fitted(v, self._types[name]) for v in values]
            except MisfitError:
                self._turn_to_text(name)
                found[name] = [fitted(v, self._types[name]) for v in values]
        return found

    def _turn_to_text(self, name: str) -> None:
        import pyarrow.parquet

        self._types[name] = Type("any")
        if self._file is None:
            return
        self._file.close()
        again = self._path.with_name(self._path.name + ".again")
        with pyarrow.parquet.ParquetFile(self._path) as before:
            after = self._open(again)
            for group in range(before.num_row_groups):
                table = before.read_row_group(group)
                at = table.column_names.index(name)
                texts = [fitted(v, self._types[name]) for v in table.column(name).to_pylist()]
                table = table.set_column(at, after.schema.field(at), pyarrow.array(texts, pyarrow.string()))
                after.write_table(table.cast(after.schema), row_group_size=max(len(table), 1))
        again.replace(self._path)
        self._file = after


def open_writer(path: Path, columns: Sequence[Column]) -> ParquetWriter:
    """Create the file; its schema follows from the columns' types."""
    return ParquetWriter(path, columns)


def arrow_type(of: Type) -> pyarrow.DataType:
    """The Arrow type that holds values of this one."""
    import pyarrow

    if of.kind == "list":
        return pyarrow.list_(arrow_type(of.item or Type("any")))
    if of.kind == "map" and of.members:
        return pyarrow.struct([pyarrow.field(n, arrow_type(t)) for n, t in of.members])
    scalars = {
        "integer": pyarrow.int64(),
        "number": pyarrow.float64(),
        "boolean": pyarrow.bool_(),
        "date": pyarrow.date32(),
        "datetime": pyarrow.timestamp("us"),
        "time": pyarrow.time64("us"),
    }
    return scalars.get(of.kind, pyarrow.string())


def fitted(value: Any, wanted: Type) -> Any:
    """The value as Arrow takes it for this type.

    Raises:
        MisfitError: the type cannot hold it.
    """
    if value is None:
        return None
    if hasattr(value, "item") and not getattr(value, "shape", ()):
        value = value.item()  # a NumPy scalar
    match wanted.kind:
        case "integer" | "number" | "boolean":
            return _fitted_number(value, wanted.kind)
        case "date" | "datetime" | "time":
            return _fitted_moment(value, wanted.kind)
        case "list":
            if not isinstance(value, list | tuple):
                raise MisfitError
            return [fitted(v, wanted.item or Type("any")) for v in value]
        case "map" if wanted.members:
            return _fitted_map(value, dict(wanted.members))
    value = plain(value)
    return value if value is None or isinstance(value, str) else json_text(value)


def _fitted_number(value: Any, kind: str) -> bool | int | float:
    if isinstance(value, bool):
        if kind == "boolean":
            return value
    elif isinstance(value, int | float) and kind == "number":
        if isinstance(value, float) or abs(value) <= 2**53:
            return float(value)
    elif kind == "integer" and isinstance(value, int | float):
        whole = int(value) if math.isfinite(value) else None  # 4.0 is an integer, as in JSON Schema
        if whole is not None and whole == value and whole in _INT64:
            return whole
    raise MisfitError


def _fitted_moment(value: Any, kind: str) -> Any:
    wanted = _MOMENTS[kind]
    try:
        moment = wanted.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise MisfitError from None
    if type(moment) is not wanted or getattr(moment, "tzinfo", None) is not None:
        raise MisfitError  # a column has one zone or none: text keeps each
    return moment


def _fitted_map(value: Any, members: Mapping[str, Type]) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not set(value) <= set(members):
        raise MisfitError
    return {n: fitted(value.get(n), t) for n, t in members.items()}
