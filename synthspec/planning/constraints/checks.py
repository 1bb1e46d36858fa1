"""Trying out a plan's exclusions before anything is paid for: do they leave something, and every value?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthspec.diagnostics import Diagnostic, Related
from synthspec.languages.expressions import evaluate
from synthspec.languages.expressions.evaluation.columns import unpack
from synthspec.lazy_dataclass import dataclass
from synthspec.planning.constraints.cells import MOST_CELLS
from synthspec.planning.constraints.listed import nothing_left, out_of_reach, together
from synthspec.planning.constraints.rules import ExclusionRule
from synthspec.planning.constraints.tying import TiedGroup
from synthspec.planning.design import Dimension
from synthspec.planning.drawing import DrawFault, Drawing
from synthspec.planning.parameters import middles, with_ancestors
from synthspec.planning.plan import Plan
from synthspec.sources import Table
from synthspec.spec import Choice, Correlation, Draw, Exclusion, Formula, GivenDraw, Parameter, SourceDraw, Spec
from synthspec.spec.used_names import draw_reads

MAX_ENUMERATED = 300_000
SAMPLED = 20_000
MOST_TRIALS = 40_000_000  # rules times combinations
FEWEST = 2_000  # combinations, however many rules there are
NEAR = 0.002  # of a share; what rows miss it by beyond is said
_RANKED, _FEWEST, _FAR_OFF = 1_000, 20, 0.1  # rows that are looked at, and what of a rank is more than chance
TRIED = 1_000
LEAST = 0.001  # share of combinations that exclusions must leave


def check_exclusions(spec: Spec, tables: Mapping[str, Table]) -> tuple[Diagnostic, ...]:
    """Faults of the exclusions, sources' `where` and correlations of an otherwise sound spec."""
    open_spec = replace(spec, plan=replace(spec.plan, exclude=(), correlate=(), strategy="random", over=()))
    plan = Plan(open_spec, tables)
    rules = tuple(ExclusionRule(e, *_behind(plan, e)) for e in spec.plan.exclude)
    try:
        faults = [f for group in together(rules, lambda rule: rule.dimensions) for f in _check_group(spec, plan, group)]
        if not faults:
            _try_sources(spec, plan)
            faults.extend(_whole_plan(spec, tables))
    except DrawFault as e:
        place = next((p.span for p in spec.parameters if p.name == e.parameter), None)
        if place is None and spec.plan.exclude:
            place = spec.plan.exclude[0].span
        assert place is not None
        return (Diagnostic("E516", e.message, place, e.help),)
    return tuple(faults)


def _try_sources(spec: Spec, plan: Plan) -> None:
    """Draw from every source that has a `where`, for every combination of the listed values it hangs on.

    Raises:
        DrawFault: for one of them no row passes.
    """
    for parameter in spec.parameters:
        if not _is_filtered(parameter.draw):
            continue
        names = with_ancestors(plan.draws, frozenset({parameter.name}))
        behind = plan.dimensions_behind(names - {parameter.name})
        uniforms, _ = _every_combination(plan, [d for d in plan.dimensions if d.key in behind])
        drawing = Drawing(len(next(iter(uniforms.values()))), uniforms)
        for draw in plan.draws:
            if draw.name in names:
                drawing.columns[draw.name] = draw.values(drawing)


def _is_filtered(draw: Draw) -> bool:
    """Whether it draws from those rows of a source that pass a condition."""
    if isinstance(draw, GivenDraw):
        return any(map(_is_filtered, (*(d for _, d in draw.cases), *((draw.otherwise,) if draw.otherwise else ()))))
    return isinstance(draw, SourceDraw) and draw.where is not None


def _behind(plan: Plan, exclusion: Exclusion) -> tuple[frozenset[str], frozenset[str]]:
    from synthspec.languages.expressions import names_of

    reads = names_of(exclusion.expression)
    return reads, plan.dimensions_behind(reads)


@dataclass(frozen=True, slots=True)
class Tried:
    """Rules tried on combinations: the columns of these, which each rule hits, and which none does."""

    columns: Mapping[str, Any]
    hits: list[NDArray[np.bool_]]
    kept: NDArray[np.bool_]
    exact: bool  # every combination of levels was tried, not a sample

    def __len__(self) -> int:
        return len(self.kept)


