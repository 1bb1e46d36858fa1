"""Fields that are lists of what several replies gave, known before prompts are looked at: their rules are for items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from synthspec.analysis.sections.context import AnalysisContext, scalar_text, value_of
from synthspec.analysis.sections.items import FORM
from synthspec.document.reader import Entry, MapNode, ScalarNode
from synthspec.languages.expressions import check_expression, parse_expression
from synthspec.languages.expressions.types import Length, Type
from synthspec.spec import Field

TRAIL = "trail"


def gathers(node: MapNode) -> bool:
    """Whether each reply of a prompt is one item of the lists that it writes."""
    return node.get("samples") is not None or node.get("map") is not None


def collects_itself(ctx: AnalysisContext, node: MapNode) -> bool:
    """Whether a prompt with `repeat` makes lists of its own fields: `collect: trail`, with no field of that name."""
    return scalar_text(node.get("collect")) == TRAIL and TRAIL not in ctx.names_under("fields")


def lists_gathered(ctx: AnalysisContext) -> frozenset[str]:
    """The fields written by prompts with `samples` or `map`, or `collect: trail`."""
    entries = [e for e in ctx.section("prompts").entries if isinstance(e.value, MapNode)]
    found: set[str] = set()
    for entry in entries:
        node = entry.value
        if isinstance(node, MapNode) and (gathers(node) or collects_itself(ctx, node)):
            found.update(_written(ctx, entry, entries))
    return frozenset(found)


def with_lengths(ctx: AnalysisContext, fields: Mapping[str, Field], parameters: Mapping[str, Type]) -> dict[str, Field]:
    """The fields; lists of replies as long as there are replies, where that is known."""
    found = dict(fields)
    entries = [e for e in ctx.section("prompts").entries if isinstance(e.value, MapNode)]
    for entry in entries:
        types = {**{name: field.type for name, field in found.items()}, **parameters}
        length = _replies(entry.value, types) if isinstance(entry.value, MapNode) else None
        for name in _lists(ctx, entry, entries) if length is not None else ():
            if name in found and found[name].type.kind == "list":
                found[name] = replace(found[name], type=replace(found[name].type, length=length))
    return found


def _lists(ctx: AnalysisContext, entry: Entry, entries: list[Entry]) -> frozenset[str]:
    """The lists of a prompt's replies; of rounds, those that `collect` names."""
    node = entry.value
    if not isinstance(node, MapNode) or gathers(node) or collects_itself(ctx, node):
        return _written(ctx, entry, entries)
    return frozenset({scalar_text(node.get("collect"))})


def _replies(node: MapNode, types: Mapping[str, Type]) -> Length | None:
    """How many replies a prompt has for one row."""
    samples, rounds, over = value_of(node.get("samples")), value_of(node.get("repeat")), node.get("map")
    if type(samples) is int:
        return samples, samples
    if isinstance(over, ScalarNode):
        form = FORM.match(over.text)
        parsed = parse_expression(over.text[form.end() :])[0] if form is not None else None
        return check_expression(parsed, types)[0].length if parsed is not None else None
    if type(rounds) is int and node.get("collect") is not None:
        return (rounds if node.get("until") is None else min(1, rounds)), rounds
    return None


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
