"""What prompts that play tools are expected to use: nobody knows beforehand how often a model calls a tool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthspec.generation.estimates.talks import exchanges_foreseen, openings_in
from synthspec.generation.estimates.tool_rounds import call_values
from synthspec.generation.machine.toolbox import MOST_AT_ONCE
from synthspec.sources import Table
from synthspec.spec import Prompt, PromptAnswer, Spec, Tool, ToolDraw
from synthspec.spec.players import players_called
from synthspec.spec.tool_schemas import tool_of


def answers_of_a_talk(spec: Spec, prompt: Prompt, player: str, values: Mapping[str, Any]) -> int:
    """The greatest number of replies in a talk that call tools which this player plays: at least there is none."""
    if prompt.dialogue is None:
        return 0
    high = exchanges_foreseen(spec, prompt.dialogue, values)[1]
    given = openings_in(prompt.dialogue)
    found = 0
    for place, speaker in enumerate(prompt.dialogue.speakers):
        if player in players_called(spec, speaker):
            found += (high - (1 if place < given else 0)) * spec.limits.tool_rounds
    return found


def answers_at_worst(spec: Spec, answers: float) -> float:
    """The same where each such reply calls as many tools as it may, each is asked as often, and each talk too."""
    return answers * MOST_AT_ONCE * spec.limits.attempts**2


def played_values(spec: Spec, player: str, tables: Mapping[str, Table]) -> dict[str, Any]:
    """What stands for a call in a draft of the prompt that plays the tool."""
    tool = _tool_played(spec, player, tables)
    return call_values(tool) if tool is not None else {}


def _tool_played(spec: Spec, player: str, tables: Mapping[str, Table]) -> Tool | None:
    """The tool, or for those that are drawn the first row of their source."""
    for tool in spec.tools.values():
        if tool.answer == PromptAnswer(player):
            return tool
    for speaker in (s for p in spec.prompts if p.dialogue is not None for s in p.dialogue.speakers):
        draw = speaker.tools
        if isinstance(draw, ToolDraw) and draw.answer == PromptAnswer(player) and len(tables[draw.rows.source]):
            found = tool_of(tables[draw.rows.source].row(0), draw.answer, speaker.span)
            return None if isinstance(found, str) else found
    return None
