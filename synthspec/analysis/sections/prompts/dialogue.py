"""`dialogue`: speakers, how long they speak, and what does not go with them."""

from __future__ import annotations

from dataclasses import replace

from synthspec.analysis.sections.context import AnalysisContext, scalar_text, value_of
from synthspec.analysis.sections.prompts.backends import OwnBackends, lower_one_or_chosen, lower_own_backends
from synthspec.analysis.sections.prompts.emptied import empty_here, lower_when
from synthspec.analysis.sections.prompts.exchanges import DialogueReading, check_field_turns, lower_turns, lower_until
from synthspec.analysis.sections.prompts.rows import lower_each
from synthspec.analysis.sections.prompts.several import check_together
from synthspec.analysis.sections.prompts.surroundings import Surroundings
from synthspec.analysis.sections.scope import Scope
from synthspec.analysis.sections.tool_draws import lower_tool_draw
from synthspec.analysis.sections.tools import lower_tool_names
from synthspec.diagnostics import Related
from synthspec.diagnostics.remedies import remove, set_type
from synthspec.document.reader import Entry, MapNode, Node
from synthspec.languages.expressions import names_of
from synthspec.languages.expressions.tree import Expression, Literal
from synthspec.languages.expressions.types import INTEGER, TEXT, Type
from synthspec.languages.templates.template import Template
from synthspec.spec import Choose, Dialogue, Prompt, Speaker, ToolDraw
from synthspec.spec.conversation import ROLES, holds_messages

OTHER_KEYS = (
    "user",
    "system",
    "messages",
    "complete",
    "images",
    "format",
    "examples",
    "reasoning",
    "tools",
)
_RESERVED = ("turn", "round", "rows", "row", "examples", "avoid")


def lower_dialogue(ctx: AnalysisContext, entry: Entry, writes: tuple[str, ...], around: Surroundings) -> Prompt:
    """A prompt with `dialogue`."""
    node, name = entry.value, entry.key.text
    assert isinstance(node, MapNode)
    speakers = node.get("dialogue")
    assert isinstance(speakers, MapNode)
    _alone(ctx, node)
    reading = _read(ctx, entry, writes, around)
    own = lower_own_backends(ctx, name, node, around, reading.scope, reading.explain)
    made = [_speaker(reading, e, own.choose) for e in speakers.entries if isinstance(e.value, MapNode)]
    lowered = tuple(speaker for speaker, _ in made)
    _both_roles(ctx, speakers, lowered)
    dialogue = Dialogue(lowered, *lower_turns(reading, node), lower_until(reading, node, lowered))
    sound = not ctx.is_broken("prompts", name, "turns")
    if sound and dialogue.until is None and dialogue.minimum != dialogue.maximum and node.get("until") is None:
        message = "nothing ends the talk before its greatest number of exchanges: `min` does nothing"
        ctx.report("W755", node.get("turns") or node, message, "add `until:`, or write the one number")
    if sound:
        check_field_turns(reading, entry, writes, dialogue)
    told = value_of(node.get("instructions"), True) not in ("none", False)
    return _prompt(reading, entry, writes, dialogue, told, frozenset[str]().union(*(read for _, read in made)), own)


ONE_TALK = ("samples", "map", "repeat", "rows", "verbalize")  # a row has one talk with tools
TOOL_PROMPT_KEYS = ("messages", "complete", "images", "format", "examples", "reasoning", *ONE_TALK)


def lower_tool_prompt(ctx: AnalysisContext, entry: Entry, writes: tuple[str, ...], around: Surroundings) -> Prompt:
    """A plain prompt with `tools`: a talk of one exchange, whose user is given."""
    node = entry.value
    assert isinstance(node, MapNode)
    for key in TOOL_PROMPT_KEYS:
        if (stray := node.key(key)) is not None and (key != "rows" or value_of(node.get(key)) != 1):
            message = f"a prompt with `tools` has no `{key}`: its reply is a conversation"
            ctx.report("E480", stray, message, remove())
    reading = _read(ctx, entry, writes, around)
    scope, explain, nulls = reading.scope, reading.explain, reading.nulls
    opening = ctx.template(node.get("user"), scope, explain, nulls) or Template("?")
    system = ctx.template(node.get("system"), scope, explain, nulls)
    used, read = _tools(reading, node.get("tools"), reading.prompt)
    one = Literal(1, 0, 0)
    own = lower_own_backends(ctx, reading.prompt, node, around, scope, explain)
    speakers = (
        Speaker("user", "user", None, opening, None, None, entry.key.span),
        Speaker("assistant", "assistant", system, None, used, None, entry.key.span, own.choose),
    )
    dialogue = Dialogue(speakers, one, one)
    check_field_turns(reading, entry, writes, dialogue)
    return _prompt(reading, entry, writes, dialogue, False, read, own)


