"""Prompts that play tools: what they read, what one reply of them gives, and what they have no use for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from synthspec.analysis.sections.context import AnalysisContext, no_hint, value_of
from synthspec.analysis.sections.fields import draft_field
from synthspec.analysis.sections.prompts.backends import lower_own_backends
from synthspec.analysis.sections.prompts.each import TemplateScope
from synthspec.analysis.sections.prompts.emptied import empty_here
from synthspec.analysis.sections.prompts.examples import lower_examples, not_shown
from synthspec.analysis.sections.prompts.formats import lower_format
from synthspec.analysis.sections.prompts.images import lower_images
from synthspec.analysis.sections.prompts.messages import lower_spoken
from synthspec.analysis.sections.prompts.surroundings import Surroundings
from synthspec.analysis.sections.scope import Scope
from synthspec.diagnostics import did_you_mean, nearest
from synthspec.diagnostics.remedies import remove, write
from synthspec.document.reader import Entry, MapNode, ScalarNode
from synthspec.languages.expressions import names_of
from synthspec.languages.expressions.types import ANY, INTEGER, TEXT, Type
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Field, Player, Prompt
from synthspec.spec.players import TEXT_ANSWER, endpoint_of_player

CALL = {"tool": Type("map", members=(("name", TEXT), ("description", TEXT))), "arguments": ANY}
_WRITING = ("writes", "dialogue", "tools")  # what makes a prompt one that writes rows, and may call tools itself
_STRAY = (
    "rows",
    "each",
    "when",
    "samples",
    "map",
    "repeat",
    "from",
    "until",
    "collect",
    "turns",
    "reasoning",
    "verbalize",
)


@dataclass(frozen=True, slots=True)
class Called:
    """A tool as what answers it sees it: the types of its arguments, and which of them may be left out."""

    arguments: Mapping[str, Type] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Played:
    """An `answer: {prompt: …}` of a spec."""

    answer: MapNode
    name: str  # of the tool, or of who draws tools: the end of the endpoint's name
    called: Called


def answer_scope(ctx: AnalysisContext, around: Surroundings, called: Called) -> Scope:
    """What an answer may read: the tool's arguments first, then what the row has, then the call itself."""
    fields = Scope(around.types, ctx.names_under("fields"))
    return Scope(called.arguments, around.items, around.parameters, ctx.names_under("parameters"), fields, CALL)


def own_names(around: Surroundings, called: Called) -> frozenset[str]:
    """The names that a call itself gives: what an answer reads besides is the row's."""
    taken = {*around.parameters, *around.types, *around.items}
    return frozenset({*called.arguments, *(n for n in CALL if n not in taken)})


def players_in(ctx: AnalysisContext, played: list[Played]) -> dict[str, list[Played]]:
    """The prompts that play tools, and what each plays. Reports those that there are not, or that write rows."""
    found: dict[str, list[Played]] = {}
    section = ctx.section("prompts")
    for one in played:
        at = one.answer.get("prompt")
        if not isinstance(at, ScalarNode):
            continue
        name: str | None = at.text
        node = section.get(at.text)
        if not isinstance(node, MapNode):
            if at.text in ctx.names_under("prompts") or ctx.is_lost("prompts"):
                continue
            free = [e.key.text for e in section.entries if isinstance(e.value, MapNode) and not _writes(e.value)]
            help = did_you_mean(at.text, free, f"add it: `prompts: {{{at.text}: {{user: …}}}}`")
            ctx.report("E543", at, f"there is no prompt '{at.text}'", help)
            name = nearest(at.text, free)
        elif key := _writes(node):
            message = f"the prompt '{at.text}' has `{key}`: one that plays a tool writes no field and calls no tool"
            ctx.report("E541", at, message, "name a prompt of its own for the tool, with `user` alone")
            name = None
        if name is not None:
            found.setdefault(name, []).append(one)
    return found


def _writes(node: MapNode) -> str:
    """What makes a prompt one that writes rows; "" for one that may play a tool."""
    return next((key for key in _WRITING if node.get(key) is not None), "")


