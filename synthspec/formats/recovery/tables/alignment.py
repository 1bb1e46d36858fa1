"""Which stretch of a line belongs to which column, by what the columns can hold. One reading, or none."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from synthspec.formats.recovery.coercion import FieldReader
from synthspec.formats.recovery.tables.cells import Cell, read_stretch
from synthspec.lazy_dataclass import dataclass

LONGEST_ROW = 600  # delimiters in a line that still are placed
_MARKUP = "*_` \t"


@dataclass(slots=True)
class Effort:
    """Work left for placing delimiters in one reply: it keeps the whole linear."""

    left: int


def fits(column: FieldReader | None, cell: Cell) -> bool:
    """Whether the cell can be of the column. A column the spec does not know holds anything."""
    if column is None or not column.constrained:
        return True
    if not cell.text and not cell.quoted and (column.field.optional or column.nullable):
        return True
    return column.fits(cell.text) or (not cell.quoted and column.fits(cell.text.strip(_MARKUP)))


def all_fit(columns: Sequence[FieldReader | None], cells: Sequence[Cell]) -> bool:
    return len(columns) == len(cells) and all(map(fits, columns, cells))


def place(
    line: str, delimiter: str, columns: Sequence[FieldReader | None], effort: Effort, style: str | None = None
) -> list[tuple[Cell, ...]]:
    """Up to two ways in which the line's pieces fill the columns, strict readings before loose ones.

    `style` is how this reply separates columns where that is known: `tight` (`a,b`) or `spaced` (`a, b`). It
    decides when the columns alone do not: a comma of the other kind is part of a text.
    """
    pieces = line.split(delimiter)
    if not len(columns) <= len(pieces) <= LONGEST_ROW:
        return []
    found = _ways(pieces, delimiter, columns, effort)
    if len(found) > 1 and style is not None:
        pieces = _by_style(pieces, delimiter, style)
        if len(pieces) >= len(columns):
            return _ways(pieces, delimiter, columns, effort)
    return found


def _by_style(pieces: Sequence[str], delimiter: str, style: str) -> list[str]:
    joined = [pieces[0]]
    for piece in pieces[1:]:
        if (style == "tight") == piece[:1].isspace():
            joined[-1] += delimiter + piece
        else:
            joined.append(piece)
    return joined


def _ways(
    pieces: Sequence[str], delimiter: str, columns: Sequence[FieldReader | None], effort: Effort
) -> list[tuple[Cell, ...]]:
    search = _Search(pieces, delimiter, columns, effort)
    return search.run(strict=True) or (search.run(strict=False) if any('"' in p for p in pieces) else [])


class _Search:
    """Depth first over the columns, kept narrow by which pieces can still be reached from the right."""

    def __init__(
        self, pieces: Sequence[str], delimiter: str, columns: Sequence[FieldReader | None], effort: Effort
    ) -> None:
        self.pieces, self.delimiter, self.columns, self.effort = pieces, delimiter, columns, effort
        self.read: dict[tuple[int, int], tuple[Cell, bool] | None] = {}
        self.reach = self._reach()

    def _cell(self, start: int, end: int) -> tuple[Cell, bool] | None:
        key = (start, end)
        if key not in self.read:
            raw = self.delimiter.join(self.pieces[start:end])
            self.effort.left -= 20 + len(raw)
            self.read[key] = read_stretch(raw, self.delimiter) if self.effort.left > 0 else None
        return self.read[key]

    def _can(self, index: int, start: int, end: int, strict: bool) -> Cell | None:
        found = self._cell(start, end)
        if found is None or (strict and not found[1]) or not fits(self.columns[index], found[0]):
            return None
        return found[0]

    def _reach(self) -> list[set[int]]:
        """For each column, at least the pieces at which it can begin so that the rest still fits."""
        last = len(self.pieces)
        reach: list[set[int]] = [{last}]
        for index in range(len(self.columns) - 1, -1, -1):
            after, width = reach[-1], _width(self.columns[index], self.delimiter)
            if not after:
                starts: set[int] = set()
            elif width is None:
                starts = set(range(index, max(after)))
            else:
                starts = {
                    end - n
                    for end in after
                    for n in range(1, width + 1)
                    if end - n >= index and self._can(index, end - n, end, False) is not None
                }
            reach.append(starts)
        return reach[::-1]

    def run(self, strict: bool) -> list[tuple[Cell, ...]]:
        if 0 not in self.reach[0]:
            return []
        found: list[tuple[Cell, ...]] = []
        for way in self._from(0, 0, strict):
            if self._tight(way):
                continue
            found.append(tuple(cell for cell, _ in way))
            if len(found) > 1:
                break
        return found if self.effort.left > 0 else []

    def _tight(self, way: tuple[tuple[Cell, int], ...]) -> bool:
        """Whether cells of a row without spaces after its delimiters were joined: then one is surplus."""
        at, between, within = 0, False, False
        for cell, end in way:
            tight = [not p[:1].isspace() for p in self.pieces[at + 1 : end]]
            within = within or (any(tight) and not cell.quoted)
            between = between or (at > 0 and not self.pieces[at][:1].isspace())
            at = end
        return between and within and len(self.columns) > 1

    def _from(self, index: int, start: int, strict: bool) -> Iterator[tuple[tuple[Cell, int], ...]]:
        if index == len(self.columns):
            yield ()
            return
        width = _width(self.columns[index], self.delimiter)
        for end in sorted(e for e in self.reach[index + 1] if e > start):
            if self.effort.left <= 0 or (width is not None and end - start > width):
                return
            cell = self._can(index, start, end, strict)
            if cell is not None:
                for rest in self._from(index + 1, end, strict):
                    yield ((cell, end), *rest)


def _width(column: FieldReader | None, delimiter: str) -> int | None:
    """How many pieces the column takes at most; None for any number."""
    if column is None or not column.constrained:
        return None
    return column.pieces(delimiter)


def split_merged(cells: Sequence[Cell], columns: Sequence[FieldReader | None]) -> list[tuple[Cell, ...]]:
    """Up to two ways to fill the columns where some cells hold several values, each of a known kind."""
    ways: list[list[tuple[int, tuple[Cell, ...]]]] = [[(0, ())]]
    for cell in cells:
        made: list[tuple[int, tuple[Cell, ...]]] = []
        for used, before in ways[-1]:
            if used < len(columns) and fits(columns[used], cell):
                made.append((used + 1, (*before, cell)))
            for parts in _partings(cell.text):
                wanted = columns[used : used + len(parts)]
                held = all(c is not None and c.constrained and fits(c, p) for c, p in zip(wanted, parts, strict=False))
                if len(wanted) == len(parts) and held:
                    made.append((used + len(parts), (*before, *parts)))
        ways.append(made[:16])
    return list(dict.fromkeys(way for used, way in ways[-1] if used == len(columns)))[:2]


def _partings(text: str) -> Iterator[tuple[Cell, ...]]:
    if len(text) > 200:
        return
    seen = set()
    for pattern in (r"\s*[,;|/]\s*", r"\s+", r"[,;|/\s]+"):
        parts = tuple(Cell(p) for p in re.split(pattern, text.strip()))
        if 2 <= len(parts) <= 4 and parts not in seen:
            seen.add(parts)
            yield parts
