"""Edits that take a key with its value, or an item of a list, out of a text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from synthspec.diagnostics import Span
from synthspec.language_service.values import Edit


def removals(lines: Sequence[str], span: Span, key: str = "") -> Iterator[Edit]:
    """The ways to remove what stands at a span, or the key of this name on its line."""
    row = span.line - 1
    line = lines[row]
    column = line.find(f"{key}:") if key else span.column - 1
    if column < 0:
        return
    before = line[:column]
    if not before.strip(" -") and not before.rstrip().endswith("-"):
        yield _lines_out(lines, row, span.file)
        return
    if before.strip() == "-":
        yield _lines_out(lines, row, span.file)
    yield from _cut(line, column, span.line, span.file)


def _lines_out(lines: Sequence[str], row: int, file: str) -> Edit:
    """Without a line and all that is indented below it; without the key above where that is left with nothing."""
    depth = len(lines[row]) - len(lines[row].lstrip())
    end = row + 1
    while end < len(lines) and (not lines[end].strip() or _depth(lines[end]) > depth):
        end += 1
    while end > row + 1 and not lines[end - 1].strip():
        end -= 1
    alone = (end == len(lines) or _depth(lines[end]) < depth or not lines[end].strip()) and row > 0
    if alone and lines[row - 1].rstrip().endswith(":") and _depth(lines[row - 1]) < depth:
        row -= 1
    if end < len(lines):
        return Edit(Span(file, row + 1, 1, end + 1, 1), "")
    return Edit(Span(file, max(1, row), len(lines[row - 1]) + 1 if row else 1, end, len(lines[end - 1]) + 1), "")


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _cut(line: str, column: int, number: int, file: str) -> Iterator[Edit]:
    """Between brackets: without a key and its value, or an item, with the comma after it or before it."""
    start, end = column, item_end(line, column)
    if line[end : end + 1] == ",":
        end += 1 + len(line[end + 1 :]) - len(line[end + 1 :].lstrip(" "))
    else:
        head = line[:start].rstrip()
        start = len(head) - 1 if head.endswith(",") else start
    yield Edit(Span(file, number, start + 1, number, end + 1), "")


def item_end(line: str, column: int) -> int:
    """Where an item of brackets ends that begins at a column (from 0): at its comma, its bracket, or the line's end.

    >>> item_end("{a: [1, 2], b: 'x, y'}", 1), item_end("{a: [1, 2], b: 'x, y'}", 12)
    (10, 21)
    """
    end, depth, quote = column, 0, ""
    while end < len(line):
        char = line[end]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char in "[{(":
            depth += 1
        elif char in "]})":
            depth -= 1
        if not quote and (depth < 0 or (not depth and char == ",")):
            break
        end += 1
    return end
