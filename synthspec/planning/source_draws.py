"""Draws from a source: a column or the whole row of one that all such draws share, several rows, or the most alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthspec.languages.expressions import Expression, evaluate, names_of
from synthspec.languages.expressions.evaluation.columns import Column, objects, pack, unpack
from synthspec.languages.expressions.functions.texts import as_text
from synthspec.languages.expressions.random.quantiles import level_of
from synthspec.planning.drawing import MAX_LEVELS, DrawFault, Drawing, Values
from synthspec.planning.list_draws import Counts
from synthspec.planning.sampling.alike import Alike
from synthspec.planning.sampling.some import draw_some
from synthspec.sources import Table
from synthspec.spec import SourceDraw

Indexed = Callable[[SourceDraw], Alike]


def one_row(parameter: str, draw_of: SourceDraw, table: Table, filters: tuple[Expression, ...]) -> Values:
    """A column of the row that every draw of one from this source takes, or the whole row as a map."""
    name, column = draw_of.source, draw_of.column
    whole = pack(list(table.columns[column])) if column else None

    def draw(drawing: Drawing) -> Column:
        if name not in drawing.picked:
            drawing.picked[name] = _shared(parameter, name, table, filters, drawing)
        picked = drawing.picked[name]
        if whole is not None:
            return whole[picked]
        return objects((table.row(at) for at in picked.tolist()), drawing.length)

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


def several_rows(parameter: str, key: str, draw_of: SourceDraw, table: Table, counts: Counts) -> Values:
    """So many different rows, drawn for this parameter alone."""
    filters = () if draw_of.where is None else (draw_of.where,)

    def draw(drawing: Drawing) -> Column:
        u, wanted = drawing.uniforms[key], counts(drawing)
        result = np.empty(drawing.length, dtype=object)
        for members, found in _passing(parameter, draw_of.source, table, filters, drawing, wanted):
            candidates = found.tolist()
            for at in members:
                if wanted[at] < 0:
                    continue
                places = draw_some(candidates, int(wanted[at]), f"rows/{int(u[at] * 2**53)}")
                result[at] = [_value(table, draw_of.column, place) for place in places]
        return result

    return draw


def nearest_rows(parameter: str, draw_of: SourceDraw, table: Table, indexed: Indexed, counts: Counts) -> Values:
    """The rows most alike to a text: one, or a list of `rows`. Null where the text is."""
    likeness, most = draw_of.nearest, draw_of.rows or 1
    assert likeness is not None
    filters = () if draw_of.where is None else (draw_of.where,)

    def draw(drawing: Drawing) -> Column:
        texts = unpack(_column(evaluate(likeness, drawing.columns, drawing.length)))
        result, wanted = np.empty(drawing.length, dtype=object), counts(drawing)
        for members, found in _passing(parameter, draw_of.source, table, filters, drawing, wanted):
            among = found if filters else None
            for at in members:
                text = as_text(texts[at])
                if text is not None and wanted[at] >= 0:
                    places = indexed(draw_of).nearest(text, most, among)[: wanted[at]]
                    values = [_value(table, draw_of.column, place) for place in places]
                    result[at] = values if draw_of.rows is not None else values[0]
        return result

    return draw


def _column(found: Any) -> Column:
    column: Column = np.asarray(found)
    return column


def _value(table: Table, column: str, place: int) -> Any:
    return table.columns[column][place] if column else table.row(place)


def _passing(
    parameter: str,
    name: str,
    table: Table,
    filters: tuple[Expression, ...],
    drawing: Drawing,
    wanted: NDArray[np.int64],
) -> Iterator[tuple[Sequence[int], NDArray[np.int64]]]:
    """The rows of the source that pass the filters, for combinations together that read the same values.

    Raises:
        DrawFault: fewer than are wanted pass for a combination.
    """
    if not filters:
        yield range(drawing.length), np.arange(len(table))
        return
    reads = sorted(frozenset().union(*(names_of(f) for f in filters)) - {"row"})
    groups: dict[tuple[Any, ...], list[int]] = {}
    for index, values in enumerate(zip(*(unpack(drawing.columns[n]) for n in reads), strict=True)):
        groups.setdefault(tuple(map(repr, values)), []).append(index)
    if not reads:
        groups = {(): list(range(drawing.length))}
    rows = objects((table.row(i) for i in range(len(table))), len(table))
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
