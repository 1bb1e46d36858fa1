"""Choices: the unit interval cut into one piece for each level of a list, in order, as wide as its weight.

Level v holds u in [c(v − 1), c(v)), where c is the cumulative share. A level of weight 0 holds no u.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from synthspec.languages.expressions.random.quantiles.families import Array, floats

_FEW = 24  # cuts; each comparison of a row costs a thirtieth of a search

# numbers, or arrays with a number for each row; or a 2-D array, weights along its rows
Weights = Sequence[Any] | Array


def edges(weights: Weights) -> Array:
    """The cuts 0 = c(0) ≤ c(1) ≤ … ≤ c(levels) = 1, shape (levels + 1,) or (rows, levels + 1).

    Sums are compensated (Neumaier 1974), so a cut is the nearest float to its exact share, or next to it.
    Weights that are negative, infinite, NaN or all 0 give NaN.
    """
    if all(isinstance(weight, int | float) for weight in weights):
        return _edges(tuple(float(weight) for weight in weights))
    table = (
        weights
        if isinstance(weights, np.ndarray)
        else np.stack(np.broadcast_arrays(*(floats(weight) for weight in weights)), axis=-1)
    )
    return _cut(table.astype(np.float64, copy=False))


@lru_cache(maxsize=256)
def _edges(weights: tuple[float, ...]) -> Array:
    cuts = np.arange(len(weights) + 1) / len(weights) if _alike(weights) else _cut_each(weights)
    cuts.flags.writeable = False
    return cuts


def _alike(weights: tuple[float, ...]) -> bool:
    return len(set(weights)) == 1 and 0 < weights[0] < np.inf


def _cut_each(weights: tuple[float, ...]) -> Array:
    """`_cut` of one list, in Python's floats: the same bits, and faster for a long one."""
    if not all(0 <= w < np.inf for w in weights) or not any(weights):
        return np.full(len(weights) + 1, np.nan)
    most = max(weights)
    sums = [0.0]
    total = lost = 0.0
    for weight in weights:
        part = weight / most
        grown = total + part
        lost += (total - grown) + part if total >= part else (part - grown) + total
        total = grown
        sums.append(total + lost)
    return np.minimum(np.maximum.accumulate(sums) / (total + lost), 1.0)


def _cut(weights: Array) -> Array:
    with np.errstate(all="ignore"):
        sound = ((weights >= 0) & (weights < np.inf)).all(-1) & (weights > 0).any(-1)
        weights = weights / weights.max(axis=-1, keepdims=True, initial=0.0)  # no sum overflows
        sums = np.zeros((*weights.shape[:-1], weights.shape[-1] + 1))
        total = lost = np.zeros(weights.shape[:-1])
        for level in range(weights.shape[-1]):
            weight = weights[..., level]
            grown = total + weight
            lost = lost + np.where(total >= weight, (total - grown) + weight, (weight - grown) + total)
            total = grown
            sums[..., level + 1] = total + lost
        cuts = np.maximum.accumulate(sums, axis=-1) / (total + lost)[..., np.newaxis]
    return np.where(np.asarray(sound)[..., np.newaxis], np.minimum(cuts, 1.0), np.nan)


def level_of(u: Any, weights: Weights) -> NDArray[np.int64]:
    """The level, from 0, whose piece holds each u of [0, 1); −1 where the weights make no sense."""
    cuts = edges(weights)
    points = np.asarray(u, dtype=np.float64)
    if cuts.ndim == 1:
        if np.isnan(cuts).any():
            return np.full(points.shape, -1)
        return _counted(cuts[1:-1], points) if len(cuts) <= _FEW else np.searchsorted(cuts[1:-1], points, side="right")
    levels = (cuts[..., 1:-1] <= points[..., np.newaxis]).sum(axis=-1)
    return np.where(np.isnan(cuts[..., 0]), -1, levels)


def _counted(cuts: Array, points: Array) -> NDArray[np.int64]:
    """How many cuts each point has reached, compared one by one: for a few, ten times as fast as a search."""
    levels = np.zeros(points.shape, dtype=np.int8)
    for cut in cuts.tolist():
        levels += points >= cut
    return levels.astype(np.int64)


@overload
def interval_of(level: int, weights: Weights) -> tuple[float, float]: ...
@overload
def interval_of(level: Array, weights: Weights) -> tuple[Array, Array]: ...
def interval_of(level: Any, weights: Weights) -> tuple[Any, Any]:
    """The (low, high) of a level's piece: `level_of(u)` is that level exactly when low ≤ u < high.

    `level` is one number or an array of them; `weights` are numbers. A level of weight 0, or of one too small
    to show beside the others, has low == high. Raises IndexError for a level that is not there.
    """
    cuts = edges(weights)
    if np.any(np.asarray(level) < 0) or np.any(np.asarray(level) >= len(cuts) - 1):
        raise IndexError(f"no level {level} among {len(cuts) - 1}")
    if isinstance(level, np.ndarray):
        return cuts[level], cuts[level + 1]
    return float(cuts[level]), float(cuts[level + 1])
