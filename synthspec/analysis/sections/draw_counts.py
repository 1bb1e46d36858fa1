"""`rows` of a draw: how many values its list has, a number or an expression over earlier parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping

from synthspec.analysis.sections.context import AnalysisContext, Explain, value_of
from synthspec.analysis.sections.prompts.bounds import KnownNames, ends_of_expression
from synthspec.diagnostics.remedies import remove, write
from synthspec.document.reader import MapNode, Node
from synthspec.languages.expressions import Expression
from synthspec.languages.expressions.tree import Literal
from synthspec.languages.expressions.types import INTEGER, Type, fits
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Choice, Draw, ListDraw, SourceDraw
from synthspec.spec.draws import draws_inside

MOST = 1000  # values of one list


@dataclass(frozen=True, slots=True)
class Count:
    """How many values a list has, and the least and the greatest number it can have."""

    expression: Expression
    least: int
    most: int

    @property
    def is_fixed(self) -> bool:
        """Whether every list has as many."""
        return isinstance(self.expression, Literal)


def not_whole(kind: Type) -> str:
    """What a value is that is no whole number."""
    return "a number that may have a fraction" if kind.kind == "number" else kind.with_article


def lower_count(
    ctx: AnalysisContext, node: Node, scope: Mapping[str, Type], draws: Mapping[str, Draw], explain: Explain
) -> Count | None:
    """The number of values of a list: whole, not below 0, and known to have an end."""
    expression, kind = ctx.expression(node, scope, random=True, explain=explain, placed=("index",))
    if expression is None:
        return None
    if not fits(kind, INTEGER):
        help = "write round(…), or an expression that counts"
        ctx.report("E442", node, f"`rows` must be a whole number; this is {not_whole(kind)}", help)
        return None
    low, high = ends_of_expression(expression, KnownNames(scope, {}, draws))
    if low is not None and low < 0:
        ctx.report("E442", node, f"`rows` may be {low:g}, but must be 0 or more", "write max(…, 0)")
        return None
    if high is None or high > MOST:
        most = "has no end" if high is None else f"may be {high:,.0f}"
        message = f"`rows` {most}; a list has at most {MOST:,} values"
        ctx.report("E442", node, message, f"write min(…, 20), or any number up to {MOST}")
        return None
    if low is None:
        ctx.report("E442", node, "`rows` may be below 0", "write max(…, 0)")
        return None
    return Count(expression, math.ceil(low), int(high))


def lower_list(
    ctx: AnalysisContext,
    node: MapNode,
    item: tuple[Draw | None, Type],
    count: Count | None,
) -> tuple[Draw | None, Type]:
    """What a draw comes to with `rows` and `replacement` beside it."""
    draw, kind = item
    beside, rows = node.get("replacement"), node.get("rows")
    if rows is None:
        if beside is not None:
            message = "`replacement` says whether the items of a list differ, and without `rows` it is not a list"
            ctx.report("E440", node.key("replacement") or beside, message, "add `rows`, or " + remove("replacement"))
        return item
    whole = Type("list", item=kind, length=None if count is None else (count.least, count.most))
    if draw is None or count is None:
        return None, whole
    differ = value_of(beside, True) is False
    if any(isinstance(d, SourceDraw) for d in draws_inside(draw)):
        message = "the cases draw from a source, of which a combination has one row: every item would be the same"
        ctx.report("E440", node.key("rows") or node, message, write("rows") + " in the cases, beside `from`")
        return None, whole
    if differ and isinstance(draw, Choice):
        there = sum(w > 0 for w in draw.weights)
        if there < count.most:
            message = f"a list has up to {count.most} different values, and there are {there}"
            ctx.report("E441", rows, message, f"ask for at most {there}, add values, or leave `replacement` out")
            return None, whole
    return ListDraw(draw, kind, count.expression, count.most, not differ), whole
