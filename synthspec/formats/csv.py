"""csv: one row a line, columns parted by commas; reads Markdown tables, tabs and semicolons too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthspec.formats import Parsed, Shape
from synthspec.formats._cells import Record
from synthspec.formats._clean import is_fence, tidy
from synthspec.formats._coerce import Column, spell
from synthspec.formats._describe import count, describe_all
from synthspec.formats._refuse import refuse
from synthspec.formats._table import Read, Table, looks_like_prose, names_only, open_table, unmarked
from synthspec.records import Constraint, Rejection

SUMMARY = "a row a line, columns parted by commas; cheap in tokens"
OPTIONS: Mapping[str, str] = {}
SURPLUS = 2_000  # lines read beyond twenty for each row asked for; what comes after is not looked at


def faults(shape: Shape) -> Iterator[str]:
    """Why it cannot carry these fields."""
    yield from (f"csv carries no {f.type}, which {f.name} is: use json" for f in shape.fields if f.type.kind == "map")


def instructions(shape: Shape) -> str:
    """What the prompt tells the model about the reply."""
    header = ",".join(shape.names)
    skeleton = ",".join('"…"' if _is_text(Column(f)) else "…" for f in shape.fields)
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
    columns = [Column(f) for f in shape.fields]
    lines = [",".join(shape.names)]
    lines += [",".join(_cell(row.get(c.field.name), c, c.field.name in row) for c in columns) for row in rows]
    return "\n".join(lines)


def _cell(value: Any, column: Column, present: bool) -> str:
    if value is None:
        return "" if not present or column.nullable else "null"
    text = spell(value)
    bare = not _is_text(column) and not set(text) & set(',"\n|;\t')
    return text if bare else '"' + text.replace('"', '""') + '"'


def _is_text(column: Column) -> bool:
    return column.kind in ("text", "any", "list", "map")


def parse(text: str, shape: Shape) -> Parsed:
    """Every row that can be read in exactly one way."""
    columns = [Column(f) for f in shape.fields]
    tidied = tidy(text)
    most = SURPLUS + 20 * shape.rows
    table = Table(tidied, columns, ",", most)
    if table.strict():
        return Parsed(tuple(table.values(r.cells or ()) for r in table.records[1:]))
    table = open_table(_inside(unmarked(tidied)), columns, most)
    missing = [c.field.name for c in columns if c not in table.columns and not c.field.optional]
    gathered = _Gathered(table)
    start = 0 if table.header is None else table.header + 1
    body = [r for r in table.records[start:] if not table.is_header(r)]
    if missing and body:
        why = f"the header lacks {', '.join(missing)}"
        return Parsed((), tuple(refuse("csv", "missing column", why, r.source) for r in body))
    for index, record in enumerate(body):
        gathered.take(record, index == len(body) - 1)
    if len(table.records) == most:
        gathered.rejections.append(refuse("csv", "too long", f"only {most} lines were read", ""))
    return gathered.finish(text)


def _inside(text: str) -> str:
    """The lines of the code fences, where a fence stands outside any quoted cell; the text itself else."""
    lines = text.split("\n")
    fences = [i for i, line in enumerate(lines) if is_fence(line)]
    if not fences or any(lines[i].strip().strip("`~") for i in fences[1:2]):
        return text
    end = fences[-1] if len(fences) > 1 else len(lines)
    return "\n".join(lines[fences[0] + 1 : end])


class _Gathered:
    """Rows and rejections of one reply. Lines that are no rows count only between rows."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.rows: list[dict[str, Any]] = []
        self.rejections: list[Rejection] = []
        self.waiting: list[tuple[Record, Read]] = []

    def take(self, record: Record, last: bool) -> None:
        if not self.rows and self.table.header is None and self._announces(record):
            return
        read = self.table.read(record, last)
        if not read.rows:
            self.waiting.append((record, read))
            return
        self._settle()
        self.rows += (self.table.values(cells) for cells in read.rows)

    def _announces(self, record: Record) -> bool:
        return names_only(record, self.table) or (
            looks_like_prose(record, self.table) and record.source.rstrip().endswith(":")
        )

    def _settle(self) -> None:
        for record, read in self.waiting:
            if not looks_like_prose(record, self.table):
                self.rejections.append(refuse("csv", read.cause, read.why, record.source))
        self.waiting.clear()

    def finish(self, text: str) -> Parsed:
        self._settle()
        if not self.rows and not self.rejections:
            self.rejections.append(refuse("csv", "no row", "the reply holds no row", text))
        return Parsed(tuple(self.rows), tuple(self.rejections))
