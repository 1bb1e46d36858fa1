"""Rows out of delimited text: header, delimiter, and a certain reading of each record."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from typing import Any

from synthspec.formats.recovery.coercion import FieldReader
from synthspec.formats.recovery.foreign_lines import is_count, is_foreign, is_sum
from synthspec.formats.recovery.tables.alignment import Effort, all_fit, fits, place, split_merged
from synthspec.formats.recovery.tables.cells import Cell, Record, records
from synthspec.formats.recovery.tables.header import fold, header_columns, is_known, looks_like_names, renamed_columns
from synthspec.formats.recovery.tables.lines import is_rule, trim_markdown
from synthspec.formats.recovery.tables.repair import break_doubled, break_quoted, label_inside, unfuse
from synthspec.formats.recovery.versions import is_restart
from synthspec.formats.recovery.wrappers import is_fence
from synthspec.lazy_dataclass import dataclass

DELIMITERS = (",", "|", "\t", ";", "，", "،")
_MARKUP = "*_` \t"


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """What a record turned out to be: rows of cells, or why not. Neither: it is no row at all."""

    rows: tuple[tuple[Cell, ...], ...] = ()
    cause: str = ""
    why: str = ""


class ReplyTable:
    """One reply read with one delimiter: its first `most` records."""

    def __init__(self, text: str, columns: Sequence[FieldReader], delimiter: str, most: int, wanted: int = 1) -> None:
        self.most, self.wanted = most, wanted
        self.fields = tuple(columns)
        self.delimiter = delimiter
        self.columns: list[FieldReader | None] = list(columns)
        self.effort = Effort(40 * len(text) + 200_000)
        self.pipe = next(c for c in map(chr, range(0xE000, 0xF8FF)) if c not in text)
        self.records = self._records(text)
        self.unknown = False  # the header is in words that do not say which column is which
        self.header = self._find_header()
        if self.header is None and self.records:
            self._find_renamed()
        self.style = self._find_style()
        self.quotes_all = self._quotes_all()

    def _records(self, text: str) -> list[Record]:
        if self.delimiter == "|":
            lines = text.split("\n")
            piped = sum(line.lstrip().startswith("|") for line in lines[:400]) > 1
            text = "\n".join(trim_markdown(line, self.pipe, piped) for line in lines)
        return [
            r
            for r in islice(records(text, self.delimiter, len(self.fields), self._vouched), self.most)
            if not is_rule(r.source) and not is_fence(r.source)
        ]

    def _vouched(self, cells: tuple[Cell, ...]) -> bool:
        """Whether cells are a row by their kinds, not by their number alone."""
        return any(c.constrained for c in self.fields) and all_fit(self.fields, cells)

    def _names(self, record: Record) -> list[str]:
        source = record.source
        if record.cells is not None:
            return [c.text for c in record.cells]
        return source.split(self.delimiter) if len(source) < 4000 else []

    def _find_header(self) -> int | None:
        """The index of the header among the records; sets the columns to its order."""
        for index, record in enumerate(self.records[:60]):
            found = header_columns(self._names(record), self.fields)
            if found is not None:
                self.columns = found
                return index
        return None

    @property
    def free(self) -> bool:
        """Whether every column holds any text: then its form alone tells a row from a sentence."""
        return not any(c is not None and c.constrained for c in self.columns)

    def _find_renamed(self) -> None:
        """Take the first record of exact width for a header in other words, where it can be nothing else."""
        whole = [(i, r) for i, r in enumerate(self.records[:200]) if r.cells and len(r.cells) == len(self.columns)]
        if len(whole) < 2 or len(self.columns) < 2:
            return
        index, first = whole[0]
        cells = [c.text for c in first.cells or ()]
        if not looks_like_names(cells):
            return
        bare = not any(c.quoted for c in first.cells or ())
        others = [r for _, r in whole[1:]]
        quoted = bare and all(all(c.quoted for c in r.cells or ()) for r in others)
        known = sum(map(is_known, cells)) == len(cells) > 1 and not any(is_known(c.text) for c in others[0].cells or ())
        surplus = len(whole) > self.wanted and not all(_named(r) for r in others)
        if not (not all_fit(self.columns, first.cells or ()) or (self.free and (quoted or known or surplus))):
            return
        self.header = index
        fitting = sum(all_fit(self.columns, r.cells or ()) for r in others)
        found = renamed_columns(cells, self.fields, not self.free and fitting >= max(2, 0.8 * len(others)))
        if found is None:
            self.unknown = True
        else:
            self.columns = found

    def is_header(self, record: Record) -> bool:
        if len(record.source) > 2000:
            return False
        if self.header is not None and record.source.strip() == self.records[self.header].source.strip():
            return True
        return header_columns(self._names(record), self.fields) is not None

    def _find_style(self) -> str | None:
        """How this reply parts its columns: `tight` or `spaced`, where header and exact rows agree."""
        head = [self.records[self.header]] if self.header is not None else []
        seen: set[bool] = set()
        for record in head + self.records[:200]:
            if record.cells is not None and len(record.cells) == len(self.columns) > 1 and "\n" not in record.source:
                bare = re.sub(r'"[^"]*"', "", record.source)
                seen |= {after[:1] in (" ", "\t") for after in bare.split(self.delimiter)[1:]}
                if record is not (head[0] if head else None) and not all_fit(self.columns, record.cells):
                    continue
        if len(seen) != 1:
            return None
        return "spaced" if seen.pop() else "tight"

    def _quotes_all(self) -> bool:
        """Whether rows of this reply have every cell in quotation marks, those too that need none."""
        return any(
            all(c.quoted for c in r.cells) and any(not set(c.text) & set(',"\n') for c in r.cells)
            for r in self.records[:200]
            if r.cells is not None and len(r.cells) == len(self.columns)
        )

    def no_row(self, record: Record) -> bool:
        """Whether a line is no row although its delimiters would make it one; but for sums, of free texts only."""
        line, cells = record.source.strip(), record.cells or ()
        if len(self.columns) > 1 and record is self.records[-1] and is_sum(line):
            return True
        if self.free and len(self.columns) == 1 and self.quotes_all and not any(c.quoted for c in cells):
            return is_foreign(line, [c.field.name for c in self.fields]) or is_restart(line)
        if not self.free or len(self.columns) < 2:
            return False
        if is_count(line):
            return True
        if any(c.quoted for c in cells) and line.startswith('"'):
            return False
        if is_foreign(line, [c.field.name for c in self.fields]):
            return True
        if self.quotes_all and not any(c.quoted for c in cells):
            return True
        if any(c.quoted for c in cells):
            return False
        spaced = any(p[:1].isspace() for p in line.split(self.delimiter)[1:])
        if self.header is not None:
            head = self.records[self.header].source.split(self.delimiter)[1:]
            tight = bool(head) and not any(p[:1].isspace() for p in head)
            apart = [p[:1].isspace() for p in line.split(self.delimiter)[1:]]
            return self.delimiter == "," and tight and all(apart) and len(apart) == len(self.columns) - 1
        return self.delimiter in "，،" or (self.delimiter == "," and spaced)

    def strict(self) -> bool:
        """Whether the reply is a header and exact rows, and nothing else."""
        width = len(self.columns)
        return (
            self.header == 0
            and not self.unknown
            and width == len(self.fields)
            and all(r.cells is not None and len(r.cells) == width for r in self.records)
            and not any(self.is_header(r) for r in self.records[1:])
            and all(all_fit(self.columns, r.cells or ()) and not self.no_row(r) for r in self.records[1:])
        )

    def exact(self) -> int:
        """How many of the first records are rows as they stand: the measure of a delimiter."""
        width = len(self.columns)
        return sum(
            r.cells is not None and len(r.cells) == width and all_fit(self.columns, r.cells) and not self.no_row(r)
            for r in self.records[:200]
        )

    def read(self, record: Record, last: bool) -> ReadRecord:
        """The record as rows, where that can be done in exactly one way."""
        columns = self.columns
        cells = record.cells
        if cells is not None and len(cells) == len(columns):
            return self._exact(cells)
        several = self._several(record)
        if several is not None:
            return several
        whole = self._one(record.source, cells)
        if len(whole) == 1:
            return ReadRecord((whole[0],))
        if len(whole) > 1:
            return ReadRecord(cause="ambiguous", why="the delimiters could part the columns in more than one way")
        if last and (record.opened or (cells is not None and len(cells) < len(columns))):
            return ReadRecord(cause="cut off", why="the last row is cut off")
        found = len(cells) if cells is not None else record.source.count(self.delimiter) + 1
        if found == len(columns):
            return ReadRecord(cause="quotation marks", why="the quotation marks do not pair")
        return ReadRecord(cause="wrong number of columns", why=f"{found} columns where {len(columns)} are wanted")

    def _exact(self, cells: tuple[Cell, ...]) -> ReadRecord:
        cells = self._unlabelled(cells)
        wrong = [i for i, (c, cell) in enumerate(zip(self.columns, cells, strict=True)) if not fits(c, cell)]
        for i in wrong:
            for j in (i - 1, i + 1):
                if j in wrong and (c := self.columns[j]) is not None and c.constrained and c.fits(cells[i].text):
                    return ReadRecord(cause="shifted", why=f"{c.field.name} stands in the wrong column")
        return ReadRecord((cells,))

    def _unlabelled(self, cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
        """The cells without the names of their columns, where every one begins with its own: `rating: 4`."""
        if not self.labelled(cells):
            return cells
        mark = _label_mark(cells)
        return tuple(Cell(c.text.partition(mark)[2].strip(), c.quoted) for c in cells)

    def labelled(self, cells: Sequence[Cell]) -> bool:
        """Whether every cell begins with the name of its column: `rating: 4`, `rating=4`."""
        mark = _label_mark(cells)
        if mark not in cells[0].text:
            return False
        parted = [c.text[:80].partition(mark)[0] for c in cells]
        return all(c and fold(c.field.name) == fold(p) for c, p in zip(self.columns, parted, strict=True))

    def _one(self, line: str, cells: tuple[Cell, ...] | None) -> list[tuple[Cell, ...]]:
        columns = self.columns
        width = len(columns)
        found: list[tuple[Cell, ...]] = []
        if "\n" not in line:
            found = place(line, self.delimiter, columns, self.effort, self.style)
        if found or cells is None:
            return found
        if len(cells) > width:
            filled = tuple(c for c in cells if c.text or c.quoted)
            return [filled] if all_fit(columns, filled) else []
        if width < 2:
            return []
        inside = label_inside(cells, columns)
        merged = split_merged(cells, columns)
        return [*merged, inside] if inside is not None and inside not in merged else merged

    def _several(self, record: Record) -> ReadRecord | None:
        """The record as several rows, each certain by itself and no other way to read them."""
        line = record.source
        if len(self.columns) < 2 or "\n" in line:
            return None
        rows = unfuse(line, self.delimiter, self.columns)
        if rows is not None:
            single = place(line, self.delimiter, self.columns, self.effort)
            if single:
                return ReadRecord(cause="ambiguous", why="this is one row or several")
            return ReadRecord(tuple(rows))
        for parts in (break_quoted(line, self.delimiter, self.columns[-1]), break_doubled(line)):
            if parts == [line]:
                continue
            made = [self._part(p) for p in parts]
            if all(len(m) == 1 for m in made):
                return ReadRecord(tuple(m[0] for m in made))
        return None

    def _part(self, line: str) -> list[tuple[Cell, ...]]:
        found = list(records(line, self.delimiter, len(self.columns), self._vouched))
        if len(found) != 1:
            return []
        cells = found[0].cells
        if cells is not None and all_fit(self.columns, cells):
            return [cells]
        for parts in (break_quoted(line, self.delimiter, self.columns[-1]),):
            if len(parts) == 1 and parts != [line]:
                return self._part(parts[0])
        return [w for w in self._one(line, cells) if all_fit(self.columns, w)]

    def values(self, cells: Sequence[Cell]) -> dict[str, Any]:
        """The typed values of one row, in the order of the fields."""
        made: dict[str, Any] = {}
        for column, cell in zip(self.columns, cells, strict=True):
            if column is None:
                continue
            text = cell.text.replace(self.pipe, "|")
            if not text and not cell.quoted and (column.field.optional or column.nullable):
                if not column.field.optional:
                    made[column.field.name] = None
                continue
            if column.constrained and not cell.quoted and not column.fits(text):
                bare = text.strip(_MARKUP)
                text = bare if column.fits(bare) else text
            made[column.field.name] = column.value(text)
        return {c.field.name: made[c.field.name] for c in self.fields if c.field.name in made}


def read_under_delimiter(text: str, columns: Sequence[FieldReader], most: int, wanted: int = 1) -> ReplyTable:
    """The reply under the delimiter that a header shows, else the one that gives the most exact rows."""
    piped = text.lstrip().startswith("|") or "\n|" in text
    if len(columns) == 1:
        return ReplyTable(text, columns, "|" if piped else ",", most)
    tables: list[tuple[bool, int, int, ReplyTable]] = []
    for delimiter in DELIMITERS:
        if delimiter not in text or (delimiter == "|" and not piped and text.count("|") < len(columns) - 1):
            continue
        table = ReplyTable(text, columns, delimiter, most, wanted)
        tables.append((table.header is not None, table.exact(), -DELIMITERS.index(delimiter), table))
    return max(tables, key=lambda t: t[:3])[3] if tables else ReplyTable(text, columns, ",", most, wanted)


def _label_mark(cells: Sequence[Cell]) -> str:
    """What parts a cell's label from its value, if it has one."""
    return "=" if all("=" in c.text[:80] for c in cells) else ":"


def _named(record: Record) -> bool:
    return looks_like_names([c.text for c in record.cells or ()])
