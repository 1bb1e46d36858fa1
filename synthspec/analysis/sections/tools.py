"""`tools`: what a model may call, the JSON Schema of its arguments, and what answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from synthspec.analysis.sections.context import AnalysisContext, scalar_text
from synthspec.analysis.sections.field_rules import KINDS, check_rules
from synthspec.analysis.sections.prompts.images import DrawnNames
from synthspec.analysis.sections.prompts.playing import (
    Called,
    Played,
    answer_scope,
    lower_players,
    own_names,
    players_in,
)
from synthspec.analysis.sections.prompts.surroundings import Surroundings, Tools
from synthspec.analysis.sections.source_draws import find_source, lower_where
from synthspec.analysis.sections.who_draws import drawn_by
from synthspec.diagnostics import did_you_mean
from synthspec.diagnostics.remedies import remove, write
from synthspec.document.reader import MapNode, Node, ScalarNode, to_data
from synthspec.languages.expressions import names_of
from synthspec.languages.expressions.tree import Expression, ListOf, Literal
from synthspec.languages.expressions.types import ANY, TEXT, Type, fits
from synthspec.spec import Player, PromptAnswer, SourceAnswer, Tool, ToolAnswer, ValueAnswer
from synthspec.spec.players import endpoint_of_player
from synthspec.spec.tool_schemas import NO_ARGUMENTS, arguments_schema, schema_fault

NOTHING = ValueAnswer(Literal(None, 0, 0))


def playing_prompts(ctx: AnalysisContext) -> dict[str, list[Played]]:
    """The prompts that play tools, declared or drawn."""
    played: list[Played] = []
    for entry in ctx.section("tools").entries:
        answer = entry.value.get("answer") if isinstance(entry.value, MapNode) else None
        if isinstance(entry.value, MapNode) and isinstance(answer, MapNode):
            played.append(Played(answer, entry.key.text, called_with(_read_schema(entry.value))))
    for name, node in drawn_by(ctx):
        answer = node.get("answer")
        if isinstance(answer, MapNode):
            played.append(Played(answer, name, Called()))
    return players_in(ctx, played)


def lower_tools(ctx: AnalysisContext, around: Surroundings, playing: Mapping[str, list[Played]]) -> Tools:
    """Every tool, by name, and every prompt that plays one."""
    players = lower_players(ctx, playing, around)
    found: dict[str, Tool] = {}
    reads: dict[str, frozenset[str]] = {}
    for entry in ctx.section("tools").entries:
        if not isinstance(entry.value, MapNode):
            continue
        name, node = entry.key.text, entry.value
        schema = _schema(ctx, node)
        called = called_with(schema)
        answer = lower_answer(ctx, node.get("answer"), name, called, around, players)
        found[name] = Tool(name, scalar_text(node.get("description")).strip(), schema, answer, entry.key.span)
        reads[name] = read_by_answer(answer, players, own_names(around, called))
    return Tools(found, players, frozenset(playing), reads)


def _read_schema(node: MapNode) -> dict[str, Any]:
    """The JSON Schema of a tool's arguments as far as it can be read; nothing is reported."""
    at = node.get("parameters")
    return (arguments_schema(to_data(at, json=True)) if isinstance(at, MapNode) else None) or dict(NO_ARGUMENTS)


def _schema(ctx: AnalysisContext, node: MapNode) -> dict[str, Any]:
    """The JSON Schema of the arguments; a map of names to schemas stands for an object of exactly these."""
    at = node.get("parameters")
    if not isinstance(at, MapNode):
        return dict(NO_ARGUMENTS)
    data = to_data(at, json=True)
    schema = arguments_schema(data)
    if schema is None:
        message = "the arguments of a tool are an object: a map of names to JSON Schemas"
        ctx.report("E487", at, message, write("parameters: {NAME: {type: string}}"))
        return dict(NO_ARGUMENTS)
    members = at.get("properties") if data.get("type") == "object" else at
    before = len(ctx.faults)
    for entry in members.entries if isinstance(members, MapNode) else ():
        if isinstance(entry.value, MapNode):
            check_rules(ctx, entry.value, to_data(entry.value, json=True), inside=True)
    if len(ctx.faults) == before and (fault := schema_fault(schema)):
        ctx.report("E487", at, f"this is not a JSON Schema: {fault}", "see json-schema.org, draft 2020-12")
    return schema


