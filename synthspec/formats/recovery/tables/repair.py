"""Several rows on one line, and cells or rows whose separator was left out. Only on certain evidence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from synthspec.formats.recovery.coercion import FieldReader
from synthspec.formats.recovery.tables.alignment import all_fit, fits
from synthspec.formats.recovery.tables.cells import Cell

_ROWS = 60  # rows on one line, at most
_FUSED = 120  # characters in a cell that may hold the end of one row and the start of the next
_LABEL = re.compile(r'(?P<text>.*[.!?…]["\')]?)\s+(?P<label>[^\s.,!?"]{1,40})\Z', re.DOTALL)


def break_quoted(line: str, delimiter: str, last: FieldReader | None) -> list[str]:
    """The line cut where a bare value of the last column is followed by an opening quotation mark.

    `"a", "b",N"c", "d",D` -> `"a", "b",N` and `"c", "d",D`. A delimiter left out between a closing mark and
    such a value is put in. One piece where there is nothing to cut.
    """
    if last is None or not last.constrained or '"' not in line:
        return [line]
    d = re.escape(delimiter)
    pattern = re.compile(
        rf'(?P<before>"|{d})(?P<gap>[ \t]*)(?P<bare>[^\s"{d}]{{1,40}})[ \t]*(?=(?P<next>"(?=[^\s{d}"]))|\Z)'
    )
    made: list[str] = []
    cut = 0
    kept = ""
    marks = seen = 0
    for match in pattern.finditer(line):
        marks, seen = marks + line.count('"', seen, match.start()), match.start()
        if not last.fits(match["bare"]) or marks % 2 != (match["before"] == '"'):
            continue
        kept += line[cut : match.start()] + match["before"]
        kept += (delimiter if match["before"] == '"' else "") + match["bare"]
        cut = match.end()
        if match["next"]:
            made.append(kept)
            kept = ""
    rest = kept + line[cut:]
    return [*made, rest] if rest.strip() else made


def break_doubled(line: str) -> list[str]:
    """The line cut where a closing quotation mark meets an opening one: `…"` `"…`."""
    return re.split(r'(?<=[^\s,;"]")(?="[^\s,;"])', line)


def unfuse(line: str, delimiter: str, columns: Sequence[FieldReader | None]) -> list[tuple[Cell, ...]] | None:
    """Rows of bare cells joined by a delimiter, a space or nothing; None where another reading is left."""
    width = len(columns)
    pieces = [p.strip() for p in line.split(delimiter)]
    if width < 2 or not any(c is not None and c.constrained for c in columns) or '"' in line:
        return None
    found = []
    if len(pieces) % width == 0 and 2 <= len(pieces) // width <= _ROWS:
        found.append(_chunks(pieces, columns))
    count, over = divmod(len(pieces) - 1, width - 1)
    if not over and 2 <= count <= _ROWS:
        found.append(_chunks(_parted(pieces, columns), columns))
    rows = [f for f in found if f]
    return rows[0] if len(rows) == 1 else None


def _parted(pieces: Sequence[str], columns: Sequence[FieldReader | None]) -> list[str]:
    """The pieces with each that holds the end of one row and the start of the next in two; [] if unclear."""
    parted = [pieces[0]]
    for i, piece in enumerate(pieces[1:], 1):
        if i % (len(columns) - 1) or i == len(pieces) - 1:
            parted.append(piece)
            continue
        cuts = list(_cuts(piece, columns[-1], columns[0]))
        if len(cuts) != 1:
            return []
        parted += cuts[0]
    return parted


def _chunks(pieces: Sequence[str], columns: Sequence[FieldReader | None]) -> list[tuple[Cell, ...]] | None:
    width = len(columns)
    rows = [tuple(Cell(p) for p in pieces[i : i + width]) for i in range(0, len(pieces), width)]
    return rows if all(all_fit(columns, r) for r in rows) else None


def _cuts(piece: str, last: FieldReader | None, first: FieldReader | None) -> Iterator[tuple[str, str]]:
    """Where a cell parts into the last column's value and the first column's: at a space, if it has one."""
    if last is None or not last.constrained or len(piece) > _FUSED:
        return
    spaces = [m.start() for m in re.finditer(r"\s+", piece)]
    found = 0
    for at in spaces or range(1, len(piece)):
        left, right = piece[:at].strip(), piece[at:].strip()
        bare = first is not None and first.constrained
        if last.fits(left) and (fits(first, Cell(right)) if bare or spaces else False):
            found += 1
            yield left, right
            if found > 1:
                return


def label_inside(cells: Sequence[Cell], columns: Sequence[FieldReader | None]) -> tuple[Cell, ...] | None:
    """The cells with the last column's value taken out of the last cell, if it stands after a sentence.

    `"…such a relief. D"` -> `…such a relief.` and `D`.
    """
    last = columns[-1]
    if last is None or not last.constrained or len(cells) != len(columns) - 1 or not cells[-1].quoted:
        return None
    match = _LABEL.match(cells[-1].text.rstrip())
    if match is None or not last.fits(match["label"]):
        return None
    made = (*cells[:-1], Cell(match["text"], True), Cell(match["label"]))
    return made if all_fit(columns, made) else None
