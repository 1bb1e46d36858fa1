"""`tools`: what a model may call, the JSON Schema of its arguments, and what answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from synthspec.analysis.sections.context import AnalysisContext, scalar_text
from synthspec.analysis.sections.field_rules import KINDS, check_rules
from synthspec.analysis.sections.prompts.surroundings import Surroundings
from synthspec.analysis.sections.scope import Scope
from synthspec.analysis.sections.source_draws import find_source, lower_where
from synthspec.diagnostics import did_you_mean
from synthspec.document.reader import MapNode, Node, ScalarNode, to_data
from synthspec.languages.expressions import names_of
from synthspec.languages.expressions.tree import Expression, ListOf, Literal
from synthspec.languages.expressions.types import ANY, TEXT, Type, fits
from synthspec.spec import Field, Prompt, SourceAnswer, Tool, ValueAnswer

COLUMN = "tools"  # the field that holds the tools of a row


def lower_tools(ctx: AnalysisContext, around: Surroundings) -> dict[str, Tool]:
    """Every tool, by name."""
    found: dict[str, Tool] = {}
    for entry in ctx.section("tools").entries:
        if not isinstance(entry.value, MapNode):
            continue
        name, node = entry.key.text, entry.value
        schema = _schema(ctx, node)
        answer = _answer(ctx, node.get("answer"), schema, around)
        found[name] = Tool(name, scalar_text(node.get("description")).strip(), schema, answer, entry.key.span)
    return found


def _schema(ctx: AnalysisContext, node: MapNode) -> dict[str, Any]:
    """The JSON Schema of the arguments; a map of names to schemas stands for an object of exactly these."""
    at = node.get("parameters")
    empty = {"type": "object", "properties": {}, "additionalProperties": False}
    if not isinstance(at, MapNode):
        return empty
    data = to_data(at, json=True)
    whole = data.get("type") == "object"
    short = all(isinstance(v, dict) for v in data.values())
    if not whole and not short:
        message = "the arguments of a tool are an object: a map of names to JSON Schemas"
        ctx.report("E487", at, message, "write `parameters: {NAME: {type: string}}`")
        return empty
    members = at.get("properties") if whole else at
    schema = data if whole else {**empty, "properties": data, "required": list(data)}
    before = len(ctx.faults)
    for entry in members.entries if isinstance(members, MapNode) else ():
        if isinstance(entry.value, MapNode):
            check_rules(ctx, entry.value, to_data(entry.value, json=True), inside=True)
    if len(ctx.faults) == before and (fault := _no_schema(schema)):
        ctx.report("E487", at, f"this is no JSON Schema: {fault}", "see json-schema.org, draft 2020-12")
    return schema


def _no_schema(schema: Mapping[str, Any]) -> str:
    import jsonschema

    try:
        jsonschema.Draft202012Validator.check_schema(dict(schema))
    except jsonschema.SchemaError as e:
        return e.message.split("\n")[0][:120]
    return ""


def _answer(
    ctx: AnalysisContext, node: Node | None, schema: Mapping[str, Any], around: Surroundings
) -> SourceAnswer | ValueAnswer:
    nothing = ValueAnswer(Literal(None, 0, 0))
    if not isinstance(node, MapNode):
        return nothing
    scope = Scope(_arguments(schema), around.parameters, ctx.names_under("parameters"))
    if (value := node.get("value")) is not None:
        expression, _ = ctx.expression(value, scope)
        return nothing if expression is None else ValueAnswer(expression)
    source = node.get("from")
    table = find_source(ctx, source, around.sources) if isinstance(source, ScalarNode) else None
    if table is None:
        return nothing
    return SourceAnswer(table.name, lower_where(ctx, node.get("where"), scope, table))


def _arguments(schema: Mapping[str, Any]) -> dict[str, Type]:
    """The types of a tool's arguments, as its `answer` reads them."""
    members = schema.get("properties")
    found: dict[str, Type] = {}
    for name, member in members.items() if isinstance(members, Mapping) else ():
        kind = member.get("type") if isinstance(member, Mapping) else None
        found[str(name)] = KINDS.get(kind, ANY) if isinstance(kind, str) else ANY
    return found


