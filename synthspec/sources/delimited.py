"""CSV and TSV as people have them: the separator, the encoding and the decimal mark are found, or asked for.

Text becomes integers, numbers, booleans or dates only where every value of a column is one.
"""

from __future__ import annotations

import csv
import datetime
import io
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from synthspec.diagnostics.remedies import write
from synthspec.sources import MemoryTable, Reading, Table, TableFault, refuse_many
from synthspec.sources.dates import form_note, read_days
from synthspec.sources.encodings import decode
from synthspec.sources.headers import Header, split_header
from synthspec.sources.table import Note

SUFFIXES = (".csv", ".tsv")
READS = ("delimiter", "encoding", "decimal", "header", "dates")
DELIMITERS = (",", ";", "\t", "|")
SAMPLE = 1 << 16  # characters looked at for the separator
LONGEST_CELL = 16 * 1024 * 1024


def read(path: Path, reading: Reading) -> Table:
    """The table of a file.

    Raises:
        TableFault: it is not well formed, or how it is written cannot be told.
    """
    text, guessed = decode(path.read_bytes(), reading.encoding)
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    delimiter = reading.delimiter or _delimiter_of(text, usual, reading.header)
    header, body = _records(text, delimiter, reading.header)
    refuse_many(len(body) * len(header))
    texts = {h: [line[i] for line in body] for i, h in enumerate(header)}
    decimal = reading.decimal or _find_decimal(texts, delimiter)
    columns = {h: _typed(column, decimal, reading.dates) for h, column in texts.items()}
    notes = [_one_column(header[0], delimiter)] if len(header) == 1 and body else []
    notes += [form_note(columns, reading.dates)] if reading.dates is not None else []
    notes += [_left_as_text(columns)] if reading.decimal is None else []
    return MemoryTable(columns, guessed, tuple(n for n in notes if n is not None))


def _one_column(name: str, delimiter: str) -> Note | None:
    """What is said of a table of one column whose name holds what usually separates columns."""
    other = next((d for d in DELIMITERS if d != delimiter and d in name), None)
    if other is None:
        return None
    help = write(f"delimiter: {_shown(other)}") + " if its values are separated so"
    return Note("W775", f"is read as one column, named '{name[:60]}'", help, "delimiter")


def _delimiter_of(text: str, usual: str, header: Header) -> str:
    """What separates the values from the header on: titles may stand above it."""
    below, line = text, header if isinstance(header, int) else 1
    for _ in range(1, line):
        below = below.lstrip("\r\n").partition("\n")[2]
    return find_delimiter(below[:SAMPLE], usual, whole=len(below) <= SAMPLE)


def find_delimiter(sample: str, usual: str, *, whole: bool) -> str:
    """What separates the values: that under which every line has as many as the header, and most.

    `whole` is false where the sample ends within a line.

    Raises:
        TableFault: two would do.
    """
    widths = {d: _widths(sample, d, whole=whole) for d in DELIMITERS}
    even = {d: w[0] for d, w in widths.items() if w and w[0] > 1 and set(w) == {w[0]}}
    most = max(even.values(), default=0)
    best = [d for d, width in even.items() if width == most]
    if len(best) == 1:
        return best[0]
    if best:
        shown = " or ".join(f"`delimiter: {_shown(d)}`" for d in best)
        raise TableFault("its delimiter could not be recognized", f"add {shown} to the source")
    headers = {d: w[0] for d, w in widths.items() if w}
    return max(headers, key=lambda d: (headers[d], d == usual), default=usual)


def _shown(delimiter: str) -> str:
    return "tab" if delimiter == "\t" else f"'{delimiter}'"


def _widths(sample: str, delimiter: str, *, whole: bool) -> list[int]:
    csv.field_size_limit(LONGEST_CELL)
    try:
        lines = [len(line) for line in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter) if line]
    except csv.Error:
        return []
    return lines if whole or len(lines) < 2 else lines[:-1]


def _records(text: str, delimiter: str, named: Header) -> tuple[list[str], Sequence[list[str]]]:
    csv.field_size_limit(LONGEST_CELL)
    try:
        lines = [x for x in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if x]
    except csv.Error as e:
        raise _malformed(text, delimiter, str(e)) from None
    header, body = split_header(lines, named)
    for number, line in enumerate(body, start=len(lines) - len(body) + 1):
        if len(line) != len(header):
            said = f"row {number} has {len(line)} values, the header {len(header)}"
            help = f"they are taken to be separated by {_shown(delimiter)}: correct the row, or add the `delimiter`"
            raise TableFault(said, help)
    return _named(header, body)


def _named(header: list[str], body: Sequence[list[str]]) -> tuple[list[str], Sequence[list[str]]]:
    """Columns without a name are left out where nothing is in them, and numbered where something is."""
    if "" not in header:
        return header, body
    kept = [i for i, name in enumerate(header) if name or any(line[i].strip() for line in body)]
    names = [header[i] or f"column_{i + 1}" for i in kept]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise TableFault(f"two columns are named '{twice}'", "name each column once")
    return names, [[line[i] for i in kept] for line in body] if len(kept) < len(header) else body


