"""`rows: {each: source}`: a combination for every row of a source, in its order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthspec.languages.expressions import Expression, compile_row
from synthspec.languages.expressions.evaluation.columns import ColumnArray
from synthspec.languages.expressions.functions.placed import INDEX
from synthspec.languages.expressions.traversal import members_of
from synthspec.planning.drawing import Drawing, Values
from synthspec.sources import Table
from synthspec.sources.table import BLOCK
from synthspec.spec import RowsEach


def passing_rows(each: RowsEach, table: Table) -> Sequence[int]:
    """The rows of the source that are gone through, by number."""
    return range(len(table)) if each.where is None else rows_that_pass(each.where, table, range(len(table)))


def rows_that_pass(where: Expression, table: Table, among: Sequence[int]) -> Sequence[int]:
    """Those of some rows for which a condition over `row` alone holds."""
    test, read = compile_row(where), members_of(where, "row")
    names = None if read is None else [n for n in table.names if n in read]
    found: list[int] = []
    for start in range(0, len(among), BLOCK):
        some = among[start : start + BLOCK]
        found += (number for number, row in zip(some, table.rows(some, names), strict=True) if test({"row": row}))
    return found


def in_turn(values: Values, each: RowsEach, table: Table) -> Values:
    """What draws from the row of the source whose turn it is."""
    passing = passing_rows(each, table)
    rows = None if each.where is None else np.asarray(passing, dtype=np.int64)

    def draw(drawing: Drawing) -> ColumnArray:
        if each.source not in drawing.picked:
            turns = drawing.columns[INDEX] // each.times % max(1, len(passing))
            drawing.picked[each.source] = turns if rows is None else rows[turns]
        return values(drawing)

    return draw
