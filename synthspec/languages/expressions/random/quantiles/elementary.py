"""exp, log and their kin from +, −, ·, / and √ alone: the same bits on every processor and in every version.

IEEE 754 settles those five operations to the last bit, and NumPy takes them one array at a time, so that nothing can
be fused; its own exp and log differ between AVX2, AVX-512 and ARM, the C library's between its releases.
Algorithms and coefficients of log and exp: fdlibm (Sun Microsystems, 1993), below one unit in the last place.
"""

# Those of NumPy operators differ between its versions.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthspec.languages.expressions.random.quantiles.families import Array

_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_LOG = (
    6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01,
    1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01,
)  # fmt: skip
_EXP = (
    1.66666666666666019037e-01, -2.77777777770155933842e-03, 6.61375632143793436117e-05,
    -1.65339022054652515390e-06, 4.13813679705723846039e-08,
)  # fmt: skip
_LOG2_E = 1.44269504088896338700
_HALF_ROOT = 0.7071067811865476


def polynomial(coefficients: Sequence[float], x: Array) -> Array:
    """c[0] + c[1]·x + c[2]·x² + …, by Horner's rule."""
    total = np.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total *= x
        total += coefficient
    return total


def log(x: Array) -> Array:
    """The natural logarithm: −inf at 0, NaN below."""
    x = np.asarray(x, dtype=np.float64)
    mantissa, power = np.frexp(x)
    low = mantissa < _HALF_ROOT
    k = power - low.astype(np.float64)
    f = np.where(low, 2 * mantissa, mantissa) - 1
    with np.errstate(all="ignore"):
        s = f / (2 + f)
    z = s * s
    half = 0.5 * f * f
    found = k * _LN2_HIGH - ((half - (s * (half + z * polynomial(_LOG, z)) + k * _LN2_LOW)) - f)
    odd = ~((x > 0) & (x < np.inf))
    if odd.any():
        found = np.where(odd, np.where(x == 0, -np.inf, np.where(x == np.inf, np.inf, np.nan)), found)
    return found


def exp(x: Array) -> Array:
    """e to the power x: 0 and inf where it underflows or overflows."""
    x = np.asarray(x, dtype=np.float64)
    within = np.clip(x, -800, 800)
    k = np.rint(within * _LOG2_E)
    high, low = within - k * _LN2_HIGH, k * _LN2_LOW
    r = high - low
    t = r * r
    c = r - t * polynomial(_EXP, t)
    found = 1 - ((low - (r * c) / (2 - c)) - high)
    with np.errstate(all="ignore"):
        return np.ldexp(found, np.where(np.isnan(k), 0, k).astype(np.int32))


def log1p(x: Array) -> Array:
    """log(1 + x), exact also for a small x."""
    x = np.asarray(x, dtype=np.float64)
    grown = 1 + x
    with np.errstate(all="ignore"):
        found = log(grown)
        lost = ((grown - 1) - x) / grown
    return np.where(np.isfinite(found), found - lost, found)


def expm1(x: Array) -> Array:
    """exp(x) − 1, exact also for a small x (Kahan)."""
    x = np.asarray(x, dtype=np.float64)
    grown = exp(x)
    less = grown - 1
    safe = (grown != 1) & (less != -1) & (grown < np.inf)
    ratio = less * (x / np.where(safe, log(np.where(safe, grown, 2.0)), 1.0))
    return np.where(safe, ratio, np.where(grown == 1, x, less))


def power(x: Array, exponent: Array) -> Array:
    """x to the power `exponent`, of an x of at least 0."""
    return exp(np.asarray(exponent, dtype=np.float64) * log(x))
