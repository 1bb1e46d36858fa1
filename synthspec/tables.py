"""Source data: a CSV, JSONL, JSON or Parquet file, or inline rows, as columns of plain values.

CSV text becomes integers, numbers, booleans or dates only where every value of the column is one.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synthspec.expressions.types import ANY, Type, type_of_values

MAX_BYTES = 512 * 1024 * 1024
MAX_VALUES = 10_000_000  # of a Parquet file, whose size on disk says little
READABLE = (".csv", ".tsv", ".jsonl", ".json", ".parquet")


class TableFault(Exception):
    """The data cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length, in file order."""

    columns: Mapping[str, Sequence[Any]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def row(self, index: int) -> dict[str, Any]:
        """One row by its index, from 0."""
        return {name: values[index] for name, values in self.columns.items()}

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


def read_table(path: Path) -> Table:
    """Read a data file by its extension.

    Raises:
        TableFault: missing, unreadable, too large, or not what its extension says.
    """
    suffix = path.suffix.lower()
    if suffix not in READABLE:
        raise TableFault(f"a source is one of {', '.join(READABLE)}, not '{suffix or path.name}'")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise TableFault(f"{size / 1e6:.0f} MB; a source holds at most {MAX_BYTES // 1_000_000} MB")
        if suffix == ".parquet":
            return _read_parquet(path)
        text = path.read_text(encoding="utf-8-sig")
    except OSError as e:
        raise TableFault((e.strerror or str(e)).lower()) from None
    except UnicodeDecodeError as e:
        raise TableFault(f"not UTF-8 text (byte {e.start})") from None
    if suffix == ".csv":
        return _read_delimited(text, ",")
    if suffix == ".tsv":
        return _read_delimited(text, "\t")
    if suffix == ".jsonl":
        return table_of(_read_lines(text))
    return table_of(_read_json(text))


def table_of(rows: Iterable[Mapping[str, Any]]) -> Table:
    """Rows as columns; a missing key is a null."""
    rows = list(rows)
    names = list(dict.fromkeys(str(n) for r in rows for n in r))
    return Table({n: [r.get(n) for r in rows] for n in names})


def rename(table: Table, renames: Mapping[str, str]) -> Table:
    """The same table with columns renamed, old to new."""
    return Table({renames.get(n, n): v for n, v in table.columns.items()})


_OTHERS = {";": "';'", "\t": "tabs", ",": "','"}  # what separates values in files of the wrong kind


def _read_delimited(text: str, delimiter: str) -> Table:
    csv.field_size_limit(16 * 1024 * 1024)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as e:
        raise TableFault(f"not well-formed CSV: {e}") from None
    lines = [line for line in lines if line]
    if not lines:
        raise TableFault("empty: a header line is needed")
    for other, name in _OTHERS.items():
        if other != delimiter and len(lines[0]) == 1 and all(other in delimiter.join(line) for line in lines):
            raise TableFault(f"it seems to be separated by {name}")
    header, body = [h.strip() for h in lines[0]], lines[1:]
    if len(set(header)) != len(header):
        twice = next(h for h in header if header.count(h) > 1)
        raise TableFault(f"two columns are named '{twice}'")
    for number, line in enumerate(body, start=2):
        if len(line) != len(header):
            raise TableFault(f"row {number} has {len(line)} values, the header {len(header)}")
    return Table({h: _typed([line[i] for line in body]) for i, h in enumerate(header)})


_INTEGER = re.compile(r"[+-]?(0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+)([eE][+-]?\d+)?")
_BOOLEANS = {"true": True, "false": False}


def _typed(texts: list[str]) -> list[Any]:
    present = [t for t in texts if t != ""]
    if not present:
        return [None for _ in texts]
    read: Callable[[str], Any] | None = None
    if all(_INTEGER.fullmatch(t) for t in present):
        read = int
    elif all(_NUMBER.fullmatch(t) and t.lstrip("+-")[:2] not in _LEADING_ZEROS for t in present):
        read = float
    elif all(t.lower() in _BOOLEANS for t in present):
        read = _read_boolean
    elif all(_is_date(t) for t in present):
        read = datetime.date.fromisoformat
    if read is None:
        return list(texts)
    return [None if t == "" else read(t) for t in texts]


_LEADING_ZEROS = frozenset(f"0{d}" for d in range(10))


def _read_boolean(text: str) -> bool:
    return _BOOLEANS[text.lower()]


def _is_date(text: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return False
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _read_lines(text: str) -> list[Mapping[str, Any]]:
    rows: list[Mapping[str, Any]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as e:
            raise TableFault(f"line {number} is not JSON: {e}") from None
        if not isinstance(value, dict):
            raise TableFault(f"line {number} is not a JSON object")
        rows.append(value)
    return rows


def _read_json(text: str) -> list[Mapping[str, Any]]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as e:
        raise TableFault(f"not JSON: {e}") from None
    if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
        raise TableFault("a JSON source is a list of objects")
    return value


def _read_parquet(path: Path) -> Table:
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(path)
        _check_size(file.metadata)
        texts = [f.name for f in file.schema_arrow if pyarrow.types.is_string(f.type)]
        table = pyarrow.parquet.read_table(path, read_dictionary=texts)
    except (pyarrow.ArrowException, OSError, ValueError) as e:
        raise TableFault(f"not a readable Parquet file: {str(e).splitlines()[0]}") from None
    return Table({name: _plain_values(table.column(name)) for name in table.column_names})


def _check_size(metadata: Any) -> None:
    """Refuse a file that is small on disk and huge in memory, by what it says of itself.

    Raises:
        TableFault: too many values, or too many bytes.
    """
    values = size = 0
    for group in range(metadata.num_row_groups):
        part = metadata.row_group(group)
        values += sum(part.column(i).num_values for i in range(part.num_columns))
        size += part.total_byte_size
    if values > MAX_VALUES:
        raise TableFault(f"{values:,} values; a source holds at most {MAX_VALUES:,}")
    if size > MAX_BYTES:
        raise TableFault(f"{size / 1e6:.0f} MB unpacked; a source holds at most {MAX_BYTES // 1_000_000} MB")


def _plain_values(column: Any) -> list[Any]:
    """A column's values; a text that stands in many rows is held once."""
    values: list[Any] = []
    for chunk in column.chunks:
        if hasattr(chunk, "dictionary"):
            words = chunk.dictionary.to_pylist()
            values.extend(None if i is None else words[i] for i in chunk.indices.to_pylist())
        else:
            values.extend(chunk.to_pylist())
    return values
