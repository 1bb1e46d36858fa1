"""Every random function as its inverse distribution function: one uniform number in, one value out.

    quantile("normal", u, 52, 14)                                   # u: float64 in the open interval (0, 1)
    truncated(u, "normal", (52, 14), 18, 95)
    mixture(u, [("normal", (0, 1)), ("exponential", (5,))], [2, 1])

Arguments are scalars or arrays that broadcast with u, in the order of `distributions`; those with a
default may be left out. Where an argument is out of its range the value is NaN (NaT of dates, None in a
column of objects), never a warning. Whole numbers come as float64, booleans as bool (float64 with a NaN),
dates and times as `calendar` says. SciPy is loaded only by the functions that need it.
"""

# SciPy has no types, and those of NumPy operators differ between its versions.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from synthspec.languages.expressions.random.distributions import DISTRIBUTIONS, Distribution
from synthspec.languages.expressions.random.quantiles import continuous, discrete
from synthspec.languages.expressions.random.quantiles.calendar import CALENDAR, calendar_cumulative, calendar_quantile
from synthspec.languages.expressions.random.quantiles.compound import (
    Component,
    mix,
    mixed_cumulative,
    truncate,
    truncated_cumulative,
    truncated_mass,
)
from synthspec.languages.expressions.random.quantiles.digits import rounded
from synthspec.languages.expressions.random.quantiles.families import Array, Family, floats, in_pieces
from synthspec.languages.expressions.random.quantiles.levels import Weights, edges, interval_of, level_of
from synthspec.languages.expressions.random.quantiles.tabulated import tabulated
from synthspec.plugins import find_plugin, is_plugin, plugin_names
from synthspec.plugins.guarding import guarded

__all__ = ["FAMILIES", "cumulative", "edges", "interval_of", "level_of", "mixture", "quantile", "truncated"]

TABULATED = frozenset({"beta", "gamma"})  # whose inverses take several times as long as a table's


class _Families(Mapping[str, Family]):
    """The functions of every distribution of numbers: those of the tables beside, and those of modules."""

    def __init__(self, listed: Mapping[str, Family]) -> None:
        self._found = dict(listed)

    def __getitem__(self, name: str) -> Family:
        if name not in self._found and name in self:
            module = guarded("distributions", name, find_plugin("distributions", name))
            tails = getattr(module, "tail_quantile", None), getattr(module, "tail", None)
            whole = module.DISTRIBUTION.result in ("integer", "boolean")
            self._found[name] = Family(module.quantile, module.cumulative, *tails, discrete=whole)
        return self._found[name]

    def __contains__(self, name: object) -> bool:
        return name in self._found or is_plugin("distributions", str(name))

    def __iter__(self) -> Iterator[str]:
        return iter({**self._found, **dict.fromkeys(plugin_names("distributions"))})

    def __len__(self) -> int:
        return sum(1 for _ in self)


FAMILIES: Mapping[str, Family] = _Families({**continuous.FAMILIES, **discrete.FAMILIES})


def quantile(name: str, u: Any, *arguments: Any) -> Array:
    """The value of distribution `name` at each u; for discrete ones the smallest k with F(k) ≥ u.

    `truncated` takes (name, arguments, low, high) of the inner distribution, `mixture` (components, weights),
    `choice` (values, weights). Raises KeyError for an unknown name, TypeError for too few arguments.
    """
    points = np.asarray(u, dtype=np.float64)
    with np.errstate(all="ignore"):
        if name == "truncated":
            return truncated(points, *arguments)
        if name == "mixture":
            return mixture(points, *arguments)
        if name == "choice":
            return _choose(points, *arguments)
        if name in CALENDAR:
            return calendar_quantile(name, points, *arguments)
        values, sound = _arguments(DISTRIBUTIONS[name], arguments)
        result = FAMILIES[name].quantile(points, *values)
        return np.asarray(result) if sound is True else np.where(sound, result, np.nan)


def rounded_quantile(name: str, u: Any, *arguments: Any) -> Array:
    """`quantile` of a distribution of numbers, rounded to 12 significant digits; u of one axis."""
    if name in TABULATED:
        values, sound = _arguments(DISTRIBUTIONS[name], arguments)
        if sound is True:
            with np.errstate(all="ignore"):
                return tabulated(FAMILIES[name].quantile, np.asarray(u, dtype=np.float64), *values)
    if np.ndim(u) == 1 and name in FAMILIES and not any(map(np.ndim, arguments)):
        return in_pieces(lambda piece: rounded(quantile(name, piece, *arguments)), np.asarray(u, dtype=np.float64))
    return rounded(quantile(name, u, *arguments))


def cumulative(name: str, x: Any, *arguments: Any) -> Array:
    """P(X ≤ x) under distribution `name`, arguments as for `quantile`. KeyError for `choice`: no order."""
    with np.errstate(all="ignore"):
        if name == "truncated":
            return _truncated_cumulative(x, *arguments)
        if name == "mixture":
            return mixed_cumulative(x, arguments[0], _weights(*arguments), cumulative)
        if name in CALENDAR:
            return calendar_cumulative(name, x, *arguments)
        values, sound = _arguments(DISTRIBUTIONS[name], arguments)
        result = FAMILIES[name].cumulative(floats(x), *values)
        return np.asarray(result) if sound is True else np.where(sound, result, np.nan)


