"""What makes a prompt be asked more than once for a row: `samples`, `map`, `repeat`; and what does not go together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from synthspec.analysis.sections.context import AnalysisContext, value_of
from synthspec.analysis.sections.prompts.each import TemplateScope, lower_each
from synthspec.analysis.sections.prompts.rounds import lower_repeat
from synthspec.analysis.sections.prompts.surroundings import Surroundings
from synthspec.diagnostics.remedies import remove, write
from synthspec.document.reader import MapNode, Node
from synthspec.languages.expressions import names_of
from synthspec.languages.expressions.types import Type
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Each, Field, Prompt, Repeat
from synthspec.spec.conversation import holds_messages

SEVERAL = ("samples", "map", "repeat", "dialogue")
UNDER_REPEAT = ("from", "collect")


@dataclass(frozen=True, slots=True)
class Several:
    """How often a prompt is asked for a row, the names that are bound for each call, and what it reads for that."""

    samples: int | None = None
    map: Each | None = None
    repeat: Repeat | None = None
    bound: Mapping[str, Type] = field(default_factory=dict)
    reads: frozenset[str] = frozenset()


def lower_several(
    ctx: AnalysisContext, node: MapNode, writes: tuple[str, ...], around: Surroundings, reading: TemplateScope
) -> Several:
    """`samples`, `map` or `repeat`."""
    if (at := node.get("map")) is not None:
        each, bound = lower_each(ctx, at, reading, "map", "E449")
        reads = names_of(each.items) if each is not None else frozenset[str]()
        return Several(map=each, bound=dict(bound.layers[0]), reads=reads)
    if node.get("repeat") is not None:
        draft = lower_repeat(ctx, node, writes, around, reading.scope, reading.explain)
        return Several(repeat=draft.repeat, bound=draft.bound, reads=draft.reads)
    samples = value_of(node.get("samples"))
    return Several(samples if isinstance(samples, int) else None)


def check_together(ctx: AnalysisContext, node: MapNode) -> None:
    """Report what one prompt cannot have at once."""
    found = [key for key in (*SEVERAL, "rows") if _is_set(node, key)]
    if len(found) > 1:
        key = node.key(found[1])
        message = (
            f"a prompt has one of `samples`, `map`, `repeat`, `dialogue` and `rows`; this one has `{found[0]}` too"
        )
        ctx.report("E450", key or node, message, remove(found[1]) + ", or write a prompt of its own for it")
    elif found and node.get("verbalize") is not None and found != ["rows"]:
        key = node.key("verbalize")
        message = f"`verbalize` does not go with `{found[0]}`"
        help = remove(form="remove one of the two") + f": `{found[0]}` asks several times itself"
        ctx.report("E450", key or node, message, help)
    if node.get("repeat") is None:
        _only_repeated(ctx, node)


def _is_set(node: MapNode, key: str) -> bool:
    return node.get(key) is not None and (key != "rows" or value_of(node.get(key)) != 1)


def _only_repeated(ctx: AnalysisContext, node: MapNode) -> None:
    until = ("until",) if node.get("dialogue") is None else ()
    for key in (*UNDER_REPEAT, *until):
        if (at := node.key(key)) is not None:
            message = f"`{key}` belongs to a prompt with `repeat`"
            ctx.report("E458", at, message, "add `repeat: ROUNDS`, or " + remove(key))
            return


def check_lists(ctx: AnalysisContext, node: MapNode, prompt: Prompt, fields: Mapping[str, Field]) -> None:
    """Report fields of `samples` and `map` that are no lists, and lists that can never be as their field says."""
    if prompt.samples is None and prompt.map is None:
        return
    how, key = ("sample", "samples") if prompt.map is None else ("item", "map")
    for name in prompt.writes:
        field = fields.get(name)
        if field is None or ctx.is_broken("fields", name):
            continue
        if holds_messages(field):
            message = f"'{name}' takes the reply to each {how}: it is a list, and declared as a conversation"
            ctx.report("E448", field.span, message, remove(key) + ": a row has one conversation")
        elif field.schema.get("type") != "array":
            message = f"'{name}' takes the reply to each {how}: it is a list, and declared as {field.type.with_article}"
            shown = field.schema.get("type", "string")
            ctx.report("E448", field.span, message, f"declare it as {{type: array, items: {{type: {shown}}}}}")
        elif prompt.samples is not None:
            _count(ctx, node.get("samples") or node, prompt.samples, field)


def _count(ctx: AnalysisContext, at: Node, samples: int, field: Field) -> None:
    least, most = field.schema.get("minItems"), field.schema.get("maxItems")
    items = field.schema.get("items")
    values = items.get("enum") if isinstance(items, dict) else None
    if isinstance(least, int) and samples < least:
        message = f"'{field.name}' has {least} items or more, and is asked for {samples} times"
        help = write(f"samples: {least}")
    elif isinstance(most, int) and samples > most:
        message = f"'{field.name}' has {most} items at most, and is asked for {samples} times"
        help = write(f"samples: {most}")
    elif field.schema.get("uniqueItems") and isinstance(values, list) and samples > len(values):
        message = f"'{field.name}' has {samples} different items, and there are {len(values)} values for them"
        help = write(f"samples: {len(values)}")
    else:
        return
    ctx.report("E451", at, message, help + ", or change the field")
