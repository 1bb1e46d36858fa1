"""What the prompts of a spec are expected to use, and what at worst: calls, tokens and money."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from synthspec.generation.estimates.dropped import early_drops
from synthspec.generation.estimates.levels import LevelRows
from synthspec.generation.estimates.players import answers_at_worst, answers_of_a_talk, played_values
from synthspec.generation.estimates.several import CallsPerRow, calls_by_endpoint, is_asked_otherwise
from synthspec.generation.estimates.stand_ins import field_tokens, messages_told, with_bound_names, with_stand_ins
from synthspec.generation.estimates.talks import SpeakerUse, speaker_uses
from synthspec.inference.accounting.image_tokens import picture_tokens
from synthspec.inference.accounting.token_estimates import PER_MESSAGE, expected_tokens, worst_tokens
from synthspec.inference.backends import provider_of
from synthspec.inference.requests import PromptWriter, RequestSettings
from synthspec.inference.speaker_requests import open_speaker_writer
from synthspec.lazy_dataclass import dataclass
from synthspec.planning.plan import Plan
from synthspec.sources import Table
from synthspec.spec import BackendChoice, Prompt, Spec
from synthspec.spec.asked import fields_asked
from synthspec.spec.backends_used import endpoints_of
from synthspec.spec.conversation import one_message
from synthspec.spec.fan_outs import asked_at, most_tried
from synthspec.spec.messages import Image, Message

SAMPLED = 40  # prompts written to estimate their tokens


@dataclass(frozen=True, slots=True)
class PromptReport:
    """What one prompt is expected to use, all rows together."""

    name: str
    backend: str
    calls: int
    prompt_tokens: int | None  # None where how many a picture has is not known
    completion_tokens: int
    cost: float | None
    least: PromptReport | None = None  # the figures at least; None where they are fixed, and these the same


Sampled = Sequence[tuple[int, Mapping[str, Any]]]  # combinations with their numbers


def sampled_combinations(plan: Plan) -> Sampled:
    """The combinations whose prompts are written to estimate their tokens: some of all the plan."""
    step = max(1, len(plan) // SAMPLED)
    return [(i, plan[i]) for i in list(range(0, len(plan), step))[:SAMPLED]]


def prompt_reports(
    spec: Spec,
    prompt: Prompt,
    plan: Plan,
    tables: Mapping[str, Table],
    taken: LevelRows,
    sampled: Sampled,
    rows_told: Callable[[int], Sequence[Mapping[str, Any]]],
) -> list[tuple[PromptReport, PromptReport]]:
    """What a prompt is expected to use, and what at worst; each backend and each speaker of a dialogue for itself."""
    if prompt.dialogue is None:
        told = rows_told(asked_at(prompt)) if is_asked_otherwise(prompt) else [v for _, v in sampled]
        calls = calls_by_endpoint(spec, prompt, told)
        rows = _RowsAsked(len(plan), taken, sampled)
        choices = endpoints_of(spec, prompt)
        return [_prompt_report(spec, prompt, rows, tables, (n, c), calls[n]) for n, c in choices.items()]
    samples = [(i, with_stand_ins(spec, values, tables)) for i, values in sampled]
    field = next(f for f in spec.fields if f.name == prompt.writes[0])
    tried = most_tried(spec, len(plan), early_drops(spec))
    uses = speaker_uses(spec, prompt, taken, samples, field_tokens(one_message(field), spec, tables), tables)
    return [_speaker_report(use, tried) for use in uses]


def player_report(
    spec: Spec, name: str, plan: Plan, tables: Mapping[str, Table], levels: Sequence[LevelRows], sampled: Sampled
) -> tuple[PromptReport, PromptReport]:
    """What a prompt that plays a tool is expected to use: nothing at least, an answer a round of tools at most."""
    player = spec.players[name]
    choice = player.prompt.backend or spec.backend
    writer = open_speaker_writer(spec, player.prompt, RequestSettings(choice, "", False), tables, name)
    samples = [(i, with_stand_ins(spec, values, tables)) for i, values in sampled]
    share = 1 / max(1, len(samples))
    calls = sent = longest = 0.0
    for prompt in spec.prompts:
        taken = levels[asked_at(prompt)]
        talks = taken.most + taken.beyond
        calls += talks * share * sum(answers_of_a_talk(spec, prompt, name, values) for _, values in samples)
    for index, values in samples:
        messages = writer.told(writer.drafted(index, {**values, **played_values(spec, name, tables)}, 1), 1)
        sent += share * sum(expected_tokens(m.content) + PER_MESSAGE // 2 for m in messages)
        longest += share * worst_tokens(messages)
    reply = min(writer.sender.max_tokens, sum(field_tokens(f, spec, tables) for f in player.fields) + 8)
    most = _figures(name, choice, calls, calls * sent, calls * reply)
    worst = answers_at_worst(spec, calls) * most_tried(spec, len(plan), early_drops(spec))
    at_worst = _figures(name, choice, worst, worst * longest * 1.5, worst * writer.sender.max_tokens)
    return replace(most, least=_figures(name, choice, 0, 0, 0)), at_worst


def _speaker_report(use: SpeakerUse, tried: float) -> tuple[PromptReport, PromptReport]:
    """`tried`: how many times as many talks there are at worst."""
    uses = (use.least, use.most, use.worst.times(tried))
    least, most, worst = (_figures(use.endpoint, use.choice, u.calls, u.sent, u.got) for u in uses)
    return (most if least == most else replace(most, least=least)), worst


def _figures(name: str, choice: BackendChoice, calls: float, sent: float | None, got: float) -> PromptReport:
    """Calls and tokens, all together, and what they cost; `sent` is None where it is not known."""
    cost = 0.0 if provider_of(choice.provider).free else None
    if choice.prices is not None and sent is not None:
        cost = (sent * choice.prices.prompt + got * choice.prices.completion) / 1e6
    return PromptReport(name, _shown(choice), round(calls), None if sent is None else round(sent), round(got), cost)


def _shown(choice: BackendChoice) -> str:
    """`openai:qwen3`, and on how many servers where there are several."""
    name = f"{choice.provider}:{choice.model}" if choice.model else choice.provider
    servers = len(listed) if isinstance(listed := choice.options.get("base_url"), list) else 1
    return f"{name} ({servers} servers)" if servers > 1 else name


@dataclass(frozen=True, slots=True)
class _RowsAsked:
    """How many rows a prompt is asked for, and combinations that stand for all of the plan's."""

    planned: int
    taken: LevelRows
    sampled: Sampled


