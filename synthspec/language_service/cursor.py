"""Where in a spec a cursor stands, found from the text before it alone, which need not be YAML at its line."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Literal

from synthspec.document.paths import NodePath
from synthspec.language_service.values import Position
from synthspec.lazy_dataclass import dataclass

CursorPart = Literal["key", "value", "either", "comment"]

_KEY = re.compile(
    r"""(?P<key>"(?:\\.|[^"\\])*"|'(?:''|[^'])*'|[^\s'"\[\]{},#&*!|>%@`-][^#]*?|-[^\s#][^#]*?)\s*:(?=\s|$)"""
)
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)+")
_BLOCK = re.compile(r"[|>][-+0-9]*\s*(?:#.*)?$")


@dataclass(frozen=True, slots=True)
class CursorPlace:
    """Where a cursor stands: in the value at `path`, in a key of the map there, or in what may become either."""

    path: NodePath
    part: CursorPart
    text: str = ""  # of the scalar before the cursor, as it is written; lines of a block without their indentation
    style: str = ""  # of the scalar: "", "'", '"' or "|"
    flow: bool = False  # between brackets
    indent: int = 0  # of the line


@dataclass(slots=True)
class _Frame:
    """A map or list that is open: where it begins, and the key or index that was read last."""

    column: int
    step: str | int
    flow: str = ""  # "{" or "["
    value: bool = False  # of a map in brackets: whether the colon was read
    empty: bool = True  # nothing stands after the key yet


@dataclass(slots=True)
class _Scan:
    frames: list[_Frame] = field(default_factory=list)
    quote: str = ""  # the mark of the quoted text that is open
    block: int = -1  # the indentation above which lines belong to a block text
    text: list[str] = field(default_factory=list)  # of the scalar that is open

    @property
    def path(self) -> NodePath:
        """The path of the value that is open: of a map in brackets before a colon, the map's."""
        return tuple(f.step for f in self.frames if not (f.flow == "{" and not f.value))

    @property
    def flow(self) -> bool:
        return bool(self.frames) and bool(self.frames[-1].flow)


def place_at(text: str, position: Position) -> CursorPlace:
    """The place of a cursor. Lines and columns from 1; one beyond the text counts as its end."""
    lines = text.split("\n")[: position.line]
    if not lines:
        return CursorPlace((), "key")
    last = lines[-1][: max(0, position.column - 1)]
    scan = _Scan()
    for line in lines[:-1]:
        _read_line(scan, line)
    return _read_last(scan, last)


def _read_last(scan: _Scan, line: str) -> CursorPlace:
    indent = len(line) - len(line.lstrip(" "))
    if scan.block >= 0:
        body = line[indent:]
        if indent > scan.block or (not body and len(line) > scan.block):
            own = min(indent, scan.block + 2)
            return CursorPlace(scan.path, "value", "\n".join((*scan.text, line[own:])), "|", indent=indent)
        scan.block = -1
    begun = not scan.quote and not scan.flow
    if begun and not line.strip():
        return _blank(scan, len(line))
    if begun:
        state = _read_block(scan, line, final=True)
    else:
        state = _read_inside(scan, line, 0)
    if state == "comment":
        return CursorPlace(scan.path, "comment", indent=indent)
    written = "\n".join(scan.text)
    if scan.quote:
        in_key = scan.flow and scan.frames[-1].flow == "{" and not scan.frames[-1].value
        return CursorPlace(scan.path, "key" if in_key else "value", written, scan.quote, scan.flow, indent)
    if scan.flow:
        frame = scan.frames[-1]
        part: CursorPart = "value" if frame.value else "key" if frame.flow == "{" else "either"
        return CursorPlace(scan.path, part, written.lstrip(), "", True, indent)
    if scan.block >= 0:
        return CursorPlace(scan.path, "comment", indent=indent)
    return CursorPlace(scan.path, state, written.lstrip(), "", False, indent)  # type: ignore[arg-type]


def _blank(scan: _Scan, column: int) -> CursorPlace:
    """A line on which nothing stands yet: by its column a key of an open map, or the first thing in a new one."""
    frames = [f for f in scan.frames if f.column <= column]
    if frames and frames[-1].column == column:
        above = tuple(f.step for f in frames[:-1])
        return CursorPlace(above, "key" if isinstance(frames[-1].step, str) else "comment", indent=column)
    if not frames:
        return CursorPlace((), "key", indent=column)
    inside = tuple(f.step for f in frames)
    part: CursorPart = "either" if frames[-1].empty and len(frames) == len(scan.frames) else "comment"
    return CursorPlace(inside, part, indent=column)


def _read_line(scan: _Scan, line: str) -> None:
    body = line.strip()
    indent = len(line) - len(line.lstrip(" "))
    if scan.block >= 0:
        if not body or indent > scan.block:
            scan.text.append(line[min(indent, scan.block + 2) :])
            return
        scan.block = -1
        scan.text = []
    if scan.quote or scan.flow:
        _read_inside(scan, line, 0)
        scan.text.append("")
        return
    scan.text = []
    if body and not body.startswith("#"):
        _read_block(scan, line, final=False)


