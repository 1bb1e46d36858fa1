"""The graph that prompts make: what each needs, and an order in which each comes after that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from synthspec.analysis.sections.context import AnalysisContext, shown_circle
from synthspec.diagnostics import Related
from synthspec.document.reader import MapNode
from synthspec.languages.expressions import names_of
from synthspec.languages.patterns.ambiguity.graphs import components
from synthspec.spec import Field, Prompt


def in_order(ctx: AnalysisContext, prompts: list[Prompt], fields: Mapping[str, Field]) -> tuple[Prompt, ...]:
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
                message = f"circular prompts, which read each other's fields: {shown_circle(circle)}"
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
