"""`plan`: how combinations are drawn."""

from __future__ import annotations

from collections.abc import Mapping

from synthspec.analysis.sections.context import AnalysisContext, scalar_text, value_of
from synthspec.analysis.sections.scope import Scope
from synthspec.diagnostics import Related, did_you_mean
from synthspec.document.reader import MapNode, Node, ScalarNode
from synthspec.languages.expressions import names_of
from synthspec.languages.expressions.types import Type
from synthspec.plugins import is_plugin, plugin_names
from synthspec.spec import Correlation, Exclusion, Parameter, PlanRules
from synthspec.spec.used_names import counted


def lower_plan(ctx: AnalysisContext, parameters: tuple[Parameter, ...]) -> PlanRules:
    """The plan's rules."""
    node = ctx.section("plan")
    scope = Scope({p.name: p.type for p in parameters}, ctx.names_under("parameters"))
    strategy = node.get("strategy")
    name = scalar_text(strategy, "balanced")
    if isinstance(strategy, ScalarNode) and not is_plugin("strategies", name):
        help = did_you_mean(name, plugin_names("strategies"))
        ctx.report("E520", strategy, f"there is no strategy '{name}'", help)
        name = "balanced"
    elif strategy is not None and not ctx.usable("strategies", name, strategy):
        name = "balanced"
    over = [n for n in ctx.items(node.get("over")) if isinstance(n, ScalarNode)]
    good_over = tuple(n.text for n in over if _known_parameter(ctx, n, scope))
    numbered = counted(parameters)
    exclude = tuple(e for n in ctx.items(node.get("exclude")) if (e := _exclusion(ctx, n, scope, numbered)) is not None)
    correlate = tuple(
        c for n in ctx.items(node.get("correlate")) if (c := _correlation(ctx, n, scope, numbered)) is not None
    )
    return PlanRules(name, int(value_of(node.get("strength"), 2)), good_over, exclude, correlate)


def _known_parameter(ctx: AnalysisContext, node: ScalarNode, scope: Mapping[str, Type]) -> bool:
    if node.text in scope:
        return True
    if ctx.is_lost("parameters"):
        return False
    ctx.report("E521", node, f"there is no parameter '{node.text}'", did_you_mean(node.text, scope))
    return False


def _hangs_on_index(ctx: AnalysisContext, node: Node, names: frozenset[str]) -> bool:
    """Report a rule over parameters that hang on the combination's number, of which a new draw changes nothing."""
    for name in sorted(names):
        message = f"'{name}' depends on index(), the combination's number, which no other draw changes"
        ctx.report("E318", node, message, f"leave '{name}' out here; compute other parameters from it where it matters")
    return bool(names)


def _exclusion(
    ctx: AnalysisContext, node: Node, scope: Mapping[str, Type], numbered: frozenset[str]
) -> Exclusion | None:
    expression, kind = ctx.expression(node, scope)
    if expression is None:
        return None
    if not ctx.is_truth(node, kind, "an exclusion"):
        return None
    if _hangs_on_index(ctx, node, names_of(expression) & numbered):
        return None
    return Exclusion(expression, scalar_text(node), node.span)


def _correlation(
    ctx: AnalysisContext, node: Node, scope: Mapping[str, Type], numbered: frozenset[str]
) -> Correlation | None:
    if not isinstance(node, MapNode):
        return None
    between = [n for n in ctx.items(node.get("between")) if isinstance(n, ScalarNode)]
    good = [n.text for n in between if _known_parameter(ctx, n, scope)]
    if len(good) != 2:
        return None
    if good[0] == good[1]:
        first = Related(between[0].span, "named here")
        ctx.report("E527", between[1], "a parameter cannot be correlated with itself", "name two", (first,))
        return None
    for n in between:
        if _hangs_on_index(ctx, n, numbered & {n.text}):
            return None
        if scope[n.text].kind in ("list", "map"):
            ctx.report("E527", n, f"'{n.text}' has no order to correlate", "name a number, date or listed value")
            return None
    rank = node.get("rank")
    return Correlation((good[0], good[1]), float(value_of(rank, 0)), rank.span if rank else node.span)
