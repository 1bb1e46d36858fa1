"""`prompts`: what each reads and writes, and the graph they make together."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from synthspec.analysis.sections.context import AnalysisContext, shown_circle, value_of
from synthspec.analysis.sections.parameters import find_source, row_type
from synthspec.analysis.sections.scope import Scope
from synthspec.analysis.sections.settings import lower_backend
from synthspec.diagnostics import Related, did_you_mean, nearest
from synthspec.document.reader import Entry, MapNode, Node, ScalarNode
from synthspec.formats import Shape
from synthspec.languages.expressions import names_of
from synthspec.languages.expressions.types import ANY, INTEGER, Type, fits
from synthspec.languages.patterns.ambiguity.graphs import components
from synthspec.languages.templates.template import Template
from synthspec.plugins import find_plugin, is_plugin, plugin_names
from synthspec.spec import Draw, Examples, Field, Limits, Prompt, SourceDraw, SourceTable


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the prompts can name."""

    parameters: Mapping[str, Type]
    fields: Mapping[str, Field]
    sources: Mapping[str, SourceTable]
    limits: Limits
    avoid: bool
    draws: Mapping[str, Draw]
    types: Mapping[str, Type]  # of the fields


def lower_prompts(ctx: AnalysisContext, around: Surroundings) -> tuple[Prompt, ...]:
    """Every prompt, each after those whose fields it reads."""
    entries = [e for e in ctx.section("prompts").entries if isinstance(e.value, MapNode)]
    writes = _who_writes(ctx, entries, around.fields)
    empty = _may_be_empty(ctx, entries, writes, around)
    prompts = [_lower(ctx, e, writes[e.key.text], around, empty) for e in entries]
    _nobody_writes(ctx, prompts, around.fields, entries)
    return _in_order(ctx, prompts, around.fields)


def _who_writes(ctx: AnalysisContext, entries: list[Entry], fields: Mapping[str, Field]) -> dict[str, tuple[str, ...]]:
    """The fields each prompt writes; one prompt may leave it unsaid and takes what is left."""
    every = ctx.names_under("fields")
    taken: dict[str, ScalarNode] = {}
    writes: dict[str, tuple[str, ...]] = {}
    unsaid: list[Entry] = []
    for entry in entries:
        node = entry.value.get("writes") if isinstance(entry.value, MapNode) else None
        if node is None:
            if not ctx.is_broken("prompts", entry.key.text, "writes"):
                unsaid.append(entry)
            writes[entry.key.text] = ()
            continue
        good: list[str] = []
        for item in ctx.items(node):
            if isinstance(item, ScalarNode) and _may_write(ctx, item, fields, every, taken):
                taken[item.text] = item
                good.append(item.text)
        writes[entry.key.text] = tuple(good)
    left = tuple(n for n, f in fields.items() if f.value is None and n not in taken)
    for entry in unsaid[1:]:
        first = Related(unsaid[0].key.span, "so does this one")
        message = f"the prompt '{entry.key.text}' does not say what it writes"
        ctx.report("E421", entry.key, message, "add `writes:` to all prompts but one", (first,))
    if len(unsaid) == 1:
        writes[unsaid[0].key.text] = left
        if not left and fields and not any(len(p) == 2 and p[0] == "fields" for p in ctx.broken):
            message = f"the prompt '{unsaid[0].key.text}' writes no field: all are written already"
            ctx.report("E421", unsaid[0].key, message, "add a field for it, or remove the prompt")
    return writes


def _may_write(
    ctx: AnalysisContext,
    node: ScalarNode,
    fields: Mapping[str, Field],
    every: Mapping[str, Type],
    taken: Mapping[str, ScalarNode],
) -> bool:
    name = node.text
    if name not in every:
        if ctx.is_lost("fields"):
            return False
        free = [known for known in every if known not in taken]
        ctx.report("E411", node, f"there is no field '{name}'", did_you_mean(name, free, "declare it under `fields`"))
    elif name in taken:
        first = Related(taken[name].span, "first written here")
        ctx.report("E412", node, f"the field '{name}' is written twice", "leave it to one prompt", (first,))
    elif name in fields and fields[name].value is not None:
        first = Related(fields[name].span, "computed here")
        ctx.report("E420", node, f"the field '{name}' is computed by its `value`", "remove one of the two", (first,))
    else:
        return name in fields
    return False


