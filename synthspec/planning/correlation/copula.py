"""`plan.correlate`: wanted rank correlations between parameters to the copula that ties their uniform numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthspec.diagnostics.errors import ExitStatus, SynthspecError
from synthspec.languages.expressions.evaluation.columns import ColumnArray
from synthspec.languages.expressions.random.quantiles import edges, level_of
from synthspec.languages.expressions.random.quantiles.bell import normal_quantile
from synthspec.languages.expressions.random.quantiles.elementary import exp
from synthspec.planning.constraints.cells import MOST_CELLS
from synthspec.planning.constraints.fitting import Wanted, fit
from synthspec.planning.constraints.tying import Pull, TiedGroup
from synthspec.planning.correlation.targets import (
    SAMPLE,
    Copula,
    ImpossibleMatrix,
    UnreachableRank,
    calibrate,
    rank_correlation,
)
from synthspec.planning.design import Dimension, Levels, Strategy
from synthspec.planning.drawing import Drawing
from synthspec.planning.parameters import CompiledDraw, middles, places_in, with_ancestors
from synthspec.spec import Choice, Correlation, Spec

Array = NDArray[np.float64]
MOST_LEVELS = 1_000  # of a list that is drawn together with another: of more, each comes as often as it does by chance
TOLERANCE = 0.02


class CorrelationFault(SynthspecError):
    """A correlation cannot be had; `help` says what could."""

    default_status = ExitStatus.WRONG_SPEC

    def __init__(self, correlation: Correlation, message: str, help: str) -> None:
        super().__init__(message, help)
        self.correlation = correlation


def find_pulls(spec: Spec, draws: tuple[CompiledDraw, ...]) -> dict[Correlation, Pull]:
    """The correlations of two parameters of which each is one discrete draw and hangs on nothing else.

    Where all pairs of their values can be listed.
    """
    by_name = {d.name: d for d in draws}
    found: dict[Correlation, Pull] = {}
    for correlation in spec.plan.correlate:
        first, second = (_listed(by_name[n]) for n in correlation.between)
        if first is None or second is None or first.key == second.key:
            continue
        if len(first.weights or ()) * len(second.weights or ()) <= MOST_CELLS:
            orders = _order_of(by_name[correlation.between[0]]), _order_of(by_name[correlation.between[1]])
            found[correlation] = Pull((first.key, second.key), correlation.rank, orders)
    return found


def _listed(draw: CompiledDraw) -> Dimension | None:
    if draw.reads or len(draw.dimensions) != 1 or draw.dimensions[0].weights is None:
        return None
    return draw.dimensions[0] if len(draw.dimensions[0].weights) <= MOST_LEVELS else None


def _order_of(draw: CompiledDraw) -> Levels:
    """The rank of each level's value: lists in the order given, all else by value."""
    (dimension,) = draw.dimensions
    assert dimension.weights is not None
    if dimension.key == draw.name:
        return np.arange(len(dimension.weights))
    middle = np.nan_to_num(middles(dimension.weights), nan=0.5)
    column = draw.values(Drawing(len(middle), {dimension.key: middle}))
    return np.unique(_ordered(column), return_inverse=True)[1].reshape(-1).astype(np.int64)


def build_copula(
    spec: Spec, draws: tuple[CompiledDraw, ...], strategy: Strategy, groups: tuple[TiedGroup, ...] = ()
) -> Copula | None:
    """The copula of a spec's correlations, those that `groups` keep left out; None where there are no others.

    Listed parameters keep their numbers, and so their shares.

    Raises:
        CorrelationFault: a parameter is not drawn from one random number, a rank is out of reach, or the
            correlations cannot hold together.
    """
    kept = {frozenset(p.keys) for g in groups for p in g.pulls}
    by_name = {d.name: d for d in draws}
    wanted: list[Correlation] = []
    pairs: list[tuple[str, str]] = []
    normals: dict[frozenset[str], float] = {}
    for correlation in spec.plan.correlate:
        first, second = (_key_of(by_name[n], correlation) for n in correlation.between)
        if first == second:
            message = f"{_both(correlation)} come from the same random number"
            raise CorrelationFault(correlation, message, "draw them apart, or leave out the correlation")
        if frozenset((first, second)) in kept:
            continue
        wanted.append(correlation)
        pairs.append((first, second))
        try:
            values = _values(spec, draws, strategy, correlation, (first, second))
            normals[frozenset((first, second))] = calibrate(values, correlation.rank)
        except UnreachableRank as e:
            raise _unreachable(correlation, e.reachable) from None
    if not wanted:
        return None
    keys, fixed = _keys_in_order(pairs, draws)
    matrix = np.eye(len(keys))
    for pair, value in {**_latent(groups, keys[:fixed]), **normals}.items():
        a, b = (keys.index(k) for k in pair)
        matrix[a, b] = matrix[b, a] = value
    try:
        return Copula(keys, matrix, fixed)
    except ImpossibleMatrix as e:
        help = _nearest(tuple(wanted), by_name, keys, e)
        raise CorrelationFault(wanted[-1], "these correlations are not possible together", help) from None


def check_ranks(spec: Spec, pulls: Mapping[Correlation, Pull], groups: tuple[TiedGroup, ...]) -> None:
    """Raise CorrelationFault where listed values cannot have the rank correlation wanted of them."""
    beside = " beside the exclusions" if spec.plan.exclude else ""
    for group in groups:
        named = {group.pulls.index(p): c for c, p in pulls.items() if p in group.pulls}
        for place, correlation in named.items():
            if abs(group.fitted.ranks[place] - correlation.rank) <= TOLERANCE:
                continue
            alone = _alone(group, place)
            if abs(alone - correlation.rank) > TOLERANCE:
                raise _unreachable(correlation, alone, beside)
            near = ", ".join(f"{' and '.join(c.between)} {group.fitted.ranks[at]:.2f}" for at, c in named.items())
            message = f"these correlations are not possible together{beside}"
            raise CorrelationFault(correlation, message, f"some that can are about: {near}")


