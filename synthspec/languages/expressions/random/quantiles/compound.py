"""Distributions made of others: truncated and mixture. Each still takes exactly one uniform number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from synthspec.languages.expressions.random.quantiles.families import Array, Family, floats
from synthspec.languages.expressions.random.quantiles.levels import Weights, edges

Component = tuple[str, Sequence[Any]]  # a distribution's name and arguments
OPEN = (2.0**-60, 1 - 2.0**-53)  # what a rescaled u is kept within


def truncate(u: Array, inner: Family, arguments: Sequence[Array], low: Array, high: Array) -> Array:
    """F⁻¹(F(low−) + u·(F(high) − F(low−))), from whichever end of the distribution keeps more digits.

    NaN where no value of the inner distribution lies between low and high (or none that a float can weigh).
    """
    if inner.discrete:
        low, high = np.ceil(low), np.floor(high)
    floor = inner.cumulative(low - 1 if inner.discrete else low, *arguments)
    ceiling = inner.cumulative(high, *arguments)
    at = np.clip(floor + u * (ceiling - floor), np.nextafter(floor, 1), ceiling)
    value = inner.quantile(np.clip(at, 5e-324, 1 - 2.0**-53), *arguments)
    sound = (ceiling > floor) & (low <= high)
    if inner.tail is not None and inner.tail_quantile is not None:
        far, near = inner.tail(low, *arguments), inner.tail(high, *arguments)
        from_above = inner.tail_quantile(far - u * (far - near), *arguments)
        upper = floor > 0.5
        value = np.where(upper, from_above, value)
        sound = np.where(upper, far > near, sound) & (low <= high)
    return np.where(sound, np.clip(value, low, high), np.nan)


def truncated_mass(inner: Family, arguments: Sequence[Array], low: Array, high: Array) -> Array:
    """The share of the inner distribution that lies between low and high, both included."""
    below = np.ceil(low) - 1 if inner.discrete else low
    if inner.tail is None:
        mass = inner.cumulative(high, *arguments) - inner.cumulative(below, *arguments)
    else:
        floor = inner.cumulative(below, *arguments)
        mass = np.where(
            floor > 0.5,
            inner.tail(below, *arguments) - inner.tail(high, *arguments),
            inner.cumulative(high, *arguments) - floor,
        )
    return np.where(low <= high, np.maximum(mass, 0), np.nan)


def truncated_cumulative(x: Array, inner: Family, arguments: Sequence[Array], low: Array, high: Array) -> Array:
    """The share of the mass between low and high that lies at or below x."""
    mass = truncated_mass(inner, arguments, low, high)
    inside = truncated_mass(inner, arguments, low, np.clip(x, low, high)) / mass
    return np.where(mass > 0, np.where(x < low, 0.0, inside), np.nan)


def mix(u: Array, components: Sequence[Component], weights: Weights, quantile: Callable[..., Array]) -> Array:
    """The component whose share of [0, 1) holds u, at u's place within that share."""
    cuts = edges(weights)
    drawn = []
    for level, (name, arguments) in enumerate(components):
        low, high = cuts[..., level], cuts[..., level + 1]
        within = np.clip((u - low) / (high - low), *OPEN)
        drawn.append((np.asarray((low <= u) & (u < high)), quantile(name, within, *arguments)))
    last = drawn[-1][1]
    if last.dtype.kind in "mM":
        nothing: Any = np.array("NaT", last.dtype)
    else:
        nothing = None if last.dtype == object else np.nan
    if all(values.dtype.kind == "b" for _, values in drawn) and not np.isnan(cuts).any():
        nothing = False
    return np.select([held for held, _ in drawn], [values for _, values in drawn], default=nothing)


def mixed_cumulative(
    x: Any, components: Sequence[Component], weights: Weights, cumulative: Callable[..., Array]
) -> Array:
    """Σ share·F(x) over the components."""
    shares = np.diff(edges(weights), axis=-1)
    total: Array = floats(0.0)
    for level, (name, arguments) in enumerate(components):
        total = total + shares[..., level] * cumulative(name, x, *arguments)
    return total