def lower_tool_names(ctx: AnalysisContext, node: Node | None, scope: Mapping[str, Type]) -> Expression | None:
    """The tools that a speaker or a prompt may use: names, or an expression that gives a list of names."""
    if node is None:
        return None
    known = ctx.names_under("tools")
    if isinstance(node, ScalarNode) and node.text not in known and not _is_name(node.text):
        expression, kind = ctx.expression(node, scope)
        if expression is not None and not fits(kind, Type("list", item=TEXT)):
            message = f"`tools` is a list of names; this is {kind.with_article}"
            ctx.report("E303", node, message, "write names of tools, or an expression that gives a list of them")
        return expression
    seen: dict[str, Node] = {}
    for item in ctx.items(node):
        if not isinstance(item, ScalarNode):
            continue
        if item.text in seen:
            ctx.report("E488", item, f"the tool '{item.text}' is named twice", "remove one")
        elif item.text not in known and not ctx.is_lost("tools"):
            help = did_you_mean(item.text, known, "declare it under `tools`")
            ctx.report("E489", item, f"there is no tool '{item.text}'", help)
        seen.setdefault(item.text, item)
    return ListOf(tuple(Literal(name, 0, 0) for name in seen), 0, 0)


def _is_name(text: str) -> bool:
    return text.isidentifier()


def with_tools(
    ctx: AnalysisContext, prompts: tuple[Prompt, ...], fields: tuple[Field, ...], tools: Mapping[str, Tool]
) -> tuple[tuple[Prompt, ...], tuple[Field, ...]]:
    """Prompts with tools write a further field, the tools of each row, as trainers expect; and read what tools read."""
    read = _read_by(tools)
    names = {f.name for f in fields} | set(ctx.names_under("fields")) | set(ctx.names_under("parameters"))
    found: list[Prompt] = []
    made: list[Field] = []
    used: set[str] = set()
    for prompt in prompts:
        speakers = [s for s in (prompt.dialogue.speakers if prompt.dialogue else ()) if s.tools is not None]
        if not speakers:
            found.append(prompt)
            continue
        for speaker in speakers:
            assert speaker.tools is not None
            used |= _named(speaker.tools, tools)
        column = COLUMN if not made else f"{prompt.name}_{COLUMN}"
        if column in names:
            message = f"'{column}' is the column that a prompt with tools writes"
            ctx.report("E490", prompt.span, message, f"rename the field or parameter '{column}'")
        made.append(Field(column, Type("list", item=ANY), {}, prompt.span, description="The tools that may be called."))
        found.append(replace(prompt, writes=(*prompt.writes[:1], column), reads=prompt.reads | read))
    for name, tool in tools.items():
        if name not in used:
            ctx.report("W756", tool.span, f"no prompt may call the tool '{name}'", "give it to one, or remove it")
    return tuple(found), (*fields, *made)


def _named(expression: Expression, tools: Mapping[str, Tool]) -> set[str]:
    """The tools that an expression may give: all where it is not a list of names, or one is misspelt."""
    if not isinstance(expression, ListOf):
        return set(tools)
    names = {str(i.value) for i in expression.items if isinstance(i, Literal)}
    return names if names <= set(tools) else set(tools)


def _read_by(tools: Mapping[str, Tool]) -> frozenset[str]:
    """The parameters and fields that the answers of tools read."""
    read: set[str] = set()
    for tool in tools.values():
        own = {*_arguments(tool.parameters), "row"}
        match tool.answer:
            case SourceAnswer(_, where) if where is not None:
                read |= names_of(where) - own
            case ValueAnswer(value):
                read |= names_of(value) - own
    return frozenset(read)
