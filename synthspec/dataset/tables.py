"""A dataset of several tables: rows of a fan-out as parent and child files, with keys between them.

    output: {tables: {companies: {columns: [company]}, employees: {columns: [name, age]}}}

Each table holds one row for every node of its level: `companies` one for each combination, `employees` one for each row
that a prompt made of it. A table's rows are keyed by `id`, the path of the node (`17`, `17.3`); a child's row names its
parent's under `<parent>_id`. A parent is written once a child of it was kept, or where it had none to make; it goes to
the split of its first child, as rows that share what lies above a fan-out share a split.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from synthspec.dataset.cells import cell_text
from synthspec.dataset.layout import DatasetFiles, open_output
from synthspec.dataset.manifest import WrittenFile
from synthspec.dataset.row_shapes import open_shape
from synthspec.dataset.splits.quotas import Splitter
from synthspec.dataset.writers import Column
from synthspec.languages.expressions.types import TEXT
from synthspec.spec import Output, TableOutput
from synthspec.spec.rows import RowPath, path_text

RowValues = Mapping[str, Any]
ID = "id"


def parent_of(table: TableOutput, tables: Sequence[TableOutput]) -> TableOutput | None:
    """The table that holds the rows above a table's: the deepest of those above it, the last named of several."""
    above = [t for t in tables if t.level < table.level]
    return max(above, key=lambda t: t.level) if above else None


def key_columns(table: TableOutput, tables: Sequence[TableOutput]) -> tuple[str, ...]:
    """The columns that a table has besides its own: `id`, and its parent's.

    >>> tables = (TableOutput("companies", ("name",), 0), TableOutput("staff", ("who",), 1))
    >>> key_columns(tables[0], tables), key_columns(tables[1], tables)
    (('id',), ('id', 'companies_id'))
    """
    parent = parent_of(table, tables)
    return (ID,) if parent is None else (ID, f"{parent.name}_{ID}")


def open_dataset(
    folder: Path, name: str, output: Output, columns: Sequence[Column], seed: int = 0
) -> DatasetFiles | DatasetTables:
    """Begin to write a dataset, of one table or several. `columns` are all that rows have.

    Raises:
        LookupError: a column or format that `output` names does not exist.
        OSError: the folder cannot be written to.
    """
    if output.tables:
        return DatasetTables(folder, output, columns, seed)
    return open_output(folder, name, output, columns, seed)


class DatasetTables:
    """The files of several tables being written. Ends with `finish` or `abandon`."""

    def __init__(self, folder: Path, output: Output, columns: Sequence[Column], seed: int) -> None:
        self._splitter = Splitter(output.split, seed) if output.split else None
        self._stratify = output.stratify
        self._tables = [_Table(folder, t, output, columns, seed) for t in output.tables]
        self._deepest = max(self._tables, key=lambda t: t.level)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the deepest table, whose rows the dataset counts."""
        return self._deepest.files.columns

    @property
    def tables(self) -> Mapping[str, tuple[Column, ...]]:
        """The columns of each table."""
        return {t.name: t.files.columns for t in self._tables}

    def write(
        self,
        rows: Sequence[RowValues],
        groups: Sequence[Hashable | None] | None = None,
        *,
        paths: Sequence[RowPath],
        shown: Sequence[RowValues | None] | None = None,
    ) -> None:
        """Add rows, in path order, each with those above it that are not written yet. `shown` is what is written of
        each, None for nothing."""
        splits = self._splits(rows, groups)
        for table in self._tables:
            table.write(rows if shown is None else shown, paths, splits)

    def write_empty(self, values: RowValues, path: RowPath, groups: Sequence[Hashable | None] | None = None) -> None:
        """Add a node that had no children to make, with those above it. Called in path order, after `write`."""
        splits = self._splits([values], groups)
        for table in self._tables:
            if table.level < len(path):
                table.write([values], [path], splits)

    def _splits(self, rows: Sequence[RowValues], groups: Sequence[Hashable | None] | None) -> list[str | None]:
        splitter = self._splitter
        if splitter is None:
            return [None] * len(rows)
        strata = [cell_text(row.get(self._stratify)) if self._stratify else None for row in rows]
        return [splitter.assign(s, groups[i] if groups is not None else None) for i, s in enumerate(strata)]

    def finish(self) -> tuple[WrittenFile, ...]:
        """Close every file; what they are, by path."""
        return tuple(sorted((f for t in self._tables for f in t.finish()), key=lambda f: f.path))

    def abandon(self) -> None:
        """Close every file as it is."""
        for table in self._tables:
            table.files.abandon()


class _Table:
    """One table, and the last of its rows that was written."""

    def __init__(self, folder: Path, table: TableOutput, output: Output, columns: Sequence[Column], seed: int) -> None:
        self.name, self.level = table.name, table.level
        self._parent = parent_of(table, output.tables)
        known = {c.name: c for c in columns}
        keys = [Column(name, TEXT) for name in key_columns(table, output.tables)]
        plain = replace(output, tables=(), columns=(), shape="table", partition_by=(), stratify=None)
        shape = open_shape("table", [*keys, *(known[n] for n in table.columns)])
        self.files = DatasetFiles(folder, table.name, plain, shape, seed)
        self._columns = table.columns
        self._written: RowPath | None = None

    def write(self, rows: Sequence[RowValues | None], paths: Sequence[RowPath], splits: Sequence[str | None]) -> None:
        made: list[RowValues] = []
        into: list[str | None] = []
        for row, path, split in zip(rows, paths, splits, strict=True):
            own = path[: self.level + 1]
            if row is None or own == self._written:
                continue
            self._written = own
            made.append({**self._keys(own), **{name: row.get(name) for name in self._columns}})
            into.append(split)
        if made:
            self.files.write(made, splits=into)

    def _keys(self, path: RowPath) -> dict[str, str]:
        keys = {ID: path_text(path)}
        if self._parent is not None:
            keys[f"{self._parent.name}_{ID}"] = path_text(path[: self._parent.level + 1])
        return keys

    def finish(self) -> list[WrittenFile]:
        return [replace(f, table=self.name) for f in self.files.finish()]
