"""Whether a field is free for a prompt to write."""

from __future__ import annotations

from collections.abc import Mapping

from synthspec.analysis.sections.context import AnalysisContext
from synthspec.diagnostics import Related, did_you_mean
from synthspec.diagnostics.remedies import remove
from synthspec.document.reader import ScalarNode
from synthspec.languages.expressions.types import Type
from synthspec.spec import Field


def may_write(
    ctx: AnalysisContext,
    node: ScalarNode,
    fields: Mapping[str, Field],
    every: Mapping[str, Type],
    taken: Mapping[str, ScalarNode],
) -> bool:
    """Whether a prompt may write a field: it is declared, not computed, and no other prompt writes it."""
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
        help = remove(form="remove one of the two")
        ctx.report("E420", node, f"the field '{name}' is computed by its `value`", help, (first,))
    else:
        return name in fields
    return False
