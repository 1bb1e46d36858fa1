"""The graph that prompts make: what each needs, and an order in which each comes after that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from synthspec.analysis.sections.context import AnalysisContext, shown_circle
from synthspec.analysis.sections.prompts.rows import with_levels
from synthspec.languages.circles import components
from synthspec.languages.expressions import names_of
from synthspec.spec import Field, Prompt


def in_order(ctx: AnalysisContext, prompts: list[Prompt], fields: Mapping[str, Field]) -> tuple[Prompt, ...]:
    """The prompts with what each needs: first those that need none, then those that need these, and so on."""
    needs = _needs(ctx, prompts, fields)
    known = {p.name: replace(p, needs=needs[p.name]) for p in prompts}
    behind_item = _makers_of_items(prompts, fields)
    after = {n: tuple(dict.fromkeys((*p.needs, *behind_item[n]))) for n, p in known.items()}
    wave: dict[str, int] = {}
    stuck: list[str] = []
    for component in components(known, lambda name: after[name]):
        name = next(iter(component))
        behind = [wave.get(n, -1) for n in after[name]]
        if len(component) > 1 or name in after[name] or -1 in behind:
            stuck.extend(component)
            if len(component) > 1 or name in after[name]:
                circle = _circle(after, next(n for n in known if n in component), component)
                message = f"circular prompts, which read each other's fields: {shown_circle(circle)}"
                ctx.report("E413", known[circle[0]].span, message, "let one of them do without the other's field")
        else:
            wave[name] = 1 + max(behind, default=0)
    lost = set(stuck)
    ready = sorted((n for n in known if n not in lost), key=wave.__getitem__)
    ordered = with_levels(ctx, [known[n] for n in ready], fields)
    return (*ordered, *(known[n] for n in known if n in lost))


def _makers_of_items(prompts: list[Prompt], fields: Mapping[str, Field]) -> dict[str, tuple[str, ...]]:
    """For each prompt, those that go over the lists whose items it reads, also through computed fields."""
    makers = {p.each.name: p.name for p in prompts if p.each is not None}
    if not makers:
        return {p.name: () for p in prompts}
    found: dict[str, tuple[str, ...]] = {}
    for prompt in prompts:
        names, todo = set[str](), list(prompt.reads)
        while todo:
            name = todo.pop()
            field = fields.get(name)
            if name not in names:
                names.add(name)
                todo.extend(names_of(field.value) if field is not None and field.value is not None else ())
        found[prompt.name] = tuple(makers[n] for n in sorted(names) if n in makers and makers[n] != prompt.name)
    return found


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
        own = 1 << number[prompt.name]
        computed = next((r for r in sorted(prompt.reads) if r not in parameters and behind.get(r, 0) & own), None)
        if computed is not None and computed not in prompt.writes:
            message = f"'{prompt.name}' reads '{computed}', which is computed from what it writes"
            ctx.report("E413", prompt.span, message, "read other fields, or let another prompt write it")
        bits &= ~own
        marks = bin(bits)[:1:-1] if bits else ""
        found[prompt.name] = tuple(sorted(p.name for p, mark in zip(prompts, marks, strict=False) if mark == "1"))
    return found


def _circle(after: Mapping[str, tuple[str, ...]], start: str, component: frozenset[str]) -> list[str]:
    path = {start: 0}
    name = start
    while True:
        name = next(n for n in after[name] if n in component)
        if name in path:
            return [*list(path)[path[name] :], name]
        path[name] = len(path)
