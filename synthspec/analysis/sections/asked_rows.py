"""`rows` and `on_missing`: how many rows, a row of a source for each, and what becomes of one that cannot be had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synthspec.analysis.sections.context import AnalysisContext, scalar_text, value_of
from synthspec.analysis.sections.source_draws import find_source, lower_where
from synthspec.diagnostics.remedies import remove, write
from synthspec.document.reader import MapNode, ScalarNode
from synthspec.languages.expressions import names_of
from synthspec.spec import Parameter, PlanRules, Prompt, RowsEach, SourceDraw, SourceTable, Spec
from synthspec.spec.draws import draws_inside
from synthspec.spec.fan_outs import rows_of_level

DEFAULT = 100


def lower_rows(
    ctx: AnalysisContext, sources: Mapping[str, SourceTable], parameters: Sequence[Parameter], plan: PlanRules
) -> tuple[int, RowsEach | None]:
    """How many combinations or rows are asked for, and the source to go through, if one is named."""
    node = ctx.root.get("rows")
    if not isinstance(node, MapNode):
        value = value_of(node, DEFAULT)
        return value if isinstance(value, int) else DEFAULT, None
    named = node.get("each")
    table = find_source(ctx, named, sources) if isinstance(named, ScalarNode) else None
    if table is None:
        return DEFAULT, None
    where = lower_where(ctx, node.get("where"), {}, table)
    each = RowsEach(table.name, int(value_of(node.get("times"), 1)), where)
    from synthspec.planning.each_row import passing_rows  # loads NumPy

    found = len(passing_rows(each, ctx.tables[table.name]))
    if not found:
        help = "widen `where`, or add such rows" if where is not None else "add rows to it"
        ctx.report("E436", node.get("where") or named or node, f"there is no row of '{table.name}' to go through", help)
    _reads_of(ctx, node, table.name, parameters, plan)
    return max(1, found * each.times), each


def _reads_of(
    ctx: AnalysisContext, node: MapNode, source: str, parameters: Sequence[Parameter], plan: PlanRules
) -> None:
    """What cannot be beside a combination for every row: designs of their own, rows passed over."""
    place = node.get("each") or node
    if plan.strategy in ("factorial", "pairwise"):
        message = f"the strategy '{plan.strategy}' has an order of its own, `rows: {{each: …}}` that of '{source}'"
        ctx.report("E435", place, message, "leave the strategy out, or ask for a number of rows")
    drawn = {
        p.name: d for p in parameters for d in draws_inside(p.draw) if isinstance(d, SourceDraw) and _is_of(d, source)
    }
    for exclusion in plan.exclude:
        for name in sorted(names_of(exclusion.expression) & drawn.keys()):
            message = f"'{name}' is of the row that `rows: {{each: {source}}}` goes through: no other draw changes it"
            ctx.report("E437", exclusion.span, message, "pass over such rows with `where` under `rows`")
    for name, draw in drawn.items():
        if draw.where is not None:
            message = f"'{name}' draws from '{source}' with a `where` of its own, whose every row is used"
            span = next(p.span for p in parameters if p.name == name)
            ctx.report("E437", span, message, "write the `where` under `rows`")


def _is_of(draw: SourceDraw, source: str) -> bool:
    """Whether a draw takes the row that is gone through: not several rows, nor those most alike."""
    return draw.source == source and draw.rows is None and draw.nearest is None


def check_combinations(ctx: AnalysisContext, spec: Spec) -> None:
    """Report a limit on combinations under which the rows asked for can never be had."""
    limit, node = spec.limits.combinations, ctx.root.get("limits")
    drops = any(check.severity == "drop" for check in spec.checks)
    if limit is None or spec.open_ended or not (drops or any(p.each is not None for p in spec.prompts)):
        return
    fewest, _ = rows_of_level(spec, 0, 0)
    if limit < fewest:
        at = node.get("combinations") if isinstance(node, MapNode) else None
        message = f"{spec.rows:,} rows take {fewest:,} combinations at least, and {limit:,} may be tried"
        ctx.report("E696", at or node or ctx.root, message, remove() + ": then ten times those planned may be")


def check_moves(ctx: AnalysisContext, prompts: Sequence[Prompt], each: RowsEach | None, saturation: str) -> bool:
    """Whether rows that cannot be had are replaced; what cannot be beside that, or beside `spread`, is reported."""
    node = ctx.root.get("on_missing")
    replaces = scalar_text(node, "report") == "replace"
    over = next((p for p in prompts if p.each is not None), None)
    if replaces and node is not None:
        why = None
        if each is not None:
            why = "`rows: {each: …}` goes through a source: no other row stands for one"
        elif saturation == "spread":
            why = "`on_saturation: spread` moves rows to other combinations already"
        if why is not None:
            ctx.report("E438", node, f"`on_missing: replace` cannot be here: {why}", write("on_missing: report"))
            return False
    if saturation == "spread" and (over is not None or each is not None):
        novelty = ctx.section("novelty").get("on_saturation")
        why = f"'{over.name}' makes its rows of a list" if over is not None else "each row has a row of a source"
        message = f"`on_saturation: spread` moves rows to other combinations; {why}"
        ctx.report("E439", novelty or ctx.root, message, write("on_saturation: continue") + ", or `stop`")
    return replaces
