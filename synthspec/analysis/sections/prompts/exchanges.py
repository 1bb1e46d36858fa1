"""How long a dialogue is: `turns`, and `until`."""

from __future__ import annotations

from dataclasses import dataclass

from synthspec.analysis.sections.context import AnalysisContext, Explain
from synthspec.analysis.sections.prompts.surroundings import Surroundings
from synthspec.analysis.sections.scope import Scope
from synthspec.analysis.sections.tools import Tools
from synthspec.document.reader import MapNode, Node, ScalarNode
from synthspec.languages.expressions import compile_row, names_of
from synthspec.languages.expressions.tree import Expression, Literal
from synthspec.languages.expressions.types import INTEGER, TEXT, fits
from synthspec.spec import Each, Speaker
from synthspec.spec.conversation import MOST_EXCHANGES


@dataclass(frozen=True, slots=True)
class DialogueReading:
    """Where the parts of a dialogue are read."""

    ctx: AnalysisContext
    around: Surroundings
    scope: Scope
    explain: Explain
    nulls: list[frozenset[str]]
    prompt: str
    each: Each | None
    when: Expression | None
    tools: Tools


def lower_turns(reading: DialogueReading, node: MapNode) -> tuple[Expression, Expression]:
    """The least and the greatest number of exchanges."""
    ctx, at = reading.ctx, node.get("turns")
    if at is None:
        if not ctx.is_broken("prompts", reading.prompt, "turns"):
            place = node.key("dialogue") or node
            ctx.report("E485", place, "nothing says how many exchanges this dialogue has", "add `turns: 4`")
        return Literal(1, 0, 0), Literal(1, 0, 0)
    if not isinstance(at, MapNode):
        exact = _count(reading, at)
        return exact, exact
    least = _count(reading, at.get("min")) if at.get("min") is not None else Literal(1, 0, 0)
    if at.get("max") is None:
        ctx.report("E485", at, "nothing says how many exchanges this dialogue has at most", "add `max:`")
        return least, least
    most = _count(reading, at.get("max"))
    if isinstance(least, Literal) and isinstance(most, Literal) and least.value > most.value:
        message = f"turns: min {least.value} is over max {most.value}"
        ctx.report("E501", at.get("min") or at, message, "no talk can have both: lower min or raise max")
    return least, most


def _count(reading: DialogueReading, node: Node | None) -> Expression:
    """A number of exchanges: written, or an expression that gives one."""
    ctx = reading.ctx
    if not isinstance(node, ScalarNode):
        return Literal(1, 0, 0)
    expression, kind = ctx.expression(node, reading.scope, explain=reading.explain)
    if expression is None:
        return Literal(1, 0, 0)
    if not fits(kind, INTEGER):
        message = f"`turns` is a whole number; this is {kind.with_article}"
        ctx.report("E303", node, message, "write a whole number, or an expression that gives one")
        return Literal(1, 0, 0)
    values = (
        kind.values if kind.values is not None else (() if names_of(expression) else (compile_row(expression)({}),))
    )
    for value in values:
        if not isinstance(value, int) or not 1 <= value <= MOST_EXCHANGES:
            message = f"`turns` may come to {value}: a dialogue has 1 to {MOST_EXCHANGES} exchanges"
            ctx.report("E486", node, message, "write a number in this range")
            return Literal(1, 0, 0)
    return expression


def lower_until(reading: DialogueReading, node: MapNode, speakers: tuple[Speaker, ...]) -> Expression | None:
    at = node.get("until")
    if at is None:
        return None
    names = {s.name: TEXT for s in speakers}
    expression, kind = reading.ctx.expression(at, Scope(names, reading.scope), explain=reading.explain)
    if expression is not None:
        reading.ctx.is_truth(at, kind, "`until`")
    return expression
