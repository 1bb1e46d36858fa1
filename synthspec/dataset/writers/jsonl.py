"""JSON Lines: one object a line, keys in column order, UTF-8.

U+0085, U+2028 and U+2029 are escaped: they are legal inside JSON text, but some readers take them for the end
of a line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthspec.dataset.cells import json_text
from synthspec.dataset.writers import Column
from synthspec.dataset.writers._columnar import ColumnCells, cell_texts

SUMMARY = "JSON Lines, one object a line"
BINARY = False

_LINE_ENDS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def line_of(row: Mapping[str, Any], names: Sequence[str]) -> str:
    """The row as one line, without its end.

    >>> line_of({"b": "x", "a": 1}, ["a", "b"])
    '{"a": 1, "b": "x"}'
    """
    return _text({n: row.get(n) for n in names})


def lines_of(columns: Mapping[str, ColumnCells], names: Sequence[str]) -> Iterator[str]:
    """The rows of whole columns, each as `line_of` writes it."""
    keys = [_text(n) for n in dict.fromkeys(names)]
    texts = [cell_texts(columns[n], _text) for n in dict.fromkeys(names)]
    members = ", ".join(key.replace("{", "{{").replace("}", "}}") + ": {}" for key in keys)
    return map(f"{{{{{members}}}}}".format, *texts)


def _text(value: Any) -> str:
    text = json_text(value, compact=False)
    return text if text.isascii() else text.translate(_LINE_ENDS)


class JsonLinesWriter:
    """An open JSON Lines file."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self._names = [c.name for c in columns]
        self._file = path.open("w", encoding="utf-8", newline="")

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._file.write("".join(line_of(r, self._names) + "\n" for r in rows))

    def write_columns(self, columns: Mapping[str, ColumnCells]) -> None:
        """The same lines as `write`, column by column."""
        self._file.write("".join(line + "\n" for line in lines_of(columns, self._names)))

    def close(self) -> None:
        self._file.close()


def open_writer(path: Path, columns: Sequence[Column]) -> JsonLinesWriter:
    """Create the file."""
    return JsonLinesWriter(path, columns)