def lower_answer(
    ctx: AnalysisContext,
    node: Node | None,
    name: str,
    called: Called,
    around: Surroundings,
    players: Mapping[str, Player],
) -> ToolAnswer:
    """What gives the answer: an expression, a row of a source, or a prompt. `name` is that of its player's endpoint."""
    if not isinstance(node, MapNode):
        return NOTHING
    scope = answer_scope(ctx, around, called)
    if (value := node.get("value")) is not None:
        expression, _ = ctx.expression(value, scope)
        return NOTHING if expression is None else ValueAnswer(expression)
    if (prompt := node.get("prompt")) is not None:
        endpoint = endpoint_of_player(scalar_text(prompt), name)
        return PromptAnswer(endpoint) if endpoint in players else NOTHING
    source = node.get("from")
    table = find_source(ctx, source, around.sources) if isinstance(source, ScalarNode) else None
    if table is None:
        return NOTHING
    return SourceAnswer(table.name, lower_where(ctx, node.get("where"), scope, table))


def called_with(schema: Mapping[str, Any]) -> Called:
    """A tool's arguments, as its `answer` reads them."""
    members, required = schema.get("properties"), schema.get("required")
    found: dict[str, Type] = {}
    for name, member in members.items() if isinstance(members, Mapping) else ():
        kind = member.get("type") if isinstance(member, Mapping) else None
        found[str(name)] = KINDS.get(kind, ANY) if isinstance(kind, str) else ANY
    return Called(found, frozenset(found) - frozenset(map(str, required if isinstance(required, list) else ())))


def read_by_answer(answer: ToolAnswer | None, players: Mapping[str, Player], own: frozenset[str]) -> frozenset[str]:
    """The parameters and fields that an answer reads, besides what the call itself gives."""
    match answer:
        case SourceAnswer(_, where) if where is not None:
            return names_of(where) - own - {"row"}
        case ValueAnswer(value):
            return names_of(value) - own
        case PromptAnswer(player):
            return players[player].prompt.reads
    return frozenset()


def lower_tool_names(
    ctx: AnalysisContext, node: Node | None, scope: Mapping[str, Type], around: Surroundings
) -> Expression | None:
    """The tools that a speaker or a prompt may use: names, or an expression that gives a list of names."""
    if node is None:
        return None
    known = ctx.names_under("tools")
    if isinstance(node, ScalarNode) and node.text not in known and (not node.text.isidentifier() or node.text in scope):
        expression, kind = ctx.expression(node, scope)
        if expression is not None and not fits(kind, Type("list", item=TEXT)):
            message = f"`tools` is a list of names; this is {kind.with_article}"
            ctx.report("E303", node, message, "write names of tools, or an expression that gives a list of them")
        elif expression is not None and not ctx.is_lost("tools"):
            _check_drawn_names(ctx, node, expression, around, known)
        return expression
    seen: dict[str, Node] = {}
    for item in ctx.items(node):
        if not isinstance(item, ScalarNode):
            continue
        if item.text in seen:
            ctx.report("E488", item, f"the tool '{item.text}' is named twice", remove(form="remove one"))
        elif item.text not in known and not ctx.is_lost("tools"):
            help = did_you_mean(item.text, known, "declare it under `tools`")
            ctx.report("E489", item, f"there is no tool '{item.text}'", help)
        seen.setdefault(item.text, item)
    return ListOf(tuple(Literal(name, 0, 0) for name in seen), 0, 0)


def _check_drawn_names(
    ctx: AnalysisContext, node: Node, expression: Expression, around: Surroundings, known: Collection[str]
) -> None:
    """Names that an expression over listed parameters gives, of which one is no tool."""
    for names in DrawnNames(ctx, around).values(expression):
        missing = [n for n in names if n not in known] if isinstance(names, list | tuple) else []
        if missing:
            help = did_you_mean(str(missing[0]), known, "declare it under `tools`")
            ctx.report("E489", node, f"this gives '{missing[0]}', and there is no such tool", help)
            return
