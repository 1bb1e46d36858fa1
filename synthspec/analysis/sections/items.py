"""Items of lists: `fact in facts`, the name that stands for each of them in turn."""

from __future__ import annotations

import re
from collections.abc import Mapping

from synthspec.analysis.sections.context import AnalysisContext, Explain
from synthspec.diagnostics.remedies import remove, write
from synthspec.document.reader import MapNode, Node, ScalarNode
from synthspec.languages.expressions import check_expression, parse_expression
from synthspec.languages.expressions.types import ANY, Type
from synthspec.spec import Each

FORM = re.compile(r"\s*([^\W\d]\w*)\s+in\s+(?=\S)")
SPECIAL = ("rows", "examples", "avoid", "round", "turn", "row")  # names that are bound elsewhere


def lower_item(
    ctx: AnalysisContext, node: Node | None, key: str, scope: Mapping[str, Type], explain: Explain
) -> tuple[Each | None, Type]:
    """`each` or `map`, by its key: the list, and the type of its items."""
    if not isinstance(node, ScalarNode):
        return None, ANY
    form = FORM.match(node.text)
    if form is None:
        message = f"`{key}` names each item of a list in turn; this is not of the form `name in list`"
        ctx.report("E430", node, message, write(f"{key}: item in LIST"))
        return None, ANY
    name, start = form.group(1), form.end()
    items, kind = ctx.expression(node, scope, explain=explain, start=start)
    if items is None:
        return None, ANY
    if kind.kind not in ("list", "any"):
        message = f"`{key}` goes over a list; this is {kind.with_article}"
        ctx.report(
            "E431",
            node.place(start, len(node.text.rstrip())),
            message,
            "name a field of `type: array`, or an expression that gives a list",
        )
        return None, ANY
    if is_always_empty(ctx, node, key, kind, start):
        return None, kind.item or ANY
    return Each(name, items, node.span, kind.length), (kind.item or ANY) if kind.kind == "list" else ANY


def is_always_empty(ctx: AnalysisContext, node: ScalarNode, key: str, kind: Type, start: int) -> bool:
    """Whether no list that is gone through ever has an item; a fault where so."""
    if kind.kind != "list" or kind.length is None or kind.length[1] != 0:
        return False
    what = {"each": "it makes no row", "map": "it asks nothing"}.get(key, "it says nothing")
    message = f"`{key}` goes over a list that never has an item: {what}"
    help = "name a list that has items, or " + remove(key)
    ctx.report("E499", node.place(start, len(node.text.rstrip())), message, help)
    return True


def item_types(ctx: AnalysisContext, scope: Mapping[str, Type]) -> dict[str, Type]:
    """The names that `each` binds, as far as they can be typed by these names; nothing is reported."""
    found: dict[str, Type] = {}
    for entry in ctx.section("prompts").entries:
        node = entry.value.get("each") if isinstance(entry.value, MapNode) else None
        form = FORM.match(node.text) if isinstance(node, ScalarNode) else None
        if form is None or not isinstance(node, ScalarNode):
            continue
        parsed = parse_expression(node.text[form.end() :])[0]
        kind = check_expression(parsed, {**scope, **found})[0] if parsed is not None else ANY
        found[form.group(1)] = kind.item or ANY if kind.kind == "list" else ANY
    return found
