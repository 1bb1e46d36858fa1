"""Distributions of the language with the parameters that a sample suggests: maximum likelihood, or moments."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from synthspec.lazy_dataclass import dataclass
from synthspec.profiling.columns.digits import significant, written

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Candidate:
    """shift + scale · X, with X of the distribution `name`; truncated to `bounds` where there are any.

    `free` counts the parameters that were estimated.
    """

    name: str
    arguments: tuple[float, ...]
    free: int
    bounds: tuple[float, float] | None = None
    shift: float = 0.0
    scale: float = 1.0

    @property
    def family(self) -> str:
        return self.name

    @property
    def text(self) -> str:
        """The candidate as an expression."""
        inner = f"{self.name}({', '.join(written(a) for a in self.arguments)})"
        if self.bounds is not None:
            low, high = (significant((b - self.shift) / self.scale, 7) for b in self.bounds)
            inner = f"truncated({inner}, {written(low)}, {written(high)})"
        scaled = inner if self.scale == 1 else f"{written(significant(self.scale, 7))} * {inner}"
        return scaled if self.shift == 0 else f"{written(significant(self.shift, 7))} + {scaled}"


def candidates(points: Array, low: float, high: float, half: float, *, whole: bool) -> Iterator[Candidate]:
    """Every distribution that could have made the points, which lie between `low` and `high`."""
    mean, sd = float(points.mean()), float(points.std())
    if not (isfinite(mean) and isfinite(sd)) or sd <= 0 or not low < high:
        return
    ends = (low, high)
    if whole:
        yield from _counts(points, low, high, mean, sd * sd)
    else:
        yield _made("uniform", (low, high), 0)
    yield _made("normal", (mean, sd), 2, ends)
    df, loc, scale = _student(points)
    yield _made("student_t", (df, loc, scale), 3, ends)
    mode = min(max(3 * mean - low - high, low), high)
    yield _made("triangular", (low, mode, high), 1)
    yield from _scaled_beta(points, low, high, half)
    if low >= 0:
        yield from _positive(points, low, high, mean)
    if low > 0 or low < -half:
        yield _made("exponential", (mean - low,), 1, ends, shift=low)
        yield from _gamma(points - low + half, ends, low)


def _made(
    name: str,
    arguments: tuple[float, ...],
    free: int,
    bounds: tuple[float, float] | None = None,
    shift: float = 0.0,
    scale: float = 1.0,
) -> Candidate:
    return Candidate(name, tuple(significant(a) for a in arguments) if free else arguments, free, bounds, shift, scale)


def _counts(points: Array, low: float, high: float, mean: float, variance: float) -> Iterator[Candidate]:
    """Distributions of whole numbers, those that begin at 0 also from the least number on."""
    yield Candidate("integer", (low, high), 0)
    for shift in {0.0, low} if low >= 0 else {low}:
        centre = mean - shift
        if centre <= 0:
            continue
        ends = (low, high)
        yield _made("poisson", (centre,), 1, ends, shift)
        if variance > centre:
            n = centre * centre / (variance - centre)
            yield _made("negative_binomial", (n, n / (n + centre)), 2, ends, shift)
        elif variance > 0:
            tries = max(round(centre * centre / max(centre - variance, 1e-9)), int(high - shift))
            if tries <= 10_000:
                chance = significant(min(centre / tries, 1.0))
                yield Candidate("binomial", (float(tries), chance), 2, ends, shift)
    if low >= 1 and mean > 1:
        yield _made("geometric", (1 / mean,), 1, (low, high))


def _positive(points: Array, low: float, high: float, mean: float) -> Iterator[Candidate]:
    ends = (low, high)
    yield _made("exponential", (mean,), 1, ends)
    if low <= 0:
        return
    logs = np.log(points)
    if logs.std() > 0:
        yield _made("lognormal", (float(logs.mean()), float(logs.std())), 2, ends)
        yield _made("pareto", (1 / max(float((logs - np.log(low)).mean()), 1e-9), low), 2, ends)
    yield _made("loguniform", (low, high), 0)
    yield from _gamma(points, ends, 0.0)
    shape, scale = _weibull(points, logs)
    if 0.05 < shape < 500:
        yield _made("weibull", (shape, scale), 2, ends)


def _gamma(points: Array, ends: tuple[float, float], shift: float) -> Iterator[Candidate]:
    """Maximum likelihood by Minka's approximation and Newton steps (Minka, Estimating a Gamma distribution, 2002)."""
    from scipy.special import digamma, polygamma

    mean = float(points.mean())
    spread = np.log(mean) - float(np.log(points).mean())
    if not spread > 1e-9:
        return
    shape = (3 - spread + np.sqrt((spread - 3) ** 2 + 24 * spread)) / (12 * spread)
    for _ in range(4):
        change = 1 / shape + (-spread + np.log(shape) - digamma(shape)) / (shape**2 * (1 / shape - polygamma(1, shape)))
        if not change > 0:
            return
        shape = 1 / change
    if 0.05 < shape < 2000:
        yield _made("gamma", (float(shape), float(mean / shape)), 2, ends, shift)


def _weibull(points: Array, logs: Array) -> tuple[float, float]:
    """Maximum likelihood by Newton steps on the profile equation of the shape."""
    spread = float(logs.std())
    shape = 1.2825 / spread if spread > 0 else 1.0
    scaled = logs - logs.max()
    for _ in range(30):
        powers = np.exp(shape * scaled)
        first = float((powers * scaled).sum() / powers.sum())
        second = float((powers * scaled**2).sum() / powers.sum())
        wanted = first - 1 / shape - float(scaled.mean())
        slope = second - first * first + 1 / shape**2
        after = shape - wanted / slope
        shape = after if after > 0 else shape / 2
    return shape, float(np.exp(logs.max()) * np.exp(shape * scaled).mean() ** (1 / shape))


def _student(points: Array) -> tuple[float, float, float]:
    """The degrees of freedom of a short list that are likeliest, centre and scale by EM (Lange et al. 1989)."""
    from scipy.special import gammaln

    best, most = (30.0, float(points.mean()), float(points.std())), -np.inf
    for df in (2.0, 3.0, 4.0, 6.0, 10.0):
        loc, square = float(np.median(points)), float(points.var())
        for _ in range(40):
            weights = (df + 1) / (df + (points - loc) ** 2 / square)
            loc = float((weights * points).sum() / weights.sum())
            square = max(float((weights * (points - loc) ** 2).mean()), 1e-300)
        each = gammaln((df + 1) / 2) - gammaln(df / 2) - np.log(df * np.pi * square) / 2
        likelihood = float((each - (df + 1) / 2 * np.log1p((points - loc) ** 2 / square / df)).sum())
        if likelihood > most:
            best, most = (df, loc, square**0.5), likelihood
    return best


def _scaled_beta(points: Array, low: float, high: float, half: float) -> Iterator[Candidate]:
    """A beta distribution between the least and the greatest number, by moments."""
    least, most = (0.0, 1.0) if low >= 0 and high <= 1 and high - low > 0.5 else (low, high)
    inside = (points - least) / (most - least)
    mean, variance = float(inside.mean()), float(inside.var())
    if not 0 < mean < 1 or not 0 < variance < mean * (1 - mean):
        return
    together = mean * (1 - mean) / variance - 1
    a, b = mean * together, (1 - mean) * together
    if min(a, b) > 0.1 and max(a, b) < 200:
        yield _made("beta", (a, b), 2 if (least, most) == (0.0, 1.0) else 4, None, least, most - least)