def truncated(u: Any, name: str, arguments: Sequence[Any], low: Any = -np.inf, high: Any = np.inf) -> Array:
    """Distribution `name` given that it lies between low and high, both included; NaN where it cannot.

    The inner distribution is one of numbers. Of a mixture each component is truncated, and weighs what
    is left of it.
    """
    points, low, high = np.asarray(u, dtype=np.float64), floats(low), floats(high)
    with np.errstate(all="ignore"):
        if name == "mixture":
            return mixture(points, *_truncated_mixture(arguments[0], _weights(*arguments), low, high))
        if name == "truncated":
            return truncated(points, *_narrow(low, high, *arguments))
        values, sound = _arguments(DISTRIBUTIONS[name], arguments)
        result = truncate(points, FAMILIES[name], values, low, high)
        return result if sound is True else np.where(sound, result, np.nan)


def mixture(u: Any, components: Sequence[Component], weights: Weights | str = "equal") -> Array:
    """One of several distributions, (name, arguments) each, as likely as its weight."""
    with np.errstate(all="ignore"):
        return mix(np.asarray(u, dtype=np.float64), components, _weights(components, weights), quantile)


def _weights(items: Sequence[Any], weights: Weights | str = "equal") -> Weights:
    if isinstance(weights, str):
        return [1.0] * len(items)
    if len(items) != (weights.shape[-1] if isinstance(weights, np.ndarray) else len(weights)):
        raise ValueError(f"{len(items)} values need as many weights")
    return weights


def _choose(u: Array, values: Sequence[Any], weights: Weights | str = "equal") -> Array:
    """One of a list; a column of numbers or booleans where all are, else of objects."""
    levels = level_of(u, _weights(values, weights))
    kinds = {bool if isinstance(v, bool) else float if isinstance(v, int | float) else object for v in values}
    if kinds == {float}:
        return np.asarray([*values, np.nan] if (levels < 0).any() else values)[levels]
    if kinds == {bool} and (levels >= 0).all():
        return np.asarray(values)[levels]
    column = np.empty(len(values) + 1, dtype=object)
    column[:-1] = list(values)
    return column[levels]


def _arguments(distribution: Distribution, given: Sequence[Any]) -> tuple[list[Array], Any]:
    """The arguments as float64, NaN where any is out of range; and which are sound: True when all are."""
    wanted = distribution.arguments
    defaults = [argument.default for argument in wanted[len(given) :]]
    if None in defaults or len(given) > len(wanted):
        raise TypeError(f"{distribution.name} takes {len(wanted)} arguments, not {len(given)}")
    values = dict(zip((a.name for a in wanted), map(floats, [*given, *defaults]), strict=True))
    sound: Any = np.True_
    for argument in wanted:
        value = values[argument.name]
        sound = sound & np.isfinite(value)
        if argument.low is not None:
            sound = sound & ((value > argument.low) if argument.low_open else (value >= argument.low))
        if argument.high is not None:
            sound = sound & ((value < argument.high) if argument.high_open else (value <= argument.high))
        if argument.integer:
            sound = sound & (value == np.floor(value))
    for relation in distribution.relations:
        for first, second in pairwise(relation.names):
            a, b = values[first], values[second]
            sound = sound & ((a < b) if relation.rule == "below" else (a <= b))
    if sound.all():
        return list(values.values()), True
    return [np.where(sound, value, np.nan) for value in values.values()], sound


def _narrow(
    low: Array,
    high: Array,
    name: str,
    arguments: Sequence[Any],
    inner_low: Any = -np.inf,
    inner_high: Any = np.inf,
) -> tuple[str, Sequence[Any], Array, Array]:
    """Truncated twice is truncated once, to what both allow."""
    return name, arguments, np.maximum(low, floats(inner_low)), np.minimum(high, floats(inner_high))


def _truncated_mixture(
    components: Sequence[Component], weights: Weights, low: Array, high: Array
) -> tuple[list[Component], list[Array]]:
    shares = np.diff(edges(weights), axis=-1)
    inside = [_mass(name, arguments, low, high) for name, arguments in components]
    return (
        [("truncated", (name, arguments, low, high)) for name, arguments in components],
        [shares[..., level] * mass for level, mass in enumerate(inside)],
    )


def _mass(name: str, arguments: Sequence[Any], low: Array, high: Array) -> Array:
    """The share of a distribution of numbers that lies between low and high."""
    if name == "mixture":
        _, shares = _truncated_mixture(arguments[0], _weights(*arguments), low, high)
        return np.sum(np.stack(np.broadcast_arrays(*shares)), axis=0)
    if name == "truncated":
        inner, values, least, most = _narrow(low, high, *arguments)
        whole = _mass(*_narrow(floats(-np.inf), floats(np.inf), *arguments))
        return np.where(least <= most, _mass(inner, values, least, most) / whole, 0.0)
    values, _ = _arguments(DISTRIBUTIONS[name], arguments)
    return truncated_mass(FAMILIES[name], values, low, high)


def _truncated_cumulative(x: Any, name: str, arguments: Sequence[Any], low: Any = -np.inf, high: Any = np.inf) -> Array:
    points, low, high = floats(x), floats(low), floats(high)
    if name in FAMILIES:
        values, _ = _arguments(DISTRIBUTIONS[name], arguments)
        return truncated_cumulative(points, FAMILIES[name], values, low, high)
    whole = _mass(name, arguments, low, high)
    return np.where(points < low, 0.0, _mass(name, arguments, low, np.clip(points, low, high)) / whole)