def _prompt_report(
    spec: Spec,
    prompt: Prompt,
    asked_for: _RowsAsked,
    tables: Mapping[str, Table],
    endpoint: tuple[str, BackendChoice],
    per_row: CallsPerRow,
) -> tuple[PromptReport, PromptReport]:
    """What a prompt is expected to use of a backend, and what at worst."""
    place, choice = endpoint
    taken = asked_for.taken
    fewest, rows = taken.least, taken.most + taken.beyond
    writer = PromptWriter(spec, prompt, RequestSettings(choice, "", False), tables)
    asked = worst = 0
    pictures: int | None = 0
    for index, values in asked_for.sampled:
        messages = messages_told(spec, writer, with_bound_names(spec, prompt, values, tables), index, tables)
        asked += sum(expected_tokens(m.content) + PER_MESSAGE // 2 for m in messages)
        worst += worst_tokens(messages)
        more = _picture_tokens(prompt, choice, messages)
        pictures = None if more is None or pictures is None else pictures + more
    share = 1 / max(len(asked_for.sampled), 1)
    fields = fields_asked(prompt, {f.name: f for f in spec.fields})
    reply = min(writer.sender.max_tokens, prompt.rows * sum(field_tokens(f, spec, tables) for f in fields) + 8)

    def figures(count: float, text: float, got: float) -> PromptReport:
        sent = None if pictures is None else count * (text + pictures * share)
        return _figures(place, choice, count, sent, count * got)

    attempts = spec.limits.attempts * (1 if prompt.rows == 1 else prompt.rows)
    most = figures(rows * per_row.most, asked * share, reply)
    if (fewest, per_row.least) != (rows, per_row.most):
        most = replace(most, least=figures(fewest * per_row.least, asked * share, reply))
    tried = rows * per_row.most * attempts * most_tried(spec, asked_for.planned, early_drops(spec))
    return most, figures(tried, worst * share * 1.5, writer.sender.max_tokens)


def _picture_tokens(prompt: Prompt, choice: BackendChoice, messages: Sequence[Message]) -> int | None:
    """What the pictures of a call count for; None where nobody knows, or which they are is not known yet."""
    if not prompt.images:
        return 0
    shown = any(isinstance(p, Image) for m in messages for p in m.parts)
    return picture_tokens(choice, messages) if shown else None


def total_use(reports: list[PromptReport]) -> dict[str, float | None]:
    """The calls, tokens and money of several prompts; None where a figure of one is not known."""
    costs, asked = [r.cost for r in reports], [r.prompt_tokens for r in reports]
    return {
        "calls": sum(r.calls for r in reports),
        "prompt_tokens": None if None in asked else sum(t for t in asked if t is not None),
        "completion_tokens": sum(r.completion_tokens for r in reports),
        "cost": None if any(c is None for c in costs) else sum(c for c in costs if c is not None),
    }
