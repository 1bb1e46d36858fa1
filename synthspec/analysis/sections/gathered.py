"""Fields that are lists of what several replies gave, known before prompts are looked at: their rules are for items."""

from __future__ import annotations

from synthspec.analysis.sections.context import AnalysisContext, scalar_text
from synthspec.document.reader import Entry, MapNode, ScalarNode

TRAIL = "trail"


def gathers(node: MapNode) -> bool:
    """Whether each reply of a prompt is one item of the lists that it writes."""
    return node.get("samples") is not None or node.get("map") is not None


def collects_itself(ctx: AnalysisContext, node: MapNode) -> bool:
    """Whether a prompt with `repeat` makes lists of its own fields: `collect: trail`, with no field of that name."""
    return scalar_text(node.get("collect")) == TRAIL and TRAIL not in ctx.names_under("fields")


def lists_of_replies(ctx: AnalysisContext) -> frozenset[str]:
    """The fields written by prompts with `samples` or `map`, or `collect: trail`."""
    entries = [e for e in ctx.section("prompts").entries if isinstance(e.value, MapNode)]
    found: set[str] = set()
    for entry in entries:
        node = entry.value
        if isinstance(node, MapNode) and (gathers(node) or collects_itself(ctx, node)):
            found.update(_written(ctx, entry, entries))
    return frozenset(found)


def _written(ctx: AnalysisContext, entry: Entry, entries: list[Entry]) -> frozenset[str]:
    """The fields that a prompt names under `writes`, or all that are left where it names none."""
    named = _named(ctx, entry)
    if named:
        return named
    others = frozenset[str]().union(*(_named(ctx, e) for e in entries))
    fields = [e for e in ctx.section("fields").entries if isinstance(e.value, MapNode)]
    computed = {e.key.text for e in fields if isinstance(e.value, MapNode) and e.value.get("value") is not None}
    return frozenset(e.key.text for e in fields) - others - computed


def _named(ctx: AnalysisContext, entry: Entry) -> frozenset[str]:
    if not isinstance(entry.value, MapNode):
        return frozenset()
    beside = {scalar_text(entry.value.get("collect")), scalar_text(entry.value.get("reasoning"))}
    listed = {n.text for n in ctx.items(entry.value.get("writes")) if isinstance(n, ScalarNode)}
    return frozenset((listed | beside if listed else beside) - {""})
