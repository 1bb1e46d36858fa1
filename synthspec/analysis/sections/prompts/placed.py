"""Fields that hang on a row's address: no prompt can read one, for calls are made before rows have their places."""

from __future__ import annotations

from collections.abc import Mapping

from synthspec.analysis.sections.context import AnalysisContext
from synthspec.languages.expressions import names_of
from synthspec.languages.expressions.functions.placed import placed_calls
from synthspec.spec import Field, Prompt


def reads_no_place(ctx: AnalysisContext, prompts: list[Prompt], fields: Mapping[str, Field]) -> None:
    """Report prompts that read what is computed from `address()`, `index()` or `uuid()`."""
    parameters = ctx.names_under("parameters")
    placed = _placed(fields)
    for prompt in prompts:
        for name in sorted(n for n in prompt.reads if n in placed and n not in parameters):
            message = f"'{prompt.name}' reads '{name}', which depends on {placed[name]}(): no row has its place yet"
            help = f"remove '{name}' from the prompt, or draw a parameter `number: index()` and read that"
            ctx.report("E317", prompt.span, message, help)


def _placed(fields: Mapping[str, Field]) -> dict[str, str]:
    """Computed fields that hang on their row's place, each with the function by which it does."""
    values = {n: f.value for n, f in fields.items() if f.value is not None}
    found = {n: calls[0].function for n, value in values.items() if (calls := placed_calls(value))}
    todo = list(found)
    while todo:
        source = todo.pop()
        for name, value in values.items():
            if name not in found and source in names_of(value):
                found[name] = found[source]
                todo.append(name)
    return found
