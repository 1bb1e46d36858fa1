"""Excel workbooks: one sheet, the values that its cells show. Formulas count as what was last worked out of them.

Cells that are merged below the header all have the value of the first. What a person would not expect is noted: that
there are other sheets, that a formula was never worked out.
"""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from synthspec.diagnostics import did_you_mean
from synthspec.diagnostics.remedies import write
from synthspec.extras import install_command, is_installed
from synthspec.sources import MAX_BYTES, MemoryTable, Reading, Table, TableFault, refuse_many
from synthspec.sources.arrow_values import duration_text
from synthspec.sources.dates import form_note, read_days
from synthspec.sources.headers import Header, split_header
from synthspec.sources.table import MissingPackage, Note
from synthspec.sources.workbook_parts import filled, oddities

SUFFIXES = (".xlsx",)
READS = ("sheet", "header", "dates")

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
            sheets = [s for s in book.worksheets if hasattr(s, "iter_rows")]
            sheet = _sheet(sheets, reading.sheet)
            lines = list(_lines(sheet))
            others = [] if reading.sheet is not None else [s.title for s in sheets if s is not sheet and _has_cells(s)]
        finally:
            book.close()
        name = sheet.title
        merged, formulas = oddities(path, sheet)
    except TableFault:
        raise
    except Exception as e:  # openpyxl raises whatever a broken part leads it to
        reason = " ".join(str(e).split())[:160]
        raise TableFault(f"not a readable workbook: {reason or type(e).__name__}", "save it again as .xlsx") from None
    if not any(lines) and others:
        raise TableFault(f"its sheet '{name}' is empty", f"name another one: `sheet: {others[0]}`")
    columns = _table(filled(lines, merged), reading.header).columns
    notes = [*_notes(name, others, formulas)]
    if reading.dates is not None:
        columns = {n: _days(values, reading.dates) for n, values in columns.items()}
        notes += filter(None, [form_note(columns, reading.dates)])
    return MemoryTable(columns, notes=tuple(notes))


def _days(values: Sequence[Any], form: str) -> Sequence[Any]:
    """A column of texts that are all days as days."""
    if not all(v is None or isinstance(v, str) for v in values) or not any(values):
        return values
    return read_days([v or "" for v in values], form) or values


def _notes(sheet: str, others: Sequence[str], formulas: Sequence[str]) -> Iterator[Note]:
    """What a person who looks at the workbook would not expect."""
    if others:
        more = ", ".join(f"'{o}'" for o in others[:4]) + (f" and {len(others) - 4} more" if len(others) > 4 else "")
        help: str = write(f"sheet: {sheet}") + " if that is right, or the name of another one"
        yield Note("W771", f"is read from the sheet '{sheet}' alone; other sheets: {more}", help, "sheet")
    if formulas:
        count = f"{len(formulas)} formulas" if len(formulas) > 1 else "a formula"
        help = "open it in a spreadsheet program and save it, or write the values themselves"
        yield Note("W772", f"has {count} without a stored value, read as null: {', '.join(formulas[:4])}", help)


def _refuse_bomb(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(i.file_size for i in archive.infolist())
    except (zipfile.BadZipFile, ValueError):
        help = "save it again as .xlsx, without a password"
        raise TableFault("no workbook: an .xlsx file is a ZIP archive", help) from None
    if size > MAX_BYTES:
        raise TableFault(f"{size / 1e6:.0f} MB unpacked; a source can have at most {MAX_BYTES // 1_000_000} MB")


def _sheet(sheets: Sequence[Any], wanted: str | int | None) -> Any:
    """The sheet that is asked for; else the first that is shown, with anything in it where there is one."""
    if not sheets:
        raise TableFault("it has no sheet of cells")
    if wanted is None:
        shown = [s for s in sheets if s.sheet_state == "visible"] or sheets
        return next((s for s in shown if _has_cells(s)), shown[0])
    if isinstance(wanted, int):
        if 1 <= wanted <= len(sheets):
            return sheets[wanted - 1]
        raise TableFault(f"there is no sheet {wanted}: it has {len(sheets)}", "sheets count from 1, or are named")
    named = {s.title: s for s in sheets}
    if wanted not in named:
        raise TableFault(f"there is no sheet '{wanted}'", did_you_mean(wanted, tuple(named)))
    return named[wanted]


def _has_cells(sheet: Any) -> bool:
    """Whether a sheet has anything in its first thousand rows."""
    return any(c not in (None, "") for row in sheet.iter_rows(max_row=1_000, values_only=True) for c in row)


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
    values = [duration_text(v) if isinstance(v, datetime.timedelta) else v for v in values]
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
