"""Where each character of a YAML scalar stands in its file, through quoting, escapes, folding and blocks."""

from __future__ import annotations

from dataclasses import dataclass

from synthspec.diagnostics import Span
from synthspec.source import Source

_ESCAPE_LENGTHS = {"x": 4, "u": 6, "U": 10}


@dataclass(frozen=True, slots=True)
class ScalarPlaces:
    """One scalar: its file, its whole span, its style and its text."""

    source: Source
    whole: Span
    style: str
    text: str

    def span(self, start: int, end: int) -> Span:
        """The span of characters `start` to `end` (exclusive); the whole scalar where they cannot be found."""
        places = self._positions()
        if places is None or not places:
            return self.whole
        start = max(0, min(start, len(places) - 1))
        end = max(start + 1, min(end, len(places)))
        line, column = places[start]
        end_line, end_column = places[end - 1]
        return Span(self.source.file, line, column, end_line, end_column + 1)

    def _positions(self) -> list[tuple[int, int]] | None:
        """(line, column) of every character of the text, or None when the two do not line up."""
        lines = self.source.lines
        row, col = self.whole.line - 1, self.whole.column - 1
        block = self.style in ("|", ">")
        indent = 0
        if block:
            row, indent = self._first_content(lines, row)
            col = indent
        elif self.style:
            col += 1
        found: list[tuple[int, int]] = []
        for index, char in enumerate(self.text):
            step = self._step(lines, row, col, char, indent, block, index)
            if step is None:
                return None
            (at_row, at_col), (row, col) = step
            found.append((at_row + 1, at_col + 1))
        return found

    def _first_content(self, lines: list[str], row: int) -> tuple[int, int]:
        row += 1
        first = row
        while first < len(lines) and not lines[first].strip():
            first += 1
        if first >= len(lines):
            return row, 0
        indent = len(lines[first]) - len(lines[first].lstrip(" "))
        leading = len(self.text) - len(self.text.lstrip(" ")) if self.text[:1] == " " else 0
        return row, max(0, indent - leading)

    def _step(
        self, lines: list[str], row: int, col: int, char: str, indent: int, block: bool, index: int
    ) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """The place of one character and where the next one begins."""
        if row >= len(lines):
            return ((len(lines) - 1, len(lines[-1])), (row, col)) if char == "\n" else None
        line = lines[row]
        if char in " \n" and line[col:].strip() == "" and not (block and char == " " and col < len(line)):
            here = (row, min(col, len(line)))
            after = self.text[index + 1 : index + 2]
            row += 1
            while (
                after != "\n" and row < len(lines) - 1 and not lines[row].strip() and (not block or self.style == ">")
            ):
                row += 1
            if block:
                return here, (row, indent)
            return here, (row, len(lines[row]) - len(lines[row].lstrip()) if row < len(lines) else 0)
        if col >= len(line):
            return None
        if self.style == '"' and line[col] == "\\":
            width = _ESCAPE_LENGTHS.get(line[col + 1 : col + 2], 2)
            return (row, col), (row, col + width)
        if line[col] != char:
            return None
        if self.style == "'" and char == "'":
            return (row, col), (row, col + 2)
        return (row, col), (row, col + 1)