def try_rules(plan: Plan, rules: Sequence[ExclusionRule], keys: Collection[str]) -> Tried:
    """Try rules on every combination of the levels of some dimensions, or on a sample where there are too many."""
    most = max(FEWEST, MOST_TRIALS // max(1, len(rules)))
    uniforms, exact = _every_combination(plan, [d for d in plan.dimensions if d.key in keys], most)
    length = len(next(iter(uniforms.values())))
    columns = plan._evaluate(uniforms, np.arange(length))
    hits = [_is_true(evaluate(r.exclusion.expression, columns, length)) for r in rules]
    return Tried(columns, hits, ~np.logical_or.reduce(hits), exact)


def _check_group(spec: Spec, plan: Plan, group: list[ExclusionRule]) -> Iterator[Diagnostic]:
    tried = try_rules(plan, group, frozenset[str]().union(*(r.dimensions for r in group)))
    columns, hits, kept, exact, length = tried.columns, tried.hits, tried.kept, tried.exact, len(tried)
    last = group[-1].exclusion
    others = tuple(Related(r.exclusion.span, "together with this rule") for r in group[:-1])
    if not kept.any():
        if exact:
            yield nothing_left([r.exclusion for r in group])
        else:
            yield Diagnostic("E526", _too_few(length), last.span, "exclude less, or draw from a narrower range", others)
        return
    if not exact and kept.mean() < LEAST:
        yield Diagnostic("E526", _too_few(length), last.span, "exclude less, or draw from a narrower range", others)
        return
    names = frozenset[str]().union(*(r.reads for r in group))
    for parameter in spec.parameters:
        if parameter.name in names:
            yield from _unreachable(parameter, columns[parameter.name], kept, hits, group, exact)


def _too_few(length: int) -> str:
    return f"the exclusions reject more than 99.9% of {length:,} combinations drawn at random"


def _unreachable(
    parameter: Parameter,
    column: Any,
    kept: NDArray[np.bool_],
    hits: list[NDArray[np.bool_]],
    group: list[ExclusionRule],
    exact: bool,
) -> Iterator[Diagnostic]:
    values = parameter.type.values
    if values is None or not exact or not isinstance(parameter.draw, Choice | Formula):
        return
    drawn = unpack(column)
    for value in values:
        wanted = float if parameter.type.kind == "number" else type(value)
        of_value = np.fromiter((type(v) is wanted and v == value for v in drawn), bool, len(drawn))
        if not of_value.any() or (of_value & kept).any():
            continue
        blamed = next((r for r, h in zip(group, hits, strict=True) if h[of_value].all()), group[-1])
        yield out_of_reach(parameter, value, blamed.exclusion)


def _is_true(column: Any) -> NDArray[np.bool_]:
    if column.dtype == bool:
        return np.asarray(column)
    return np.fromiter((bool(v) and v is not None for v in column.tolist()), bool, len(column))


def _every_combination(
    plan: Plan, dimensions: list[Dimension], most: int = MAX_ENUMERATED
) -> tuple[dict[str, NDArray[np.float64]], bool]:
    """Uniform numbers for every combination of levels, or a sample where there are too many or some are continuous."""
    choices = [None if d.weights is None else middles(d.weights) for d in dimensions]
    levels = [c[~np.isnan(c)] for c in choices if c is not None]
    count = 1
    for c in levels:
        count *= len(c)
    exact = len(levels) == len(dimensions) and count <= min(most, MAX_ENUMERATED)
    if not exact:
        return dict(plan.strategy.uniforms(0, min(most, SAMPLED))), False
    grids = np.meshgrid(*levels, indexing="ij") if levels else []
    length = max(count, 1)
    uniforms = {d.key: np.full(length, 0.5) for d in plan.dimensions}
    uniforms |= {d.key: g.ravel() for d, g in zip(dimensions, grids, strict=True)}
    if not uniforms:
        uniforms = {"": np.full(1, 0.5)}
    return uniforms, True


def _whole_plan(spec: Spec, tables: Mapping[str, Table]) -> Iterator[Diagnostic]:
    """What the plan itself shows: ranks and shares that cannot be had."""
    if not spec.plan.correlate and not spec.plan.exclude:
        return
    from synthspec.planning.correlation.copula import CorrelationFault, check_ranks

    try:
        plan = Plan(spec, tables)
        check_ranks(spec, plan.pulls, plan.groups)
    except CorrelationFault as e:
        at: Correlation = e.correlation
        yield Diagnostic("E527", e.message, at.span, e.help, about=at.between)
        return
    if spec.plan.strategy == "factorial":
        for correlation in plan.pulls:
            first, second = correlation.between
            message = f"under `factorial` every combination comes once, so '{first}' and '{second}' are not correlated"
            help = "take `strategy: balanced`, or leave out the correlation"
            yield Diagnostic("W712", message, correlation.span, help)
        return
    yield from _left_to_chance(plan)
    yield from _ranks_missed(plan)
    for group in plan.groups:
        listed = [(r, r.dimensions - r.continuous) for r in plan.rules]
        rules = [r for r, keys in listed if keys and keys.issubset(group.tied.keys)]
        if rules and group.sampled:
            message = (
                f"the exclusions bind {len(group.tied.keys)} draws together, in too many combinations to list: "
                f"{len(group.tied.table):,} of them, drawn at random, represent them all"
            )
            help = "let each rule read fewer values, or leave it so where these are enough"
            yield Diagnostic("W711", message, rules[-1].exclusion.span, help)
        if rules:
            yield from _shares(spec, group, rules[-1])


def _left_to_chance(plan: Plan) -> Iterator[Diagnostic]:
    """The listed values, or rows of a source, that a correlation draws at random instead of counting them out."""
    if plan.copula is None:
        return
    from synthspec.planning.correlation.copula import MOST_LEVELS

    counted = {d.key for d in plan.dimensions if d.weights is not None}
    keys = {d.name: d.dimensions[0].key for d in plan.draws if len(d.dimensions) == 1}
    for correlation in plan.spec.plan.correlate:
        for name, other in (correlation.between, correlation.between[::-1]):
            if keys[name] in counted.intersection(plan.copula.moved) and keys[other] in counted:
                message = f"the shares of '{name}' are kept by chance alone, as it is correlated with '{other}'"
                most = f"at most {MOST_LEVELS:,} values, and {MOST_CELLS:,} combinations together"
                help = f"correlate lists of {most}, whose shares are kept, or leave it so"
                yield Diagnostic("W890", message, correlation.span, help)


def _ranks_missed(plan: Plan) -> Iterator[Diagnostic]:
    """Correlations that the rows do not have: the first are there to contain every pair of values, or exclusions that
    read numbers have these drawn again."""
    from synthspec.planning.correlation.copula import rank_reached

    rows = min(len(plan), _RANKED)
    firm = min(getattr(plan.strategy, "firm_rows", 0), rows)
    covered = frozenset(plan.pulls) if rows >= _FEWEST and firm >= rows / 4 else frozenset()
    bent = frozenset[str]().union(*(rule.dimensions for rule in plan.rules if rule.continuous))
    for correlation in plan.spec.plan.correlate:
        first, second = correlation.between
        if correlation in covered:
            looked, why = rows, f"the first {firm:,} contain every pair of values"
            help = "take `strategy: balanced`, ask for more rows, or leave out the correlation"
        elif bent & plan.dimensions_behind(frozenset(correlation.between)):
            looked, why = _RANKED, "the exclusions have numbers drawn again"
            help = "exclude less, ask for a correlation beyond this one, or leave it so"
        else:
            continue
        try:
            reached = rank_reached(plan.spec, plan.columns(0, looked), correlation)
        except DrawFault:  # said elsewhere
            return
        if abs(reached - correlation.rank) > max(_FAR_OFF, 2.5 / looked**0.5):
            message = f"'{first}' and '{second}' have rank correlation {reached:.2f} in {looked:,} rows, not "
            yield Diagnostic("W895", f"{message}{correlation.rank:g}: {why}", correlation.span, help)


def _shares(spec: Spec, group: TiedGroup, rule: ExclusionRule) -> Iterator[Diagnostic]:
    """The value that comes farthest from its share, where that is more than a rounding."""
    lists = {p.name: p.draw for p in spec.parameters if isinstance(p.draw, Choice)}
    off = [w - m for m, w in zip(group.fitted.margins, group.wanted, strict=True)]
    worst = int(np.argmax([o.max() for o in off]))
    level = int(off[worst].argmax())
    if off[worst][level] <= NEAR:
        return
    key = group.tied.keys[worst]
    name, _, case = key.partition("#")[0].partition("/")
    value = f"{key} = {lists[key].values[level]!r}" if key in lists else f"a value of {name}"
    value += f" (case {case})" if case else ""
    asked, had = group.wanted[worst][level], group.fitted.margins[worst][level]
    message = f"the exclusions leave {value} no share of {asked:.1%}; {had:.1%} is near to what they allow"
    parts = [
        f"{k} {', '.join(f'{v:.4g}' for v in (margin * 100).tolist())}"
        for k, margin, o in zip(group.tied.keys, group.fitted.margins, off, strict=True)
        if k in lists and o.max() > NEAR
    ]
    given = "exclude less, or give weights that are possible together"
    shown = f"{given}: {'; '.join(parts)}" if parts and sum(map(len, parts)) < 160 else given
    yield Diagnostic("W710", message, rule.exclusion.span, shown)


def check_missing(spec: Spec, tables: Mapping[str, Table], names: Collection[str]) -> tuple[Diagnostic, ...]:
    """Which of the named parameters are null in some of the first combinations, because an argument left its range."""
    plan = Plan(replace(spec, plan=replace(spec.plan, correlate=(), strategy="random", over=())), tables)
    try:
        columns = plan.columns(0, TRIED)
    except DrawFault as e:
        place = next((p.span for p in spec.parameters if p.name == e.parameter and p.name in names), None)
        return (Diagnostic("E441", e.message, place, e.help),) if place is not None else ()
    found = []
    for parameter in spec.parameters:
        missing = [at for at, v in enumerate(unpack(columns[parameter.name])) if v is None]
        if parameter.name in names and missing:
            read = sorted(draw_reads(parameter.draw) & columns.keys())
            said = ", ".join(f"{n} = {unpack(columns[n][missing[:1]])[0]!r}" for n in read)
            message = f"'{parameter.name}' is missing in {len(missing):,} of {TRIED:,} combinations drawn at random"
            help = f"an argument leaves its range, as with {said}: keep it there with clip(…), or write coalesce(…, …)"
            found.append(Diagnostic("W715", message, parameter.span, help))
    return tuple(found)
