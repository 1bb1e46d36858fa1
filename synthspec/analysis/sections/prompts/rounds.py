"""`repeat`, with `from`, `until` and `collect`: a prompt asked in rounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from synthspec.analysis.sections.context import AnalysisContext, Explain, scalar_text
from synthspec.analysis.sections.draw_counts import not_whole
from synthspec.analysis.sections.gathered import TRAIL, collects_itself
from synthspec.analysis.sections.prompts.bounds import KnownNames, ends_of_expression
from synthspec.analysis.sections.prompts.surroundings import Surroundings
from synthspec.analysis.sections.scope import Scope
from synthspec.diagnostics import did_you_mean
from synthspec.diagnostics.remedies import remove, write
from synthspec.document.reader import Entry, MapNode, Node
from synthspec.languages.expressions import Expression, names_of
from synthspec.languages.expressions.types import ANY, INTEGER, Type, fits
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Field, Repeat

MOST_ROUNDS = 1_000


@dataclass(frozen=True, slots=True)
class RepeatDraft:
    """A repetition, the names that its rounds read, and the names that it reads itself."""

    repeat: Repeat | None
    bound: Mapping[str, Type] = field(default_factory=dict)
    reads: frozenset[str] = frozenset()


def lower_repeat(
    ctx: AnalysisContext,
    node: MapNode,
    writes: tuple[str, ...],
    around: Surroundings,
    scope: Scope,
    explain: Explain,
) -> RepeatDraft:
    """`repeat` and what belongs to it; `scope` holds what the prompt may read before its first round."""
    at = node.get("repeat")
    if at is None:
        return RepeatDraft(None)
    itself, fields = collects_itself(ctx, node), around.fields
    types = {w: _of_round(fields[w], itself) for w in writes if w in fields}
    times, least, most = _times(ctx, at, scope, around, explain)
    seed = _seeds(ctx, node, types, scope, explain)
    bound: dict[str, Type] = {"round": INTEGER, **{n: types.get(n, ANY) for n in _names(node)}}
    reads = frozenset[str]().union(*map(names_of, seed.values()), names_of(times) if times else ())
    until = _until(ctx, node, Scope({"round": INTEGER, **types}, scope))
    reads |= (names_of(until) if until else frozenset()) - {"round", *types}
    collect = _collect(ctx, node, writes, fields, itself)
    if times is None:
        return RepeatDraft(None, bound, reads)
    repeat = Repeat(times, seed, until, collect, most)
    if least < 1:
        _seedless(ctx, at, repeat, writes, fields)
    return RepeatDraft(repeat, bound, reads)


def _of_round(field: Field, itself: bool) -> Type:
    return (field.type.item or ANY) if itself else field.type


def _names(node: MapNode) -> list[str]:
    given = node.get("from")
    return [e.key.text for e in given.entries] if isinstance(given, MapNode) else []


def _times(
    ctx: AnalysisContext, at: Node, scope: Scope, around: Surroundings, explain: Explain
) -> tuple[Expression | None, int, int]:
    """How many rounds: the expression, at least and at most."""
    times, kind = ctx.expression(at, scope, explain=explain)
    if times is None:
        return None, 0, 0
    if kind.kind not in ("integer", "any") or (kind.values is not None and any(v is True for v in kind.values)):
        message = f"`repeat` is a whole number of rounds; this is {not_whole(kind)}"
        ctx.report("E455", at, message, "write a whole number, or a parameter of whole numbers")
        return None, 0, 0
    least, most = ends_of_expression(times, KnownNames(around.parameters, around.fields, around.draws))
    if most is None:
        message = "the rounds have no upper limit"
        ctx.report("E455", at, message, "write `min(…, 10)` around it, or give the field a `maximum`")
    elif most > MOST_ROUNDS:
        message = f"{most:,.0f} rounds for one row: there are {MOST_ROUNDS:,} at most"
        ctx.report("E456", at, message, "lower `repeat`")
    elif most < 1 or (least is not None and least < 0):
        message = "there is no round at all" if most < 1 else f"{least:.0f} is no number of rounds"
        ctx.report("E456", at, message, "repeat it once or more, or remove the prompt" if most < 1 else "begin at 0")
    else:
        return times, int(least or 0), int(most)
    return None, 0, 0


def _seeds(
    ctx: AnalysisContext, node: MapNode, types: Mapping[str, Type], scope: Scope, explain: Explain
) -> dict[str, Expression]:
    given = node.get("from")
    found: dict[str, Expression] = {}
    for entry in given.entries if isinstance(given, MapNode) else ():
        value = _seed(ctx, entry, types, scope, explain)
        if value is not None:
            found[entry.key.text] = value
    return found


def _seed(
    ctx: AnalysisContext, entry: Entry, types: Mapping[str, Type], scope: Scope, explain: Explain
) -> Expression | None:
    name = entry.key.text
    value, kind = ctx.expression(entry.value, scope, explain=explain)
    if name not in types:
        if not ctx.is_lost("fields"):
            message = f"'{name}' is not a field that this prompt writes, so no round feeds it back"
            help = did_you_mean(name, types, write(f"writes: [{name}]") + ", or " + remove() + " under `from`")
            ctx.report("E457", entry.key, message, help)
        return None
    if value is not None and not fits(kind, types[name]):
        message = f"'{name}' is {types[name].with_article}; what it begins with is {kind.with_article}"
        ctx.report("E457", entry.value, message, "begin with a value of the field's type")
        return None
    return value


def _until(ctx: AnalysisContext, node: MapNode, scope: Scope) -> Expression | None:
    at = node.get("until")
    if at is None:
        return None
    until, kind = ctx.expression(at, scope)
    return until if until is not None and ctx.is_truth(at, kind, "`until`") else None


def _collect(
    ctx: AnalysisContext, node: MapNode, writes: tuple[str, ...], fields: Mapping[str, Field], itself: bool
) -> dict[str, str]:
    at = node.get("collect")
    if at is None:
        return {}
    name = scalar_text(at)
    if itself:
        for written in writes:
            if written in fields and fields[written].schema.get("type") != "array":
                message = (
                    f"`collect: {TRAIL}` makes a list of '{written}', which is {fields[written].type.with_article}"
                )
                help = f"declare it as {{type: array}}, or add a field '{TRAIL}' of that type"
                ctx.report("E459", at, message, help)
                return {}
        return {w: w for w in writes}
    if name in writes and name in fields:
        others = [w for w in writes if w != name]
        if len(others) != 1:
            message = f"'{name}' lists what every round wrote of one field; this prompt writes {len(others)}"
            ctx.report("E459", at, message, f"write one field, or `collect: {TRAIL}` without a field of that name")
        elif fields[name].schema.get("type") != "array":
            message = f"'{name}' lists what every round wrote; it is declared as {fields[name].type.with_article}"
            ctx.report("E459", at, message, "declare it as {type: array}")
        else:
            return {name: others[0]}
    return {}


def _seedless(
    ctx: AnalysisContext, at: Node, repeat: Repeat, writes: tuple[str, ...], fields: Mapping[str, Field]
) -> None:
    """Report a field that has no value where there is no round."""
    beside = {n for n, of in repeat.collect.items() if n != of}
    for name in writes:
        if name not in repeat.seed and name not in beside and name in fields and not fields[name].optional:
            message = f"there may be no round, and then '{name}' has no value"
            ctx.report("E460", at, message, f"say what it is then, `from: {{{name}: …}}`, or repeat it once or more")
            return
