"""What dialogues are expected to use: a report for each speaker, at least and at most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthspec.generation.estimates.levels import LevelRows
from synthspec.generation.estimates.several import known_value, runs_for
from synthspec.generation.estimates.tool_rounds import round_tokens, sent_again
from synthspec.inference.accounting.token_estimates import PER_MESSAGE, expected_tokens, worst_tokens
from synthspec.inference.requests import PromptWriter, RequestSettings
from synthspec.inference.speaker_requests import SpeakerWriter, open_speaker_writer
from synthspec.languages.expressions import Expression, compile_row, names_of
from synthspec.languages.expressions.tree import Name
from synthspec.lazy_dataclass import dataclass
from synthspec.sources import Table
from synthspec.spec import BackendChoice, Dialogue, Field, Prompt, Speaker, Spec
from synthspec.spec.backends_used import choice_text, endpoint_of_speaker, endpoints_of, endpoints_of_speaker
from synthspec.spec.conversation import MOST_EXCHANGES

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


def exchanges_foreseen(spec: Spec, dialogue: Dialogue, values: Mapping[str, Any]) -> tuple[int, int]:
    """The same before anything is written: what hangs on a field may be anything that the field allows."""
    drawn = {p.name: values[p.name] for p in spec.parameters if p.name in values}
    known, fields = exchanges_of(dialogue, drawn), {f.name: f for f in spec.fields}

    def bounds(place: int, bound: Expression) -> tuple[int, int]:
        if names_of(bound) <= drawn.keys():
            return known[place], known[place]
        return field_bounds(fields.get(bound.name) if isinstance(bound, Name) else None)

    least, most = bounds(0, dialogue.minimum), bounds(1, dialogue.maximum)
    return (least if dialogue.until is not None else most)[0], most[1]


def field_bounds(field: Field | None) -> tuple[int, int]:
    """The least and the greatest number of exchanges that a field may say, or what is no field."""
    if field is None:
        return 1, MOST_EXCHANGES
    low, high = field.schema.get("minimum", 1), field.schema.get("maximum", MOST_EXCHANGES)
    return max(1, min(int(low), MOST_EXCHANGES)), max(1, min(int(high), MOST_EXCHANGES))


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
    taken: LevelRows,
    samples: list[tuple[int, dict[str, Any]]],
    message_tokens: int,
    tables: Mapping[str, Table],
) -> list[SpeakerUse]:
    """What each speaker of a dialogue uses in so many talks; `samples` are combinations with their indices."""
    dialogue = prompt.dialogue
    assert dialogue is not None
    found = []
    choices = endpoints_of(spec, prompt)
    spoken = [(p, s, e) for p, s in enumerate(dialogue.speakers) for e in endpoints_of_speaker(prompt, s)]
    for place, speaker, endpoint in spoken:
        choice = choices[endpoint]
        writer = open_speaker_writer(spec, prompt, RequestSettings(choice, "", False), {}, endpoint)
        least = most = worst = Use()
        tools, rounds = round_tokens(spec, speaker, tables), 0 if speaker.tools is None else spec.limits.tool_rounds
        for index, values in samples:
            chosen = chosen_endpoint(spec, prompt, speaker, values)
            if chosen not in (None, endpoint):
                continue
            runs = runs_for(prompt, {p.name: values[p.name] for p in spec.parameters})
            if runs is False:
                continue
            low, high = exchanges_foreseen(spec, dialogue, values)
            low = low if chosen is not None and runs else 0
            told, told_at_worst = (tokens + tools.declared for tokens in _told(writer, index, values))
            size = message_tokens + PER_MESSAGE // 2
            least += _talk(dialogue, place, low, told, size, message_tokens)
            longest = writer.sender.max_tokens
            # each message may be preceded by so many replies that only call tools
            most += _with_tools(_talk(dialogue, place, high, told, size, message_tokens), rounds, tools.expected)
            at_worst = _talk(dialogue, place, high, told_at_worst, longest + PER_MESSAGE, longest)
            worst += _with_tools(at_worst, rounds, tools.worst + longest)
        count = max(len(samples), 1)
        share = (taken.most + taken.beyond) / count
        tries = spec.limits.attempts**2  # of a message, in each attempt at the talk
        tried = Use(worst.calls * tries, worst.sent * tries * WORST, worst.got * tries)
        found.append(
            SpeakerUse(endpoint, choice, least.times(taken.least / count), most.times(share), tried.times(share))
        )
    return found


def chosen_endpoint(spec: Spec, prompt: Prompt, speaker: Speaker, values: Mapping[str, Any]) -> str | None:
    """The endpoint of a speaker for a row, as far as parameters tell it; None where it is not known beforehand."""
    own = endpoint_of_speaker(prompt, speaker.name)
    if speaker.choose is None:
        return own
    drawn = {p.name: values[p.name] for p in spec.parameters if p.name in values}
    name = known_value(speaker.choose.expression, drawn)
    return f"{own}={choice_text(name)}" if name is not None and choice_text(name) in speaker.choose.of else None


def _with_tools(use: Use, rounds: int, tokens: float) -> Use:
    """The same with so many rounds of tools before each message, each of which stays in the talk."""
    more = use.times(1 + rounds)
    return Use(more.calls, more.sent + sent_again(round(use.calls), rounds, tokens), more.got)


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
