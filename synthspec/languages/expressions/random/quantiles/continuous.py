"""Inverse distribution functions of the continuous distributions.

Formulas and sources stand in `distributions`. Every function works on float64 arrays of one shape
(or that broadcast), takes u in (0, 1), and gives NaN where an argument makes no sense. exp and the like come from
`elementary`, so that results are the same on every machine.
"""

# SciPy has no types, and those of NumPy operators differ between its versions.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from synthspec.languages.expressions.random.quantiles.bell import normal_cumulative, normal_quantile
from synthspec.languages.expressions.random.quantiles.elementary import exp, expm1, log, log1p, power
from synthspec.languages.expressions.random.quantiles.families import Array, Family

BETA_MOST = 1e15  # above, SciPy's inverse is no longer one


def uniform(u: Array, low: Array, high: Array) -> Array:
    return low * (1 - u) + high * u


def uniform_cumulative(x: Array, low: Array, high: Array) -> Array:
    return np.clip((x - low) / (high - low), 0, 1)


def normal(u: Array, mean: Array, sd: Array) -> Array:
    return mean + sd * normal_quantile(u)


def normal_below(x: Array, mean: Array, sd: Array) -> Array:
    return normal_cumulative((x - mean) / sd)


def normal_tail_quantile(v: Array, mean: Array, sd: Array) -> Array:
    return mean - sd * normal_quantile(v)


def normal_tail(x: Array, mean: Array, sd: Array) -> Array:
    return normal_cumulative((mean - x) / sd)


def lognormal(u: Array, log_mean: Array, log_sd: Array) -> Array:
    return exp(normal(u, log_mean, log_sd))


def lognormal_cumulative(x: Array, log_mean: Array, log_sd: Array) -> Array:
    return normal_below(log(np.maximum(x, 0)), log_mean, log_sd)


def lognormal_tail_quantile(v: Array, log_mean: Array, log_sd: Array) -> Array:
    return exp(normal_tail_quantile(v, log_mean, log_sd))


def lognormal_tail(x: Array, log_mean: Array, log_sd: Array) -> Array:
    return normal_tail(log(np.maximum(x, 0)), log_mean, log_sd)


def exponential(u: Array, mean: Array) -> Array:
    return -mean * log1p(-u)


def exponential_cumulative(x: Array, mean: Array) -> Array:
    return -expm1(-np.maximum(x, 0) / mean)


def exponential_tail_quantile(v: Array, mean: Array) -> Array:
    return -mean * log(v)


def exponential_tail(x: Array, mean: Array) -> Array:
    return exp(-np.maximum(x, 0) / mean)


def gamma(u: Array, shape: Array, scale: Array) -> Array:
    from scipy.special import gammaincinv

    return scale * _settled(gammaincinv(shape, u), shape)


def _settled(x: Array, shape: Array) -> Array:
    """SciPy gives up on shapes below 1e-300, where nearly all is at 0."""
    lost = np.isnan(x)
    return np.where(lost & ~np.isnan(shape), 0.0, x) if lost.any() else x


def gamma_cumulative(x: Array, shape: Array, scale: Array) -> Array:
    from scipy.special import gammainc

    return gammainc(shape, np.maximum(x, 0) / scale)


def gamma_tail_quantile(v: Array, shape: Array, scale: Array) -> Array:
    from scipy.special import gammainccinv

    return scale * _settled(gammainccinv(shape, v), shape)


def gamma_tail(x: Array, shape: Array, scale: Array) -> Array:
    from scipy.special import gammaincc

    return gammaincc(shape, np.maximum(x, 0) / scale)


def beta(u: Array, a: Array, b: Array) -> Array:
    from scipy.special import beta as complete
    from scipy.special import betaincinv

    x = betaincinv(a, b, u)
    lost = np.isnan(x)  # SciPy gives up on some u below 1e-16, where I(a, b, x) is x^a/(a·B(a, b))
    if lost.any():
        least = power(u * a * complete(a, b), 1 / a)
        x = np.where(lost & (least < 1e-6), least, x)
        x = np.where(np.isnan(x), u * (1 + a / b) > 1, x)  # arguments next to 0: it is 0 or 1
    huge = np.maximum(a, b) > BETA_MOST
    return np.where(huge, _beta_ratio(u, a, b), x) if np.any(huge) else x


