"""`reasoning: trace`: the field that takes what the model thought before it answered."""

from __future__ import annotations

from collections.abc import Mapping

from synthspec.analysis.sections.context import AnalysisContext, value_of
from synthspec.analysis.sections.prompts.may_write import may_write
from synthspec.diagnostics.remedies import remove
from synthspec.document.reader import Entry, MapNode, ScalarNode
from synthspec.spec import Field

_MANY = ("samples", "map")  # of a prompt with one of these, every field is a list


def lower_reasoning(
    ctx: AnalysisContext, entries: list[Entry], fields: Mapping[str, Field], taken: dict[str, ScalarNode]
) -> dict[str, str]:
    """The field of each prompt that asks for one; each is `taken`."""
    found: dict[str, str] = {}
    every = ctx.names_under("fields")
    for entry in entries:
        prompt = entry.value
        node = prompt.get("reasoning") if isinstance(prompt, MapNode) else None
        if not isinstance(node, ScalarNode) or not isinstance(prompt, MapNode):
            continue
        if may_write(ctx, node, fields, every, taken):
            taken[node.text] = node
            found[entry.key.text] = node.text
            _check(ctx, prompt, node, fields[node.text])
    return found


def _check(ctx: AnalysisContext, prompt: MapNode, node: ScalarNode, field: Field) -> None:
    """Whether a prompt of this kind can have one, and the field can take it."""
    lists = any(prompt.get(key) is not None for key in _MANY)
    if prompt.get("dialogue") is not None or prompt.get("tools") is not None:
        return  # reported with all that a conversation has no use for
    if value_of(prompt.get("rows"), 1) != 1:
        message = "a prompt with `rows` has no `reasoning`: what the model thought belongs to no one row"
        ctx.report("E474", node, message, remove("reasoning") + ", or `rows`")
    elif field.type.values or field.type.kind not in (("list",) if lists else ("text", "any")):
        wanted = "a list of texts, one for each reply" if lists else "a text"
        message = f"'{field.name}' is {field.type.with_article}; what a model thought is {wanted}"
        ctx.report("E474", node, message, f"declare it as {'{type: array}' if lists else '{type: string}'}")
