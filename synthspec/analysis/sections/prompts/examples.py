"""`examples`: rows of a source shown to the model, by chance or those most alike to a text."""

from __future__ import annotations

from synthspec.analysis.sections.context import AnalysisContext, Explain, scalar_text, value_of
from synthspec.analysis.sections.items import SPECIAL
from synthspec.analysis.sections.prompts.surroundings import Surroundings
from synthspec.analysis.sections.scope import Scope
from synthspec.analysis.sections.source_draws import find_source, lower_nearest, lower_where, row_type
from synthspec.analysis.sections.stored_examples import named_examples
from synthspec.diagnostics import Related
from synthspec.diagnostics.remedies import remove
from synthspec.document.reader import MapNode, Node, ScalarNode
from synthspec.languages.expressions.types import ANY, Type
from synthspec.spec import Examples


def lower_examples(
    ctx: AnalysisContext, node: Node | None, around: Surroundings, scope: Scope, explain: Explain
) -> tuple[Examples | None, dict[str, Type]]:
    """The examples of a prompt, and what its templates can name because of them."""
    if not isinstance(node, MapNode):
        return None, {}
    name = _name(ctx, node, around)
    source = node.get("from")
    table = find_source(ctx, source, around.sources) if isinstance(source, ScalarNode) else None
    if table is None:
        return None, {name: Type("list", item=ANY)}
    where = lower_where(ctx, node.get("where"), scope, table, explain)
    nearest = lower_nearest(ctx, node, scope, table, explain)
    rows = int(value_of(node.get("rows"), 3))
    held = len(ctx.tables[table.name])
    if rows > held:
        message = f"{rows} examples are asked for; the source has {held} row{'' if held == 1 else 's'}"
        ctx.report("E422", node.get("rows") or node, message, "ask for fewer")
    found = Examples(table.name, rows, where, nearest, scalar_text(node.get("by")), name)
    return found, {name: Type("list", item=row_type(table), length=(0, rows))}


def _name(ctx: AnalysisContext, node: MapNode, around: Surroundings) -> str:
    """What the templates call the examples: no name that means something else, and no other prompt's."""
    at = node.get("as")
    if not isinstance(at, ScalarNode):
        return "examples"
    name = at.text
    stored = name in around.fields and around.fields[name].examples is not None
    if name in SPECIAL or name in around.items or name in ctx.names_under("parameters"):
        what = "a parameter" if name in ctx.names_under("parameters") else "another thing's"
        ctx.report("E534", at, f"'{name}' is {what}: examples need a name of their own", "choose another name")
    elif name in ctx.names_under("fields") and not stored and not ctx.is_broken("fields", name):
        message = f"the field '{name}' is computed by its `value`, so it cannot store the examples"
        ctx.report("E534", at, message, "choose another name, or remove the `value`")
    else:
        first = next((e.node for e in named_examples(ctx) if e.node.text == name), at)
        if first.span != at.span:
            related = (Related(first.span, "named here"),)
            ctx.report("E534", at, f"the examples of two prompts are named '{name}'", "choose another name", related)
    return name


def not_shown(
    ctx: AnalysisContext,
    node: MapNode,
    examples: Examples | None,
    shown: frozenset[str],
    silent: bool,
    around: Surroundings,
) -> None:
    """Warn of examples that no template of the prompt shows."""
    if examples is None or examples.name in shown or silent or examples.name in around.fields:
        return
    column = next(iter(around.sources[examples.source].columns), "")
    help = f"write {{% for e in {examples.name} %}}{{{{ e.{column} }}}}{{% endfor %}} in `user`, or " + remove()
    ctx.report("W706", node.key("examples") or node, "no template of this prompt shows its examples", help)
