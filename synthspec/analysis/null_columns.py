"""Fields that take a column of a source as it is, and the column is empty in some rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from synthspec.diagnostics import Diagnostic
from synthspec.languages.expressions.tree import Expression, Member, Name
from synthspec.sources import Table
from synthspec.spec import SourceDraw, Spec


def null_columns(spec: Spec, tables: Mapping[str, Table]) -> Iterator[Diagnostic]:
    """Rows that would be lost only after their calls are paid for, and fields that are always null.

    A source whose rows are chosen by a `where` may have none of them left, and nothing is said of it.
    """
    chosen = {spec.each.source} if spec.each is not None and spec.each.where is not None else set()
    draws = {
        p.name: p.draw
        for p in spec.parameters
        if isinstance(p.draw, SourceDraw) and p.draw.rows is None and p.draw.where is None
    }
    for field in spec.fields:
        if field.value is None:
            continue
        draw, column = _column(field.value, draws)
        if draw is None or draw.source in chosen or column not in tables[draw.source].names:
            continue
        table = tables[draw.source]
        if table.in_memory and all(v is None for v in table.columns[column]):
            message = f"'{field.name}' takes the column '{column}', which is empty in every row"
            yield Diagnostic("W783", message, field.span, "remove the field, or take another column")
        elif not field.optional and table.has_gaps(column):
            message = f"'{field.name}' takes the column '{column}', which is empty in some rows: they would be lost"
            help = "add `optional: true` to the field, or leave such rows out with `where`"
            yield Diagnostic("W783", message, field.span, help)


def _column(value: Expression, draws: Mapping[str, SourceDraw]) -> tuple[SourceDraw | None, str]:
    """The draw and the column that a value is: a parameter of that column, or a member of a whole row."""
    if isinstance(value, Name) and value.name in draws and draws[value.name].column:
        return draws[value.name], draws[value.name].column
    if isinstance(value, Member) and isinstance(value.owner, Name):
        draw = draws.get(value.owner.name)
        if draw is not None and not draw.column:
            return draw, value.name
    return None, ""
