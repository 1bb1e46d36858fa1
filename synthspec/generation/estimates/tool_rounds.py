"""What rounds of tools add to a talk: declarations, and the calls and answers that its speaker sees from then on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from synthspec.dataset.cells import json_text, plain
from synthspec.generation.estimates.stand_ins import field_tokens
from synthspec.generation.machine.toolbox import MOST_AT_ONCE
from synthspec.inference.accounting.token_estimates import PER_MESSAGE, estimate_tokens, expected_tokens, tool_tokens
from synthspec.inference.requests import DEFAULT_MAX_TOKENS
from synthspec.languages.expressions.tree import Literal
from synthspec.lazy_dataclass import dataclass
from synthspec.sources import Table
from synthspec.spec import PromptAnswer, SourceAnswer, Speaker, Spec, Tool, ToolDraw, ValueAnswer
from synthspec.spec.messages import ToolDeclaration
from synthspec.spec.tool_schemas import tool_of, tools_named

_STAND_INS: Mapping[str, Any] = {"integer": 1, "number": 1.5, "boolean": True, "array": [], "object": {}}
LOOKED_AT = 50  # rows of a source that answers
UNKNOWN = (24, 1_000)  # tokens of an answer that an expression makes: expected, and at worst


@dataclass(frozen=True, slots=True)
class RoundTokens:
    """Tokens: of the declarations, in each call; of one round of calls with their answers, in each call after it."""

    declared: int = 0
    expected: float = 0.0
    worst: int = 0


def round_tokens(spec: Spec, speaker: Speaker, tables: Mapping[str, Table]) -> RoundTokens:
    """What the tools of a speaker count for; of those that are drawn, the first rows of their source stand for all."""
    tools = _tools_of(spec, speaker, tables)
    if not tools:
        return RoundTokens()
    declared = tool_tokens([ToolDeclaration(t.name, t.description, t.parameters) for t in tools])
    sizes = [_answer(spec, tool, tables) for tool in tools]
    calls = [2 * PER_MESSAGE + expected_tokens(t.name + json.dumps(call_values(t)["arguments"])) for t in tools]
    expected = sum(call + size for call, (size, _) in zip(calls, sizes, strict=True)) / len(tools)
    return RoundTokens(declared, expected, MOST_AT_ONCE * (PER_MESSAGE + max(worst for _, worst in sizes)))


def call_values(tool: Tool) -> dict[str, Any]:
    """What stands for a call of a tool: a value of its type for each argument."""
    members = tool.parameters.get("properties")
    arguments = {
        str(name): _STAND_INS.get(str(m.get("type")) if isinstance(m, Mapping) else "", f"‹{name}›")
        for name, m in (members.items() if isinstance(members, Mapping) else ())
    }
    return {"tool": {"name": tool.name, "description": tool.description}, "arguments": arguments, **arguments}


def sent_again(exchanges: int, rounds: int, tokens: float) -> float:
    """Tokens of earlier rounds in all calls of a talk, where each exchange takes `rounds` rounds before it speaks.

    >>> sent_again(1, 1, 10.0), sent_again(2, 1, 10.0), sent_again(1, 2, 10.0)
    (10.0, 40.0, 30.0)
    """
    return tokens * rounds * (rounds + 1) / 2 * exchanges**2


def _tools_of(spec: Spec, speaker: Speaker, tables: Mapping[str, Table]) -> list[Tool]:
    draw = speaker.tools
    if isinstance(draw, ToolDraw):
        table = tables[draw.rows.source]
        rows = [tool_of(table.row(n), draw.answer, speaker.span) for n in range(min(draw.rows.rows, len(table)))]
        return [t for t in rows if isinstance(t, Tool)]
    names = tools_named(draw, spec.tools) if draw is not None else ()
    return [t for t in spec.tools.values() if t.name in names]


def _answer(spec: Spec, tool: Tool, tables: Mapping[str, Table]) -> tuple[float, int]:
    """Tokens of what a tool gives, expected and at worst."""
    match tool.answer:
        case SourceAnswer(source):
            table = tables[source]
            numbers = table.some(LOOKED_AT)
            texts = [json_text(plain(row), compact=False) for row in table.rows(numbers)] or [""]
            return sum(map(expected_tokens, texts)) / len(texts), max(map(estimate_tokens, texts))
        case PromptAnswer(player):
            played = spec.players[player]
            choice = played.prompt.backend or spec.backend
            size = sum(field_tokens(f, spec, tables) for f in played.fields) + 8
            return size, int(choice.settings.get("max_tokens", DEFAULT_MAX_TOKENS))
        case ValueAnswer(Literal(value)):
            text = value if isinstance(value, str) else json_text(plain(value), compact=False)
            return expected_tokens(text), estimate_tokens(text)
        case _:
            return UNKNOWN
