"""Rows of a table as a file that a person takes away: CSV for a spreadsheet, or JSON Lines."""

from __future__ import annotations

import codecs
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthspec.dataset.writers import Column, find_opener
from synthspec.inference.store.derived.row_search import RowTable
from synthspec.inference.store.derived.row_views import LoggedRow
from synthspec.languages.expressions.types import TEXT
from synthspec.spec import Spec

PATH, STATE, REASON = "row.path", "row.state", "row.reason"  # beside the fields: none of them has a full stop
_MANY = 1000  # rows read at once
_PIECE = 1 << 20  # bytes


def write_rows(
    table: RowTable,
    found: Sequence[int],
    shown: Callable[[LoggedRow], LoggedRow],
    label: Callable[[LoggedRow], str],
    spec: Spec,
    form: str,
) -> Path:
    """Write the rows of these numbers, in that order, to a new temporary file in a form, `csv` or `jsonl`. A column for
    each field, and after them the row's path, what became of it, and why. `shown` is a row as its reviews have it,
    `label` what became of it.

    In CSV no text is taken for a formula by a spreadsheet, and a byte order mark tells Excel that it is UTF-8 where
    any character is not ASCII.
    """
    columns = [Column(f.name, f.type) for f in spec.fields] + [Column(name, TEXT) for name in (PATH, STATE, REASON)]
    path = _new_file(f".{form}")
    try:
        _write(path, columns, _rows(table, found, shown, label), form)
        if form == "csv" and not _is_ascii(path):
            _mark(path)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def _rows(
    table: RowTable,
    found: Sequence[int],
    shown: Callable[[LoggedRow], LoggedRow],
    label: Callable[[LoggedRow], str],
) -> Iterator[list[Mapping[str, Any]]]:
    for start in range(0, len(found), _MANY):
        some = table.rows(found[start : start + _MANY])
        yield [{**(s := shown(r)).values, PATH: r.path, STATE: label(r), REASON: s.reason} for r in some]


def _write(path: Path, columns: Sequence[Column], rows: Iterator[list[Mapping[str, Any]]], form: str) -> None:
    writer = find_opener(form)(path, columns, **({"safe": True} if form == "csv" else {}))
    try:
        for some in rows:
            writer.write(some)
    finally:
        writer.close()


def _new_file(suffix: str) -> Path:
    with tempfile.NamedTemporaryFile(prefix="synthspec-rows-", suffix=suffix, delete=False) as file:
        return Path(file.name)


def sent(path: Path) -> Iterator[bytes]:
    """The bytes of a file, which is deleted after them, also where nobody takes them to the end."""
    try:
        with path.open("rb") as file:
            yield from iter(lambda: file.read(_PIECE) + file.readline(), b"")  # whole lines: secrets are looked for
    finally:
        path.unlink(missing_ok=True)


def _mark(path: Path) -> None:
    """Begin a file with a byte order mark."""
    beside = _new_file(path.suffix)
    try:
        with path.open("rb") as before, beside.open("wb") as after:
            after.write(codecs.BOM_UTF8)
            shutil.copyfileobj(before, after, _PIECE)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _is_ascii(path: Path) -> bool:
    with path.open("rb") as file:
        return all(piece.isascii() for piece in iter(lambda: file.read(_PIECE), b""))
