"""Where the lines of a large text file begin: found once, in little memory, and remembered by the file's mark."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthspec.sources.cache import cached_path, write_cached
from synthspec.sources.fingerprints import FileMark, changed, mark_of
from synthspec.sources.table import TableFault

BLOCK = 8 << 20  # bytes read at once
LONGEST_LINE = 64 << 20
_NEWLINE, _SPACES = 10, (9, 10, 11, 12, 13, 32)
_BOM = b"\xef\xbb\xbf"

Starts = NDArray[np.int64]


def line_starts(path: Path, mark: FileMark) -> Starts:
    """The offset of every line that is not blank, and the size of the file at the end.

    Raises:
        OSError: it cannot be read.
        TableFault: a line is too long, or the file changed meanwhile.
    """
    name = mark.name(path, "lines 1")
    known = _remembered(name, mark)
    if known is not None:
        return known
    with tempfile.TemporaryFile() as made:
        with path.open("rb", buffering=0) as file:
            begun, row = 0, 0
            for part, end in _starts(file.fileno(), mark.size):
                _refuse_long(begun, part, end, row)
                begun, row = int(part[-1]) if len(part) else begun, row + len(part)
                made.write(part.tobytes())
            made.write(np.array([mark.size], dtype=np.int64).tobytes())
            if mark_of(file.fileno()) != mark:
                raise changed(path)
        made.flush()
        if mark.is_settled():
            made.seek(0)
            write_cached(name, made)
        starts: Starts = np.memmap(made, dtype=np.int64, mode="r")
        return starts


def _refuse_long(begun: int, starts: Starts, end: int, row: int) -> None:
    """Refuse a line of more than LONGEST_LINE bytes before it is read. `row` counts the lines begun before these, and
    what is known of the file ends at `end`.
    """
    lengths = np.diff(starts, prepend=begun, append=end)
    if len(lengths) and lengths.max() > LONGEST_LINE:
        number = max(1, row + int(lengths.argmax()))
        size, most = int(lengths.max()) / 1e6, LONGEST_LINE // 1_000_000
        raise TableFault(f"row {number:,} is {size:,.0f} MB long; at most {most} MB are read", "write one row a line")


def _remembered(name: str, mark: FileMark) -> Starts | None:
    path = cached_path(name)
    if path is None:
        return None
    try:
        starts: Any = np.memmap(path, dtype=np.int64, mode="r")
    except (OSError, ValueError):
        return None
    sound = len(starts) and starts[-1] == mark.size and starts[0] >= 0 and (len(starts) < 2 or starts[0] < starts[-1])
    return starts if sound else None


def _starts(file: int, size: int) -> Iterator[tuple[Starts, int]]:
    """The starts of the lines of an open file, block by block, without those of blank lines; where each block ends."""
    at, waiting = 0, True  # whether a line begins with the block's first byte
    while at < size:
        block = os.pread(file, BLOCK, at)
        if not block:
            return
        if at == 0 and block.startswith(_BOM):
            block, at = block[len(_BOM) :], len(_BOM)
        found = np.frombuffer(block, dtype=np.uint8)
        begins = np.flatnonzero(found == _NEWLINE) + 1
        if waiting:
            begins = np.concatenate([np.zeros(1, dtype=begins.dtype), begins])
        waiting = bool(len(begins)) and begins[-1] == len(block)
        begins = begins[:-1] if waiting else begins
        spaces = np.isin(found[begins], _SPACES)
        if spaces.any():
            blank = [begin for begin in begins[spaces].tolist() if _is_blank(file, at + begin)]
            begins = begins[~np.isin(begins, blank)] if blank else begins
        yield begins.astype(np.int64) + at, at + len(block)
        at += len(block)


def _is_blank(file: int, start: int) -> bool:
    """Whether there is nothing but white space from here to the end of the line."""
    while piece := os.pread(file, 256, start):
        line, ended, _ = piece.partition(b"\n")
        if line.strip():
            return False
        if ended:
            return True
        start += len(piece)
    return True
