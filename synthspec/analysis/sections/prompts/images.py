"""`images`: pictures shown with a prompt's last message. Those that the plan can draw are looked at beforehand."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from synthspec.analysis.sections.context import AnalysisContext
from synthspec.analysis.sections.prompts.each import Reading
from synthspec.analysis.sections.prompts.surroundings import Surroundings
from synthspec.document.reader import Node
from synthspec.inference.images import KINDS, ImageFault, Looks, look_at, shown_value
from synthspec.languages.expressions.tree import Expression, Name
from synthspec.spec import Choice, Draw, GivenDraw, SourceDraw

MOST_LOOKED_AT = 5_000  # pictures of one expression
_HELP = {
    "missing": "correct the path, which is relative to the spec's folder, or add the file",
    "outside": "copy the picture below the spec's folder and name it there",
    "kind": f"convert it: a picture is {KINDS}",
    "large": "make it smaller",
}
_CODES = {"missing": "E475", "outside": "E475", "kind": "E476", "large": "E476"}


def lower_images(
    ctx: AnalysisContext, node: Node | None, reading: Reading, around: Surroundings, conditional: bool
) -> tuple[Expression, ...]:
    """The expressions that give a prompt's pictures. `conditional`: its `when` may leave out rows without one."""
    found: list[Expression] = []
    for item in ctx.items(node):
        expression, kind = ctx.expression(item, reading.scope, explain=reading.explain)
        if expression is None:
            continue
        if kind.kind not in ("text", "any", "list", "map"):
            message = f"a picture is a path, a data URL or bytes; this is {kind.with_article}"
            ctx.report("E478", item, message, "name the column that holds the path of the picture")
            continue
        found.append(expression)
        _look(ctx, item, expression, around, conditional)
    return tuple(found)


def _look(ctx: AnalysisContext, node: Node, expression: Expression, around: Surroundings, conditional: bool) -> None:
    faults: list[tuple[Any, ImageFault]] = []
    for value in itertools.islice(drawn_values(ctx, expression, around), MOST_LOOKED_AT):
        if value is None and conditional:
            continue
        try:
            for _ in look_at(value, ctx.path.parent):
                pass
        except ImageFault as fault:
            faults.append((value, fault))
    if faults:
        value, first = faults[0]
        more = f" (and {len(faults) - 1:,} more like it)" if len(faults) > 1 else ""
        name = expression.name if isinstance(expression, Name) else ""
        help = f"add `when: not missing({name})` to the prompt" if value is None else _HELP[first.kind]
        ctx.report(_CODES[first.kind], node, f"{first}{more}", help)


def drawn_values(ctx: AnalysisContext, expression: Expression, around: Surroundings) -> Iterator[Any]:
    """Every different value that a parameter can have, where it is listed or drawn from a source; none of others."""
    if isinstance(expression, Name) and expression.name in around.draws:
        seen: set[str] = set()
        for value in _values(ctx, around.draws[expression.name]):
            mark = repr(value) if not isinstance(value, str) else value
            if mark not in seen:
                seen.add(mark)
                yield value


def _values(ctx: AnalysisContext, draw: Draw) -> Iterator[Any]:
    match draw:
        case Choice(values):
            yield from values
        case SourceDraw(source, column, where) if where is None and source in ctx.tables:
            yield from ctx.tables[source].columns.get(column, ())
        case GivenDraw(_, cases, otherwise):
            for _, below in cases:
                yield from _values(ctx, below)
            if otherwise is not None:
                yield from _values(ctx, otherwise)


def looks_of(ctx: AnalysisContext, expression: Expression, around: Surroundings) -> Iterator[tuple[str, Looks]]:
    """What there is to say of every picture that can be drawn, with its name; those at fault are left out."""
    for value in itertools.islice(drawn_values(ctx, expression, around), MOST_LOOKED_AT):
        try:
            for looks in look_at(value, ctx.path.parent):
                yield shown_value(value), looks
        except ImageFault:
            continue
