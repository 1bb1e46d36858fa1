"""Cells of delimited text: strict reading, and what else can be one cell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

from synthspec.formats.recovery.quotes import paired
from synthspec.lazy_dataclass import dataclass

_STRICT = re.compile(r'(?:[^"]|"")*\Z')
_ESCAPED = re.compile(r'(?:[^"\\]|\\.)*\Z', re.DOTALL)
_MARKED = re.compile(r'(?:[-*•+]|\(?\d{1,4}[.)])\s+"')  # a list mark, then a quoted cell
_LINES = 400  # physical lines in one record, at most


@dataclass(frozen=True, slots=True)
class Cell:
    """The text of a cell. `quoted`: it stood in quotation marks; then it is never joined with another."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """One line, or several that a quoted cell holds together. `cells` is None where quoting is not strict."""

    source: str
    cells: tuple[Cell, ...] | None
    opened: bool = False  # a quotation mark is never closed
    block: int = 0  # how many empty lines came before


@cache
def _cell(delimiter: str) -> re.Pattern[str]:
    d = re.escape(delimiter)
    return re.compile(rf'[ \t]*"((?:[^"]|"")*+)"[ \t]*(?={d}|\n|\Z)|([^"\n{d}]*+)(?={d}|\n|\Z)')


Vouched = Callable[[tuple[Cell, ...]], bool]


def records(text: str, delimiter: str, width: int, vouched: Vouched) -> Iterator[Record]:
    """The records of the text. Lines are one record only where they have `width` strict cells together, and
    none of them is `vouched` to be a row by itself."""
    at, block = 0, 0
    size = len(text)
    while at < size:
        end = text.find("\n", at)
        end = size if end < 0 else end
        if not text[at:end].strip():
            block += 1
            at = end + 1
            continue
        cells, stop = strict_cells(text, at, delimiter, 2 * width + 4)
        if (
            cells is not None
            and stop > end
            and not (len(cells) == width and _one(text[end + 1 : stop], delimiter, vouched))
        ):
            cells, stop = None, end
        if cells is None:
            yield Record(text[at:end], None, stop == size, block)
            at = end + 1
        else:
            yield Record(text[at:stop], cells, block=block)
            at = stop + 1


def _one(rest: str, delimiter: str, vouched: Vouched) -> bool:
    """Whether lines after the first go on with it: not too many, and none a row of its own."""
    lines = rest.split("\n")
    if len(lines) > _LINES:
        return False
    for line in lines:
        cells, end = strict_cells(line, 0, delimiter, 1000)
        if cells is not None and end == len(line) and vouched(cells):
            return False
    return True


def strict_cells(text: str, at: int, delimiter: str, most: int) -> tuple[tuple[Cell, ...] | None, int]:
    """The cells from `at` to the end of the record, and where that is. None where quoting breaks the rules;
    then the end is the text's where a quotation mark is never closed."""
    found: list[Cell] = []
    pattern = _cell(delimiter)
    while len(found) <= most * 50:
        match = pattern.match(text, at)
        if match is None:
            return None, len(text) if _never_closed(text, at) else at
        found.append(Cell(match[2].strip()) if match[1] is None else Cell(match[1].replace('""', '"'), True))
        at = match.end()
        if at >= len(text) or text[at] == "\n":
            return tuple(found), at
        at += len(delimiter)
    return None, at


def _never_closed(text: str, at: int) -> bool:
    first = text.find('"', at)
    return first >= 0 and not text[at:first].strip() and text.find('"', first + 1) < 0


def read_stretch(raw: str, delimiter: str) -> tuple[Cell, bool] | None:
    """A stretch of a line as one cell, and whether strictly so; None where it cannot be one.

    >>> read_stretch('"He said "hi", then left"', ',')
    (Cell(text='He said "hi", then left', quoted=True), False)
    >>> read_stretch('"a", "b"', ',') is None
    True
    """
    body = raw.strip()
    if '"' not in body:
        return Cell(body), True
    if len(body) > 1 and body[0] == body[-1] == '"':
        inner = body[1:-1]
        if _STRICT.match(inner):
            return Cell(inner.replace('""', '"'), True), True
        if re.search(rf'"\s*{re.escape(delimiter)}\s*"', inner):
            return None
        if _ESCAPED.match(inner):
            return Cell(inner.replace('\\"', '"'), True), False
        if paired(inner):
            return Cell(inner, True), False
    return (Cell(body), False) if _unquoted(body, delimiter) else None


def _unquoted(body: str, delimiter: str) -> bool:
    """Whether text with quotation marks in it can stand without marks around it."""
    if _MARKED.match(body) or _beside(delimiter).search(body):
        return False
    if paired(body):
        return True
    return delimiter not in body and re.search(r'(?<!\d)"', body) is None  # inches


@cache
def _beside(delimiter: str) -> re.Pattern[str]:
    """A whole quoted cell at the start or the end, with the delimiter beside it."""
    d = re.escape(delimiter)
    return re.compile(rf'\A"(?:[^"]|"")*+"\s*{d}|{d}\s*"[^"]*"\Z')
