"""`replacement: false` of draws from a source: what it cannot stand beside, and sources that are too small for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from synthspec.analysis.sections.context import AnalysisContext
from synthspec.diagnostics import Span
from synthspec.diagnostics.remedies import write
from synthspec.languages.expressions import names_of
from synthspec.languages.expressions.tree import Literal
from synthspec.spec import Parameter, SourceDraw, Spec
from synthspec.spec.draws import draws_inside
from synthspec.spec.fan_outs import rows_per_combination
from synthspec.spec.used_names import draw_reads

_BY_NUMBER = "the number of the combination says which rows it takes"


def check_replacement(ctx: AnalysisContext, spec: Spec) -> None:
    """Report where `replacement: false` cannot be kept, and warn where all rows are drawn more than once."""
    firm = list(_firm(spec.parameters))
    for parameter, draw in firm:
        why = _why_not(spec, draw)
        if why is not None:
            message, help = why
            ctx.report(
                "E440", parameter.span, f"'{parameter.name}' cannot be drawn without replacement: {message}", help
            )
    if len(ctx.faults) or not firm:
        return
    _beside_rules(ctx, spec, {p.name for p, _ in firm})
    if spec.fields:
        _too_few(ctx, spec, firm)


def _firm(parameters: Sequence[Parameter]) -> Iterator[tuple[Parameter, SourceDraw]]:
    for parameter in parameters:
        for draw in draws_inside(parameter.draw):
            if isinstance(draw, SourceDraw) and not draw.replacement:
                yield parameter, draw


def _why_not(spec: Spec, draw: SourceDraw) -> tuple[str, str] | None:
    remove = "remove `replacement: false`"
    if draw.nearest is not None:
        return "`nearest` takes the rows most alike, whether they were drawn before or not", remove
    if draw.count is not None and not isinstance(draw.count, Literal):
        return (
            f"{_BY_NUMBER}, and how many rows the lists before it have varies",
            f"write a number of `rows`, or {remove}",
        )
    together = _sharing(spec, draw.source) if draw.shares_row else [draw]
    filters = [d.where for d in together if d.where is not None]
    read = sorted(frozenset[str]().union(*(names_of(w) for w in filters)) - {"row"})
    if read:
        message = f"{_BY_NUMBER}, and `where` reads '{read[0]}', which others have as well"
        return message, f"let `where` read `row` alone, or {remove}"
    if spec.each is not None and spec.each.source == draw.source and draw.shares_row and spec.each.times > 1:
        return f"`rows: {{each: {draw.source}, times: {spec.each.times}}}` takes each row several times", remove
    if spec.novelty.on_saturation == "spread":
        return (
            "`on_saturation: spread` makes rows under other combinations",
            write("on_saturation: continue") + f", or {remove}",
        )
    return None


def _sharing(spec: Spec, source: str) -> list[SourceDraw]:
    """The draws that take the one row of a source."""
    draws = (d for p in spec.parameters for d in draws_inside(p.draw))
    return [d for d in draws if isinstance(d, SourceDraw) and d.source == source and d.shares_row]


def _beside_rules(ctx: AnalysisContext, spec: Spec, names: set[str]) -> None:
    """Parts of the plan that would draw anew what stands by the number of its combination."""
    for parameter in spec.parameters:  # each reads those above it
        if draw_reads(parameter.draw) & names:
            names.add(parameter.name)
    rules: list[tuple[frozenset[str], Span, str]] = [
        (names_of(e.expression), e.span, "an exclusion draws again") for e in spec.plan.exclude
    ]
    rules += [(frozenset(c.between), c.span, "a correlation moves values") for c in spec.plan.correlate]
    over = ctx.section("plan").get("over")
    if over is not None:
        rules.append((frozenset(spec.plan.over), over.span, "`over` covers combinations"))
    for read, span, what in rules:
        found = sorted(read & names)
        if found:
            message = f"{what}, and '{found[0]}' is drawn without replacement: {_BY_NUMBER}"
            ctx.report("E440", span, message, f"leave '{found[0]}' out here, or pass over such rows with `where`")


def _too_few(ctx: AnalysisContext, spec: Spec, firm: Sequence[tuple[Parameter, SourceDraw]]) -> None:
    from synthspec.planning.without_replacement import passing_all  # loads NumPy

    needed = -(-spec.rows // rows_per_combination(spec))
    told: set[str] = set()
    for parameter, draw in firm:
        if draw.shares_row and (draw.source in told or (spec.each is not None and spec.each.source == draw.source)):
            continue
        told.add(draw.source)
        together = _sharing(spec, draw.source) if draw.shares_row else [draw]
        held = len(passing_all(together, ctx.tables[draw.source]))
        each = draw.rows or 1
        if held < each:
            message = f"{each} rows are asked for; {held} of the source '{draw.source}' pass `where`"
            ctx.report("E532", parameter.span, message, f"ask for at most {held}, or widen `where`")
        elif held // each < needed:
            rows = f"{needed * each:,} rows of '{draw.source}'"
            message = f"{needed:,} combinations take {rows} for '{parameter.name}', and {held:,} are there: then again"
            help = f"ask for fewer rows, add {needed * each - held:,} to the source, or remove `replacement: false`"
            ctx.report("W722", parameter.span, message, help)