@dataclass(frozen=True, slots=True)
class _Emptied:
    """Names that are null together, and the conditions that rule it out."""

    names: frozenset[str]
    unless: frozenset[str] = frozenset()


def _may_be_empty(
    ctx: AnalysisContext, entries: list[Entry], writes: Mapping[str, tuple[str, ...]], around: Surroundings
) -> list[_Emptied]:
    """What a prompt may read and find null: fields of a prompt with `when`, optional fields, gaps in a source."""
    found: list[_Emptied] = []
    for entry in entries:
        when = entry.value.get("when") if isinstance(entry.value, MapNode) else None
        if isinstance(when, ScalarNode) and writes[entry.key.text]:
            found.append(_Emptied(frozenset(writes[entry.key.text]), _conditions(when)))
    found += [_Emptied(frozenset({f.name})) for f in around.fields.values() if f.optional and f.value is None]
    gaps: dict[str, set[str]] = {}
    for name, draw in around.draws.items():
        if isinstance(draw, SourceDraw) and None in ctx.tables[draw.source].columns[draw.column]:
            gaps.setdefault(f"{draw.source}.{draw.column}", set()).add(name)
    found += [_Emptied(frozenset(names)) for names in gaps.values()]
    if around.avoid:
        found.append(_Emptied(frozenset({"avoid"})))
    return found


def _conditions(when: Node | None) -> frozenset[str]:
    """What is joined by `and` in a condition, white space aside."""
    if not isinstance(when, ScalarNode):
        return frozenset()
    return frozenset(re.sub(r"\s+", " ", part).strip() for part in re.split(r"\band\b", when.text))


def _empty_here(empty: list[_Emptied], when: Node | None, reads: frozenset[str]) -> list[frozenset[str]]:
    """The groups of names that may be null where a prompt runs: its own `when` may rule some out."""
    own = _conditions(when)
    return [e.names for e in empty if not (e.unless and e.unless <= own) and not e.names & reads]


def _lower(
    ctx: AnalysisContext, entry: Entry, writes: tuple[str, ...], around: Surroundings, empty: list[_Emptied]
) -> Prompt:
    node, name = entry.value, entry.key.text
    assert isinstance(node, MapNode)
    examples, of_examples = _examples(ctx, node.get("examples"), around)
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

    when = None
    if (at := node.get("when")) is not None:
        when, kind = ctx.expression(at, scope, explain=explain)
        if when is not None and not fits(kind, Type("boolean")):
            ctx.report("E303", at, f"`when` is true or false; this is {kind.with_article}", "compare it with something")
    nulls = _empty_here(empty, at, names_of(when) if when else frozenset())
    system = ctx.template(node.get("system"), scope, explain, nulls)
    user = ctx.template(node.get("user"), scope, explain, nulls) or Template("")
    shown = user.reads | (system.reads if system else frozenset())
    if examples is not None and "examples" not in shown and user.text:
        help = "write {% for e in examples %}{{ e.COLUMN }}{% endfor %} in `user`, or remove it"
        column = next(iter(around.sources[examples.source].columns), "")
        ctx.report("W706", node.key("examples") or node, "no template of this prompt shows its examples",
                   help.replace("COLUMN", column))  # fmt: skip
    reads = user.reads | (system.reads if system else frozenset()) | (names_of(when) if when else frozenset())
    if examples is not None and examples.where is not None:
        reads |= names_of(examples.where) - {"row"}
    sound = len(ctx.items(node.get("writes"))) in (0, len(writes))
    kind_of, options = _format(ctx, node.get("format"), writes if sound else (), rows, around)
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
    )


def _scope(ctx: AnalysisContext, writes: tuple[str, ...], around: Surroundings, examples: Type | None) -> Scope:
    special: dict[str, Type] = {"rows": INTEGER}
    if examples is not None:
        special["examples"] = examples
    if around.avoid:
        special["avoid"] = Type("list", item=Type("text"))
    drawn = Scope(special, around.parameters, ctx.names_under("parameters"))
    own = frozenset(name for name in writes if name not in drawn)
    return Scope(drawn, around.types, ctx.names_under("fields"), hidden=own)