def _beta_ratio(u: Array, a: Array, b: Array) -> Array:
    """Beta as G(a)/(G(a) + G(b)) of two gamma variates, the larger of which hardly varies."""
    small = gamma(u, a, 1.0) / b  # type: ignore[arg-type]
    large = gamma_tail_quantile(u, b, 1.0) / a  # type: ignore[arg-type]
    return np.where(a <= b, small / (1 + small), 1 / (1 + large))


def beta_cumulative(x: Array, a: Array, b: Array) -> Array:
    from scipy.special import betainc

    return betainc(a, b, np.clip(x, 0, 1))


def beta_tail_quantile(v: Array, a: Array, b: Array) -> Array:
    from scipy.special import betainccinv

    return betainccinv(a, b, v)


def beta_tail(x: Array, a: Array, b: Array) -> Array:
    from scipy.special import betaincc

    return betaincc(a, b, np.clip(x, 0, 1))


def triangular(u: Array, low: Array, mode: Array, high: Array) -> Array:
    width, rise, fall = high - low, mode - low, high - mode
    return np.where(
        u * width <= rise, low + np.sqrt(u * width) * np.sqrt(rise), high - np.sqrt((1 - u) * width) * np.sqrt(fall)
    )


def triangular_cumulative(x: Array, low: Array, mode: Array, high: Array) -> Array:
    x, width = np.clip(x, low, high), high - low
    rising = (x - low) ** 2 / (width * (mode - low))
    return np.where(x <= mode, np.where(x > low, rising, 0.0), 1 - (high - x) ** 2 / (width * (high - mode)))


def pareto(u: Array, shape: Array, scale: Array) -> Array:
    return scale * exp(-log1p(-u) / shape)


def pareto_cumulative(x: Array, shape: Array, scale: Array) -> Array:
    return -expm1(-shape * log(np.maximum(x, scale) / scale))


def pareto_tail_quantile(v: Array, shape: Array, scale: Array) -> Array:
    return scale * exp(-log(v) / shape)


def pareto_tail(x: Array, shape: Array, scale: Array) -> Array:
    return exp(-shape * log(np.maximum(x, scale) / scale))


def loguniform(u: Array, low: Array, high: Array) -> Array:
    return np.clip(exp(uniform(u, log(low), log(high))), low, high)


def loguniform_cumulative(x: Array, low: Array, high: Array) -> Array:
    return uniform_cumulative(log(np.maximum(x, low)), log(low), log(high))


def student_t(u: Array, df: Array, loc: Array, scale: Array) -> Array:
    from scipy.special import stdtrit

    return loc + scale * stdtrit(df, u)


def student_t_cumulative(x: Array, df: Array, loc: Array, scale: Array) -> Array:
    from scipy.special import stdtr

    return stdtr(df, (x - loc) / scale)


def student_t_tail_quantile(v: Array, df: Array, loc: Array, scale: Array) -> Array:
    return 2 * loc - student_t(v, df, loc, scale)


def student_t_tail(x: Array, df: Array, loc: Array, scale: Array) -> Array:
    return student_t_cumulative(2 * loc - x, df, loc, scale)


FAMILIES: Mapping[str, Family] = {
    "uniform": Family(uniform, uniform_cumulative),
    "normal": Family(normal, normal_below, normal_tail_quantile, normal_tail),
    "lognormal": Family(lognormal, lognormal_cumulative, lognormal_tail_quantile, lognormal_tail),
    "exponential": Family(exponential, exponential_cumulative, exponential_tail_quantile, exponential_tail),
    "gamma": Family(gamma, gamma_cumulative, gamma_tail_quantile, gamma_tail),
    "beta": Family(beta, beta_cumulative, beta_tail_quantile, beta_tail),
    "triangular": Family(triangular, triangular_cumulative),
    "pareto": Family(pareto, pareto_cumulative, pareto_tail_quantile, pareto_tail),
    "loguniform": Family(loguniform, loguniform_cumulative),
    "student_t": Family(student_t, student_t_cumulative, student_t_tail_quantile, student_t_tail),
}
