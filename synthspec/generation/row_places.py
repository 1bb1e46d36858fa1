"""Where a row stands in the files of a dataset: the file, the row's number in it, and its line or its row of a sheet.

The files of one split and partition hold the same rows in the same order, whatever their format. So the row's number is
looked up in the one that is read fastest, and is that of the others too; formats of packages are not read at all.
"""

from __future__ import annotations

import csv
import io
import mmap
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from synthspec.dataset.cells import cell_text
from synthspec.dataset.manifest import WrittenFile, listed_files, read_manifest
from synthspec.dataset.row_shapes import open_shape
from synthspec.dataset.tables import key_columns, parent_of
from synthspec.dataset.writers import Column, find_opener
from synthspec.languages.expressions.types import TEXT
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Output, Spec
from synthspec.spec.rows import RowPath, path_text

READ = ("jsonl", "json", "csv", "parquet")  # formats in which a row is looked for, the fastest first
SHEETS = ("csv", "xlsx", "xls", "ods")  # formats that people open in a spreadsheet, which counts the header as a row

CountRows = Callable[[], tuple[int, int] | None]  # a row's number among all of the dataset, and how many these are


@dataclass(frozen=True, slots=True)
class WrittenRow:
    """A row as the files of one table hold it."""

    table: str  # "" of the only one
    columns: Sequence[Column]
    values: Mapping[str, Any]
    partition: tuple[str, ...]


def places_of(
    folder: Path, spec: Spec, path: RowPath, values: Mapping[str, Any], counted: CountRows = lambda: None
) -> list[dict[str, Any]]:
    """Where a row with these values is in the files of a dataset: `file`, `row` (from 1), `rows` of the file, `line` of
    a text file, `sheet` (the row that a spreadsheet shows), `split`, `partition`, `table`. Of equal rows the first is
    found. `counted` is asked where no file can be read, and there is one for all rows."""
    files = listed_files(read_manifest(folder))
    found = []
    for row in _written_rows(spec, path, values):
        own = [f for f in files if f.table == row.table and f.partition == row.partition]
        for split in dict.fromkeys(f.split for f in own):
            together = [f for f in own if f.split == split]
            number = _number_in(folder, together, row, spec.output)
            if number is None and len(files) == len({f.format for f in files}) and not _are_read(together):
                told = counted()
                number = told[0] if told is not None and all(f.rows == told[1] for f in together) else None
            if number is not None:
                found += [_place(folder, file, number, row, spec.output) for file in together]
    return found


def _are_read(files: Sequence[WrittenFile]) -> bool:
    return any(f.format in READ for f in files)


def _written_rows(spec: Spec, path: RowPath, values: Mapping[str, Any]) -> Iterator[WrittenRow]:
    output, columns = spec.output, [Column(f.name, f.type) for f in spec.fields]
    known = {c.name: c for c in columns}
    if not output.tables:
        chosen = [known[n] for n in output.columns if n in known] if output.columns else columns
        shape = open_shape(output.shape, chosen, output.tools)
        partition = tuple(cell_text(values.get(key)) for key in output.partition_by)
        yield WrittenRow("", shape.columns, shape.of(values), partition)
        return
    for table in output.tables:
        if len(path) <= table.level:
            continue
        keys, parent = key_columns(table, output.tables), parent_of(table, output.tables)
        levels = [table.level] if parent is None else [table.level, parent.level]
        named = {name: path_text(path[: level + 1]) for name, level in zip(keys, levels, strict=True)}
        own = [*(Column(name, TEXT) for name in keys), *(known[n] for n in table.columns if n in known)]
        yield WrittenRow(table.name, own, {**named, **{n: values.get(n) for n in table.columns}}, ())


def _number_in(folder: Path, files: Sequence[WrittenFile], row: WrittenRow, output: Output) -> int | None:
    """The row's number, from 1, in the files of one split; None where they have no such row, or cannot be read."""
    for form in READ:
        for file in files:
            if file.format != form:
                continue
            if form == "parquet":
                return _in_parquet(folder / file.path, row)
            line = _line_of(folder / file.path, _written(form, row, output))
            if line is None:
                return None
            return line - (form == "json") if form != "csv" else _record_at(folder / file.path, line)
    return None


def _place(folder: Path, file: WrittenFile, number: int, row: WrittenRow, output: Output) -> dict[str, Any]:
    line = {"jsonl": number, "json": number + 1}.get(file.format)
    if file.format == "csv":
        line = _line_of(folder / file.path, _written("csv", row, output))
    return {
        "file": file.path,
        "row": number,
        "rows": file.rows,
        "line": line,
        "sheet": number + 1 if file.format in SHEETS else None,
        "split": file.split,
        "partition": list(file.partition),
        "table": file.table,
    }


