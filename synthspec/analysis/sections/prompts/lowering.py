"""`prompts`: what each reads and writes, and the graph they make together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from synthspec.analysis.sections.context import AnalysisContext, value_of
from synthspec.analysis.sections.items import SPECIAL
from synthspec.analysis.sections.prompts.backends import lower_own_backends
from synthspec.analysis.sections.prompts.dialogue import check_no_dialogue, lower_dialogue, lower_tool_prompt
from synthspec.analysis.sections.prompts.each import TemplateScope
from synthspec.analysis.sections.prompts.emptied import empty_here, lower_when, may_be_empty
from synthspec.analysis.sections.prompts.examples import lower_examples, not_shown
from synthspec.analysis.sections.prompts.formats import lower_format
from synthspec.analysis.sections.prompts.images import lower_images
from synthspec.analysis.sections.prompts.messages import lower_spoken
from synthspec.analysis.sections.prompts.order import in_order
from synthspec.analysis.sections.prompts.placed import reads_no_place
from synthspec.analysis.sections.prompts.rows import lower_each
from synthspec.analysis.sections.prompts.several import check_lists, check_together, lower_several
from synthspec.analysis.sections.prompts.surroundings import Surroundings, Tools
from synthspec.analysis.sections.prompts.written import is_unasked, nobody_writes, who_writes
from synthspec.analysis.sections.scope import Scope
from synthspec.analysis.sections.tools import lower_tools, playing_prompts
from synthspec.diagnostics.remedies import remove
from synthspec.document.reader import Entry, MapNode
from synthspec.languages.expressions import names_of
from synthspec.languages.expressions.tree import Expression
from synthspec.languages.expressions.types import ANY, INTEGER, Type
from synthspec.languages.templates.template import Template
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Each, Examples, Prompt
from synthspec.spec.asked import fields_asked
from synthspec.spec.conversation import holds_messages


def lower_prompts(ctx: AnalysisContext, around: Surroundings) -> tuple[tuple[Prompt, ...], Tools]:
    """Every prompt that writes rows, each after those whose fields it reads; and the tools, with who plays them."""
    playing = playing_prompts(ctx)
    entries = [e for e in ctx.section("prompts").entries if isinstance(e.value, MapNode) and e.key.text not in playing]
    writes, thoughts = who_writes(ctx, entries, around.fields)
    around = replace(around, empty=may_be_empty(ctx, entries, writes, around))
    around = replace(around, tools=lower_tools(ctx, around, playing))
    prompts = [_lower(ctx, e, writes[e.key.text], thoughts.get(e.key.text), around) for e in entries]
    reads_no_place(ctx, prompts, around.fields)
    nobody_writes(ctx, prompts, around.fields, entries)
    return in_order(ctx, prompts, around.fields), around.tools


def _lower(
    ctx: AnalysisContext,
    entry: Entry,
    writes: tuple[str, ...],
    thought: str | None,
    around: Surroundings,
) -> Prompt:
    node, name = entry.value, entry.key.text
    assert isinstance(node, MapNode)
    if is_unasked(entry) and not ctx.is_broken("prompts", name):
        return _unasked(ctx, entry, writes, around)
    if isinstance(node.get("dialogue"), MapNode):
        return lower_dialogue(ctx, entry, writes, around)
    if node.get("tools") is not None and node.get("user") is not None:
        return lower_tool_prompt(ctx, entry, writes, around)
    check_together(ctx, node)
    check_no_dialogue(ctx, name, node)
    prompt = _asked(ctx, entry, writes, thought, around)
    check_lists(ctx, node, prompt, around.fields)
    of_its_own = prompt.repeat is not None and any(n != of for n, of in prompt.repeat.collect.items())
    sound = len(ctx.items(node.get("writes"))) in (0, len(writes) - of_its_own - (thought is not None))
    known = sound and all(w in around.fields for w in writes)
    asked = fields_asked(prompt, around.fields) if known else ()
    several = prompt.samples is not None or prompt.map is not None
    talk = several and any(holds_messages(around.fields[n]) for n in prompt.writes if n in around.fields)  # E448
    format_name, options = lower_format(ctx, node.get("format"), () if talk else asked, prompt.rows)
    return replace(prompt, format=format_name, format_options=options)


@dataclass(frozen=True, slots=True)
class PromptHead:
    """What is read of a prompt before its texts: what is shown, the rows it makes, and the names that it may read."""

    examples: Examples | None
    each: Each | None
    when: Expression | None
    reading: TemplateScope


def _head(ctx: AnalysisContext, entry: Entry, writes: tuple[str, ...], around: Surroundings) -> PromptHead:
    node, name = entry.value, entry.key.text
    assert isinstance(node, MapNode)
    explain = partial(_why_not_here, node, writes)
    examples, named = lower_examples(ctx, node.get("examples"), around, _scope(ctx, writes, around, {}), explain)
    if ctx.is_broken("prompts", name, "examples"):
        named = {"examples": Type("list", item=ANY)}
    scope = _scope(ctx, writes, around, named)
    each = lower_each(ctx, name, node, scope, around, explain)
    when = lower_when(ctx, node, scope, explain)
    nulls = empty_here(around, node.get("when"), names_of(when) if when else frozenset())
    return PromptHead(examples, each, when, TemplateScope(scope, explain, nulls, _taken(ctx, around)))


def _asked(
    ctx: AnalysisContext, entry: Entry, writes: tuple[str, ...], thought: str | None, around: Surroundings
) -> Prompt:
    """A prompt that is put to a model, but for its format."""
    node, name = entry.value, entry.key.text
    assert isinstance(node, MapNode)
    head = _head(ctx, entry, writes, around)
    examples, each, when, reading = head.examples, head.each, head.when, head.reading
    several = lower_several(ctx, node, writes, around, reading)
    if several.bound:
        reading = replace(reading, scope=Scope(several.bound, reading.scope))
    before = len(ctx.faults)
    spoken = lower_spoken(ctx, node, reading)
    faulty = len(ctx.faults) > before
    images = lower_images(ctx, node, reading, around, (each, several.map))
    not_shown(ctx, node, examples, spoken.reads, spoken.is_empty or faulty, around)
    own = lower_own_backends(ctx, name, node, around, reading.scope, reading.explain)
    inside = spoken.reads.union(own.reads, *map(names_of, images)) - frozenset(several.bound)
    instructed = value_of(node.get("instructions"), True) not in ("none", False)
    return Prompt(
        name=name,
        user=spoken.user,
        system=spoken.system,
        writes=writes,
        format="json",
        format_options={},
        rows=int(value_of(node.get("rows"), 1)),
        examples=examples,
        when=when,
        needs=(),
        instructions=instructed and spoken.complete is None,
        backend=own.backend,
        span=entry.key.span,
        reads=_read_by(head, inside | several.reads),
        verbalize=int(value_of(node.get("verbalize"), 1)),
        each=each,
        samples=several.samples,
        map=several.map,
        repeat=several.repeat,
        backends=own.backends,
        choose=own.choose,
        messages=spoken.messages,
        complete=spoken.complete,
        reasoning=thought,
        images=images,
    )


def _read_by(head: PromptHead, inside: frozenset[str]) -> frozenset[str]:
    """The names that a prompt reads; `inside` are those of its texts, and what goes several times."""
    reads = inside | (names_of(head.when) if head.when is not None else frozenset())
    reads |= names_of(head.each.items) if head.each is not None else frozenset()
    return reads if head.examples is None else (reads - {head.examples.name}) | head.examples.reads


def _why_not_here(node: MapNode, writes: tuple[str, ...], wanted: str) -> str | None:
    """Why a prompt cannot read a name that it knows nothing of, and what to do."""
    if wanted in writes and node.get("repeat") is not None:
        return f"to read what the round before wrote, add `from: {{{wanted}: …}}`: what it is before the first"
    if wanted in writes:
        return f"this prompt writes '{wanted}' itself: it cannot read it"
    if wanted == "examples" and node.get("examples") is None:
        return "add `examples: {from: SOURCE}` to the prompt"
    if wanted == "avoid":
        return "add `avoid: {last: 20}` under `novelty`"
    return None


def _unasked(ctx: AnalysisContext, entry: Entry, writes: tuple[str, ...], around: Surroundings) -> Prompt:
    """A row for every item of a list, and no call."""
    node, name = entry.value, entry.key.text
    assert isinstance(node, MapNode)
    for key in (e.key for e in node.entries if e.key.text != "each"):
        message = f"`{key.text}` belongs to a prompt that is asked, and '{name}' says nothing to a model"
        ctx.report("E444", key, message, "add `user: …`, or " + remove(key.text) + ": `each` alone makes the rows")
    each = lower_each(ctx, name, node, _scope(ctx, (), around, {}), around, lambda _: None)
    reads = names_of(each.items) if each is not None else frozenset[str]()
    return Prompt(
        name=name, user=Template(""), system=None, writes=writes, format="json", format_options={}, rows=1,
        examples=None, when=None, needs=(), instructions=False, backend=None, span=entry.key.span, reads=reads,
        each=each,
    )  # fmt: skip


def _taken(ctx: AnalysisContext, around: Surroundings) -> frozenset[str]:
    """The names that no item of a list may take: parameters, written fields, and those with a meaning of their own."""
    written = {name for name, field in around.fields.items() if field.value is None}
    return frozenset({*ctx.names_under("parameters"), *written, *SPECIAL})


def _scope(ctx: AnalysisContext, writes: tuple[str, ...], around: Surroundings, examples: Mapping[str, Type]) -> Scope:
    special: dict[str, Type] = {"rows": INTEGER, **examples}
    if around.avoid:
        special["avoid"] = Type("list", item=Type("text"))
    drawn = Scope(special, around.items, around.parameters, ctx.names_under("parameters"))
    own = frozenset(name for name in writes if name not in drawn)
    return Scope(drawn, around.types, ctx.names_under("fields"), hidden=own)
