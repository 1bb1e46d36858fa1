"""The column of tools that prompts with tools write beside their conversation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from synthspec.analysis.sections.context import AnalysisContext
from synthspec.diagnostics.remedies import remove
from synthspec.languages.expressions.types import ANY, Type
from synthspec.spec import Field, Prompt, Tool, ToolDraw
from synthspec.spec.tool_schemas import tools_named

COLUMN = "tools"  # the field that holds the tools of a row


def with_tool_columns(
    ctx: AnalysisContext, prompts: tuple[Prompt, ...], fields: tuple[Field, ...], tools: Mapping[str, Tool]
) -> tuple[tuple[Prompt, ...], tuple[Field, ...]]:
    """Prompts with tools write a further field, the tools of each row, as trainers expect."""
    names = {f.name for f in fields} | set(ctx.names_under("fields")) | set(ctx.names_under("parameters"))
    found: list[Prompt] = []
    made: list[Field] = []
    used: set[str] = set()
    for prompt in prompts:
        speakers = prompt.dialogue.speakers if prompt.dialogue else ()
        armed = [s.tools for s in speakers if s.tools is not None]
        if not armed:
            found.append(prompt)
            continue
        for given in armed:
            used |= tools_named(given, tools) if not isinstance(given, ToolDraw) else frozenset()
        column = COLUMN if not made else f"{prompt.name}_{COLUMN}"
        if column in names:
            message = f"'{column}' is the column that a prompt with tools writes"
            ctx.report("E490", prompt.span, message, f"rename the field or parameter '{column}'")
        made.append(Field(column, Type("list", item=ANY), {}, prompt.span, description="The tools that may be called."))
        found.append(replace(prompt, writes=(*prompt.writes[:1], column)))
    for name, tool in tools.items():
        if name not in used:
            ctx.report("W756", tool.span, f"no prompt may call the tool '{name}'", "give it to one, or " + remove())
    return tuple(found), (*fields, *made)
