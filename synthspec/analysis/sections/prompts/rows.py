"""`rows` and `each`: prompts that make several rows of one, and the levels of rows that they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from synthspec.analysis.sections.context import AnalysisContext, Explain
from synthspec.analysis.sections.items import SPECIAL, lower_item
from synthspec.analysis.sections.prompts.surroundings import Surroundings
from synthspec.diagnostics import Related
from synthspec.document.reader import MapNode, Node
from synthspec.languages.expressions import names_of
from synthspec.languages.expressions.types import Type
from synthspec.spec import Each, Field, Prompt


def lower_each(
    ctx: AnalysisContext, name: str, node: MapNode, scope: Mapping[str, Type], around: Surroundings, explain: Explain
) -> Each | None:
    """What a prompt goes over, where the name of its item is free."""
    at = node.get("each")
    each, _ = lower_item(ctx, at, "each", scope, explain)
    if each is None or at is None:
        return None
    taken = _taken(each.name, name, around, ctx)
    if taken is not None:
        ctx.report("E432", at, f"the name '{each.name}' is taken: {taken}", "give the item a name of its own")
        return None
    return each


def _taken(item: str, prompt: str, around: Surroundings, ctx: AnalysisContext) -> str | None:
    if item in SPECIAL:
        return f"`{item}` means something else in prompts"
    if item in around.parameters or item in ctx.names_under("parameters"):
        return "there is a parameter of this name"
    field = around.fields.get(item)
    if field is not None and field.value is None:
        return "a prompt writes a field of this name"
    for entry in ctx.section("prompts").entries:
        if entry.key.text == prompt:
            return None
        other = entry.value.get("each") if isinstance(entry.value, MapNode) else None
        if other is not None and getattr(other, "text", "").split(" ", 1)[0] == item:
            return f"the prompt '{entry.key.text}' goes over a list by it"
    return None


def with_levels(ctx: AnalysisContext, prompts: Iterable[Prompt], fields: Mapping[str, Field]) -> tuple[Prompt, ...]:
    """Prompts, each after those it hangs on, with the level of the rows that they write; fan-outs are a chain."""
    known: dict[str, int] = {}  # names of fields and items -> the level at which they are known
    made: dict[int, Prompt] = {}  # by the level of which a prompt makes the rows of the next
    found = []
    for prompt in prompts:
        own = {prompt.each.name} if prompt.each is not None else set()
        level = max((_level(name, known, fields) for name in prompt.reads - own), default=0)
        for makes, name in ((prompt.each is not None, "each"), (prompt.rows > 1, "rows")):
            if not makes:
                continue
            if level in made:
                _report_beside(ctx, prompt, made[level], name)
            made.setdefault(level, prompt)
            level += 1
            if name == "each":
                known.update(dict.fromkeys(own, level))
        known.update(dict.fromkeys(prompt.writes, level))
        found.append(replace(prompt, level=level))
    return tuple(found)


def _level(name: str, known: Mapping[str, int], fields: Mapping[str, Field], seen: frozenset[str] = frozenset()) -> int:
    """The level of a name: of a computed field, the deepest of what it reads."""
    field = fields.get(name)
    if name in known or field is None or field.value is None or name in seen:
        return known.get(name, 0)
    return max((_level(n, known, fields, seen | {name}) for n in names_of(field.value)), default=0)


def _report_beside(ctx: AnalysisContext, prompt: Prompt, other: Prompt, key: str) -> None:
    node = ctx.section("prompts").get(prompt.name)
    place: Node | None = node.get(key) if isinstance(node, MapNode) else None
    first = Related(other.span, f"'{other.name}' makes rows here")
    message = f"'{prompt.name}' and '{other.name}' both make several rows, and neither reads the other"
    help = f"have '{prompt.name}' read what '{other.name}' writes, or let one of them make one row"
    ctx.report("E415", place or prompt.span, message, help, (first,))
