"""Who writes which field."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from synthspec.analysis.sections.context import AnalysisContext
from synthspec.analysis.sections.gathered import collects_itself
from synthspec.analysis.sections.prompts.may_write import may_write
from synthspec.analysis.sections.prompts.reasoning import lower_reasoning
from synthspec.diagnostics import Related, did_you_mean, names_in, nearest
from synthspec.document.reader import Entry, MapNode, ScalarNode
from synthspec.languages.expressions.types import Type
from synthspec.spec import Field, Prompt

SAYS = ("user", "messages", "complete", "dialogue")
Written = dict[str, tuple[str, ...]]


def who_writes(
    ctx: AnalysisContext, entries: list[Entry], fields: Mapping[str, Field]
) -> tuple[Written, dict[str, str]]:
    """The fields each prompt writes; one prompt may leave it unsaid and takes what is left. Second, the field of each
    that takes what its model thought, the last of those it writes."""
    every = ctx.names_under("fields")
    taken: dict[str, ScalarNode] = {}
    writes: dict[str, tuple[str, ...]] = {}
    unsaid: list[Entry] = []
    collected = {e.key.text: name for e in entries if (name := _collected(ctx, e, fields, every, taken)) is not None}
    for entry in entries:
        node = entry.value.get("writes") if isinstance(entry.value, MapNode) else None
        if node is None and is_unasked(entry):
            writes[entry.key.text] = ()
            continue
        if node is None:
            if not ctx.is_broken("prompts", entry.key.text, "writes"):
                unsaid.append(entry)
            writes[entry.key.text] = ()
            continue
        good: list[str] = []
        for item in ctx.items(node):
            parts = names_in(item.text, every) if isinstance(item, ScalarNode) else []
            if parts and isinstance(item, ScalarNode):
                ctx.report("E411", item, f"there is no field '{item.text}'", did_you_mean(item.text, every))
                good += parts  # surely meant
                taken |= dict.fromkeys(parts, item)
            elif isinstance(item, ScalarNode) and may_write(ctx, item, fields, every, taken):
                taken[item.text] = item
                good.append(item.text)
        writes[entry.key.text] = tuple(good)
    thoughts = lower_reasoning(ctx, entries, fields, taken)
    left = tuple(n for n, f in fields.items() if f.value is None and n not in taken)
    for entry in unsaid[1:]:
        first = Related(unsaid[0].key.span, "so does this one")
        message = f"the prompt '{entry.key.text}' does not say what it writes"
        ctx.report("E421", entry.key, message, "add `writes:` to all prompts but one", (first,))
    if len(unsaid) == 1:
        writes[unsaid[0].key.text] = left
    for prompt, name in (*collected.items(), *thoughts.items()):
        writes[prompt] = (*writes[prompt], name)
    if len(unsaid) == 1 and not left and fields and not any(len(p) == 2 and p[0] == "fields" for p in ctx.broken):
        message = f"the prompt '{unsaid[0].key.text}' writes no field: all are written already"
        ctx.report("E421", unsaid[0].key, message, "add a field for it, or remove the prompt")
    return writes, thoughts


def is_unasked(entry: Entry) -> bool:
    """Whether a prompt says nothing to any model: it only goes over a list."""
    node = entry.value
    return isinstance(node, MapNode) and node.get("each") is not None and all(node.key(key) is None for key in SAYS)


def _collected(
    ctx: AnalysisContext,
    entry: Entry,
    fields: Mapping[str, Field],
    every: Mapping[str, Type],
    taken: dict[str, ScalarNode],
) -> str | None:
    """The field that lists what every round of a prompt wrote."""
    node = entry.value.get("collect") if isinstance(entry.value, MapNode) else None
    if not isinstance(node, ScalarNode) or not isinstance(entry.value, MapNode):
        return None
    if collects_itself(ctx, entry.value) or not may_write(ctx, node, fields, every, taken):
        return None
    taken[node.text] = node
    return node.text


def nobody_writes(
    ctx: AnalysisContext, prompts: list[Prompt], fields: Mapping[str, Field], entries: list[Entry]
) -> None:
    if (
        ctx.is_lost("prompts")
        or ctx.is_broken("prompts")
        or any(ctx.is_broken("prompts", e.key.text, "writes") for e in entries)
    ):
        return
    if sum(isinstance(e.value, MapNode) and e.value.get("writes") is None and not is_unasked(e) for e in entries) > 1:
        return  # who writes what is unsaid
    written = {w for p in prompts for w in p.writes} | _meant(ctx, entries)
    for field in fields.values():
        if field.value is None and field.name not in written and not ctx.is_broken("fields", field.name):
            if not prompts:
                help = "add a prompt, or compute it with `value:`"
            else:
                help = "add it to the `writes` of a prompt, or compute it with `value:`"
            ctx.report("E410", field.span, f"no prompt writes the field '{field.name}'", help)


def _meant(ctx: AnalysisContext, entries: list[Entry]) -> set[str | None]:
    """The fields that misspelt names under `writes` stand for."""
    every = ctx.names_under("fields")
    nodes = (e.value.get("writes") for e in entries if isinstance(e.value, MapNode))
    named = (n.text for node in nodes for n in ctx.items(node) if isinstance(n, ScalarNode))
    nodes = (e.value.get("reasoning") for e in entries if isinstance(e.value, MapNode))
    thoughts = (n.text for n in nodes if isinstance(n, ScalarNode))
    return {nearest(name, every) for name in itertools.chain(named, thoughts) if name not in every}
