"""`{from: docs}` and its kin: what a parameter draws from a source."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from synthspec.analysis.sections.context import AnalysisContext, Explain, no_hint, scalar_text, value_of
from synthspec.analysis.sections.draw_counts import Count
from synthspec.diagnostics import did_you_mean
from synthspec.diagnostics.remedies import remove
from synthspec.document.reader import MapNode, Node, ScalarNode
from synthspec.languages.expressions import Expression
from synthspec.languages.expressions.traversal import members_of, names_of
from synthspec.languages.expressions.types import ANY, TEXT, Type, fits
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import SourceDraw, SourceTable


@dataclass(frozen=True, slots=True)
class LoweredDraw:
    """A draw, if it could be understood, the type of its values, and where its `where` stands."""

    draw: SourceDraw | None
    type: Type
    where: Node | None = None


def lower_source_draw(
    ctx: AnalysisContext,
    node: MapNode,
    scope: Mapping[str, Type],
    sources: Mapping[str, SourceTable],
    explain: Explain,
    count: Count | None = None,
) -> LoweredDraw:
    """A draw from a source, of one row or several, by chance or by likeness."""
    source, column = node.get("from"), node.get("column")
    table = find_source(ctx, source, sources) if isinstance(source, ScalarNode) else None
    if table is None:
        return LoweredDraw(None, ANY)
    kind = find_column(ctx, column, table) if isinstance(column, ScalarNode) else row_type(table)
    if kind is None:
        return LoweredDraw(None, ANY)
    rows = count.most if count is not None else None
    whole = Type("list", item=kind, length=(count.least, count.most)) if count is not None else kind
    where = lower_where(ctx, node.get("where"), scope, table, explain)
    nearest = lower_nearest(ctx, node, scope, table, explain)
    if (node.get("where") is not None and where is None) or (node.get("nearest") is not None and nearest is None):
        return LoweredDraw(None, whole)
    if rows is not None and rows > len(ctx.tables[table.name]):
        too_many(ctx, node, rows, table)
        return LoweredDraw(None, whole)
    draw = SourceDraw(
        source=table.name,
        column=scalar_text(column),
        where=where,
        replacement=bool(value_of(node.get("replacement"), True)),
        rows=rows,
        count=count.expression if count is not None and not count.is_fixed else None,
        nearest=nearest,
        by=scalar_text(node.get("by")),
    )
    return LoweredDraw(draw, whole, node.get("where"))


def too_many(ctx: AnalysisContext, node: MapNode, rows: int, table: SourceTable) -> None:
    """Report more different rows than a source has."""
    held = len(ctx.tables[table.name])
    message = f"{rows} rows are asked for; the source '{table.name}' has {held}"
    ctx.report("E532", node.get("rows") or node, message, f"ask for at most {held}, or add rows to the source")


def lower_where(
    ctx: AnalysisContext, node: Node | None, scope: Mapping[str, Type], table: SourceTable, explain: Explain = no_hint
) -> Expression | None:
    """A condition over a row of a source, which is `row`."""
    if node is None:
        return None
    expression, truth = ctx.expression(node, {**scope, "row": row_type(table)}, explain=explain)
    if expression is not None and not may_read(ctx, node, "`where`", table, members_of(expression, "row")):
        return None
    if expression is None or not ctx.is_truth(node, truth, "`where`"):
        return None
    names = names_of(expression)
    if "row" not in names:
        column = next((name for name in sorted(names) if name in table.columns), None)
        help = f"write row.{column} for the row's" if column else "read a column of the row: row.COLUMN"
        ctx.report("W723", node, "this `where` reads nothing of the row: it is true for all of them or for none", help)
    return expression


def lower_nearest(
    ctx: AnalysisContext, node: MapNode, scope: Mapping[str, Type], table: SourceTable, explain: Explain
) -> Expression | None:
    """What rows of a source are to be alike to: a text. Reports `by` where it names no column, or stands alone."""
    nearest, by = node.get("nearest"), node.get("by")
    if nearest is None:
        if by is not None:
            ctx.report("E533", node.key("by") or by, "`by` says what `nearest` compares, and there is none",
                       "add `nearest: …`, or " + remove("by"))  # fmt: skip
        return None

    def of_fields(name: str) -> str | None:
        written = name in ctx.names_under("fields") and name not in ctx.names_under("parameters")
        there = f"`examples: {{from: {table.name}, nearest: {name}}}`"
        beside = explain(name)  # in a prompt that writes it itself
        if written and (beside is None or "itself" not in beside):
            return f"'{name}' is a field: a prompt finds rows alike to it with {there}"
        return beside

    expression, kind = ctx.expression(nearest, scope, explain=of_fields)
    if isinstance(by, ScalarNode) and find_column(ctx, by, table) is None:
        return None
    if by is None and not ctx.tables[table.name].text_columns:
        message = f"the source '{table.name}' has no column of text that `nearest` could compare"
        ctx.report("E533", nearest, message, "name a column: `by: column`")
        return None
    compared = (by.text,) if isinstance(by, ScalarNode) else ctx.tables[table.name].text_columns
    if not may_read(ctx, nearest, "`nearest`", table, compared):
        return None
    if expression is not None and not fits(kind, TEXT):
        ctx.report(
            "E303", nearest, f"`nearest` is a text; this is {kind.with_article}", "name a text, or write text(x)"
        )
        return None
    return expression


def may_read(ctx: AnalysisContext, node: Node, what: str, table: SourceTable, columns: Collection[str] | None) -> bool:
    """Whether these columns of a source, or all, can be gone through as a whole; a fault where they cannot."""
    why = ctx.tables[table.name].too_large_for(columns)
    if why:
        message = f"{what} goes through the source '{table.name}', which is too large for it: {why}"
        ctx.report("E351", node, message, "draw without it, or make a smaller file of the rows that are wanted")
    return not why


def find_source(ctx: AnalysisContext, node: ScalarNode, sources: Mapping[str, SourceTable]) -> SourceTable | None:
    """The source a node names; a fault where there is none (and none was at fault before)."""
    if node.text in sources:
        return sources[node.text]
    if node.text not in ctx.names_under("sources") and not ctx.is_lost("sources"):
        help = did_you_mean(node.text, ctx.names_under("sources"), "declare it under `sources`")
        ctx.report("E510", node, f"there is no source '{node.text}'", help)
    return None


def find_column(ctx: AnalysisContext, node: ScalarNode, source: SourceTable) -> Type | None:
    """The type of the column a node names."""
    kind = source.columns.get(node.text)
    if kind is None:
        help = did_you_mean(node.text, source.columns)
        ctx.report("E512", node, f"the source '{source.name}' has no column '{node.text}'", help)
    return kind


def row_type(source: SourceTable) -> Type:
    """The type of one row of a source."""
    return Type("map", members=tuple(source.columns.items()))