def _malformed(text: str, delimiter: str, said: str) -> TableFault:
    """What is wrong with a text that is no CSV, and in which row."""
    row = 0
    with suppress(csv.Error):
        for _ in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            row += 1
    if "unexpected end of data" in said:
        return TableFault(
            f"the quotation mark that opens in row {row + 1} is never closed", "close it, or write it twice"
        )
    if "field larger than field limit" in said:
        return TableFault(f"row {row + 1} has a value of more than {LONGEST_CELL:,} characters", "shorten it")
    if "expected after" in said:
        help = "write a quotation mark inside a quoted value twice"
        return TableFault(f"in row {row + 1} a quotation mark inside a value", help)
    return TableFault(f"not well-formed CSV: {said} (row {row + 1})")


_INTEGER = re.compile(r"[+-]?(0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+)([eE][+-]?\d+)?")
_GROUPED = {  # numbers with a thousands mark, by the decimal mark
    ",": re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?"),
    ".": re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?"),
}
_OTHER = {",": ".", ".": ","}
_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+),(\d+)")
_BOOLEANS = {"true": True, "false": False}
_LEADING_ZEROS = frozenset(f"0{d}" for d in range(10))


def _find_decimal(columns: dict[str, list[str]], delimiter: str) -> str | None:
    """A decimal comma is looked for where commas do not separate: in columns of nothing but such numbers.

    Raises:
        TableFault: 12,345 may be twelve and a bit, or twelve thousand.
    """
    if delimiter == ",":
        return None
    example = ""
    for column in columns.values():
        present = [t for t in column if t != ""]
        if not present or not all(_GROUPED[","].fullmatch(t) for t in present):
            continue
        after = [m.group(3) for t in present if (m := _COMMA.fullmatch(t))]
        if any(len(digits) != 3 for digits in after) or any(t.count(".") > 1 or {".", ","} <= set(t) for t in present):
            return ","
        if not any(t.lstrip("+-").startswith("0") and len(t) > 1 for t in present):
            example = example or next((t for t in present if "," in t or "." in t), "")
        elif after:
            return ","
    if example:
        mark = "," if "," in example else "."
        help = f"add `decimal: '{mark}'` where it begins a fraction, `decimal: '{_OTHER[mark]}'` where it does not"
        raise TableFault(f"the '{mark}' of {example} may begin a fraction or group thousands", help)
    return None


def _left_as_text(columns: Mapping[str, list[Any]]) -> Note | None:
    """What is said of columns that are read as texts though each of their values is a number with marks in it."""
    found: dict[str, str] = {}
    marks = set(_OTHER)
    for name, column in columns.items():
        first = next((t for t in column if t not in (None, "")), None)
        if not isinstance(first, str) or not first.strip(" +-")[:1].isdigit():
            continue
        present = [t.strip(" ") for t in column if t]
        could = {mark for mark, form in _GROUPED.items() if all(form.fullmatch(t) for t in present)}
        marked = dict.fromkeys(t for t in present if not t.isdigit())
        if could and len(marked) > 1 and all(map(_plain, present)):
            found[name] = next(iter(marked))
            marks &= could
    if not found:
        return None
    several = "the column" if len(found) == 1 else "the columns"
    named = " and ".join(f"'{n}' (such as {t})" for n, t in list(found.items())[:2])
    help = " or ".join(f"`decimal: '{mark}'`" for mark in sorted(marks or _OTHER))
    message = f"has numbers that are read as texts, in {several} {named}{' and others' if len(found) > 2 else ''}"
    return Note("W896", message, f"add {help}, the mark that begins a fraction, and they are read as numbers")


def _typed(texts: Sequence[str], decimal: str | None, dates: str | None) -> list[Any]:
    written = texts
    if any(t[:1] == " " or t[-1:] == " " for t in texts):
        texts = [t.strip(" ") for t in texts]  # "1, 2": of numbers, not of texts
    present = [t for t in texts if t != ""]
    if not present:
        return [None for _ in texts]
    days = read_days(texts, dates) if dates is not None else None
    if days is not None:
        return days
    read: Callable[[str], Any] | None = None
    if all(_INTEGER.fullmatch(t) for t in present):
        read = int
    elif decimal is not None and all(_GROUPED[decimal].fullmatch(t) and _plain(t) for t in present):
        whole = not any(decimal in t for t in present)
        read = _reader(decimal, int if whole else float)
    elif decimal != "," and all(_NUMBER.fullmatch(t) and _plain(t) for t in present):
        read = float
    elif all(t.lower() in _BOOLEANS for t in present):
        read = _read_boolean
    elif all(_is_date(t) for t in present):
        read = datetime.date.fromisoformat
    if read is None:
        return list(written)
    return [None if t == "" else read(t) for t in texts]


def _plain(text: str) -> bool:
    """Not a code such as 007."""
    return text.lstrip("+-")[:2] not in _LEADING_ZEROS


def _reader(decimal: str, number: Callable[[str], Any]) -> Callable[[str], Any]:
    group = "." if decimal == "," else ","
    return lambda text: number(text.replace(group, "").replace(decimal, "."))


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
