"""Reviews as a table, for people who review in a spreadsheet, and back.

A line is a review: `number path digest verb reason reviewer patch undone created`, and after these the row's own values
under `row.FIELD`. Lines without a verb are rows that nobody has judged. A line that comes back is read for `path`,
`digest`, `verb`, `reason`, `reviewer`, `patch` and, of an edit, for the cells under `row.FIELD` that were changed. The
digest guards it: a row that is another by now takes no review that was meant for the row before.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthspec.dataset.cells import cell_text, plain
from synthspec.diagnostics.errors import SynthspecError, system_reason
from synthspec.generation.reviewing.editing import RowEditor
from synthspec.generation.reviewing.saying import RowRemark
from synthspec.inference.store.derived.row_views import LoggedRow, kept_rows, rows_at
from synthspec.inference.store.reviews import Review

COLUMNS = ("number", "path", "digest", "verb", "reason", "reviewer", "patch", "undone", "created")
OF_ROW = "row."
LONGEST = 16 << 20  # characters of one cell


class SheetFault(SynthspecError):
    """A table of reviews cannot be read or written."""


def sheet_rows(folder: Path, reviews: Sequence[Review], *, every: bool) -> Iterator[dict[str, Any]]:
    """A line for each review in order, those taken back too; with `every` also one for each row that has none.

    Raises:
        StoreFault: the rows cannot be read.
    """
    rows = rows_at(folder, [r.path for r in reviews])
    for review in reviews:
        row = rows.get(review.path)
        line = {
            "number": review.id,
            "path": review.path,
            "digest": review.digest,
            "verb": review.verb,
            "reason": review.reason,
            "reviewer": review.reviewer,
            "patch": dict(review.patch),
            "undone": review.undone_by or "",
            "created": review.created,
        }
        yield {**line, **(_values(row) if row is not None and row.digest == review.digest else {})}
    if every:
        judged = {r.path for r in reviews if r.undone_by is None and r.path in rows and rows[r.path].digest == r.digest}
        for row in kept_rows(folder):
            if row.path not in judged:
                yield {**dict.fromkeys(COLUMNS, ""), "path": row.path, "digest": row.digest, **_values(row)}


def _values(row: LoggedRow) -> dict[str, Any]:
    return {f"{OF_ROW}{name}": value for name, value in row.values.items()}


def sheet_text(lines: Iterable[Mapping[str, Any]], form: str) -> str:
    """The lines as `csv` or `jsonl`."""
    lines = list(lines)
    if form == "jsonl":
        return "".join(json.dumps(plain(dict(line)), ensure_ascii=False) + "\n" for line in lines)
    names = list(dict.fromkeys([*COLUMNS, *(name for line in lines for name in line)]))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for line in lines:
        writer.writerow([_cell(line.get(name, "")) for name in names])
    return text.getvalue()


def _cell(value: Any) -> str:
    return "" if value == {} else cell_text(value)


def form_of(path: Path) -> str:
    """`csv` or `jsonl`, by the ending of a file.

    Raises:
        SheetFault: it is neither.
    """
    form = path.suffix.lower().lstrip(".")
    if form not in ("csv", "jsonl"):
        raise SheetFault(f"'{path}' is not a table of reviews", "name a file that ends with .csv or .jsonl", 2)
    return form


def is_sheet(path: Path) -> bool:
    """Whether a file begins as a table of reviews does, or is empty."""
    with path.open(encoding="utf-8", errors="replace") as file:
        begun = file.readline(1 << 16)
    return not begun.strip() or all(name in begun for name in COLUMNS)


def read_sheet(
    path: Path, folder: Path, editor: RowEditor | None, reviewer: str, held: Sequence[Review] = ()
) -> list[tuple[int, RowRemark | str]]:
    """What the lines of a file say, each with its number, or what is wrong with it. Lines without a verb are left out,
    and so are those of reviews that were taken back, and of those `held` already by the number they were exported with.

    Raises:
        SheetFault: the file cannot be read as a whole.
        StoreFault: the rows cannot be read.
    """
    form = form_of(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as e:
        raise SheetFault(f"'{path}' cannot be read: {system_reason(e)}", status=2) from None
    except UnicodeDecodeError as e:
        raise SheetFault(f"'{path}' is not UTF-8 text (byte {e.start})", "save it as CSV UTF-8", 2) from None
    lines = list(_csv_lines(text, path) if form == "csv" else _json_lines(text))
    rows = rows_at(folder, [str(line.get("path", "")) for _, line in lines if isinstance(line, dict)])
    known = {(str(r.id), r.path, r.digest, r.verb) for r in held}
    found: list[tuple[int, RowRemark | str]] = []
    for number, line in lines:
        if isinstance(line, str):
            found.append((number, line))
        elif tuple(str(line.get(name) or "") for name in ("number", "path", "digest", "verb")) in known:
            continue
        elif str(line.get("verb") or "").strip() and not line.get("undone"):
            found.append((number, _said(line, rows, editor, reviewer)))
    return found


def _said(
    line: Mapping[str, Any], rows: Mapping[str, LoggedRow], editor: RowEditor | None, reviewer: str
) -> RowRemark | str:
    name, verb = str(line.get("path") or "").strip(), str(line["verb"]).strip().lower()
    digest = str(line.get("digest") or "").strip()
    if not name or not digest:
        return "a review has a path and a digest: keep these columns as they were exported"
    patch = line.get("patch") or {}
    if isinstance(patch, str):
        try:
            patch = json.loads(patch)
        except (ValueError, RecursionError):
            return f'row {name}: `patch` is not JSON, as in {{"text": "better"}}'
    if not isinstance(patch, dict):
        return f"row {name}: `patch` is not a map of fields to values"
    row = rows.get(name)
    if verb == "edit" and not patch and row is not None:
        patch = _changed(line, row, editor)
    prompt = patch.get("prompt") if verb == "retry" else None
    who = str(line.get("reviewer") or "").strip() or reviewer
    reason = str(line.get("reason") or "")
    return RowRemark(name, verb, who, reason, patch if verb == "edit" else {}, prompt, digest)


def _changed(line: Mapping[str, Any], row: LoggedRow, editor: RowEditor | None) -> dict[str, Any]:
    """The fields of which the cell is another than that of the row."""
    found: dict[str, Any] = {}
    for column, cell in line.items():
        name = column[len(OF_ROW) :]
        if not column.startswith(OF_ROW) or name not in row.values:
            continue
        before = row.values[name]
        if isinstance(cell, str) and not isinstance(before, str):
            if cell != cell_text(before):
                found[name] = editor.read_value(name, cell) if editor is not None else read_cell(cell)
        elif plain(cell) != plain(before):
            found[name] = cell
    return found


def read_cell(cell: str) -> Any:
    """A value as it is written in a table: JSON where it is JSON, else text."""
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return cell


def _csv_lines(text: str, path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    csv.field_size_limit(LONGEST)
    start = text[:4096].partition("\n")[0]
    delimiter = max(",;\t", key=start.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        missing = [name for name in ("path", "digest", "verb") if name not in names]
        if missing:
            raise SheetFault(f"'{path}' has no column {missing[0]}", "begin with what `--export FILE` writes", 2)
        while True:
            line, cells = reader.line_num + 1, next(reader, None)
            if cells is None:
                return
            if len(cells) > len(names):
                yield line, f"has {len(cells)} cells, and the header {len(names)}"
            elif cells:
                yield line, dict(zip(names, cells, strict=False))
    except csv.Error as e:
        yield reader.line_num, f"is not CSV: {e}"


def _json_lines(text: str) -> Iterator[tuple[int, dict[str, Any] | str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as e:
            yield number, f"is not JSON: {e}"
            continue
        yield number, value if isinstance(value, dict) else "is not a JSON object"