def _read_block(scan: _Scan, line: str, final: bool) -> str:
    """A line outside of brackets and quotation marks; what the cursor at its end stands in."""
    column = len(line) - len(line.lstrip(" "))
    scan.text = []
    while True:
        dash = line[column : column + 1] == "-" and line[column + 1 : column + 2] in (" ", "")
        key = None if dash else _KEY.match(line, column)
        _close(scan, column, isinstance_list=dash)
        if dash:
            top = scan.frames[-1] if scan.frames else None
            if top is not None and top.column == column and isinstance(top.step, int):
                top.step, top.empty = top.step + 1, True
            else:
                _fill(scan)
                scan.frames.append(_Frame(column, 0))
            rest = column + 1
            rest += len(line[rest:]) - len(line[rest:].lstrip(" "))
            if rest >= len(line):
                return "either"
            column = rest
            continue
        if key is None:
            break
        name = _unquoted(key["key"])
        top = scan.frames[-1] if scan.frames else None
        if top is not None and top.column == column and isinstance(top.step, str):
            top.step, top.empty = name, True
        else:
            _fill(scan)
            scan.frames.append(_Frame(column, name))
        return _read_value(scan, line, key.end(), column)
    top = scan.frames[-1] if scan.frames else None
    if line[column : column + 1] in ("'", '"', "[", "{", "|", ">"):
        return _read_value(scan, line, column, top.column if top else 0)
    if line[column : column + 1] == "#":
        return "comment"
    if final:
        scan.text = [line[column:]]
        if top is not None and top.column == column and isinstance(top.step, str):
            scan.frames.pop()
            return "key"
        return "either" if top is None or top.empty else "value"
    return "value"


def _fill(scan: _Scan) -> None:
    if scan.frames:
        scan.frames[-1].empty = False


def _close(scan: _Scan, column: int, isinstance_list: bool) -> None:
    """Leave the maps and lists that end before a line which begins in this column."""
    while scan.frames and scan.frames[-1].column > column:
        scan.frames.pop()
    top = scan.frames[-1] if scan.frames else None
    if top is not None and top.column == column and isinstance(top.step, int) and not isinstance_list:
        scan.frames.pop()


def _read_value(scan: _Scan, line: str, column: int, indent: int) -> str:
    """What stands after a colon or a dash."""
    rest = line[column:]
    column += len(rest) - len(rest.lstrip(" "))
    properties = _PROPERTIES.match(line, column)
    column = properties.end() if properties is not None else column
    if column >= len(line):
        scan.text = [""]
        return "value" if line[-1:] == " " else "comment" if not line.endswith(":") else "value"
    if line[column] == "#":
        return "comment"
    _fill(scan)
    if line[column] in "|>" and _BLOCK.match(line, column):
        scan.block, scan.text = indent, []
        return "comment"
    return _read_inside(scan, line, column)


def _read_inside(scan: _Scan, line: str, column: int) -> str:
    """Characters of a value: brackets, quotation marks, plain text. What the cursor at the end stands in."""
    plain = not scan.flow and not scan.quote
    token = column
    while column < len(line):
        char = line[column]
        if scan.quote:
            if char == "\\" and scan.quote == '"':
                column += 1
            elif char == scan.quote:
                if scan.quote == "'" and line[column + 1 : column + 2] == "'":
                    column += 1
                else:
                    closed = "".join((*scan.text[-1:], line[token:column])) if scan.text else line[token:column]
                    scan.quote, scan.text = "", [f"\0{closed}"]
                    token = column + 1
                    plain = plain and not scan.flow
            column += 1
            continue
        if char in "'\"" and not line[token:column].strip() and not _has_closed(scan):
            scan.quote, scan.text, token = char, [], column + 1
        elif char == "#" and (column == 0 or line[column - 1] in " \t"):
            return "comment"
        elif not plain or (char in "[{" and not line[token:column].strip()):
            token, plain = _punctuation(scan, line, column, token, plain)
        column += 1
    if not _has_closed(scan):
        scan.text = [*scan.text, line[token:]] if scan.quote else [line[token:]]
    return "comment" if _has_closed(scan) and not scan.flow else "value"


def _has_closed(scan: _Scan) -> bool:
    return bool(scan.text) and scan.text[-1].startswith("\0")


def _punctuation(scan: _Scan, line: str, column: int, token: int, plain: bool) -> tuple[int, bool]:
    """A sign between brackets; where the next text begins."""
    char = line[column]
    written = line[token:column].strip()
    if char in "[{" and not written:
        scan.frames.append(_Frame(-1, 0 if char == "[" else "", char))
        scan.text = []
        return column + 1, False
    if not scan.flow:
        return token, plain
    frame = scan.frames[-1]
    if char in "]}":
        scan.frames.pop()
        scan.text = ["\0"]
        return column + 1, False
    if char == ",":
        frame.value = False
        frame.step = frame.step + 1 if isinstance(frame.step, int) else ""
        scan.text = []
        return column + 1, False
    quoted = _has_closed(scan)
    if char == ":" and frame.flow == "{" and not frame.value and (quoted or line[column + 1 : column + 2] in (" ", "")):
        frame.step = scan.text[-1][1:] if quoted else _unquoted(written)
        frame.value = True
        scan.text = []
        return column + 1, False
    return token, plain


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
