"""csv: one row a line, columns parted by commas; reads Markdown tables, tabs and semicolons too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthspec.formats import FormatFault, Parsed, Shape
from synthspec.formats.instructions.descriptions import count, describe_all
from synthspec.formats.recovery.coercion import FieldReader, spell
from synthspec.formats.recovery.refusals import refuse
from synthspec.formats.recovery.tables.cells import Record
from synthspec.formats.recovery.tables.lines import straight, unmarked
from synthspec.formats.recovery.tables.reader import ReadRecord, ReplyTable, read_under_delimiter
from synthspec.formats.recovery.tables.surroundings import is_talk, names_only, stands_apart
from synthspec.formats.recovery.wrappers import before_speaker, is_fence, read_last, unwrapped
from synthspec.spec.messages import Constraint
from synthspec.spec.rows import Rejection

SUMMARY = "a row a line, columns parted by commas; cheap in tokens"
OPTIONS: Mapping[str, str] = {}
_PREFIX = re.compile(
    r"\A\s*(?:output|answer|result|response|reply|csv|rows?|assistant)[ \t]*:[ \t]*(?=\")", re.IGNORECASE
)
SURPLUS = 2_000  # lines read beyond twenty for each row asked for; what comes after is not looked at


def faults(shape: Shape) -> Iterator[FormatFault]:
    """Why it cannot carry these fields."""
    yield from (
        (f"csv carries no {f.type}, which {f.name} is", "use json") for f in shape.fields if f.type.kind == "map"
    )


def instructions(shape: Shape) -> str:
    """What the prompt tells the model about the reply."""
    header = ",".join(shape.names)
    skeleton = ",".join('"…"' if _is_text(FieldReader(f)) else "…" for f in shape.fields)
    return (
        f"Reply with CSV: this header line, then {count(shape, 'row')}, one a line, "
        f"and nothing before or after, no code fence:\n{header}\n{skeleton}\n"
        'Put every text in double quotes, and write a double quote inside one as "".\n'
        f"The columns:\n{describe_all(shape)}"
    )


def constraint(shape: Shape) -> Constraint:
    """None: free text between commas is better asked for than forced."""
    return Constraint()


def write(rows: Sequence[Mapping[str, Any]], shape: Shape) -> str:
    """A header and a line for each row, every text in quotation marks."""
    columns = [FieldReader(f) for f in shape.fields]
    lines = [",".join(shape.names)]
    lines += [",".join(_cell(row.get(c.field.name), c, c.field.name in row) for c in columns) for row in rows]
    return "\n".join(lines)


def _cell(value: Any, column: FieldReader, present: bool) -> str:
    if value is None:
        return "" if not present or column.nullable else "null"
    text = spell(value)
    bare = not _is_text(column) and not set(text) & set(',"\n|;\t，،“”')
    return text if bare else '"' + text.replace('"', '""') + '"'


def _is_text(column: FieldReader) -> bool:
    return column.kind in ("text", "any", "list", "map")


def parse(text: str, shape: Shape) -> Parsed:
    """Every row that can be read in exactly one way."""
    return read_last("csv", text, shape, _read)


def _read(text: str, shape: Shape) -> Parsed:
    columns = [FieldReader(f) for f in shape.fields]
    tidied = _PREFIX.sub("", straight(unwrapped(before_speaker(text)), len(columns)), count=1)
    most = SURPLUS + 20 * shape.rows
    table = ReplyTable(tidied, columns, ",", most, shape.rows)
    if table.strict() and not _listed(tidied):
        return Parsed(tuple(table.values(r.cells or ()) for r in table.records[1:]))
    table = read_under_delimiter(_inside(unmarked(tidied)), columns, most, shape.rows)
    missing = [c.field.name for c in columns if c not in table.columns and not c.field.optional]
    start = 0 if table.header is None else table.header + 1
    body = [r for r in table.records[start:] if not table.is_header(r)]
    why = "the header is in other words" if table.unknown else f"the header lacks {', '.join(missing)}"
    if (missing or table.unknown) and body:
        cause = "unknown header" if table.unknown else "missing column"
        return Parsed((), tuple(refuse("csv", cause, why, r.source) for r in body))
    gathered = _Gathered(table, body)
    for index in range(len(body)):
        gathered.take(index)
    if len(table.records) == most:
        gathered.rejections.append(refuse("csv", "too long", f"only {most} lines were read", ""))
    return gathered.finish(text)


def _listed(text: str) -> bool:
    """Whether two rows or more stand in a list, each after its number or bullet."""
    return sum(a != b for a, b in zip(text.split("\n"), unmarked(text).split("\n"), strict=True)) > 1


def _inside(text: str) -> str:
    """The lines of the code fences, where a fence stands outside any quoted cell; the text itself else."""
    lines = text.split("\n")
    fences = [i for i, line in enumerate(lines) if is_fence(line)]
    if not fences or any(lines[i].strip().strip("`~") for i in fences[1:2]):
        return text
    if len(fences) == 1 and not any(line.strip() for line in lines[fences[0] + 1 :]):
        return "\n".join(lines[: fences[0]])
    end = fences[-1] if len(fences) > 1 else len(lines)
    return "\n".join(lines[fences[0] + 1 : end])


def _unlabelled(record: Record, table: ReplyTable) -> ReadRecord:
    """The row of a line in which every cell has its column's name before it; none else."""
    if record.cells is not None and len(record.cells) == len(table.columns) and table.labelled(record.cells):
        return table.read(record, False)
    return ReadRecord(cause="no row", why="the line is no row")


class _Gathered:
    """Rows and rejections of one reply. Lines that are no rows are left out where they are talk around them."""

    def __init__(self, table: ReplyTable, body: Sequence[Record]) -> None:
        self.table, self.body = table, body
        self.rows: list[dict[str, Any]] = []
        self.rejections: list[Rejection] = []
        self.waiting: list[tuple[Record, ReadRecord]] = []  # no rows, since the last row
        self.block = body[0].block if body else 0

    def take(self, index: int) -> None:
        record = self.body[index]
        if not self.rows and self.table.header is None and names_only(record, self.table):
            return
        if is_talk(record, self.table) and record.source.rstrip().endswith(":"):
            return
        if self.table.no_row(record):
            read = _unlabelled(record, self.table)
        else:
            read = self.table.read(record, index == len(self.body) - 1)
        if read.rows and not stands_apart(index, self.body, self.table):
            self._settle(between=bool(self.rows) or self.table.header is not None)
            self.rows += (self.table.values(cells) for cells in read.rows)
            self.block = record.block
        elif not read.rows:
            self.waiting.append((record, read))

    def _settle(self, between: bool) -> None:
        for record, read in self.waiting:
            outside = not between and record.block != self.block and not self._vouched(record)
            if not is_talk(record, self.table) and not outside:
                self.rejections.append(refuse("csv", read.cause, read.why, record.source))
        self.waiting.clear()

    def _vouched(self, record: Record) -> bool:
        """Whether a cell of the line can only be a value: then it is a row gone wrong."""
        pieces = record.source.split(self.table.delimiter)[:100]
        return record.source.lstrip().startswith('"') or any(
            c is not None and c.constrained and c.fits(p.strip()) for c in self.table.columns for p in pieces
        )

    def finish(self, text: str) -> Parsed:
        self._settle(between=False)
        if not self.rows and not self.rejections:
            self.rejections.append(refuse("csv", "no row", "the reply holds no row", text))
        return Parsed(tuple(self.rows), tuple(self.rejections))
