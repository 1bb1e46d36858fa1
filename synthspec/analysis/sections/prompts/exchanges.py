"""How long a dialogue is: `turns`, and `until`."""

from __future__ import annotations

import re

from synthspec.analysis.sections.context import AnalysisContext, Explain
from synthspec.analysis.sections.prompts.bounds import KnownNames, ends_of_expression
from synthspec.analysis.sections.prompts.surroundings import Surroundings
from synthspec.analysis.sections.scope import Scope
from synthspec.diagnostics import Related
from synthspec.diagnostics.remedies import write
from synthspec.document.reader import Entry, MapNode, Node, ScalarNode
from synthspec.languages.expressions import compile_row, names_of
from synthspec.languages.expressions.traversal import walk
from synthspec.languages.expressions.tree import Conditional, Expression, Literal
from synthspec.languages.expressions.types import INTEGER, TEXT, fits
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Dialogue, Each, Formula, Speaker
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


def lower_turns(reading: DialogueReading, node: MapNode) -> tuple[Expression, Expression]:
    """The least and the greatest number of exchanges."""
    ctx, at = reading.ctx, node.get("turns")
    if at is None:
        if not ctx.is_broken("prompts", reading.prompt, "turns"):
            place = node.key("dialogue") or node
            ctx.report("E485", place, "the number of exchanges of this dialogue is not given", "add `turns: 4`")
        return Literal(1, 0, 0), Literal(1, 0, 0)
    if not isinstance(at, MapNode):
        exact = _count(reading, at)
        return exact, exact
    least = _count(reading, at.get("min")) if at.get("min") is not None else Literal(1, 0, 0)
    if at.get("max") is None:
        ctx.report("E485", at, "this dialogue has no upper limit of exchanges", "add `max:`")
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
            message = f"`turns` can be {value}: a dialogue has 1 to {MOST_EXCHANGES} exchanges"
            ends = re.fullmatch(r"(\d+)\s*[-–]\s*(\d+)", node.text.strip())
            help = write(f"{{min: {ends[1]}, max: {ends[2]}}}") if ends else "write a number in this range"
            ctx.report("E486", node, message, help)
            return Literal(1, 0, 0)
    low, high = ends_of_exchanges(reading, expression)
    stray = low if low is not None and low < 1 else high if high is not None and high > MOST_EXCHANGES else None
    if kind.values is None and stray is not None:
        message = f"`turns` can be {stray:g}: a dialogue has 1 to {MOST_EXCHANGES} exchanges"
        ctx.report("E486", node, message, "draw a number in this range, or write `clip(…, 1, 10)` around it")
        return Literal(1, 0, 0)
    return expression


def ends_of_exchanges(reading: DialogueReading, expression: Expression) -> tuple[float | None, float | None]:
    """The least and the greatest number that this many exchanges come to; None where nothing says, or a condition
    decides."""
    around = reading.around
    draws = (around.draws[n] for n in names_of(expression) if n in around.draws)
    parts = [expression, *(d.expression for d in draws if isinstance(d, Formula))]
    if any(isinstance(p, Conditional) for part in parts for p in walk(part)):
        return None, None
    return ends_of_expression(expression, KnownNames(around.parameters, around.fields, around.draws))


def check_field_turns(reading: DialogueReading, entry: Entry, writes: tuple[str, ...], dialogue: Dialogue) -> None:
    """Report where no talk can have as many messages of its user as its field wants."""
    field = reading.around.fields.get(writes[0]) if writes else None
    if field is None or reading.ctx.is_broken("fields", field.name):
        return
    users = sum(s.role == "user" for s in dialogue.speakers)
    low, high = ends_of_exchanges(reading, dialogue.minimum)[0], ends_of_exchanges(reading, dialogue.maximum)[1]
    if dialogue.until is None:
        low = ends_of_exchanges(reading, dialogue.maximum)[0]
    wanted = field.turns
    node = entry.value
    assert isinstance(node, MapNode)
    at, place = node.get("turns") or entry.key, Related(field.span, "this field says how many it wants")
    if wanted.minimum is not None and high is not None and users * high < wanted.minimum:
        has = f"a talk of '{entry.key.text}' has {users * high:g} messages of its user at most"
        message = f"{has}, and '{field.name}' wants {wanted.minimum}"
        reading.ctx.report(
            "E454", at, message, "let it have more exchanges, or lower `turns.min` of the field", (place,)
        )
    elif wanted.maximum is not None and low is not None and users * low > wanted.maximum:
        has = f"a talk of '{entry.key.text}' has {users * low:g} messages of its user at least"
        message = f"{has}, and '{field.name}' takes {wanted.maximum}"
        reading.ctx.report(
            "E454", at, message, "let it have fewer exchanges, or raise `turns.max` of the field", (place,)
        )


def lower_until(reading: DialogueReading, node: MapNode, speakers: tuple[Speaker, ...]) -> Expression | None:
    """The condition that ends a dialogue; None where there is none, or it is at fault."""
    at = node.get("until")
    if at is None:
        return None
    names = {s.name: TEXT for s in speakers}
    expression, kind = reading.ctx.expression(at, Scope(names, reading.scope), explain=reading.explain)
    if expression is not None:
        reading.ctx.is_truth(at, kind, "`until`")
    return expression
