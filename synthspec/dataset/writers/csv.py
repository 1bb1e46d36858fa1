"""CSV by RFC 4180: UTF-8, a header, lines ended by LF.

An empty cell is a null, `""` is empty text. A cell that starts with `=`, `+`, `-` or `@` is left as it is: a
dataset must come out as it went in, and a quote put before `=` would be trained on. For people who open the file
in a spreadsheet there are two options: `bom` begins it with a byte order mark, which tells Excel that it is UTF-8,
and `safe` puts an apostrophe before each text that a spreadsheet would run as a formula (OWASP, "CSV injection").
NUL, which many readers take for the end of a cell, becomes U+FFFD.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from synthspec.dataset.cells import cell_text
from synthspec.dataset.writers import Column
from synthspec.dataset.writers._columnar import ColumnCells, cell_texts

SUMMARY = "comma-separated values (RFC 4180), one header line"
BINARY = False

_EMPTY = '""'  # readers skip an empty line: a lone null is written as empty text
_FORMULA = re.compile(r"[\s\0\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r]")  # full-width signs too


class CsvWriter:
    """An open CSV file."""

    def __init__(self, path: Path, columns: Sequence[Column], bom: bool = False, safe: bool = False) -> None:
        self._names = [c.name for c in columns]
        self._cell = _safe_cell if safe else _cell
        self._file = path.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="")
        self._file.write(",".join(self._cell(n) for n in self._names) + "\n")

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._file.write("".join(self._line(r) for r in rows))

    def write_columns(self, columns: Mapping[str, ColumnCells]) -> None:
        """The same lines as `write`, column by column."""
        lines = map(",".join, zip(*(cell_texts(columns[n], self._cell) for n in self._names), strict=True))
        self._file.write("".join(f"{line or _EMPTY}\n" for line in lines))

    def close(self) -> None:
        self._file.close()

    def _line(self, row: Mapping[str, Any]) -> str:
        return (",".join(self._cell(row.get(n)) for n in self._names) or _EMPTY) + "\n"


def open_writer(path: Path, columns: Sequence[Column], *, bom: bool = False, safe: bool = False) -> CsvWriter:
    """Create the file and write its header."""
    return CsvWriter(path, columns, bom, safe)


def _safe_cell(value: Any) -> str:
    """The cell with an apostrophe before what would be a formula; numbers are none, whatever their sign."""
    if value is None:
        return ""
    text = cell_text(value)
    return _quoted(f"'{text}" if isinstance(value, str) and _FORMULA.match(text) else text)


def _cell(value: Any) -> str:
    return "" if value is None else _quoted(cell_text(value))


def _quoted(text: str) -> str:
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return '"' + text.replace('"', '""') + '"' if _needs_quotes(text) else text


def _needs_quotes(text: str) -> bool:
    if not text or "," in text or '"' in text or "\n" in text or "\r" in text:
        return True
    return text[0].isspace() or text[-1].isspace() or text[0] == "\ufeff"