def _examples(ctx: AnalysisContext, node: Node | None, around: Surroundings) -> tuple[Examples | None, Type | None]:
    if not isinstance(node, MapNode):
        return None, None
    source = node.get("from")
    if not isinstance(source, ScalarNode):
        return None, Type("list", item=ANY)
    table = find_source(ctx, source, around.sources)
    if table is None:
        return None, Type("list", item=ANY)
    of_row = row_type(table)
    where = None
    if (at := node.get("where")) is not None:
        where, kind = ctx.expression(at, {**around.parameters, "row": of_row})
        if where is not None and not fits(kind, Type("boolean")):
            ctx.report(
                "E303", at, f"`where` is true or false; this is {kind.with_article}", "compare it with something"
            )
    rows = int(value_of(node.get("rows"), 3))
    held = len(ctx.tables[table.name])
    if rows > held:
        message = f"{rows} examples are asked for; the source has {held} row{'' if held == 1 else 's'}"
        ctx.report("E422", node.get("rows") or node, message, "ask for fewer")
    return Examples(table.name, rows, where), Type("list", item=of_row)


def _format(
    ctx: AnalysisContext, node: Node | None, writes: tuple[str, ...], rows: int, around: Surroundings
) -> tuple[str, dict[str, Any]]:
    fields = tuple(around.fields[w] for w in writes if w in around.fields)
    name, options = "json", dict[str, Any]()
    if len(fields) == 1 and fields[0].type.kind == "text" and fields[0].type.values is None and rows == 1:
        name = "text"
    if isinstance(node, ScalarNode):
        name = node.text
    elif isinstance(node, MapNode):
        options = dict(value_of(node))
        named = [k for k in options if is_plugin("formats", str(k))]
        name = str(named[0]) if named else str(next(iter(options)))
    if not is_plugin("formats", name):
        key = node.entries[0].key if isinstance(node, MapNode) else node
        help = did_you_mean(name, plugin_names("formats"))
        ctx.report("E417", key or ctx.root, f"there is no format '{name}'", help)
        return "json", {}
    if node is not None and not ctx.usable("formats", name, node):
        return "json", {}
    module = find_plugin("formats", name)
    if isinstance(node, MapNode):
        inner = options.get(name)
        if isinstance(inner, dict):
            options = {**inner, **{k: v for k, v in options.items() if k != name}}
        if not _options(ctx, node, name, options, module.OPTIONS):
            return name, options
    if fields and len(fields) == len(writes) and not ctx.is_broken("fields"):
        place = node if node is not None else ctx.section("prompts")
        for message in itertools.islice(module.faults(Shape(fields, rows, options)), 1):
            span = place.span if node is not None else next(iter(fields)).span
            ctx.report("E416", span, f"the format '{name}' cannot carry this: {message}", "choose another format")
    return name, options


def _options(ctx: AnalysisContext, node: MapNode, name: str, options: dict[str, Any], known: Mapping[str, str]) -> bool:
    """Whether a format's options are known and sound."""
    before = len(ctx.faults)
    for option in options:
        if option not in known and option != name:
            key = node.key(str(option))
            inner = node.get(name)
            if key is None and isinstance(inner, MapNode):
                key = inner.key(str(option))
            help = did_you_mean(str(option), known, "it takes none")
            ctx.report("E419", key or node, f"the format '{name}' has no option '{option}'", help)
    if name in known and isinstance(options.get(name), str) and name == "regex":
        ctx.regex(node.get(name), "format")
    return len(ctx.faults) == before


def _nobody_writes(
    ctx: AnalysisContext, prompts: list[Prompt], fields: Mapping[str, Field], entries: list[Entry]
) -> None:
    if (
        ctx.is_lost("prompts")
        or ctx.is_broken("prompts")
        or any(ctx.is_broken("prompts", e.key.text, "writes") for e in entries)
    ):
        return
    if sum(isinstance(e.value, MapNode) and e.value.get("writes") is None for e in entries) > 1:
        return  # who writes what is unsaid
    written = {w for p in prompts for w in p.writes} | _meant(ctx, entries)
    for field in fields.values():
        if field.value is None and field.name not in written and not ctx.is_broken("fields", field.name):
            if not prompts:
                help = "add a prompt, or compute it with `value:`"
            else:
                help = "add it to the `writes` of a prompt, or compute it with `value:`"
            ctx.report("E410", field.span, f"nobody writes the field '{field.name}'", help)


