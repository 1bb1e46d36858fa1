"""What a prompt may read and find null."""

from __future__ import annotations

from collections.abc import Mapping

from synthspec.analysis.sections.context import AnalysisContext, Explain
from synthspec.analysis.sections.prompts.surroundings import Emptied, Surroundings
from synthspec.document.reader import Entry, MapNode, Node, ScalarNode
from synthspec.languages.expressions import parse_expression
from synthspec.languages.expressions.traversal import joined_by_and
from synthspec.languages.expressions.tree import Expression
from synthspec.languages.expressions.types import Type
from synthspec.spec import SourceDraw


def may_be_empty(
    ctx: AnalysisContext, entries: list[Entry], writes: Mapping[str, tuple[str, ...]], around: Surroundings
) -> list[Emptied]:
    """What a prompt may read and find null: fields of a prompt with `when`, optional fields, gaps in a source."""
    found: list[Emptied] = []
    for entry in entries:
        when = entry.value.get("when") if isinstance(entry.value, MapNode) else None
        if isinstance(when, ScalarNode) and writes[entry.key.text]:
            found.append(Emptied(frozenset(writes[entry.key.text]), _conditions(when)))
    found += [Emptied(frozenset({f.name})) for f in around.fields.values() if f.optional and f.value is None]
    gaps: dict[str, set[str]] = {}
    for name, draw in around.draws.items():
        if isinstance(draw, SourceDraw) and draw.column and ctx.tables[draw.source].has_gaps(draw.column):
            gaps.setdefault(f"{draw.source}.{draw.column}", set()).add(name)
    found += [Emptied(frozenset(names)) for names in gaps.values()]
    if around.avoid:
        found.append(Emptied(frozenset({"avoid"})))
    return found


def _conditions(when: Node | None) -> frozenset[str]:
    """The conditions that all hold where a prompt runs: those that its `when` joins by `and`, white space aside."""
    parsed = parse_expression(when.text)[0] if isinstance(when, ScalarNode) else None
    if parsed is None or not isinstance(when, ScalarNode):
        return frozenset()
    parts = (when.text[node.start : node.end] for node in joined_by_and(parsed))
    return frozenset(" ".join(part.split()) for part in parts)


def lower_when(ctx: AnalysisContext, node: MapNode, scope: Mapping[str, Type], explain: Explain) -> Expression | None:
    """The condition under which a prompt runs."""
    at = node.get("when")
    if at is None:
        return None
    when, kind = ctx.expression(at, scope, explain=explain)
    if when is not None:
        ctx.is_truth(at, kind, "`when`")
    return when


def empty_here(around: Surroundings, when: Node | None, reads: frozenset[str]) -> list[frozenset[str]]:
    """The groups of names that may be null where a prompt runs: its own `when` may rule some out."""
    own = _conditions(when)
    return [e.names for e in around.empty if not (e.unless and e.unless <= own) and not e.names & reads]
