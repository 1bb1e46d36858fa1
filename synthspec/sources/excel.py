"""Excel workbooks: one sheet, the values that its cells show. Formulas count as what was last worked out of them."""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from synthspec.diagnostics import did_you_mean
from synthspec.extras import install_command, is_installed
from synthspec.sources import MAX_BYTES, MemoryTable, Reading, Table, TableFault, refuse_many
from synthspec.sources.headers import Header, split_header
from synthspec.sources.table import MissingPackage

SUFFIXES = (".xlsx",)
READS = ("sheet", "header")

_ERRORS = frozenset(["#N/A", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!"])
_MIDNIGHT = datetime.time()


def read(path: Path, reading: Reading) -> Table:
    """The table of a workbook.

    Raises:
        TableFault: it is none, or has no such sheet.
    """
    if not is_installed("openpyxl"):
        raise MissingPackage("it is read by the package openpyxl, which is not installed", install_command("excel"))
    import openpyxl

    _refuse_bomb(path)
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            lines = list(_lines(_sheet(book, reading.sheet)))
        finally:
            book.close()
    except TableFault:
        raise
    except Exception as e:  # openpyxl raises whatever a broken part leads it to
        reason = " ".join(str(e).split())[:160]
        raise TableFault(f"not a readable workbook: {reason or type(e).__name__}", "save it again as .xlsx") from None
    return _table(lines, reading.header)


def _refuse_bomb(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(i.file_size for i in archive.infolist())
    except (zipfile.BadZipFile, ValueError):
        help = "save it again as .xlsx, without a password"
        raise TableFault("no workbook: an .xlsx file is a ZIP archive", help) from None
    if size > MAX_BYTES:
        raise TableFault(f"{size / 1e6:.0f} MB unpacked; a source holds at most {MAX_BYTES // 1_000_000} MB")


def _sheet(book: Any, wanted: str | int | None) -> Any:
    sheets = [s for s in book.worksheets if hasattr(s, "iter_rows")]
    if not sheets:
        raise TableFault("it has no sheet of cells")
    if wanted is None:
        return sheets[0]
    if isinstance(wanted, int):
        if 1 <= wanted <= len(sheets):
            return sheets[wanted - 1]
        raise TableFault(f"there is no sheet {wanted}: it has {len(sheets)}", "sheets count from 1, or are named")
    named = {s.title: s for s in sheets}
    if wanted not in named:
        raise TableFault(f"there is no sheet '{wanted}'", did_you_mean(wanted, tuple(named)))
    return named[wanted]


def _lines(sheet: Any) -> Iterator[list[Any]]:
    """The rows of a sheet without empty cells at their ends; an empty row is an empty list."""
    if sheet.max_row is None or sheet.max_row > 100_000 or (sheet.max_column or 0) > 1_000:
        sheet.reset_dimensions()  # what a file says of itself may be far too much
    count = 0
    for row in sheet.iter_rows(values_only=True):
        cells = [None if isinstance(c, str) and (not c.strip() or c in _ERRORS) else c for c in row]
        while cells and cells[-1] is None:
            cells.pop()
        count += len(cells)
        refuse_many(count)
        yield cells


def _table(lines: Sequence[list[Any]], header: Header) -> MemoryTable:
    width = max(map(len, lines), default=0)
    names, body = split_header([[*line, *[None] * (width - len(line))] for line in lines], header)
    body = [line for line in body if any(c is not None for c in line)]
    kept = [i for i, name in enumerate(names) if name or any(line[i] is not None for line in body)]
    for i in kept:
        if not names[i]:
            raise TableFault(
                f"column {i + 1} has values and no name", "name it in the header, or give `header: [names]`"
            )
    return MemoryTable({names[i]: _typed([line[i] for line in body]) for i in kept})


def _typed(values: list[Any]) -> list[Any]:
    """A column of one kind where its cells are nearly so: days without a time are dates, numbers among texts texts."""
    present = [v for v in values if v is not None]
    if any(isinstance(v, str) for v in present) and not all(isinstance(v, str) for v in present):
        return [v if v is None or isinstance(v, str) else _shown(v) for v in values]
    if present and all(isinstance(v, datetime.datetime) and v.time() == _MIDNIGHT for v in present):
        return [None if v is None else v.date() for v in values]
    return values


def _shown(value: Any) -> str:
    if isinstance(value, datetime.datetime) and value.time() == _MIDNIGHT:
        return value.date().isoformat()
    return str(value).lower() if isinstance(value, bool) else str(value)
