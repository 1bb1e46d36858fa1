"""What dialogues are expected to use: a report for each speaker, at least and at most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synthspec.inference.accounting.token_estimates import PER_MESSAGE, expected_tokens, tool_tokens, worst_tokens
from synthspec.inference.requests import PromptWriter, Sender
from synthspec.inference.speaker_requests import SpeakerWriter, open_writer
from synthspec.languages.expressions import compile_row
from synthspec.sources import Table
from synthspec.spec import BackendChoice, Dialogue, Prompt, Speaker, Spec, Tool, ToolDraw
from synthspec.spec.backends_used import endpoint_of_speaker, endpoints_of
from synthspec.spec.conversation import MOST_EXCHANGES
from synthspec.spec.messages import ToolDeclaration
from synthspec.spec.tool_schemas import tool_of, tools_named

WORST = 1.5  # what is said to the model again after a rejection, at worst


@dataclass(frozen=True, slots=True)
class Use:
    """Calls and tokens, all rows together."""

    calls: float = 0.0
    sent: float = 0.0
    got: float = 0.0

    def __add__(self, other: Use) -> Use:
        return Use(self.calls + other.calls, self.sent + other.sent, self.got + other.got)

    def times(self, count: float) -> Use:
        """So often this."""
        return Use(self.calls * count, self.sent * count, self.got * count)


@dataclass(frozen=True, slots=True)
class SpeakerUse:
    """What one speaker's calls come to: at least and at most as expected, and at worst."""

    endpoint: str
    choice: BackendChoice
    least: Use
    most: Use
    worst: Use


def exchanges_of(dialogue: Dialogue, values: Mapping[str, Any]) -> tuple[int, int]:
    """The least and the greatest number of exchanges for a row; what cannot be told is one."""
    found = [compile_row(bound)(values) for bound in (dialogue.minimum, dialogue.maximum)]
    least, most = (v if isinstance(v, int) and not isinstance(v, bool) else 1 for v in found)
    if dialogue.until is None:
        least = most
    return max(1, min(least, MOST_EXCHANGES)), max(1, min(most, MOST_EXCHANGES))


def openings_in(dialogue: Dialogue) -> int:
    """How many first messages are given without a call."""
    given = 0
    for speaker in dialogue.speakers:
        if speaker.opening is None:
            break
        given += 1
    return given


def calls_of_a_talk(dialogue: Dialogue, values: Mapping[str, Any]) -> tuple[int, int]:
    """The least and the greatest number of messages that are asked for."""
    least, most = exchanges_of(dialogue, values)
    count, given = len(dialogue.speakers), openings_in(dialogue)
    return least * count - given, most * count - given


def speaker_uses(
    spec: Spec,
    prompt: Prompt,
    rows: int,
    samples: list[tuple[int, dict[str, Any]]],
    message_tokens: int,
    tables: Mapping[str, Table],
) -> list[SpeakerUse]:
    """What each speaker of a dialogue uses; `samples` are indices of combinations and their values."""
    dialogue = prompt.dialogue
    assert dialogue is not None
    found = []
    for place, speaker in enumerate(dialogue.speakers):
        endpoint = endpoint_of_speaker(prompt, speaker.name)
        choice = endpoints_of(spec, prompt)[endpoint]
        writer = open_writer(spec, prompt, Sender(choice, "", False), {}, endpoint)
        least = most = worst = Use()
        declared = _declared_tokens(spec, speaker, tables)
        for index, values in samples:
            low, high = exchanges_of(dialogue, values)
            told, told_at_worst = (tokens + declared for tokens in _told(writer, index, values))
            size = message_tokens + PER_MESSAGE // 2
            least += _talk(dialogue, place, low, told, size, message_tokens)
            most += _talk(dialogue, place, high, told, size, message_tokens)
            longest = writer.sender.max_tokens
            worst += _talk(dialogue, place, high, told_at_worst, longest + PER_MESSAGE, longest)
        share = rows / max(len(samples), 1)
        tries = spec.limits.attempts**2  # of a message, in each attempt at the talk
        if speaker.tools is not None:  # each message may be preceded by so many replies that only call tools
            most, worst = most.times(1 + spec.limits.tool_rounds), worst.times(1 + spec.limits.tool_rounds)
        at_worst = Use(worst.calls * tries, worst.sent * tries * WORST, worst.got * tries)
        found.append(SpeakerUse(endpoint, choice, least.times(share), most.times(share), at_worst.times(share)))
    return found


def _declared_tokens(spec: Spec, speaker: Speaker, tables: Mapping[str, Table]) -> int:
    """What the declarations of a speaker's tools count for: of those that are drawn, the first rows of their source."""
    draw = speaker.tools
    if isinstance(draw, ToolDraw):
        table = tables[draw.rows.source]
        rows = [tool_of(table.row(n), draw.answer, speaker.span) for n in range(min(draw.rows.rows, len(table)))]
        tools = [t for t in rows if isinstance(t, Tool)]
    elif draw is not None:
        names = tools_named(draw, spec.tools)
        tools = [t for t in spec.tools.values() if t.name in names]
    else:
        return 0
    return tool_tokens([ToolDeclaration(t.name, t.description, t.parameters) for t in tools])


def _told(writer: PromptWriter, index: int, values: Mapping[str, Any]) -> tuple[int, int]:
    """Tokens of what a speaker is told before anything is said, expected and at worst."""
    assert isinstance(writer, SpeakerWriter)
    messages = writer.instructed(writer.drafted(index, values, 1))
    return sum(expected_tokens(m.content) + PER_MESSAGE // 2 for m in messages), worst_tokens(messages)


def _talk(dialogue: Dialogue, place: int, exchanges: int, told: int, size: int, reply: int) -> Use:
    """What one speaker's calls of one talk come to, where each message before it counts for `size` tokens."""
    first = 1 if place < openings_in(dialogue) else 0
    calls = exchanges - first
    if calls <= 0:
        return Use()
    count = len(dialogue.speakers)
    before = count * (exchanges * (exchanges - 1) // 2) + place * exchanges - (place if first else 0)
    return Use(calls, calls * told + before * size, calls * reply)
