"""Reading the rows of a damaged SQLite file without its tree: every page is looked at by itself.

SQLite reaches a row through pages that point to pages; one lost pointer hides thousands of sound rows. Here each page
that may hold rows is read where it lies, in the file and in its write-ahead log, and each column apart: a row whose
last pages are gone still gives its first columns. What is found may be stale or nonsense: whoever asks must check it.
Format: https://www.sqlite.org/fileformat2.html, §1.5, 1.6, 2.1 and 4.1.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from synthspec.lazy_dataclass import dataclass

PAGE = 4096  # bytes: what a store is made with
_LEAF = 0x0D  # a page of rows
_LOCAL = PAGE - 35  # bytes of a row that fit into its page whole
_LEAST = (PAGE - 12) * 32 // 255 - 23
_FRAME = 24  # bytes before each page of the log
_LOG_HEAD = 32
_LONGEST = 1 << 30
_LONGEST_HEAD = 160  # bytes: of the widest table, with room
_SHORTEST = 24  # bytes: less than the smallest row worth looking for
MISSING = object()  # a column that cannot be read

Accept = Callable[[int, list[Any]], bool]


@dataclass(frozen=True, slots=True)
class Carved:
    """Columns found at one place. `row` is the number of the row."""

    row: int
    values: list[Any]


class Pages:
    """The pages of a store and of its log. A page of the log stands for the one of the same number in the file."""

    def __init__(self, path: Path) -> None:
        self._base = _map(path)
        self._log = _map(path.with_name(path.name + "-wal"))
        self._logged: dict[int, int] = {}  # page → where its latest form lies in the log
        for at in range(_LOG_HEAD, len(self._log) - _FRAME - PAGE + 1, _FRAME + PAGE):
            (number,) = struct.unpack_from(">I", self._log, at)
            self._logged[number] = at + _FRAME

    def all(self) -> Iterator[tuple[bytes, bool]]:
        """Every page, a last one that is cut too, and whether it is the first, which begins with the file's header."""
        for at in range(0, len(self._base), PAGE):
            yield bytes(self._base[at : at + PAGE]), at == 0
        for at in range(_LOG_HEAD, len(self._log), _FRAME + PAGE):
            first = self._log[at : at + 4] == b"\0\0\0\1"
            yield bytes(self._log[at + _FRAME : at + _FRAME + PAGE]), first

    def find(self, number: int, logged: bool) -> bytes:
        """The content of one page, from the log if it is wanted and there; empty where there is none."""
        if logged and number in self._logged:
            at = self._logged[number]
            return bytes(self._log[at : at + PAGE])
        at = (number - 1) * PAGE
        return bytes(self._base[at : at + PAGE]) if number > 0 else b""

    def has_log(self) -> bool:
        """Whether there is a log to look into."""
        return bool(self._logged)

    def close(self) -> None:
        """Let go of the files."""
        for content in (self._base, self._log):
            if isinstance(content, mmap.mmap):
                content.close()


def carve(path: Path, widths: Collection[int], accept: Accept) -> Iterator[Carved]:
    """Every row of so many columns that can be found and that `accept` takes, some of them more than once.

    `accept` is given the number of a row and its values, with `MISSING` for each that cannot be read.
    """
    with closing(Pages(path)) as pages:
        for page, first in pages.all():
            found, doubtful = _listed(pages, page, 100 if first else 0, widths, accept)
            yield from found
            if doubtful:
                yield from _searched(pages, page, widths, accept, {c.row for c in found})


def _listed(
    pages: Pages, page: bytes, start: int, widths: Collection[int], accept: Accept
) -> tuple[list[Carved], bool]:
    """The rows that a page lists, and whether there may be more in it than can be found that way."""
    found: list[Carved] = []
    if len(page) < start + 8:
        return found, False
    count = int.from_bytes(page[start + 3 : start + 5], "big")
    if page[start] != _LEAF or count > PAGE // 4:
        return found, _may_hold_rows(page)
    doubtful, taken = False, bytearray(page)
    free = start + 8 + 2 * count
    taken[:free] = bytes(free)
    for place in range(start + 8, free, 2):
        cell = _cell(page, int.from_bytes(page[place : place + 2], "big"))
        if cell is None:
            doubtful = True
            continue
        taken[cell.begin : cell.end] = bytes(cell.end - cell.begin)
        carved = _read(pages, page, cell, widths, accept)
        if carved is not None:
            found.append(carved)
        elif not cell.sound or len(cell.types) in widths:
            doubtful = True
    return found, doubtful or len(taken.strip(b"\0")) >= _SHORTEST


