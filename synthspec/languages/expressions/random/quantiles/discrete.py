"""Exact inverse distribution functions of the discrete distributions: the smallest k with F(k) ≥ u.

Results are whole numbers held as float64, so that NaN can say "an argument makes no sense".
Formulas and sources stand in `synthspec.languages.expressions.random.distributions`.
"""

# SciPy has no types, and those of NumPy operators differ between its versions.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np

from synthspec.languages.expressions.random.distributions import EXACT
from synthspec.languages.expressions.random.quantiles.families import Array, Family
from synthspec.lazy_dataclass import dataclass

# B(2j)/(2j)! of the Euler-Maclaurin formula, by order 2j − 1
BERNOULLI_TERMS = ((1, 1 / 12), (3, -1 / 720), (5, 1 / 30240), (7, -1 / 1209600), (9, 1 / 47900160))
TABLE = 2**18  # a distribution of at most this many likely values is tabulated: 2 MB
WORTH = 10  # and of at most so many for each u, since a search looks at about that many
SMALLEST, LARGEST = 5e-324, 1 - 2.0**-53  # the ends of what u can be


@dataclass(frozen=True, slots=True)
class Counting:
    """A distribution over whole numbers: F, where to begin looking for its inverse, and its two ends."""

    cumulative: Callable[..., Array]
    guess: Callable[..., Array]
    ends: Callable[..., tuple[Array | float, Array | float]]

    def quantile(self, u: Array, *arguments: Array) -> Array:
        """Smallest k with F(k) ≥ u, through a table when the arguments are scalars, else by bisection."""
        if all(np.ndim(argument) == 0 for argument in arguments):
            scalars = tuple(float(argument) for argument in arguments)
            first, last = _span(self, *scalars)
            if last - first < min(TABLE, WORTH * (u.size + 100)):
                return first + np.searchsorted(_table(self, first, last, *scalars), u, side="left")
        return self.search(u, *arguments)

    def search(self, u: Array, *arguments: Array) -> Array:
        """Smallest k with F(k) ≥ u: doubling steps out from the guess, then bisection."""
        low, high = self.ends(*arguments)
        u, low, high, *arguments = np.broadcast_arrays(u, low, high, *arguments)  # type: ignore[assignment]
        above = np.clip(np.nan_to_num(np.floor(self.guess(u, *arguments))), low, high)
        below = above - 1
        reach = 1.0
        while (short := (self.cumulative(above, *arguments) < u) & (above < high)).any():
            below = np.where(short, above, below)
            above = np.where(short, np.minimum(above + reach, high), above)
            reach *= 2
        reach = 1.0
        while (long := (self.cumulative(below, *arguments) >= u) & (below >= low)).any():
            above = np.where(long, below, above)
            below = np.where(long, np.maximum(below - reach, low - 1), below)
            reach *= 2
        while (above - below > 1).any():
            middle = np.floor((above + below) / 2)
            reached = self.cumulative(middle, *arguments) >= u
            above, below = np.where(reached, middle, above), np.where(reached, below, middle)
        return above


@lru_cache(maxsize=256)
def _span(counting: Counting, *arguments: float) -> tuple[float, float]:
    """The first and the last k that some u in (0, 1) gives."""
    ends = counting.search(np.array([SMALLEST, LARGEST]), *(np.asarray(argument) for argument in arguments))
    return float(ends[0]), float(ends[1])


@lru_cache(maxsize=64)
def _table(counting: Counting, first: float, last: float, *arguments: float) -> Array:
    """F(first), F(first + 1), …, F(last − 1)."""
    shares = counting.cumulative(np.arange(first, last), *(np.asarray(argument) for argument in arguments))
    return np.maximum.accumulate(shares)


def _bell(u: Array, mean: Array, variance: Array, skew: Array) -> Array:
    """Cornish-Fisher: the normal quantile with a first correction for skewness (A&S 26.2.49)."""
    from scipy.special import ndtri

    z = ndtri(u)
    return mean + np.sqrt(variance) * (z + skew * (z * z - 1) / 6)


def poisson_cumulative(k: Array, mean: Array) -> Array:
    from scipy.special import pdtr

    k = np.floor(k)
    return np.where(k < 0, 0.0, pdtr(np.maximum(k, 0), mean))


def poisson_guess(u: Array, mean: Array) -> Array:
    return _bell(u, mean, mean, mean**-0.5)


def binomial_cumulative(k: Array, n: Array, p: Array) -> Array:
    from scipy.special import betaincc

    k = np.floor(k)
    inside = betaincc(np.maximum(k, 0) + 1, np.maximum(n - k, 1), p)
    return np.where(k < 0, 0.0, np.where(k >= n, 1.0, inside))


