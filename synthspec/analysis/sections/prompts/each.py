"""`e in examples`: a name for every item of a list in turn, as `for`, `each` and `map` write it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from synthspec.analysis.sections.context import AnalysisContext, Explain
from synthspec.analysis.sections.items import is_always_empty
from synthspec.analysis.sections.scope import Scope
from synthspec.diagnostics.remedies import write
from synthspec.document.reader import Node, ScalarNode
from synthspec.languages.expressions.types import ANY
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Each

_FORM = re.compile(r"\s*(?P<name>[^\W\d]\w*)\s+in\s+(?P<items>\S.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TemplateScope:
    """Where the templates of a prompt are read: the names in scope, why others are not, and which may be null."""

    scope: Scope
    explain: Explain
    nulls: Sequence[frozenset[str]]
    taken: Collection[str]  # names that no item may take


def lower_each(
    ctx: AnalysisContext, node: Node, reading: TemplateScope, key: str, code: str
) -> tuple[Each | None, Scope]:
    """The name and the list, None where they are at fault; and the names in scope of what is said for each item."""
    form = _FORM.fullmatch(node.text) if isinstance(node, ScalarNode) else None
    if form is None or not isinstance(node, ScalarNode):
        ctx.report(code, node, "this does not say which item of which list is meant", write(f"{key}: item in LIST"))
        return None, Scope({}, reading.scope)
    name, start = form["name"], form.start("items")
    if name in reading.taken:
        place = node.place(form.start("name"), form.end("name"))
        ctx.report(code, place, f"'{name}' is a name that the spec has already", f"take another after `{key}:`")
        return None, Scope({name: ANY}, reading.scope)
    items, kind = ctx.expression(node, reading.scope, explain=reading.explain, start=start)
    if items is None:
        return None, Scope({name: ANY}, reading.scope)
    if kind.kind not in ("list", "any"):
        place = node.place(start, len(node.text.rstrip()))
        help = "name `examples`, or a parameter or field that is a list" if key == "for" else "name a list"
        ctx.report(code, place, f"`{key}` goes through a list; this is {kind.with_article}", help)
        return None, Scope({name: ANY}, reading.scope)
    if is_always_empty(ctx, node, key, kind, start):
        return None, Scope({name: ANY}, reading.scope)
    item = kind.item or ANY if kind.kind == "list" else ANY
    return Each(name, items, node.span, kind.length), Scope({name: item}, reading.scope)
