"""Draws from a source: a column or the whole row of one that all such draws share, several rows, or the most alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthspec.languages.expressions import Expression, evaluate, names_of
from synthspec.languages.expressions.evaluation.columns import ColumnArray, conform_column, objects, pack, unpack
from synthspec.languages.expressions.functions.texts import as_text
from synthspec.languages.expressions.random.quantiles import level_of
from synthspec.languages.expressions.traversal import members_of
from synthspec.languages.expressions.types import ANY
from synthspec.planning.drawing import MAX_LEVELS, DrawFault, Drawing, Values
from synthspec.planning.list_draws import ItemCounts
from synthspec.planning.sampling.alike import Alike
from synthspec.planning.sampling.some import draw_some
from synthspec.sources import Table
from synthspec.spec import SourceDraw

Indexed = Callable[[SourceDraw], Alike]
_NONE = np.arange(0)


def one_row(parameter: str, draw_of: SourceDraw, table: Table, filters: tuple[Expression, ...]) -> Values:
    """A column of the row that every draw of one from this source takes, or the whole row as a map."""
    name, column = draw_of.source, draw_of.column
    whole = pack(list(table.columns[column])) if column and table.in_memory else None
    kind = table.column_type(column) if column else ANY

    def draw(drawing: Drawing) -> ColumnArray:
        if name not in drawing.picked:
            drawing.picked[name] = _shared(parameter, name, table, filters, drawing)
        picked = drawing.picked[name]
        if whole is not None:
            return whole[picked]
        places = picked.tolist()
        if column:  # the same kind of column, whichever rows are read
            return conform_column(pack(table.values(column, places), kind.kind), kind)
        return objects(table.rows(places), drawing.length)

    return draw


def _shared(
    parameter: str, name: str, table: Table, filters: tuple[Expression, ...], drawing: Drawing
) -> NDArray[np.int64]:
    u = drawing.uniforms[f"source:{name}"]
    if not filters:
        if len(table) <= MAX_LEVELS:
            return level_of(u, (1.0,) * len(table))
        return np.minimum((u * len(table)).astype(np.int64), len(table) - 1)
    picked = np.zeros(drawing.length, dtype=np.int64)
    for members, found in _passing(parameter, name, table, filters, drawing, np.ones(drawing.length, dtype=np.int64)):
        at = np.array(members)
        picked[at] = found[np.minimum((u[at] * len(found)).astype(np.int64), len(found) - 1)]
    return picked


def several_rows(parameter: str, key: str, draw_of: SourceDraw, table: Table, counts: ItemCounts) -> Values:
    """So many different rows, drawn for this parameter alone."""
    filters = () if draw_of.where is None else (draw_of.where,)

    def draw(drawing: Drawing) -> ColumnArray:
        u, wanted = drawing.uniforms[key], counts(drawing)
        drawn: list[list[int] | None] = [None] * drawing.length
        for members, found in _passing(parameter, draw_of.source, table, filters, drawing, wanted):
            candidates = found.tolist() if filters else range(len(table))
            for at in members:
                if wanted[at] >= 0:
                    drawn[at] = draw_some(candidates, int(wanted[at]), f"rows/{int(u[at] * 2**53)}")
        return _lists(table, draw_of.column, drawn)

    return draw


def nearest_rows(parameter: str, draw_of: SourceDraw, table: Table, indexed: Indexed, counts: ItemCounts) -> Values:
    """The rows most alike to a text: one, or a list of `rows`. Null where the text is."""
    likeness, most = draw_of.nearest, draw_of.rows or 1
    assert likeness is not None
    filters = () if draw_of.where is None else (draw_of.where,)

    def draw(drawing: Drawing) -> ColumnArray:
        texts = unpack(_column(evaluate(likeness, drawing.columns, drawing.length)))
        drawn: list[list[int] | None] = [None] * drawing.length
        wanted, index = counts(drawing), None
        for members, found in _passing(parameter, draw_of.source, table, filters, drawing, wanted):
            among = found if filters else None
            for at in members:
                text = as_text(texts[at])
                if text is not None and wanted[at] >= 0:
                    index = index or indexed(draw_of)
                    drawn[at] = index.nearest(text, most, among)[: wanted[at]]
        lists = _lists(table, draw_of.column, drawn)
        return lists if draw_of.rows is not None else objects((v and v[0] for v in lists), drawing.length)

    return draw


def _column(found: Any) -> ColumnArray:
    column: ColumnArray = np.asarray(found)
    return column


def _lists(table: Table, column: str, drawn: Sequence[Sequence[int] | None]) -> ColumnArray:
    """A list for each combination: the rows of these places, or their values of a column; all are read at once."""
    places = [place for some in drawn for place in some or ()]
    found = iter(table.values(column, places) if column else table.rows(places))
    result = np.empty(len(drawn), dtype=object)
    for at, some in enumerate(drawn):
        result[at] = None if some is None else list(islice(found, len(some)))
    return result


def _columns_read(filters: Sequence[Expression], table: Table) -> Sequence[str] | None:
    """The columns that filters read, in the table's order; None where one reads the row as a whole."""
    read = [members_of(f, "row") for f in filters]
    return None if None in read else [n for n in table.names if any(n in (r or ()) for r in read)]


def _passing(
    parameter: str,
    name: str,
    table: Table,
    filters: tuple[Expression, ...],
    drawing: Drawing,
    wanted: NDArray[np.int64],
) -> Iterator[tuple[Sequence[int], NDArray[np.int64]]]:
    """The rows of the source that pass the filters, for combinations together that read the same values.

    Without filters all combinations at once; all rows pass, and none is listed.

    Raises:
        DrawFault: fewer than are wanted pass for a combination.
    """
    if not filters:
        yield range(drawing.length), _NONE
        return
    reads = sorted(frozenset().union(*(names_of(f) for f in filters)) - {"row"})
    groups: dict[tuple[Any, ...], list[int]] = {}
    for index, values in enumerate(zip(*(unpack(drawing.columns[n]) for n in reads), strict=True)):
        groups.setdefault(tuple(map(repr, values)), []).append(index)
    if not reads:
        groups = {(): list(range(drawing.length))}
    rows = objects(table.iterate(_columns_read(filters, table)), len(table))
    for members in groups.values():
        first = {n: np.repeat(drawing.columns[n][members[:1]], len(table)) for n in reads}
        passing = np.ones(len(table), dtype=bool)
        for where in filters:
            passing &= evaluate(where, {**first, "row": rows}, len(table)).astype(bool)
        found = np.flatnonzero(passing)
        least = int(wanted[members].max())
        if len(found) < least:
            said = " and ".join(f"{n} = {unpack(drawing.columns[n][members[:1]])[0]!r}" for n in reads)
            few = f"{len(found) or 'no'} row{'s' if len(found) > 1 else ''} of the source '{name}'"
            verb = "pass" if len(found) > 1 else "passes"
            message = f"{few} {verb} `where`" + (f" for {said}" if said else "")
            asked = "" if least == 1 else f", and {least} are asked for"
            raise DrawFault(parameter, message + asked, "widen `where`, add rows to the source, or exclude the value")
        yield members, found
