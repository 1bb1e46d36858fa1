"""`examples`: rows of a source shown to the model."""

from __future__ import annotations

from synthspec.analysis.sections.context import AnalysisContext, value_of
from synthspec.analysis.sections.prompts.surroundings import Surroundings
from synthspec.analysis.sections.source_draws import find_source, row_type
from synthspec.document.reader import MapNode, Node, ScalarNode
from synthspec.languages.expressions.types import ANY, Type, fits
from synthspec.spec import Examples


def lower_examples(
    ctx: AnalysisContext, node: Node | None, around: Surroundings
) -> tuple[Examples | None, Type | None]:
    if not isinstance(node, MapNode):
        return None, None
    source = node.get("from")
    if not isinstance(source, ScalarNode):
        return None, Type("list", item=ANY)
    table = find_source(ctx, source, around.sources)
    if table is None:
        return None, Type("list", item=ANY)
    of_row = row_type(table)
    where = None
    if (at := node.get("where")) is not None:
        where, kind = ctx.expression(at, {**around.parameters, "row": of_row})
        if where is not None and not fits(kind, Type("boolean")):
            ctx.report(
                "E303", at, f"`where` is true or false; this is {kind.with_article}", "compare it with something"
            )
    rows = int(value_of(node.get("rows"), 3))
    held = len(ctx.tables[table.name])
    if rows > held:
        message = f"{rows} examples are asked for; the source has {held} row{'' if held == 1 else 's'}"
        ctx.report("E422", node.get("rows") or node, message, "ask for fewer")
    return Examples(table.name, rows, where), Type("list", item=of_row)
