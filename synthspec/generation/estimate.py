"""What a plan holds, before any of it is paid for: shares, coverage, calls, tokens and money."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from synthspec.generation.fan_estimate import LevelRows, endless_lists, rows_of_levels
from synthspec.generation.player_estimate import answers_at_worst, answers_of_a_talk, call_values
from synthspec.generation.several_estimate import CallsPerRow, bound_names, calls_by_endpoint
from synthspec.generation.talk_estimate import SpeakerUse, speaker_uses
from synthspec.inference.accounting.image_tokens import picture_tokens
from synthspec.inference.accounting.token_estimates import PER_MESSAGE, expected_tokens, worst_tokens
from synthspec.inference.backends import provider_of
from synthspec.inference.requests import PromptWriter, Sender
from synthspec.inference.speaker_requests import SpeakerWriter, open_writer
from synthspec.languages.expressions import compile_row
from synthspec.languages.expressions.evaluation.columns import Column
from synthspec.languages.expressions.tree import Name
from synthspec.planning.parameters import places_in
from synthspec.planning.plan import Plan
from synthspec.planning.shares import ParameterReport, parameter_report
from synthspec.sources import Table
from synthspec.spec import BackendChoice, Choice, Field, Prompt, Spec
from synthspec.spec.asked import fields_asked, item_field
from synthspec.spec.backends_used import endpoints_of
from synthspec.spec.conversation import holds_messages, one_message
from synthspec.spec.fan_outs import asked_at, most_tried, rows_of_level
from synthspec.spec.messages import Image, Message
from synthspec.spec.used_names import used_names

ITEM = "word " * 12  # what stands for an item of a list that is not written yet
COUNTED = 1_000_000  # combinations looked at for the figures of a parameter
SAMPLED = 40  # prompts written to estimate their tokens
MOST_PAIRED = 200  # lists of which all pairs are counted
MOST_SPACE = 10**300


@dataclass(frozen=True, slots=True)
class PairReport:
    """Pairs of values of listed parameters: how many there can be, exclude makes impossible, the plan has."""

    possible: int
    impossible: int
    covered: int


@dataclass(frozen=True, slots=True)
class RankReport:
    """Two parameters that are correlated: the rank correlation asked for, and the one the plan has (-1 to 1)."""

    between: tuple[str, str]
    asked: float
    reached: float | None


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


@dataclass(frozen=True, slots=True)
class PlanReport:
    """A plan for a reader. Costs are US dollars, None where no price is known."""

    name: str
    rows: int
    combinations: int  # that the rows take at most
    combinations_needed: tuple[int, int]  # at least and at most, as far as the lengths of lists are known
    endless: tuple[str, ...]  # prompts that go over lists of which nothing says how long they are at most
    counted: int
    strategy: str
    space: int | None  # combinations of listed values there can be, None above 10**300 or where one is not listed
    excluded: int | None
    parameters: tuple[ParameterReport, ...]  # those in use
    unused: tuple[str, ...]  # parameters that nothing reads
    pairs: PairReport | None  # None of fewer than two lists, and of so many that their pairs are not counted
    covering: Mapping[str, Any] | None  # of a strategy that makes a covering array: strength, rows, tuples covered
    correlations: tuple[RankReport, ...]
    prompts: tuple[PromptReport, ...]
    expected: Mapping[str, float | None]  # at most, where talks may end early
    least: Mapping[str, float | None]  # the same at least
    worst: Mapping[str, float | None]
    samples: tuple[Mapping[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def report_plan(plan: Plan, tables: Mapping[str, Table]) -> PlanReport:
    """Read a plan through and report on it."""
    spec = plan.spec
    counted = min(len(plan), COUNTED)
    used = used_names(spec) if spec.fields else frozenset(p.name for p in spec.parameters)
    columns = plan.columns(0, counted) if counted else {}
    lists = {p.name: p.draw for p in spec.parameters if isinstance(p.draw, Choice) and p.name in used}
    levels = rows_of_levels(plan)
    written = (r for p in spec.asked for r in _reports(spec, p, plan, tables, levels[asked_at(p)]))
    prompts = (*written, *(_player_report(spec, name, plan, tables) for name in spec.players))
    space, excluded = _space(plan, lists)
    return PlanReport(
        name=spec.name,
        rows=spec.rows,
        combinations=len(plan),
        combinations_needed=(levels[0].least, levels[0].most),
        endless=endless_lists(spec),
        counted=counted,
        strategy=spec.plan.strategy,
        space=space,
        excluded=excluded,
        parameters=tuple(
            parameter_report(p.name, columns[p.name], lists.get(p.name)) for p in spec.parameters if p.name in used
        ),
        unused=tuple(p.name for p in spec.parameters if p.name not in used),
        pairs=_pairs(plan, lists, columns),
        covering=asdict(coverage) if (coverage := plan.coverage()) is not None else None,
        correlations=_ranks(plan, columns),
        prompts=tuple(r for r, _ in prompts),
        expected=_total([r for r, _ in prompts]),
        least=_total([r.least or r for r, _ in prompts]),
        worst=_total([w for _, w in prompts]),
        samples=tuple(_sample(spec, plan, tables, i) for i in range(min(2, len(plan)))),
    )


def _ranks(plan: Plan, columns: Mapping[str, Column]) -> tuple[RankReport, ...]:
    if not plan.spec.plan.correlate or not columns:
        return ()
    from synthspec.planning.correlation.copula import rank_reached

    return tuple(RankReport(c.between, c.rank, rank_reached(plan.spec, columns, c)) for c in plan.spec.plan.correlate)


def _space(plan: Plan, lists: Mapping[str, Choice]) -> tuple[int | None, int | None]:
    """Combinations of listed values, and how many of them the exclusions remove, where both can be counted."""
    if not lists or any(d.weights is None for d in plan.dimensions):
        return None, None
    from synthspec.planning.constraints.checks import MAX_ENUMERATED

    space = 1
    for dimension in plan.dimensions:
        space *= sum(w > 0 for w in dimension.weights or ())
        if space > MOST_SPACE:
            return None, None
    if not plan.rules:
        return space, 0
    if space > MAX_ENUMERATED:
        return space, None
    from synthspec.planning.constraints.checks import try_rules

    kept = try_rules(plan, plan.rules, [d.key for d in plan.dimensions]).kept
    return space, space - int(kept.sum())


def _pairs(plan: Plan, lists: Mapping[str, Choice], columns: Mapping[str, Column]) -> PairReport | None:
    names = [n for n in lists if len(lists[n].values) > 1]
    if not 2 <= len(names) <= MOST_PAIRED:
        return None
    coded = {n: places_in(columns[n], lists[n].values) for n in names}
    impossible = _impossible_pairs(plan, lists)
    possible = covered = 0
    for a, b in itertools.combinations(names, 2):
        size = sum(w > 0 for w in lists[a].weights) * sum(w > 0 for w in lists[b].weights)
        possible += size
        covered += len(np.unique(coded[a] * len(lists[b].values) + coded[b]))
    return PairReport(possible - impossible, impossible, covered)


def _impossible_pairs(plan: Plan, lists: Mapping[str, Choice]) -> int:
    """Pairs of values that no permitted combination holds."""
    from synthspec.planning.constraints.checks import try_rules
    from synthspec.planning.constraints.listed import together

    lost = 0
    for group in together(plan.rules, lambda rule: rule.dimensions):
        keys = frozenset[str]().union(*(r.dimensions for r in group))
        inside = [n for n in lists if n in keys]
        tried = try_rules(plan, group, keys)
        if not tried.exact:
            continue
        columns, kept = tried.columns, tried.kept
        for a, b in itertools.combinations(inside, 2):
            first, second = (places_in(columns[n], lists[n].values) for n in (a, b))
            codes = first * len(lists[b].values) + second
            lost += len(np.unique(codes)) - len(np.unique(codes[kept]))
    return lost


def _reports(
    spec: Spec, prompt: Prompt, plan: Plan, tables: Mapping[str, Table], taken: LevelRows
) -> list[tuple[PromptReport, PromptReport]]:
    """What a prompt is expected to use, and what at worst; each backend and each speaker of a dialogue for itself."""
    step = max(1, len(plan) // SAMPLED)
    if prompt.dialogue is None:
        rows = [plan[i] for i in list(range(0, len(plan), step))[:SAMPLED]]
        calls = calls_by_endpoint(spec, prompt, rows)
        choices = endpoints_of(spec, prompt)
        return [_prompt_report(spec, prompt, plan, tables, (n, c), calls[n], taken) for n, c in choices.items()]
    samples = [(i, _with_stand_ins(spec, plan[i], tables)) for i in list(range(0, len(plan), step))[:SAMPLED]]
    field = next(f for f in spec.fields if f.name == prompt.writes[0])
    talks = rows_of_level(spec, asked_at(prompt), len(plan))[1]
    tried = most_tried(spec, len(plan))
    uses = speaker_uses(spec, prompt, talks, samples, _field_tokens(one_message(field), spec, tables), tables)
    return [_speaker_report(use, tried) for use in uses]


def _player_report(spec: Spec, name: str, plan: Plan, tables: Mapping[str, Table]) -> tuple[PromptReport, PromptReport]:
    """What a prompt that plays a tool is expected to use: nothing at least, an answer a round of tools at most."""
    player = spec.players[name]
    choice = player.prompt.backend or spec.backend
    writer = open_writer(spec, player.prompt, Sender(choice, "", False), tables, name)
    step = max(1, len(plan) // SAMPLED)
    samples = [(i, _with_stand_ins(spec, plan[i], tables)) for i in list(range(0, len(plan), step))[:SAMPLED]]
    share = 1 / max(1, len(samples))
    calls = sent = longest = 0.0
    for prompt in spec.prompts:
        talks = rows_of_level(spec, asked_at(prompt), len(plan))[1]
        calls += talks * share * sum(answers_of_a_talk(spec, prompt, name, values) for _, values in samples)
    for index, values in samples:
        messages = writer.told(writer.drafted(index, {**values, **call_values(spec, name, tables)}, 1), 1)
        sent += share * sum(expected_tokens(m.content) + PER_MESSAGE // 2 for m in messages)
        longest += share * worst_tokens(messages)
    reply = min(writer.sender.max_tokens, sum(_field_tokens(f, spec, tables) for f in player.fields) + 8)
    most = _figures(name, choice, calls, calls * sent, calls * reply)
    worst = answers_at_worst(spec, calls) * most_tried(spec, len(plan))
    at_worst = _figures(name, choice, worst, worst * longest * 1.5, worst * writer.sender.max_tokens)
    return replace(most, least=_figures(name, choice, 0, 0, 0)), at_worst


def _speaker_report(use: SpeakerUse, tried: float) -> tuple[PromptReport, PromptReport]:
    """`tried`: how many times as many talks there are at worst."""
    uses = (use.least, use.most, use.worst.times(tried))
    least, most, worst = (_figures(use.endpoint, use.choice, u.calls, u.sent, u.got) for u in uses)
    return (most if least == most else replace(most, least=least)), worst


def _figures(name: str, choice: BackendChoice, calls: float, sent: float, got: float) -> PromptReport:
    """Calls and tokens, all together, and what they cost."""
    cost = 0.0 if provider_of(choice.provider).free else None
    if choice.prices is not None:
        cost = (sent * choice.prices.prompt + got * choice.prices.completion) / 1e6
    backend = f"{choice.provider}:{choice.model}" if choice.model else choice.provider
    return PromptReport(name, backend, round(calls), round(sent), round(got), cost)


def _prompt_report(
    spec: Spec,
    prompt: Prompt,
    plan: Plan,
    tables: Mapping[str, Table],
    endpoint: tuple[str, BackendChoice],
    per_row: CallsPerRow,
    taken: LevelRows,
) -> tuple[PromptReport, PromptReport]:
    """What a prompt is expected to use of a backend, and what at worst."""
    place, choice = endpoint
    fewest, rows = taken.least, taken.most + taken.beyond
    writer = PromptWriter(spec, prompt, Sender(choice, "", False), tables)
    asked = worst = 0
    pictures: int | None = 0
    step = max(1, len(plan) // SAMPLED)
    indices = list(range(0, len(plan), step))[:SAMPLED]
    for index in indices:
        messages = _messages(spec, writer, _with_bound_names(spec, prompt, plan[index], tables), index, tables)
        asked += sum(expected_tokens(m.content) + PER_MESSAGE // 2 for m in messages)
        worst += worst_tokens(messages)
        more = _picture_tokens(prompt, choice, messages)
        pictures = None if more is None or pictures is None else pictures + more
    share = 1 / max(len(indices), 1)
    fields = fields_asked(prompt, {f.name: f for f in spec.fields})
    reply = min(writer.sender.max_tokens, prompt.rows * sum(_field_tokens(f, spec, tables) for f in fields) + 8)
    name = f"{choice.provider}:{choice.model}" if choice.model else choice.provider
    free = provider_of(choice.provider).free

    def figures(count: float, text: float, got: float) -> PromptReport:
        sent = None if pictures is None else text + pictures * share
        cost = 0.0 if free else None
        if choice.prices is not None and sent is not None:
            cost = (count * sent * choice.prices.prompt + count * got * choice.prices.completion) / 1e6
        asked_for = None if sent is None else round(count * sent)
        return PromptReport(place, name, round(count), asked_for, round(count * got), cost)

    attempts = spec.limits.attempts * (1 if prompt.rows == 1 else prompt.rows)
    most = figures(rows * per_row.most, asked * share, reply)
    if (fewest, per_row.least) != (rows, per_row.most):
        most = replace(most, least=figures(fewest * per_row.least, asked * share, reply))
    tried = rows * per_row.most * attempts * most_tried(spec, len(plan))
    return most, figures(tried, worst * share * 1.5, writer.sender.max_tokens)


def _with_bound_names(
    spec: Spec, prompt: Prompt, combination: Mapping[str, Any], tables: Mapping[str, Table]
) -> dict[str, Any]:
    """A combination, and stand-ins for the names that each call of a prompt has of its own: an item, a round."""
    values = {**combination, **bound_names(prompt, combination)}
    fields = {f.name: f for f in spec.fields}
    if prompt.map is not None and prompt.map.name not in values:
        items = prompt.map.items
        source = fields.get(items.name) if isinstance(items, Name) else None
        values[prompt.map.name] = _stand_in(item_field(source), spec, tables) if source is not None else "word " * 40
    if prompt.repeat is not None:
        asked = {f.name: f for f in fields_asked(prompt, fields)}
        values |= {n: _stand_in(asked[n], spec, tables) for n in prompt.repeat.seed if n in asked}
    return values


def _picture_tokens(prompt: Prompt, choice: BackendChoice, messages: Sequence[Message]) -> int | None:
    """What the pictures of a call count for; None where nobody knows, or which they are is not known yet."""
    if not prompt.images:
        return 0
    shown = any(isinstance(p, Image) for m in messages for p in m.parts)
    return picture_tokens(choice, messages) if shown else None


def _messages(
    spec: Spec, writer: PromptWriter, combination: Mapping[str, Any], index: int, tables: Mapping[str, Table]
) -> list[Message]:
    """The messages of a call, with stand-ins of the expected length for fields that are not written yet."""
    values = _with_stand_ins(spec, combination, tables)
    if isinstance(writer, SpeakerWriter):
        return list(writer.instructed(writer.drafted(index, values, 1)))
    return writer.told(writer.drafted(index, values, writer.prompt.rows), writer.prompt.rows)


def _with_stand_ins(spec: Spec, combination: Mapping[str, Any], tables: Mapping[str, Table]) -> dict[str, Any]:
    values = dict(combination)
    for field in spec.fields:
        if field.name not in values:
            values[field.name] = _stand_in(field, spec, tables)
    for each in (p.each for p in spec.prompts if p.each is not None):
        items = compile_row(each.items)(values)
        values[each.name] = items[0] if isinstance(items, list) and items else ITEM
    return values


def _stand_in(field: Field, spec: Spec, tables: Mapping[str, Table]) -> Any:
    from synthspec.languages.templates.trial import sample_value

    if field.type.kind == "text" and not field.type.values:
        return "word " * round(_field_tokens(field, spec, tables) / 1.4)
    return sample_value(field.type)


def _field_tokens(field: Field, spec: Spec, tables: Mapping[str, Table]) -> int:
    """About how many tokens a value of a field takes in a reply, its label included."""
    if holds_messages(field):
        turns = [n for n in (field.turns.minimum, field.turns.maximum) if n is not None] or [3]
        return round(2 * sum(turns) / len(turns) * _field_tokens(one_message(field), spec, tables))
    if field.type.kind != "text" or field.type.values:
        return 8
    low, high = field.words.minimum, field.words.maximum
    if low is not None and high is not None:
        return round((low + high) / 2 * 1.4) + 6
    for table in tables.values():
        known = table.values(field.name, table.some(200)) if field.name in table.names else ()
        texts = [t for t in known if isinstance(t, str)][:200]
        if texts:
            return sum(map(expected_tokens, texts)) // len(texts) + 6
    if "maxLength" in field.schema:
        return int(field.schema["maxLength"]) // 8 + 6
    guess = low * 1.3 if low is not None else (high * 0.6 if high is not None else 60)
    return round(guess * 1.4) + 6


def _total(reports: list[PromptReport]) -> dict[str, float | None]:
    costs, asked = [r.cost for r in reports], [r.prompt_tokens for r in reports]
    return {
        "calls": sum(r.calls for r in reports),
        "prompt_tokens": None if None in asked else sum(t for t in asked if t is not None),
        "completion_tokens": sum(r.completion_tokens for r in reports),
        "cost": None if any(c is None for c in costs) else sum(c for c in costs if c is not None),
    }


def _sample(spec: Spec, plan: Plan, tables: Mapping[str, Table], index: int) -> dict[str, Any]:
    combination = plan[index]
    prompts = {}
    for prompt in spec.asked:
        for name, choice in endpoints_of(spec, prompt).items():
            writer = open_writer(spec, prompt, Sender(choice, "", False), tables, name if name != prompt.name else "")
            values = _with_bound_names(spec, prompt, combination, tables)
            messages = _messages(spec, writer, values, index, tables)
            prompts[name] = [{"role": m.role, "content": m.shown} for m in messages]
    for name, player in spec.players.items():
        writer = open_writer(spec, player.prompt, Sender(spec.backend, "", False), tables, name)
        values = {**_with_stand_ins(spec, combination, tables), **call_values(spec, name, tables)}
        messages = writer.told(writer.drafted(index, values, 1), 1)
        prompts[name] = [{"role": m.role, "content": m.shown} for m in messages]
    return {"combination": combination, "prompts": prompts}