def _written(form: str, row: WrittenRow, output: Output) -> bytes:
    """The bytes of a row as the writer of a format puts them, with what ends its line where nothing else can."""
    style = {k: v for k, v in asdict(output.csv).items() if v} if form == "csv" else {}
    opener = find_opener("jsonl" if form == "json" else form)
    with tempfile.TemporaryDirectory() as name:
        empty, one = Path(name) / "empty", Path(name) / "one"
        for path, rows in ((empty, []), (one, [row.values])):
            writer = opener(path, row.columns, **style)
            writer.write(rows)
            writer.close()
        found = one.read_bytes()[len(empty.read_bytes()) :]
    return found[:-1] if form == "json" else found  # a comma may follow


def _line_of(path: Path, line: bytes) -> int | None:
    """The number of the line, from 1, at which these bytes begin; a comma may follow them."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
            at = held.find(line)
            while at >= 0 and not _stands_alone(held, at, line):
                at = held.find(line, at + 1)
            return None if at < 0 else held[:at].count(b"\n") + 1
    except (OSError, ValueError):  # an empty file cannot be mapped
        return None


def _stands_alone(held: mmap.mmap, at: int, line: bytes) -> bool:
    end = at + len(line)
    begins = at == 0 or held[at - 1 : at] in (b"\n", b"\r")
    return begins and (line.endswith(b"\n") or held[end : end + 2] == b",\n" or held[end : end + 1] in (b"\n", b""))


def _record_at(path: Path, line: int) -> int | None:
    """The number, from 1, of the record of a CSV file that begins at a line; its header is none."""
    with suppress(OSError, ValueError, csv.Error), path.open("rb") as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        before = iter(text.readline, "")
        plain = 0
        for number in range(1, line):
            read = next(before, "")
            if '"' in read:  # a record may go on in the next line
                text.seek(0)
                return _records_before(text, line)
            plain = number
        return plain
    return None


def _records_before(text: io.TextIOWrapper, line: int) -> int:
    reader = csv.reader(text)
    records = -1  # the header
    while reader.line_num < line - 1:
        next(reader)
        records += 1
    return records + 1


def _in_parquet(path: Path, row: WrittenRow) -> int | None:
    """The number, from 1, of the first row of a Parquet file with these values, a group of rows after another."""
    import pyarrow
    import pyarrow.parquet

    with suppress(OSError, pyarrow.ArrowException), pyarrow.parquet.ParquetFile(path) as file:
        kinds = {field.name: field.type for field in file.schema_arrow}
        wanted = _as_stored(row, kinds)
        if wanted is None:
            return None
        order = sorted(wanted, key=lambda name: pyarrow.types.is_nested(kinds[name]))  # what is dear to read, last
        before = 0
        for group in range(file.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            place = _place_in_group(file, group, order, wanted)
            if place is not None:
                return before + place + 1
            before += count
    return None


def _place_in_group(file: Any, group: int, order: Sequence[str], wanted: Mapping[str, Any]) -> int | None:
    import pyarrow
    import pyarrow.compute

    left: Any = None  # the rows that fit so far
    for name in order:
        column = file.read_row_group(group, columns=[name]).column(name)
        if left is not None:
            column = column.take(left)
        if pyarrow.types.is_nested(column.type):
            fits = pyarrow.array([value == wanted[name] for value in column.to_pylist()], pyarrow.bool_())
        elif wanted[name] is None:
            fits = column.is_null()
        else:
            kind = column.type.value_type if pyarrow.types.is_dictionary(column.type) else column.type
            fits = pyarrow.compute.equal(column.cast(kind), pyarrow.scalar(wanted[name], kind))
        places = pyarrow.compute.indices_nonzero(pyarrow.compute.fill_null(fits, False))
        left = places if left is None else left.take(places)
        if not len(left):
            return None
    return int(left[0].as_py()) if left is not None else None


def _as_stored(row: WrittenRow, kinds: Mapping[str, Any]) -> dict[str, Any] | None:
    """The values as a Parquet file has them: of a column that one of its values did not fit, as text. None where the
    file has other columns."""
    import pyarrow

    from synthspec.dataset.writers.parquet import MisfitError, fitted
    from synthspec.languages.expressions.types import ANY

    found = {}
    for column in row.columns:
        if column.name not in kinds:
            return None
        is_text = pyarrow.types.is_string(kinds[column.name]) and column.type.kind != "text"
        try:
            found[column.name] = fitted(row.values.get(column.name), ANY if is_text else column.type)
        except MisfitError:
            return None
    return found