def _may_hold_rows(page: bytes) -> bool:
    """Whether a page of another kind is one of rows with a damaged head: pages of indexes and of long texts are not."""
    return page[0] not in (0x02, 0x0A) and (page[0] != 0 or not any(page[:8])) and any(page)


def _searched(pages: Pages, page: bytes, widths: Collection[int], accept: Accept, known: set[int]) -> Iterator[Carved]:
    """Rows found by trying every place of a page."""
    for at in range(len(page) - 4):
        cell = _cell(page, at)
        if cell is None or len(cell.types) not in widths:
            continue
        carved = _read(pages, page, cell, widths, accept)
        if carved is not None and carved.row not in known:
            known.add(carved.row)
            yield carved


def _read(pages: Pages, page: bytes, cell: _Cell, widths: Collection[int], accept: Accept) -> Carved | None:
    if len(cell.types) not in widths:
        return None
    for logged in (True, False) if pages.has_log() else (False,):
        values = _values(_payload(pages, page, cell, logged), cell)
        if accept(cell.row, values):
            return Carved(cell.row, values)
    return None


@dataclass(frozen=True, slots=True)
class _Cell:
    """Where a row lies in its page, as its first bytes say."""

    row: int
    begin: int
    content: int  # where its payload begins
    end: int  # of what lies in this page
    size: int  # of its payload
    head: int  # bytes of its payload before the columns
    types: list[int]
    sound: bool  # whether its columns fill its payload


def _cell(page: bytes, at: int) -> _Cell | None:
    """The row that begins at a place; None for what can be none."""
    try:
        size, place = _varint(page, at)
        row, content = _varint(page, place)
        head, place = _varint(page, content)
        if not 1 < head <= _LONGEST_HEAD or not head <= size <= _LONGEST:
            return None
        types: list[int] = []
        while place < content + head:
            kind, place = _varint(page, place)
            types.append(kind)
    except IndexError:
        return None
    if place != content + head:
        return None
    local = _local(size)
    end = content + local + (4 if local < size else 0)
    return _Cell(row, at, content, min(end, PAGE), size, head, types, head + sum(map(_size, types)) == size)


def _local(size: int) -> int:
    """How much of a payload lies in the page of its row."""
    if size <= _LOCAL:
        return size
    local = _LEAST + (size - _LEAST) % (PAGE - 4)
    return local if local <= _LOCAL else _LEAST


def _size(kind: int) -> int:
    return (kind - 12) // 2 if kind >= 12 else (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)[kind]


def _payload(pages: Pages, page: bytes, cell: _Cell, logged: bool) -> bytes:
    """A row's bytes, as far as its pages can be followed."""
    local = _local(cell.size)
    parts = [page[cell.content : cell.content + local]]
    left = cell.size - local
    if left:
        following = int.from_bytes(page[cell.content + local : cell.content + local + 4], "big")
    seen: set[int] = set()
    while left > 0 and following not in seen:
        seen.add(following)
        content = pages.find(following, logged)
        if len(content) <= 4:
            break
        parts.append(content[4 : 4 + left])
        left -= PAGE - 4
        following = int.from_bytes(content[:4], "big")
    return b"".join(parts)


def _values(payload: bytes, cell: _Cell) -> list[Any]:
    at = cell.head
    values: list[Any] = []
    for kind in cell.types:
        size = _size(kind)
        values.append(_value(kind, payload[at : at + size]) if at + size <= len(payload) else MISSING)
        at += size
    return values


def _value(kind: int, raw: bytes) -> Any:
    if kind == 0:
        return None
    if kind < 7:
        return int.from_bytes(raw, "big", signed=True)
    if kind == 7:
        return struct.unpack(">d", raw)[0]
    if kind < 10:
        return kind - 8
    if kind < 12:
        return MISSING
    if kind % 2 == 0:
        return raw
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return MISSING


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(at, at + 8):
        byte = data[place]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + 1
    return value << 8 | data[at + 8], at + 9


def _map(path: Path) -> mmap.mmap | bytes:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                return b""
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError:
        return b""
