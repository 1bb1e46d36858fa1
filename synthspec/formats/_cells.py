"""Cells of delimited text: strict reading, and what else can be one cell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from synthspec.formats._quotes import paired

_STRICT = re.compile(r'(?:[^"]|"")*\Z')
_ESCAPED = re.compile(r'(?:[^"\\]|\\.)*\Z', re.DOTALL)
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


def records(text: str, delimiter: str, width: int) -> Iterator[Record]:
    """The records of the text. More than one line is a record only where it has `width` strict cells."""
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
        if cells is not None and (
            stop <= end or (len(cells) == width and _one(text[at:stop], delimiter, width))
        ):
            yield Record(text[at:stop], cells, block=block)
            at = stop + 1
            continue
        opened = cells is None and stop == size
        yield Record(text[at:end], None, opened, block)
        at = end + 1


def _one(source: str, delimiter: str, width: int) -> bool:
    """Whether several lines are one record: no later line has the delimiters of a row of its own."""
    lines = source.split("\n")
    return len(lines) <= _LINES and (
        width == 1 or all(line.count(delimiter) < width - 1 or '"' not in line for line in lines[1:-1])
    )


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


def read_cell(raw: str, delimiter: str) -> tuple[Cell, bool] | None:
    """A stretch of a line as one cell, and whether strictly so; None where it cannot be one.

    >>> read_cell('"He said "hi", then left"', ',')
    (Cell(text='He said "hi", then left', quoted=True), False)
    >>> read_cell('"a", "b"', ',') is None
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
    pieces = body.split(delimiter)
    if len(pieces) > 1 and (_complete(pieces[0]) or _complete(pieces[-1])):
        return False
    if paired(body):
        return True
    return len(pieces) == 1 and re.search(r'(?<!\d)"', body) is None  # inches


def _complete(piece: str) -> bool:
    body = piece.strip()
    return len(body) > 1 and body[0] == body[-1] == '"'
