"""`tools: {from: apis, rows: 4}`: tools that are rows of a source, drawn again for each combination."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from synthspec.analysis.sections.context import AnalysisContext, no_hint, scalar_text, value_of
from synthspec.analysis.sections.prompts.playing import Called, own_names
from synthspec.analysis.sections.prompts.surroundings import Surroundings
from synthspec.analysis.sections.source_draws import find_source, lower_nearest, lower_where
from synthspec.analysis.sections.tools import NOTHING, lower_answer, read_by_answer
from synthspec.diagnostics import Span, did_you_mean
from synthspec.document.reader import MapNode, Node, ScalarNode
from synthspec.languages.expressions.types import Type
from synthspec.sources import Table
from synthspec.spec import Examples, SourceTable, ToolDraw
from synthspec.spec.tool_schemas import ANSWER, NEEDED, tool_of

MOST_READ = 20_000  # rows of a source that are looked at before a build


def lower_tool_draw(
    ctx: AnalysisContext, node: MapNode, name: str, scope: Mapping[str, Type], around: Surroundings
) -> tuple[ToolDraw | None, frozenset[str]]:
    """The draw, and what it and the answers of its tools read; `name` is who draws."""
    source = node.get("from")
    table = find_source(ctx, source, around.sources) if isinstance(source, ScalarNode) else None
    if table is None or not isinstance(source, ScalarNode):
        return None, frozenset()
    where = lower_where(ctx, node.get("where"), scope, table)
    nearest = lower_nearest(ctx, node, scope, table, no_hint)
    rows, held = int(value_of(node.get("rows"), 3)), len(ctx.tables[table.name])
    if rows > held:
        message = f"{rows} tools are asked for; the source has {held} row{'' if held == 1 else 's'}"
        ctx.report("E422", node.get("rows") or node, message, "ask for fewer")
    drawn = Examples(table.name, rows, where, nearest, scalar_text(node.get("by")))
    given = node.get("answer")
    answer = lower_answer(ctx, given, name, Called(), around, around.tools.players) if given is not None else None
    if given is None and ANSWER not in table.columns:
        message = f"nothing answers these tools: the source '{table.name}' has no column `answer`"
        ctx.report("E545", node.key("from") or source, message, "add `answer: {prompt: NAME}`, or the column")
    _check_rows(ctx, source, table, ctx.tables[table.name], where is None)
    reads = drawn.reads | read_by_answer(answer, around.tools.players, own_names(around, Called()))
    return ToolDraw(drawn, answer), reads


def _check_rows(ctx: AnalysisContext, place: Node, source: SourceTable, table: Table, lone: bool) -> None:
    """Report a source whose rows are no tools. `lone`: any two of them may be drawn together."""
    missing = next((c for c in NEEDED if c not in source.columns), None)
    if missing is not None:
        message = f"the source '{source.name}' has no column '{missing}': its rows are not tools"
        help = did_you_mean(missing, source.columns, f"rename a column: `columns: {{OLD: {missing}}}`")
        ctx.report("E544", place, message, help)
        return
    fault = next(_faults(table, source.span, lone), None)
    if fault is not None:
        message = f"a row of the source '{source.name}' is not a tool: {fault}"
        ctx.report("E544", place, message, "correct the row in the source")


def _faults(table: Table, span: Span, lone: bool) -> Iterator[str]:
    names: dict[str, int] = {}
    for number, row in enumerate(islice(table.iterate(), MOST_READ)):
        tool = tool_of(row, NOTHING, span)
        if isinstance(tool, str):
            yield f"row {number + 1}: {tool}"
        elif lone and tool.name in names:
            yield f"row {number + 1}: '{tool.name}' is the name of row {names[tool.name]} too"
        else:
            names[tool.name] = number + 1
