"""`limits.engine`: that there is such an engine, that every backend fits it, and how many rounds it would take."""

from __future__ import annotations

from synthspec.analysis.sections.context import AnalysisContext
from synthspec.diagnostics import Related, did_you_mean
from synthspec.diagnostics.remedies import write
from synthspec.document.reader import ScalarNode
from synthspec.inference.engines import engine_of, named_engine
from synthspec.plugins import is_plugin, plugin_error, plugin_names
from synthspec.spec import Spec
from synthspec.spec.backends_used import backends_used
from synthspec.spec.rounds import MANY, rounds_of


def check_engine(ctx: AnalysisContext, spec: Spec) -> None:
    """Report an engine that cannot be used, and one that would take very long."""
    node = ctx.section("limits").get("engine")
    if not isinstance(node, ScalarNode) or ctx.is_broken("limits", "engine"):
        return
    name, argument = named_engine(node.text)
    if not is_plugin("engines", name):
        ctx.report("E850", node, f"there is no engine '{name}'", did_you_mean(name, plugin_names("engines")))
        return
    if not ctx.usable("engines", name, node):
        return
    kind = engine_of(name)
    if argument and not kind.argument:
        ctx.report("E851", node, f"the engine '{name}' takes no address", write(name, certain=True))
        return
    told = set()
    for _, choice in backends_used(spec).values():
        if choice.span in told or plugin_error("backends", choice.provider) is not None:
            continue
        told.add(choice.span)
        fault = kind.faults(choice)
        if fault is not None:
            help = write("engine: local") + ", or use a backend that has them: openai, anthropic, google"
            related = (Related(node.span, f"the engine '{name}' needs them"),)
            ctx.report("E852", choice.span, fault, help, related)
    if kind.durable:
        rounds = rounds_of(spec)
        if rounds.least > MANY:
            why = "rows wait for texts of earlier ones (`novelty.avoid`)" if rounds.chained > 1 else "prompts wait"
            message = f"this build takes {rounds.least:,} rounds of batches, one after the other: {why}"
            ctx.report("W850", node, message, "each may take a day: " + write("engine: local"))
