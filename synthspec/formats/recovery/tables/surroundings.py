"""Lines of a reply that are no rows of its table: talk around it, and headers in other words."""

from __future__ import annotations

from collections.abc import Sequence

from synthspec.formats.recovery.foreign_lines import is_count, is_foreign
from synthspec.formats.recovery.tables.alignment import all_fit
from synthspec.formats.recovery.tables.cells import Record
from synthspec.formats.recovery.tables.header import looks_like_names
from synthspec.formats.recovery.tables.reader import ReplyTable
from synthspec.formats.recovery.wrappers import is_preamble


def is_talk(record: Record, table: ReplyTable) -> bool:
    """Whether a line that is no row is talk around the rows, not a row gone wrong."""
    line = record.source.strip()
    if table.free and is_count(line):
        return True
    if line.startswith('"') or table.pipe in line:
        return False
    if table.free and is_foreign(line, [c.field.name for c in table.fields]):
        return True
    return is_preamble(line) or line.endswith(":") or table.delimiter not in line


def stands_apart(index: int, body: Sequence[Record], table: ReplyTable) -> bool:
    """Whether a line before or after the block of rows, by itself between empty lines, is most likely talk.

    Asked only where no column's kind can tell a row from a sentence.
    """
    record = body[index]
    if any(c is not None and c.constrained for c in table.columns) or record.source.lstrip().startswith('"'):
        return False
    alone = sum(r.block == record.block for r in body) == 1
    others = [r.block for r in body[max(0, index - 3) : index + 4] if r.block != record.block]
    return alone and len(others) != len(set(others)) and index in (0, len(body) - 1)


def names_only(record: Record, table: ReplyTable) -> bool:
    """Whether the record is a header under other names: bare words that the columns cannot hold."""
    cells = record.cells
    if cells is None or len(cells) != len(table.columns) or not looks_like_names([c.text for c in cells]):
        return False
    return not all_fit(table.columns, cells)
