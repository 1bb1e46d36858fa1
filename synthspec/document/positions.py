"""Where each character of a YAML scalar stands in its file, through quoting, escapes, folding and blocks.

The scalar is read again from its source, character by character, by the rules of its style. What comes out is
compared with its text: where the two differ, no place is better than a wrong one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from synthspec.diagnostics import Span
from synthspec.document.source import Source
from synthspec.lazy_dataclass import dataclass

_ESCAPES = {"0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r",
            "e": "\x1b", " ": " ", '"': '"', "/": "/", "\\": "\\", "N": "\x85", "_": "\xa0", "L": "\u2028",
            "P": "\u2029"}  # fmt: skip
_DIGITS = {"x": 2, "u": 4, "U": 8}
_BLANK = " \t"

Placed = tuple[str, int, int]  # a character and its row and column, from 0


@dataclass(frozen=True, slots=True)
class ScalarPlaces:
    """One scalar: its file, its whole span, its style and its text."""

    source: Source
    whole: Span
    style: str
    text: str

    def span(self, start: int, end: int) -> Span:
        """The span of characters `start` to `end` (exclusive); the whole scalar where they cannot be found."""
        places = _positions_of(self)
        if not places:
            return self.whole
        start = max(0, min(start, len(places) - 1))
        end = max(start + 1, min(end, len(places)))
        (row, column), (end_row, end_column) = places[start], places[end - 1]
        return Span(self.source.file, row + 1, column + 1, end_row + 1, end_column + 2)

    def _positions(self) -> list[tuple[int, int]] | None:
        """(row, column) of every character of the text, or None when it does not come out as read."""
        read = {"|": self._literal, ">": self._folded, "": self._plain, "'": self._plain, '"': self._double}
        places: list[tuple[int, int]] = []
        for (char, row, column), wanted in zip(read[self.style](), self.text, strict=False):
            if char != wanted:
                return None
            places.append((row, column))
        return places if len(places) == len(self.text) else None

    # --- plain and quoted

    def _start(self) -> tuple[list[str], int, int]:
        return self.source.lines, self.whole.line - 1, self.whole.column - 1

    def _plain(self) -> Iterator[Placed]:
        """Plain and single-quoted text: line breaks fold, and in quotes two marks stand for one."""
        lines, row, column = self._start()
        quoted = self.style == "'"
        column += quoted
        while row < len(lines):
            line = lines[row]
            end = len(line.rstrip(_BLANK))
            while column < end:
                yield line[column], row, column
                column += 2 if quoted and line[column] == "'" else 1
            yield from _fold(lines, row, len(line.rstrip(_BLANK)))
            row, column = _next_text(lines, row)

    def _double(self) -> Iterator[Placed]:
        """Double-quoted text: escapes, and a backslash that takes a line break away."""
        lines, row, column = self._start()
        column += 1
        while row < len(lines):
            line = lines[row]
            joined = False
            end = len(line.rstrip(_BLANK))
            while column < end:
                if line[column] != "\\":
                    yield line[column], row, column
                    column += 1
                elif column + 1 == len(line):
                    joined = True
                    break
                else:
                    char, width = _unescape(line, column)
                    yield char, row, column
                    column += width
            if not joined:
                yield from _fold(lines, row, len(line.rstrip(_BLANK)))
            elif row + 1 < len(lines) and not lines[row + 1].strip():
                yield from _fold(lines, row + 1, len(lines[row + 1]), joined=True)
            row, column = _next_text(lines, row)

    # --- blocks

    def _block(self) -> tuple[list[str], int, int]:
        """The lines, the first row of the text, and its indentation."""
        lines, row, _ = self._start()
        row += 1
        first = next((r for r in range(row, len(lines)) if lines[r].strip()), len(lines))
        if first == len(lines):
            return lines, row, 0
        text = self.text.lstrip("\n")
        own = len(text) - len(text.lstrip(" "))
        return lines, row, max(0, len(lines[first]) - len(lines[first].lstrip(" ")) - own)

    def _literal(self) -> Iterator[Placed]:
        """Every line as it stands."""
        lines, row, indent = self._block()
        for at in range(row, len(lines)):
            line = lines[at]
            for column in range(indent, len(line)):
                yield line[column], at, column
            yield "\n", at, len(line)

    def _folded(self) -> Iterator[Placed]:
        """A single break between two lines of text is a space; lines that are indented further keep theirs."""
        lines, row, indent = self._block()
        while row < len(lines) and not lines[row].strip():
            yield "\n", row, len(lines[row])
            row += 1
        while row < len(lines):
            line = lines[row]
            for column in range(indent, len(line)):
                yield line[column], row, column
            empty = 0
            while row + 1 + empty < len(lines) and not lines[row + 1 + empty][indent:].strip(" "):
                if len(lines[row + 1 + empty]) > indent:
                    break
                empty += 1
            below = lines[row + 1 + empty] if row + 1 + empty < len(lines) else None
            flush = [t[indent : indent + 1] not in _BLANK for t in (line, below or "") if t[indent:]]
            if below is not None and len(flush) == 2 and all(flush) and self._goes_on(below, indent):
                if empty == 0:
                    yield " ", row, len(line)
            else:
                yield "\n", row, len(line)
            for at in range(row + 1, row + 1 + empty):
                yield "\n", at, len(lines[at])
            row += 1 + empty

    @staticmethod
    def _goes_on(line: str, indent: int) -> bool:
        """Whether a line belongs to the block: it is indented at least as far."""
        return not line[:indent].strip()


@lru_cache(maxsize=4)
def _positions_of(scalar: ScalarPlaces) -> list[tuple[int, int]] | None:
    """Where a scalar's characters stand, kept for the next fault in the same one; not to be changed."""
    return scalar._positions()


def _fold(lines: list[str], row: int, column: int, joined: bool = False) -> list[Placed]:
    """What a line break becomes: a space, or a break for each empty line after it."""
    empty = 0
    while row + 1 + empty < len(lines) and not lines[row + 1 + empty].strip():
        empty += 1
    if joined:
        return [("\n", at, len(lines[at])) for at in range(row, row + 1 + empty)]
    if empty == 0:
        return [(" ", row, column)]
    return [("\n", at, len(lines[at])) for at in range(row, row + empty)]


def _next_text(lines: list[str], row: int) -> tuple[int, int]:
    row += 1
    while row < len(lines) and not lines[row].strip():
        row += 1
    return row, len(lines[row]) - len(lines[row].lstrip(_BLANK)) if row < len(lines) else 0


def _unescape(line: str, column: int) -> tuple[str, int]:
    """The character that an escape stands for, and how many it is written with."""
    letter = line[column + 1 : column + 2]
    if letter in _DIGITS:
        digits = line[column + 2 : column + 2 + _DIGITS[letter]]
        try:
            return chr(int(digits, 16)), 2 + len(digits)
        except (ValueError, OverflowError):
            return "", 2
    return _ESCAPES.get(letter, ""), 2