def binomial_guess(u: Array, n: Array, p: Array) -> Array:
    variance = n * p * (1 - p)
    return _bell(u, n * p, variance, (1 - 2 * p) / np.sqrt(variance))


def negative_binomial_cumulative(k: Array, n: Array, p: Array) -> Array:
    from scipy.special import betainc

    k = np.floor(k)
    return np.where(k < 0, 0.0, np.where(k == np.inf, 1.0, betainc(n, np.maximum(k, 0) + 1, p)))


def negative_binomial_guess(u: Array, n: Array, p: Array) -> Array:
    return _bell(u, n * (1 - p) / p, n * (1 - p) / p**2, (2 - p) / np.sqrt(n * (1 - p)))


def geometric_cumulative(k: Array, p: Array) -> Array:
    return np.where(k < 1, 0.0, -np.expm1(np.maximum(np.floor(k), 1) * np.log1p(-p)))


def geometric_guess(u: Array, p: Array) -> Array:
    return np.ceil(np.log1p(-u) / np.log1p(-p))


def zipf_sum(k: Array, exponent: Array) -> Array:
    """Σ j^−exponent for j = 1..k: the first 16 one by one, then Euler-Maclaurin (NIST DLMF 2.10.1)."""
    start = 16.0
    total = np.zeros(np.broadcast(k, exponent).shape)
    for j in range(1, int(start)):
        total = total + np.where(j <= k, float(j) ** -exponent, 0.0)
    end = np.maximum(k, start)
    first, last = start**-exponent, end**-exponent
    growth = (1 - exponent) * np.log(end / start)
    area = start * first * np.log(end / start) * np.where(growth == 0, 1.0, np.expm1(growth) / growth)
    beyond = area + (first + last) / 2
    factor = exponent
    for order, coefficient in BERNOULLI_TERMS:
        beyond = beyond + coefficient * factor * (first / start**order - last / end**order)
        factor = factor * (exponent + order) * (exponent + order + 1)
    return total + np.where(k >= start, beyond, 0.0)


def zipf_cumulative(k: Array, exponent: Array, n: Array) -> Array:
    k = np.clip(np.floor(k), 0, n)
    return np.where(k >= n, 1.0, zipf_sum(k, exponent) / zipf_sum(n, exponent))


def zipf_guess(u: Array, exponent: Array, n: Array) -> Array:
    """The inverse of the integral of x^−exponent, which follows the sum within a few ranks."""
    power = 1 - exponent
    grown = (u * ((n + 0.5) ** power - 0.5**power) + 0.5**power) ** (1 / power)
    return np.where(np.abs(power) < 1e-6, 0.5 * (2 * n + 1) ** u, grown)


def bernoulli(u: Array, p: Array) -> Array:
    return u > 1 - p


def bernoulli_cumulative(x: Array, p: Array) -> Array:
    return np.where(x < 0, 0.0, np.where(x < 1, 1 - p, 1.0))


def integer(u: Array, low: Array, high: Array) -> Array:
    """low + the smallest k with (k + 1)/(high − low + 1) ≥ u; two corrections undo rounding."""
    count = high - low + 1
    k = np.clip(np.ceil(u * count) - 1, 0, count - 1)
    k = np.where(k / count >= u, k - 1, k)
    k = np.where((k + 1) / count < u, k + 1, k)
    return low + np.clip(k, 0, count - 1)


def integer_cumulative(x: Array, low: Array, high: Array) -> Array:
    return np.clip((np.floor(x) - low + 1) / (high - low + 1), 0, 1)


POISSON = Counting(poisson_cumulative, poisson_guess, lambda mean: (0.0, EXACT))
BINOMIAL = Counting(binomial_cumulative, binomial_guess, lambda n, p: (0.0, n))
NEGATIVE_BINOMIAL = Counting(negative_binomial_cumulative, negative_binomial_guess, lambda n, p: (0.0, EXACT))
GEOMETRIC = Counting(geometric_cumulative, geometric_guess, lambda p: (1.0, EXACT))
ZIPF = Counting(zipf_cumulative, zipf_guess, lambda exponent, n: (1.0, n))

FAMILIES: Mapping[str, Family] = {
    "poisson": Family(POISSON.quantile, poisson_cumulative, discrete=True),
    "binomial": Family(BINOMIAL.quantile, binomial_cumulative, discrete=True),
    "negative_binomial": Family(NEGATIVE_BINOMIAL.quantile, negative_binomial_cumulative, discrete=True),
    "geometric": Family(GEOMETRIC.quantile, geometric_cumulative, discrete=True),
    "zipf": Family(ZIPF.quantile, zipf_cumulative, discrete=True),
    "bernoulli": Family(bernoulli, bernoulli_cumulative, discrete=True),
    "integer": Family(integer, integer_cumulative, discrete=True),
}
