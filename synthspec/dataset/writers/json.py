"""One JSON array of objects, a row a line, UTF-8; written as rows come, never held whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synthspec.dataset.writers import Column
from synthspec.dataset.writers._columnar import ColumnCells
from synthspec.dataset.writers.jsonl import line_of, lines_of

SUMMARY = "one JSON array of objects"
BINARY = False


class JsonWriter:
    """An open JSON array."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._names = [c.name for c in columns]
        self._file = path.open("w", encoding="utf-8", newline="")
        self._file.write("[")
        self._separator = "\n"

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            self._file.write(self._separator + line_of(row, self._names))
            self._separator = ",\n"

    def write_columns(self, columns: Mapping[str, ColumnCells]) -> None:
        """The same lines as `write`, column by column."""
        lines = ",\n".join(lines_of(columns, self._names))
        if lines:
            self._file.write(self._separator + lines)
            self._separator = ",\n"

    def close(self) -> None:
        if not self._file.closed:
            self._file.write("]\n" if self._separator == "\n" else "\n]\n")
            self._file.close()


def open_writer(path: Path, columns: Sequence[Column]) -> JsonWriter:
    """Create the file and open its array."""
    return JsonWriter(path, columns)
