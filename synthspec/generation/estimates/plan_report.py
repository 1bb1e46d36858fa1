"""What a plan holds, before any of it is paid for: shares, coverage, calls, tokens and money."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np

from synthspec.generation.estimates.dropped import DropTest, drop_test, early_drops, kept_combinations, most_drawn
from synthspec.generation.estimates.levels import (
    LevelRows,
    bound_note,
    endless_lists,
    is_counted,
    may_be_empty,
    rows_of_levels,
    rows_told,
    unbounded_prompts,
)
from synthspec.generation.estimates.players import played_values
from synthspec.generation.estimates.stand_ins import messages_told, with_bound_names, with_stand_ins
from synthspec.generation.estimates.usage import (
    PromptReport,
    player_report,
    prompt_reports,
    sampled_combinations,
    total_use,
)
from synthspec.inference.engines import engine_of, named_engine
from synthspec.inference.requests import RequestSettings
from synthspec.inference.speaker_requests import open_speaker_writer
from synthspec.languages.expressions.evaluation.columns import ColumnArray
from synthspec.lazy_dataclass import dataclass
from synthspec.planning.pairs import lost_pairs
from synthspec.planning.parameters import places_in
from synthspec.planning.plan import Plan
from synthspec.planning.shares import ParameterReport, parameter_report
from synthspec.sources import Table
from synthspec.spec import Choice, Spec
from synthspec.spec.backends_used import backends_used, endpoints_of
from synthspec.spec.fan_outs import asked_at
from synthspec.spec.rounds import BatchRounds, rounds_of
from synthspec.spec.used_names import used_names

COUNTED = 1_000_000  # combinations looked at for the figures of a parameter
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
class PlanReport:
    """A plan for a reader. Costs are US dollars, None where no price is known."""

    name: str
    rows: int
    rows_expected: tuple[int, int]  # at least and at most; the same but where every row of a source is gone through
    combinations: int  # that the rows take at most
    combinations_needed: tuple[int, int]  # at least and at most, as far as the lengths of lists are known
    most_drawn: int | None  # combinations drawn at most, where it hangs on what is written how many make rows
    endless: tuple[str, ...]  # prompts that go over lists of which nothing says how long they are at most
    unbounded: tuple[str, ...]  # prompts of which nothing says how often they are asked at most; `worst` is None then
    bound_note: str  # how these are estimated, for a reader
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
    expected: Mapping[str, float | None]  # at most, where talks may end early; lists without an end count as three
    least: Mapping[str, float | None]  # the same at least
    worst: Mapping[str, float | None]
    samples: tuple[Mapping[str, Any], ...]
    engine: str = "local"
    rounds: BatchRounds | None = None  # of an engine whose calls go in rounds

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def report_plan(plan: Plan, tables: Mapping[str, Table], counted: int = COUNTED) -> PlanReport:
    """Read a plan through and report on it; the figures of parameters are over so many combinations at most."""
    spec = plan.spec
    counted = min(len(plan), counted)
    used = used_names(spec) if spec.fields else frozenset(p.name for p in spec.parameters)
    columns = plan.columns(0, counted) if counted else {}
    lists = {p.name: p.draw for p in spec.parameters if isinstance(p.draw, Choice) and p.name in used}
    is_dropped = drop_test(spec, tables)
    levels = rows_of_levels(plan, is_dropped)
    sampled = sampled_combinations(plan)
    told = partial(rows_told, plan, levels, is_dropped)
    written = (r for p in spec.asked for r in prompt_reports(spec, p, plan, tables, levels[asked_at(p)], sampled, told))
    listed = (*written, *(player_report(spec, name, plan, tables, levels, sampled) for name in spec.players))
    kind = engine_of(named_engine(spec.limits.engine)[0])
    shares = {name: kind.share(choice) for name, (_, choice) in backends_used(spec).items()}
    prompts = [tuple(_at_share(r, shares.get(r.name, 1.0)) for r in pair) for pair in listed]
    space, excluded = _space(plan, lists)
    unbounded = unbounded_prompts(spec)
    return PlanReport(
        name=spec.name,
        rows=spec.rows,
        rows_expected=(levels[-1].least, levels[-1].most) if spec.open_ended else (spec.rows, spec.rows),
        combinations=len(plan),
        combinations_needed=_drawn(plan, levels, is_dropped),
        most_drawn=most_drawn(plan) if _drops_rows(spec) else None,
        endless=endless_lists(spec),
        unbounded=unbounded,
        bound_note=bound_note(spec),
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
        expected=total_use([r for r, _ in prompts]),
        least=total_use([r.least or r for r, _ in prompts]),
        worst=_unless(unbounded, total_use([w for _, w in prompts])),
        samples=tuple(_sample(spec, plan, tables, i) for i in range(min(2, len(plan)))),
        engine=spec.limits.engine,
        rounds=rounds_of(spec) if kind.durable else None,
    )


def _drawn(plan: Plan, levels: Sequence[LevelRows], is_dropped: DropTest | None) -> tuple[int, int]:
    """The combinations that are drawn for those that rows come of, at least and at most."""
    taken = levels[0]
    if is_dropped is None:
        return taken.least, taken.most
    if plan.spec.open_ended:
        return len(plan), len(plan)
    if levels[-1].most < plan.spec.rows:  # there are no more to be had
        return most_drawn(plan), most_drawn(plan)
    least, most = (kept_combinations(plan, is_dropped, wanted).drawn for wanted in (taken.least, taken.most))
    return least, most


def _drops_rows(spec: Spec) -> bool:
    """Whether it is known only once rows are written how many combinations make none, or fewer than they might."""
    early = early_drops(spec)
    written = any(c.severity == "drop" and c not in early for c in spec.checks)
    return not spec.open_ended and (written or (may_be_empty(spec) and not is_counted(spec)))


def _unless(unbounded: tuple[str, ...], worst: Mapping[str, float | None]) -> Mapping[str, float | None]:
    """What is used at worst; not known where there is no bound, but for what costs nothing."""
    if not unbounded:
        return worst
    return {name: 0.0 if name == "cost" and use == 0 else None for name, use in worst.items()}


def _at_share(report: PromptReport, share: float) -> PromptReport:
    """The same where a call costs a share of its price."""
    least = None if report.least is None else _at_share(report.least, share)
    return replace(report, cost=None if report.cost is None else report.cost * share, least=least)


def _ranks(plan: Plan, columns: Mapping[str, ColumnArray]) -> tuple[RankReport, ...]:
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


def _pairs(plan: Plan, lists: Mapping[str, Choice], columns: Mapping[str, ColumnArray]) -> PairReport | None:
    names = [n for n in lists if len(lists[n].values) > 1]
    if not 2 <= len(names) <= MOST_PAIRED:
        return None
    coded = {n: places_in(columns[n], lists[n].values) for n in names}
    impossible = sum(len(codes) for _, codes in lost_pairs(plan, lists))
    possible = covered = 0
    for a, b in itertools.combinations(names, 2):
        size = sum(w > 0 for w in lists[a].weights) * sum(w > 0 for w in lists[b].weights)
        possible += size
        covered += len(np.unique(coded[a] * len(lists[b].values) + coded[b]))
    return PairReport(possible - impossible, impossible, covered)


def _sample(spec: Spec, plan: Plan, tables: Mapping[str, Table], index: int) -> dict[str, Any]:
    combination = plan[index]
    prompts = {}
    for prompt in spec.asked:
        for name, choice in endpoints_of(spec, prompt).items():
            writer = open_speaker_writer(
                spec, prompt, RequestSettings(choice, "", False), tables, name if name != prompt.name else ""
            )
            values = with_bound_names(spec, prompt, combination, tables)
            messages = messages_told(spec, writer, values, index, tables)
            prompts[name] = [{"role": m.role, "content": m.shown} for m in messages]
    for name, player in spec.players.items():
        writer = open_speaker_writer(spec, player.prompt, RequestSettings(spec.backend, "", False), tables, name)
        values = {**with_stand_ins(spec, combination, tables), **played_values(spec, name, tables)}
        messages = writer.told(writer.drafted(index, values, 1), 1)
        prompts[name] = [{"role": m.role, "content": m.shown} for m in messages]
    return {"combination": combination, "prompts": prompts}
