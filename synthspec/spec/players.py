"""Prompts that play tools, each as the one prompt of a spec of its own: it writes no field of the dataset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from synthspec.spec import Novelty, Prompt, PromptAnswer, Speaker, Spec, ToolDraw
from synthspec.spec.tool_schemas import tools_named

TEXT_ANSWER = "answer"  # the one field of an answer that is a text


def endpoint_of_player(prompt: str, tool: str) -> str:
    """The name under which a prompt that plays a tool is asked.

    >>> endpoint_of_player("service", "weather")
    'service/weather'
    """
    return f"{prompt}/{tool}"


def spec_of_player(spec: Spec, name: str) -> Spec:
    """The spec with this player as its one prompt, and with the fields of its answers in place of the dataset's."""
    player = spec.players[name]
    return replace(
        spec, prompts=(player.prompt,), fields=player.fields, checks=(), tools={}, players={}, novelty=Novelty()
    )


def all_prompts(spec: Spec) -> Iterator[Prompt]:
    """Every prompt that may be asked, each once: those of rows, then those that play tools."""
    yield from spec.asked
    yield from {p.prompt.name: p.prompt for p in spec.players.values()}.values()


def players_called(spec: Spec, speaker: Speaker) -> tuple[str, ...]:
    """The players whose tools a speaker may call: those of all tools where only a row tells which."""
    if speaker.tools is None:
        return ()
    if isinstance(speaker.tools, ToolDraw):
        answers = [speaker.tools.answer]
    else:
        names = tools_named(speaker.tools, spec.tools)
        answers = [t.answer for n, t in spec.tools.items() if n in names]
    return tuple(a.player for a in answers if isinstance(a, PromptAnswer))