def _alone(group: TiedGroup, place: int) -> float:
    """The rank that the group's pull `place` reaches without the others."""
    pull, keys = group.pulls[place], group.tied.keys
    wanted = Wanted((keys.index(pull.keys[0]), keys.index(pull.keys[1])), pull.rank, pull.orders)
    return fit(group.tied.table, group.wanted, [wanted]).ranks[0]


def _unreachable(correlation: Correlation, reachable: float, beside: str = "") -> CorrelationFault:
    message = f"{_both(correlation)} cannot have rank correlation {correlation.rank:g}{beside}"
    return CorrelationFault(correlation, message, f"the nearest they can have is {reachable:.2f}")


def _keys_in_order(pairs: list[tuple[str, str]], draws: tuple[CompiledDraw, ...]) -> tuple[list[str], int]:
    """The dimensions that are correlated, those that keep their numbers first, and how many these are.

    Discrete ones keep theirs, but for the second of two that hang on each other.
    """
    discrete = {d.key for one in draws for d in one.dimensions if d.weights is not None}
    keys = list(dict.fromkeys(k for pair in pairs for k in pair))
    loose = {b for a, b in pairs if a in discrete and b in discrete}
    first = [k for k in keys if k in discrete and k not in loose] or keys[:1]
    return [*first, *(k for k in keys if k not in first)], len(first)


def _latent(groups: tuple[TiedGroup, ...], keys: list[str]) -> dict[frozenset[str], float]:
    """The correlations that the normals of dimensions drawn together have already."""
    found: dict[frozenset[str], float] = {}
    for group in groups:
        inside = [k for k in group.tied.keys if k in keys]
        means = {}
        for key in inside:
            place = group.tied.keys.index(key)
            cuts = normal_quantile(edges(tuple(group.wanted[place].tolist())))
            density = exp(-cuts * cuts / 2) / np.sqrt(2 * np.pi)
            mean = (density[:-1] - density[1:]) / np.maximum(group.wanted[place], 1e-300)
            means[key] = mean[group.tied.table[:, place]]
        for a, b in itertools.combinations(inside, 2):
            found[frozenset((a, b))] = float((group.fitted.shares * means[a] * means[b]).sum())
    return found


def _nearest(
    wanted: tuple[Correlation, ...], draws: Mapping[str, CompiledDraw], keys: list[str], fault: ImpossibleMatrix
) -> str:
    """The nearest set of correlations there can be, as the spec would write it."""
    parts = []
    for correlation in wanted:
        a, b = (keys.index(_key_of(draws[n], correlation)) for n in correlation.between)
        rank = 6 / np.pi * np.arcsin(fault.nearest[a, b] / 2)  # Spearman's from Pearson's, of two normals
        parts.append(f"{' and '.join(correlation.between)} {rank:.2f}")
    return "the nearest that can is about: " + ", ".join(parts)


def _both(correlation: Correlation) -> str:
    return " and ".join(f"'{n}'" for n in correlation.between)


def _key_of(draw: CompiledDraw, correlation: Correlation) -> str:
    """The one dimension a parameter is drawn from."""
    if len(draw.dimensions) == 1:
        return draw.dimensions[0].key
    count = "no random number" if not draw.dimensions else f"{len(draw.dimensions)} random numbers"
    help = "correlate a parameter that is one list or one random function, and compute this one from it"
    raise CorrelationFault(correlation, f"'{draw.name}' is drawn from {count}, not one", help)


def _values(
    spec: Spec, draws: tuple[CompiledDraw, ...], strategy: Strategy, correlation: Correlation, keys: tuple[str, str]
) -> Callable[[Array, Array], Any]:
    """The values of the two parameters as functions of their numbers, everything else drawn as the strategy has it."""
    lists = {p.name: p.draw.weights for p in spec.parameters if isinstance(p.draw, Choice)}
    names = with_ancestors(draws, frozenset(correlation.between))
    needed = tuple(d for d in draws if d.name in names)
    others = strategy.uniforms(0, SAMPLE) if any(n not in correlation.between for n in names) else {}

    def evaluate(one: Array, other: Array) -> tuple[Array, Array]:
        numbers = {**others, keys[0]: one, keys[1]: other}
        drawing = Drawing(len(one), numbers)
        for draw in needed:
            drawing.columns[draw.name] = draw.values(drawing)
        a, b = (
            level_of(numbers[n], lists[n]) if n in lists else _ordered(drawing.columns[n]) for n in correlation.between
        )
        return np.asarray(a), np.asarray(b)

    return evaluate


def _ordered(column: Any) -> Any:
    """A column that can be ranked: texts by name, everything else as it is."""
    if column.dtype == object:
        texts = [str(v) for v in column.tolist()]
        return np.unique(texts, return_inverse=True)[1]
    return column


def rank_reached(spec: Spec, columns: Mapping[str, ColumnArray], correlation: Correlation) -> float:
    """The rank correlation that two columns of a plan have."""
    lists = {p.name: p.draw for p in spec.parameters if isinstance(p.draw, Choice)}
    first, second = (
        places_in(columns[n], lists[n].values) if n in lists else _ordered(columns[n]) for n in correlation.between
    )
    return rank_correlation(first, second)
