"""`plan.correlate`: wanted rank correlations between parameters to the copula that ties their uniform numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthspec.correlation import SAMPLE, Copula, ImpossibleMatrix, UnreachableRank, calibrate
from synthspec.draws import CompiledDraw, Drawing, with_ancestors
from synthspec.expressions.columns import unpack
from synthspec.spec import Choice, Correlation, Spec
from synthspec.strategies import Strategy

Array = NDArray[np.float64]


class CorrelationFault(Exception):
    """A correlation cannot be had; `help` says what could."""

    def __init__(self, correlation: Correlation, message: str, help: str) -> None:
        super().__init__(message)
        self.correlation, self.message, self.help = correlation, message, help


def build_copula(spec: Spec, draws: tuple[CompiledDraw, ...], strategy: Strategy) -> Copula:
    """The copula of a spec's correlations.

    Raises:
        CorrelationFault: a parameter is not drawn from one random number, a rank is out of reach, or the
            correlations cannot hold together.
    """
    wanted = spec.plan.correlate
    by_name = {d.name: d for d in draws}
    keys: list[str] = []
    normals: dict[frozenset[str], float] = {}
    for correlation in wanted:
        first, second = (_key_of(by_name[n], correlation) for n in correlation.between)
        if first == second:
            message = f"{_both(correlation)} come from the same random number"
            raise CorrelationFault(correlation, message, "draw them apart, or leave out the correlation")
        keys += [k for k in (first, second) if k not in keys]
        try:
            values = _values(spec, draws, strategy, correlation, (first, second))
            normals[frozenset((first, second))] = calibrate(values, correlation.rank)
        except UnreachableRank as e:
            message = f"{_both(correlation)} cannot have rank correlation {correlation.rank:g}"
            raise CorrelationFault(correlation, message, f"the nearest they can have is {e.reachable:.2f}") from None
    matrix = np.eye(len(keys))
    for pair, value in normals.items():
        a, b = (keys.index(k) for k in pair)
        matrix[a, b] = matrix[b, a] = value
    try:
        return Copula(keys, matrix)
    except ImpossibleMatrix as e:
        help = _nearest(wanted, by_name, keys, e)
        raise CorrelationFault(wanted[-1], "these correlations cannot hold together", help) from None


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
    order = {}
    for parameter in spec.parameters:
        if parameter.name in correlation.between and isinstance(parameter.draw, Choice):
            order[parameter.name] = {repr(v): i for i, v in enumerate(parameter.draw.values)}

    names = with_ancestors(draws, frozenset(correlation.between))
    needed = tuple(d for d in draws if d.name in names)
    others = strategy.uniforms(0, SAMPLE) if any(n not in correlation.between for n in names) else {}

    def evaluate(one: Array, other: Array) -> tuple[Array, Array]:
        drawing = Drawing(len(one), {**others, keys[0]: one, keys[1]: other})
        for draw in needed:
            drawing.columns[draw.name] = draw.values(drawing)
        a, b = (_ordered(drawing.columns[n], order.get(n)) for n in correlation.between)
        return a, b

    return evaluate


def _ordered(column: Any, order: dict[str, int] | None) -> Any:
    """A column that can be ranked: a list's values by their place in it, everything else as it is."""
    if order is not None:
        return np.fromiter((order[repr(v)] for v in unpack(column)), dtype=np.int64, count=len(column))
    if column.dtype == object:
        texts = [str(v) for v in column.tolist()]
        return np.unique(texts, return_inverse=True)[1]
    return column
