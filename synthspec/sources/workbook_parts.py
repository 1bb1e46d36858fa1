"""What openpyxl does not tell of a workbook that it only reads: merged cells, formulas that were never worked out."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

LARGEST = 64 * 1024 * 1024  # bytes of a sheet's part that is looked through
MOST_MERGED = 100_000  # cells that merged ranges may fill
_RANGE = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_UNKNOWN = re.compile(  # a cell with a formula and without a value
    rb"<(?:\w+:)?c\s([^>]*)>\s*<(?:\w+:)?f(?:\s[^>]*?)?(?:/>|>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>)?\s*</(?:\w+:)?c>"
)
_PLACE = re.compile(rb'\br="([A-Z]{1,3}\d{1,7})"')

Merged = tuple[int, int, int, int]  # first row and column, last row and column, from 0


def oddities(path: Path, sheet: Any) -> tuple[list[Merged], list[str]]:
    """The merged ranges of a sheet, and its cells with a formula that no program has worked out (`C2`).

    Of a sheet that is very large, nothing.
    """
    part = str(getattr(sheet, "_worksheet_path", "")).lstrip("/")
    with zipfile.ZipFile(path) as archive:
        if part not in archive.namelist() or archive.getinfo(part).file_size > LARGEST:
            return [], []
        text = archive.read(part)
    merged = [
        (int(top) - 1, _column(left), int(bottom) - 1, _column(right))
        for left, top, right, bottom in _RANGE.findall(text)
    ]
    unknown = [m for m in _UNKNOWN.findall(text) if b't="str"' not in m]  # a formula may come to an empty text
    return merged, [place[1].decode() for m in unknown if (place := _PLACE.search(m)) is not None]


def filled(lines: list[list[Any]], merged: Sequence[Merged]) -> list[list[Any]]:
    """The lines with every cell of a merged range in them as its first one is. A range in the first line, which names
    columns or is a title, stays as it is.
    """
    cells = 0
    for top, left, bottom, right in merged:
        if top == 0 or top >= len(lines) or left >= len(lines[top]):
            continue
        value = lines[top][left]
        for line in lines[top : bottom + 1]:
            cells += right - left + 1
            if cells > MOST_MERGED:
                return lines
            line += [None] * (right + 1 - len(line))
            line[left : right + 1] = [value] * (right + 1 - left)
    return lines


def _column(letters: bytes) -> int:
    """The number of a column, from 0.

    >>> _column(b"A"), _column(b"AB")
    (0, 27)
    """
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1