def _meant(ctx: AnalysisContext, entries: list[Entry]) -> set[str | None]:
    """The fields that misspelt names under `writes` stand for."""
    every = ctx.names_under("fields")
    nodes = (e.value.get("writes") for e in entries if isinstance(e.value, MapNode))
    named = (n.text for node in nodes for n in ctx.items(node) if isinstance(n, ScalarNode))
    return {nearest(name, every) for name in named if name not in every}


def _in_order(ctx: AnalysisContext, prompts: list[Prompt], fields: Mapping[str, Field]) -> tuple[Prompt, ...]:
    """The prompts with what each needs: first those that need none, then those that need these, and so on."""
    needs = _needs(ctx, prompts, fields)
    known = {p.name: replace(p, needs=needs[p.name]) for p in prompts}
    wave: dict[str, int] = {}
    stuck: list[str] = []
    for component in components(known, lambda name: known[name].needs):
        name = next(iter(component))
        behind = [wave.get(n, -1) for n in known[name].needs]
        if len(component) > 1 or name in known[name].needs or -1 in behind:
            stuck.extend(component)
            if len(component) > 1 or name in known[name].needs:
                circle = _circle(known, next(n for n in known if n in component), component)
                message = f"the prompts read each other's fields in a circle: {shown_circle(circle)}"
                ctx.report("E413", known[circle[0]].span, message, "let one of them do without the other's field")
        else:
            wave[name] = 1 + max(behind, default=0)
    _one_makes_rows(ctx, list(known.values()))
    lost = set(stuck)
    ready = sorted((n for n in known if n not in lost), key=wave.__getitem__)
    return tuple(known[n] for n in (*ready, *(n for n in known if n in lost)))


def _one_makes_rows(ctx: AnalysisContext, prompts: list[Prompt]) -> None:
    batch = [p for p in prompts if p.rows > 1]
    for prompt in batch:
        if prompt.needs:
            at = ctx.section("prompts").get(prompt.name)
            place = at.get("rows") if isinstance(at, MapNode) else None
            message = f"'{prompt.name}' asks for {prompt.rows} rows but reads a field of another prompt"
            ctx.report("E415", place or prompt.span, message, "a prompt that reads written fields makes one row")
    for prompt in batch[1:]:
        first = Related(batch[0].span, "the first is here")
        message = "two prompts ask for several rows at once"
        ctx.report("E415", prompt.span, message, "let one make the rows and the others read them", (first,))


def _needs(ctx: AnalysisContext, prompts: list[Prompt], fields: Mapping[str, Field]) -> dict[str, tuple[str, ...]]:
    """The prompts whose fields each prompt reads, also through computed fields."""
    parameters = ctx.names_under("parameters")
    number = {p.name: n for n, p in enumerate(prompts)}
    writers: dict[str, int] = {w: 1 << number[p.name] for p in prompts for w in p.writes}  # bits: one a prompt
    reads = {n: [r for r in names_of(f.value) if r not in parameters] for n, f in fields.items() if f.value is not None}
    behind: dict[str, int] = {}
    for component in components(reads, lambda name: [r for r in reads[name] if r in reads]):
        bits = 0
        for name in (r for member in component for r in (member, *reads[member])):
            bits |= writers.get(name, 0) | behind.get(name, 0)
        behind.update(dict.fromkeys(component, bits))
    found: dict[str, tuple[str, ...]] = {}
    for prompt in prompts:
        bits = 0
        for name in prompt.reads:
            if name not in parameters:
                bits |= writers.get(name, 0) | behind.get(name, 0)
        bits &= ~(1 << number[prompt.name])
        marks = bin(bits)[:1:-1] if bits else ""
        found[prompt.name] = tuple(sorted(p.name for p, mark in zip(prompts, marks, strict=False) if mark == "1"))
    return found


def _circle(prompts: Mapping[str, Prompt], start: str, component: frozenset[str]) -> list[str]:
    path = {start: 0}
    name = start
    while True:
        name = next(n for n in prompts[name].needs if n in component)
        if name in path:
            return [*list(path)[path[name] :], name]
        path[name] = len(path)
