"""`images`: pictures shown with a prompt's last message. Those that the plan can draw are looked at beforehand."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

from synthspec.analysis.sections.context import AnalysisContext
from synthspec.analysis.sections.prompts.each import TemplateScope
from synthspec.analysis.sections.prompts.surroundings import Surroundings
from synthspec.analysis.sections.scope import Scope
from synthspec.document.reader import MapNode, Node, ScalarNode
from synthspec.inference.images import KINDS, ImageFault, Looks, look_at, shown_value
from synthspec.languages.expressions import compile_row, names_of
from synthspec.languages.expressions.traversal import is_constant
from synthspec.languages.expressions.tree import Expression
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Choice, Draw, Each, Formula, GivenDraw, ListDraw, SourceDraw

_PATH = re.compile(r"(?P<first>\w+)[\w./-]*\.(?:png|jpe?g|gif|webp)", re.IGNORECASE)
MOST_LOOKED_AT = 5_000  # pictures of one expression
_HELP = {
    "missing": "correct the path, which is relative to the spec's folder, or add the file",
    "outside": "copy the picture below the spec's folder and name it there",
    "kind": f"convert it: a picture is {KINDS}",
    "large": "make it smaller",
}
_CODES = {"missing": "E475", "outside": "E475", "kind": "E476", "large": "E476"}


def lower_images(
    ctx: AnalysisContext, prompt: MapNode, reading: TemplateScope, around: Surroundings, loops: Sequence[Each | None]
) -> tuple[Expression, ...]:
    """The expressions that give a prompt's pictures. `loops` bind the items of lists that they may read."""
    conditional = prompt.get("when") is not None  # it may leave out rows without a picture
    seen = DrawnNames(ctx, around, tuple(loop for loop in loops if loop is not None))
    found: list[Expression] = []
    for item in ctx.items(prompt.get("images")):
        if isinstance(item, ScalarNode) and _is_bare_path(item, reading.scope):
            help = f"a picture that is the same in every row is written as a text: \"'{item.text}'\""
            ctx.report("E301", item, f"unknown name '{item.text}'", help)
            continue
        expression, kind = ctx.expression(item, reading.scope, explain=reading.explain)
        if expression is None:
            continue
        if kind.kind not in ("text", "any", "list", "map"):
            message = f"a picture is a path, a data URL or bytes; this is {kind.with_article}"
            ctx.report("E478", item, message, "name the column that contains the path of the picture")
            continue
        found.append(expression)
        _look(ctx, item, expression, seen, conditional)
    return tuple(found)


def _is_bare_path(item: ScalarNode, scope: Scope) -> bool:
    """Whether a path stands where an expression is meant, and names nothing that is known."""
    found = _PATH.fullmatch(item.text)
    return found is not None and found["first"] not in scope


def _look(ctx: AnalysisContext, node: Node, expression: Expression, drawn: DrawnNames, conditional: bool) -> None:
    faults: list[tuple[Any, ImageFault]] = []
    for value in itertools.islice(drawn.values(expression), MOST_LOOKED_AT):
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
        name = node.text if isinstance(node, ScalarNode) else "…"
        empty = f"add `when: {name} != null` to the prompt, or name a picture for every row"
        help = empty if value is None else _HELP[first.kind]
        ctx.report(_CODES[first.kind], node, f"{first}{more}", help)


@dataclass(frozen=True, slots=True)
class DrawnNames:
    """The parameters that are listed or drawn from a source, and the items of lists among them."""

    ctx: AnalysisContext
    around: Surroundings
    loops: tuple[Each, ...] = ()

    def values(self, expression: Expression) -> Iterator[Any]:
        """Every different value of an expression over one of them, and that of one which reads nothing; none of
        others."""
        names = names_of(expression)
        name = next(iter(names)) if len(names) == 1 else ""
        value_of = compile_row(expression)
        seen: set[str] = set()
        if not names and (written := value_of({})) is not None:  # null is of the row's place
            yield written
        for drawn in self._of(name):
            value = value_of({name: drawn})
            mark = value if isinstance(value, str) else repr(value)
            if mark not in seen:
                seen.add(mark)
                yield value

    def _of(self, name: str) -> Iterator[Any]:
        loop = next((each for each in self.loops if each.name == name), None)
        if loop is not None:
            inner = DrawnNames(self.ctx, self.around)
            for items in inner.values(loop.items):
                yield from items if isinstance(items, list | tuple) else ()
        elif name in self.around.draws:
            yield from _values(self.ctx, self.around.draws[name])


def _values(ctx: AnalysisContext, draw: Draw) -> Iterator[Any]:
    match draw:
        case Choice(values):
            yield from values
        case Formula(expression) if is_constant(expression):
            yield compile_row(expression)({})
        case SourceDraw(source, column, where=None) if source in ctx.tables:
            table = ctx.tables[source]
            numbers = table.some(MOST_LOOKED_AT)
            drawn: Sequence[Any] = table.values(column, numbers) if column else table.rows(numbers)
            yield from drawn if draw.shares_row else ([value] for value in drawn)
        case ListDraw(item=item):
            yield from ([value] for value in _values(ctx, item))
        case GivenDraw(_, cases, otherwise):
            for _, below in cases:
                yield from _values(ctx, below)
            if otherwise is not None:
                yield from _values(ctx, otherwise)


def looks_of(drawn: DrawnNames, expression: Expression) -> Iterator[tuple[str, Looks]]:
    """What there is to say of every picture that can be drawn, with its name; those at fault are left out."""
    for value in itertools.islice(drawn.values(expression), MOST_LOOKED_AT):
        try:
            for looks in look_at(value, drawn.ctx.path.parent):
                yield shown_value(value), looks
        except ImageFault:
            continue
