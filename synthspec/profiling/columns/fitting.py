"""The distribution of the language under which a column's numbers are likeliest, and how near it comes to them.

Every candidate is judged as the language draws it: by its own cumulative distribution function, truncated and rounded
as the spec will say. The likelihood is that of the grid the numbers lie on, P(x - h < X ≤ x + h) with h half a step, so
that distributions of whole numbers and of any numbers are compared alike. BIC (Schwarz 1978) chooses among those whose
Kolmogorov-Smirnov distance is small; where none is near, the sample's own distribution is drawn in pieces.
"""

from __future__ import annotations

from math import isfinite, log, sqrt

import numpy as np
from numpy.typing import NDArray

from synthspec.languages.expressions.random.quantiles import cumulative
from synthspec.lazy_dataclass import dataclass
from synthspec.profiling.columns.estimates import Candidate, candidates
from synthspec.profiling.columns.pieces import pieces_of

Array = NDArray[np.float64]
POINTS = 2000  # of a long column so many quantiles are fitted
NEAR = 0.04  # a distance that no chart shows
FAR = 0.15


@dataclass(frozen=True, slots=True)
class Fit:
    """A distribution as the language writes it.

    `distance` is that of Kolmogorov and Smirnov between it and the sample, 0 to 1; `family` is "pieces" where no
    distribution is near, and `nearest` then names the one that came nearest, with its distance.
    """

    family: str
    call: str
    distance: float
    rows: int
    nearest: tuple[str, float] | None = None


def fit(values: Array, step: float, *, whole: bool) -> Fit:
    """Fit finite numbers, at least two of them different, that lie on a grid of `step`; `whole` for integers."""
    with np.errstate(all="ignore"):  # of numbers such as 1e300 nothing may come of a candidate
        return _fit(values, step, whole=whole)


def _fit(values: Array, step: float, *, whole: bool) -> Fit:
    low, high = float(values.min()), float(values.max())
    points = np.sort(values)
    if len(points) > POINTS:
        points = points[np.linspace(0, len(points) - 1, POINTS).round().astype(int)]
    half = max(step / 2, (high - low) * 1e-6)
    judged = [j for c in candidates(points, low, high, half, whole=whole) if (j := _judge(c, points, half)) is not None]
    limit = max(NEAR, min(FAR, 1.3 / sqrt(len(values))))  # what chance alone may do
    near = [j for j in judged if j[1] <= limit]
    if near:
        _, distance, best = min(near, key=lambda j: j[0])
        return Fit(best.family, best.text, distance, len(values))
    call, cumulated = pieces_of(values, step, whole=whole)
    distance = _distance(points, half, cumulated(points + half), cumulated(points - half))
    nearest = min(judged, key=lambda j: j[1], default=None)
    if nearest is not None and nearest[1] <= distance:  # of a few numbers, a few pieces say less
        return Fit(nearest[2].family, nearest[2].text, nearest[1], len(values))
    named = None if nearest is None else (nearest[2].family, nearest[1])
    return Fit("pieces", call, distance, len(values), named)


def _judge(candidate: Candidate, points: Array, half: float) -> tuple[float, float, Candidate] | None:
    """Its BIC, its distance and itself; None where it cannot be computed."""
    above, below = (_share(candidate, points + side) for side in (half, -half))
    if not (np.isfinite(above).all() and np.isfinite(below).all()):
        return None
    likelihood = float(np.log(np.maximum(above - below, 1e-12)).sum())
    distance = _distance(points, half, above, below)
    if not isfinite(likelihood):
        return None
    return candidate.free * log(len(points)) - 2 * likelihood, distance, candidate


def _share(candidate: Candidate, x: Array) -> Array:
    """P(X ≤ x) of a candidate."""
    at = (x - candidate.shift) / candidate.scale
    name, arguments = candidate.name, candidate.arguments
    if candidate.bounds is None:
        return np.asarray(cumulative(name, at, *arguments), dtype=np.float64)
    low, high = ((b - candidate.shift) / candidate.scale for b in candidate.bounds)
    inside = np.clip(at, low, high)
    found = np.asarray(cumulative("truncated", inside, name, arguments, low, high), dtype=np.float64)
    return np.where(at >= high, 1.0, np.where(at < low, 0.0, found))


def _distance(points: Array, half: float, above: Array, below: Array) -> float:
    """The greatest difference of the two distribution functions, just after and just before each value."""
    last = np.searchsorted(points, points + half / 2, side="right") / len(points)
    first = np.searchsorted(points, points - half / 2, side="left") / len(points)
    return float(max(np.abs(last - above).max(), np.abs(first - below).max()))