def _read(ctx: AnalysisContext, entry: Entry, writes: tuple[str, ...], around: Surroundings) -> DialogueReading:
    """What every prompt that writes a conversation has: one field, `each`, `when`, and the names that it reads."""
    node, name = entry.value, entry.key.text
    assert isinstance(node, MapNode)
    check_together(ctx, node)
    _writes_one(ctx, entry, writes, around)
    scope = _scope(ctx, writes, around)

    def explain(wanted: str) -> str | None:
        return f"this prompt writes '{wanted}' itself: it cannot read it" if wanted in writes else None

    each = lower_each(ctx, name, node, scope, around, explain)
    when = lower_when(ctx, node, scope, explain)
    nulls = empty_here(around, node.get("when"), names_of(when) if when else frozenset())
    return DialogueReading(ctx, around, scope, explain, nulls, name, each, when)


def _prompt(
    reading: DialogueReading,
    entry: Entry,
    writes: tuple[str, ...],
    dialogue: Dialogue,
    instructions: bool,
    answered: frozenset[str],
    own: OwnBackends,
) -> Prompt:
    """The prompt of a conversation. `answered` is what the answers of its tools read."""
    node, each, when = entry.value, reading.each, reading.when
    assert isinstance(node, MapNode)
    ctx = reading.ctx
    circular = next((n for n in writes if n in answered), None)
    if circular is not None:
        message = f"a tool that '{reading.prompt}' may call reads '{circular}', which this prompt writes"
        ctx.report("E542", entry.key, message, "let the tool's answer read its arguments and earlier fields")
    beside = [e for e in (when, each.items if each is not None else None) if e is not None]
    return Prompt(
        name=reading.prompt,
        user=Template(""),
        system=None,
        writes=writes,
        format="text",
        format_options={},
        rows=1,
        examples=None,
        when=when,
        needs=(),
        instructions=instructions,
        backend=own.backend,
        span=entry.key.span,
        reads=_reads(dialogue).union(answered - set(writes), *map(names_of, beside)),
        each=each,
        dialogue=replace(dialogue, answered=answered - set(writes)),
    )


def check_no_dialogue(ctx: AnalysisContext, name: str, node: MapNode) -> None:
    """Report what only a dialogue has."""
    lost = ctx.is_broken("prompts", name, "dialogue")
    if (at := node.key("turns")) is not None and node.get("dialogue") is None and not lost:
        message = "`turns` belongs to a prompt with `dialogue`"
        ctx.report("E485", at, message, remove() + "; a field of `type: messages` has `turns` of its own")


def _alone(ctx: AnalysisContext, node: MapNode) -> None:
    """Report what a dialogue has no use for."""
    for key in OTHER_KEYS:
        if (at := node.key(key)) is not None:
            help = remove() if key not in ("system", "tools") else f"give it to a speaker: `NAME: {{{key}: …}}`"
            ctx.report("E480", at, f"a prompt with `dialogue` has no `{key}`: its speakers write the messages", help)


def _writes_one(ctx: AnalysisContext, entry: Entry, writes: tuple[str, ...], around: Surroundings) -> None:
    """A dialogue writes one conversation."""
    node = entry.value
    assert isinstance(node, MapNode)
    at = node.get("writes") or entry.key
    writes = tuple(name for name in writes if name != scalar_text(node.get("reasoning")))  # reported by itself
    if len(writes) > 1:
        message = f"a conversation is one field, and this prompt writes {len(writes)}"
        ctx.report("E481", at, message, "leave it one field of `type: messages`")
    for name in writes[:1]:
        field = around.fields.get(name)
        if field is not None and not holds_messages(field) and not ctx.is_broken("fields", name) and len(writes) == 1:
            message = f"this prompt writes a conversation, and '{name}' is {field.type.with_article}"
            ctx.report("E481", field.span, message, set_type("messages", "declare it with `type: {}`"))


