"""Places as the protocol has them: lines from 0, columns in units of the encoding that the client asked for."""

from __future__ import annotations

from collections.abc import Sequence

from lsprotocol.types import Position as WirePosition
from lsprotocol.types import Range

from synthspec.diagnostics import Span
from synthspec.language_service import Position


def split_lines(text: str) -> list[str]:
    """The lines of a text by the protocol, whose ends are `\\n`, `\\r\\n` and `\\r` alone."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def units(text: str, encoding: str) -> int:
    """How long a text is in an encoding: `utf-8`, `utf-16` or `utf-32`.

    >>> units("né🙂", "utf-16"), units("né🙂", "utf-8"), units("né🙂", "utf-32")
    (4, 7, 3)
    """
    if encoding == "utf-16":
        return len(text) + sum(char > "\uffff" for char in text)
    return len(text.encode("utf-8", "surrogatepass")) if encoding == "utf-8" else len(text)


def characters(line: str, count: int, encoding: str) -> int:
    """How many characters of a line the first so many units are; one that is cut in two counts."""
    if encoding == "utf-32" or line.isascii():
        return max(0, min(count, len(line)))
    at = 0
    for index, char in enumerate(line):
        if at >= count:
            return index
        at += units(char, encoding)
    return len(line)


def from_wire(lines: Sequence[str], place: WirePosition, encoding: str) -> Position:
    """A position of the client's; one beyond a line or the text is its end."""
    if place.line >= len(lines):
        return Position(len(lines), len(lines[-1]) + 1)
    line = max(0, place.line)
    return Position(line + 1, characters(lines[line], place.character, encoding) + 1)


def to_wire(lines: Sequence[str], line: int, column: int, encoding: str) -> WirePosition:
    """A position for the client. Lines and columns from 1."""
    if line > len(lines):
        return WirePosition(len(lines) - 1, units(lines[-1], encoding)) if lines else WirePosition(0, 0)
    return WirePosition(max(0, line - 1), units(lines[max(0, line - 1)][: max(0, column - 1)], encoding))


def range_of(lines: Sequence[str], span: Span, encoding: str) -> Range:
    """A span for the client."""
    start = to_wire(lines, span.line, span.column, encoding)
    end = to_wire(lines, span.end_line, span.end_column, encoding)
    return Range(start, max(start, end, key=lambda p: (p.line, p.character)))