def lower_players(ctx: AnalysisContext, playing: Mapping[str, list[Played]], around: Surroundings) -> dict[str, Player]:
    """Every player, by the name of its endpoint. What is wrong with a prompt that plays several is told once."""
    found: dict[str, Player] = {}
    for entry in ctx.section("prompts").entries:
        before = len(ctx.faults)
        for one in playing.get(entry.key.text, ()):
            if len(ctx.faults) == before:
                found[endpoint_of_player(entry.key.text, one.name)] = _lower(ctx, entry, one, around)
    return found


def _lower(ctx: AnalysisContext, entry: Entry, one: Played, around: Surroundings) -> Player:
    node, name = entry.value, entry.key.text
    assert isinstance(node, MapNode)
    _no_strays(ctx, node)

    def explain(wanted: str) -> str | None:
        if nearest(wanted, scope) is not None:
            return None
        return f"this prompt plays '{one.name}', which has no argument of this name: see its `parameters`"

    special = {"rows": INTEGER, **({"avoid": Type("list", item=TEXT)} if around.avoid else {})}
    outer = answer_scope(ctx, around, one.called)
    examples, named = lower_examples(ctx, node.get("examples"), around, outer, no_hint)
    scope = Scope(one.called.arguments, special, named, outer)
    nulls = [n for n in empty_here(around, None, frozenset()) if not n & frozenset(one.called.arguments)]
    nulls += [frozenset({n}) for n in sorted(one.called.optional)]
    reading = TemplateScope(scope, explain, nulls, frozenset(scope))
    before = len(ctx.faults)
    spoken = lower_spoken(ctx, node, reading)
    faulty = len(ctx.faults) > before
    images = lower_images(ctx, node, reading, around, ())
    not_shown(ctx, node, examples, spoken.reads, spoken.is_empty or faulty, around)
    own = lower_own_backends(ctx, name, node, around, scope, explain)
    reads = spoken.reads.union(*map(names_of, images)) - frozenset(named)
    reads = (reads | examples.reads if examples is not None else reads) - own_names(around, one.called) - {"rows"}
    fields = _fields(ctx, one.answer)
    kind, options = lower_format(ctx, node.get("format"), fields, 1)
    prompt = Prompt(
        name=name,
        user=spoken.user,
        system=spoken.system,
        writes=tuple(f.name for f in fields),
        format=kind,
        format_options=options,
        rows=1,
        examples=examples,
        when=None,
        needs=(),
        instructions=value_of(node.get("instructions"), True) not in ("none", False) and spoken.complete is None,
        backend=own.backend,
        span=entry.key.span,
        reads=reads,
        messages=spoken.messages,
        complete=spoken.complete,
        images=images,
    )
    return Player(prompt, fields, one.answer.get("fields") is not None)


def _no_strays(ctx: AnalysisContext, node: MapNode) -> None:
    """Report what a prompt that plays a tool has no use for."""
    for key in _STRAY:
        if (at := node.key(key)) is not None:
            message = f"a prompt that plays a tool has no `{key}`: it is asked once for each call of the tool"
            ctx.report("E541", at, message, remove())
    backend = node.get("backend")
    if isinstance(backend, MapNode) and (at := backend.key("choose")) is not None:
        ctx.report("E541", at, "a prompt that plays a tool has one backend", "name one: `backend: PROVIDER:MODEL`")


def _fields(ctx: AnalysisContext, answer: MapNode) -> tuple[Field, ...]:
    """What one reply gives: the fields that the answer lists, or the one text that it is."""
    listed = answer.get("fields")
    if not isinstance(listed, MapNode):
        return (Field(TEXT_ANSWER, TEXT, {"type": "string"}, answer.span),)
    return tuple(_field(ctx, e, e.value) for e in listed.entries if isinstance(e.value, MapNode))


def _field(ctx: AnalysisContext, entry: Entry, node: MapNode) -> Field:
    if (at := node.key("value")) is not None:
        ctx.report("E546", at, "a field of an answer is written by the prompt that plays the tool", remove("value"))
    if value_of(kind := node.get("type")) == "messages":
        message = "a field of an answer cannot be a conversation"
        ctx.report("E546", kind or node, message, write("type: string") + ", or an `array` of objects")
    return draft_field(ctx, entry.key, node)