def _scope(ctx: AnalysisContext, writes: tuple[str, ...], around: Surroundings) -> Scope:
    special: dict[str, Type] = {"turn": INTEGER}
    if around.avoid:
        special["avoid"] = Type("list", item=TEXT)
    drawn = Scope(special, around.items, around.parameters, ctx.names_under("parameters"))
    own = frozenset(name for name in writes if name not in drawn)
    return Scope(drawn, around.types, ctx.names_under("fields"), hidden=own)


def _tools(
    reading: DialogueReading, node: Node | None, name: str
) -> tuple[Expression | ToolDraw | None, frozenset[str]]:
    """The tools that a speaker may use, and what their answers read; `name` is who draws them."""
    ctx, around = reading.ctx, reading.around
    if isinstance(node, MapNode):
        return lower_tool_draw(ctx, node, name, reading.scope, around)
    used = lower_tool_names(ctx, node, reading.scope, around)
    return used, around.tools.read_by(used)


def _speaker(reading: DialogueReading, entry: Entry, otherwise: Choose | None) -> tuple[Speaker, frozenset[str]]:
    """A speaker, and what the answers of its tools read. `otherwise` chooses its backend where it has none itself."""
    ctx, node, name = reading.ctx, entry.value, entry.key.text
    assert isinstance(node, MapNode)
    known = {**dict.fromkeys(_RESERVED, "a name of its own meaning")}
    known |= dict.fromkeys(ctx.names_under("fields"), "a field")
    known |= dict.fromkeys(ctx.names_under("parameters"), "a parameter")
    if name in known:
        message = f"the speaker '{name}' is called like {known[name]}"
        ctx.report("E483", entry.key, message, f"give the speaker another name, such as '{name}_speaker'")
    path = ("prompts", reading.prompt, "dialogue", name)
    own = lower_one_or_chosen(ctx, path, node.get("backend"), reading.around, reading.scope, reading.explain)
    used, read = _tools(reading, node.get("tools"), f"{reading.prompt}.{name}")
    speaker = Speaker(
        name=name,
        role="user" if value_of(node.get("as")) == "user" else "assistant",
        system=ctx.template(node.get("system"), reading.scope, reading.explain, reading.nulls),
        opening=ctx.template(node.get("opening"), reading.scope, reading.explain, reading.nulls),
        tools=used,
        backend=own.backend,
        span=entry.key.span,
        choose=own.choose if node.get("backend") is not None else otherwise,
    )
    return speaker, read


def _both_roles(ctx: AnalysisContext, node: MapNode, speakers: tuple[Speaker, ...]) -> None:
    """Trainers need both sides; and an opening is given only where no earlier speaker is asked."""
    if any(isinstance(e.value, MapNode) and e.value.get("as") is None for e in node.entries):
        return  # at fault already
    absent = next((role for role in ROLES if all(s.role != role for s in speakers)), None)
    if absent is not None and len(speakers) > 1:
        message = f"no speaker of this dialogue is the {absent}"
        ctx.report("E482", node.key(speakers[-1].name) or node, message, f"let one of them be `as: {absent}`")
    asked: Speaker | None = None
    for speaker in speakers:
        if speaker.opening is not None and asked is not None:
            inner = node.get(speaker.name)
            at = inner.get("opening") if isinstance(inner, MapNode) else None
            first = Related(asked.span, "this one speaks before it, and is asked")
            message = f"'{speaker.name}' has an opening, but '{asked.name}' speaks before it"
            help = f"give '{asked.name}' an opening too, or let '{speaker.name}' come first"
            ctx.report("E484", at or node, message, help, (first,))
        elif speaker.opening is None:
            asked = asked or speaker


def _reads(dialogue: Dialogue) -> frozenset[str]:
    """The parameters and fields that a dialogue reads."""
    templates = [t for s in dialogue.speakers for t in (s.system, s.opening) if t is not None]
    tools = [names_of(s.tools) for s in dialogue.speakers if s.tools is not None and not isinstance(s.tools, ToolDraw)]
    read = frozenset[str]().union(
        *tools, *(t.reads for t in templates), names_of(dialogue.minimum), names_of(dialogue.maximum)
    )
    if dialogue.until is not None:
        read |= names_of(dialogue.until)
    read = read.union(*(names_of(s.choose.expression) for s in dialogue.speakers if s.choose is not None))
    return read - {s.name for s in dialogue.speakers} - {"turn"}
