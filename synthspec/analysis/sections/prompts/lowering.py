"""`prompts`: what each reads and writes, and the graph they make together."""

from __future__ import annotations

from synthspec.analysis.sections.context import AnalysisContext, value_of
from synthspec.analysis.sections.prompts.emptied import Emptied, empty_here, may_be_empty
from synthspec.analysis.sections.prompts.examples import lower_examples
from synthspec.analysis.sections.prompts.formats import lower_format
from synthspec.analysis.sections.prompts.order import in_order
from synthspec.analysis.sections.prompts.placed import reads_no_place
from synthspec.analysis.sections.prompts.rows import lower_each
from synthspec.analysis.sections.prompts.surroundings import Surroundings
from synthspec.analysis.sections.prompts.written import nobody_writes, who_writes
from synthspec.analysis.sections.scope import Scope
from synthspec.analysis.sections.settings import lower_backend
from synthspec.document.reader import Entry, MapNode
from synthspec.languages.expressions import names_of
from synthspec.languages.expressions.types import ANY, INTEGER, Type, fits
from synthspec.languages.templates.template import Template
from synthspec.spec import Prompt


def lower_prompts(ctx: AnalysisContext, around: Surroundings) -> tuple[Prompt, ...]:
    """Every prompt, each after those whose fields it reads."""
    entries = [e for e in ctx.section("prompts").entries if isinstance(e.value, MapNode)]
    writes = who_writes(ctx, entries, around.fields)
    empty = may_be_empty(ctx, entries, writes, around)
    prompts = [_lower(ctx, e, writes[e.key.text], around, empty) for e in entries]
    reads_no_place(ctx, prompts, around.fields)
    nobody_writes(ctx, prompts, around.fields, entries)
    return in_order(ctx, prompts, around.fields)


def _lower(
    ctx: AnalysisContext, entry: Entry, writes: tuple[str, ...], around: Surroundings, empty: list[Emptied]
) -> Prompt:
    node, name = entry.value, entry.key.text
    assert isinstance(node, MapNode)
    examples, of_examples = lower_examples(ctx, node.get("examples"), around)
    rows = int(value_of(node.get("rows"), 1))
    if ctx.is_broken("prompts", name, "examples"):
        of_examples = Type("list", item=ANY)
    scope = _scope(ctx, writes, around, of_examples)

    def explain(wanted: str) -> str | None:
        if wanted in writes:
            return f"this prompt writes '{wanted}' itself: it cannot read it"
        if wanted == "examples":
            return "add `examples: {from: SOURCE}` to the prompt"
        if wanted == "avoid":
            return "add `avoid: {last: 20}` under `novelty`"
        return None

    each = lower_each(ctx, name, node, scope, around, explain)
    when = None
    if (at := node.get("when")) is not None:
        when, kind = ctx.expression(at, scope, explain=explain)
        if when is not None and not fits(kind, Type("boolean")):
            ctx.report("E303", at, f"`when` is true or false; this is {kind.with_article}", "compare it with something")
    nulls = empty_here(empty, at, names_of(when) if when else frozenset())
    system = ctx.template(node.get("system"), scope, explain, nulls)
    user = ctx.template(node.get("user"), scope, explain, nulls) or Template("")
    shown = user.reads | (system.reads if system else frozenset())
    if examples is not None and "examples" not in shown and user.text:
        help = "write {% for e in examples %}{{ e.COLUMN }}{% endfor %} in `user`, or remove it"
        column = next(iter(around.sources[examples.source].columns), "")
        ctx.report("W706", node.key("examples") or node, "no template of this prompt shows its examples",
                   help.replace("COLUMN", column))  # fmt: skip
    reads = user.reads | (system.reads if system else frozenset()) | (names_of(when) if when else frozenset())
    reads |= names_of(each.items) if each is not None else frozenset()
    if examples is not None and examples.where is not None:
        reads |= names_of(examples.where) - {"row"}
    sound = len(ctx.items(node.get("writes"))) in (0, len(writes))
    kind_of, options = lower_format(ctx, node.get("format"), writes if sound else (), rows, around)
    own = node.get("backend")
    backend = lower_backend(ctx, own, around.limits, "prompts", name) if own is not None else None
    wanted = value_of(node.get("instructions"), True)
    return Prompt(
        name=name,
        user=user,
        system=system,
        writes=writes,
        format=kind_of,
        format_options=options,
        rows=rows,
        examples=examples,
        when=when,
        needs=(),
        instructions=wanted not in ("none", False),
        backend=backend,
        span=entry.key.span,
        reads=reads,
        verbalize=int(value_of(node.get("verbalize"), 1)),
        each=each,
    )


def _scope(ctx: AnalysisContext, writes: tuple[str, ...], around: Surroundings, examples: Type | None) -> Scope:
    special: dict[str, Type] = {"rows": INTEGER}
    if examples is not None:
        special["examples"] = examples
    if around.avoid:
        special["avoid"] = Type("list", item=Type("text"))
    drawn = Scope(special, around.items, around.parameters, ctx.names_under("parameters"))
    own = frozenset(name for name in writes if name not in drawn)
    return Scope(drawn, around.types, ctx.names_under("fields"), hidden=own)
