"""The Weibull distribution: time to failure."""

# SciPy has no types, and those of NumPy operators differ between its versions.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from synthspec.languages.expressions.random.distributions import Distribution, above

if TYPE_CHECKING:  # a spec is checked without loading NumPy
    from synthspec.languages.expressions.random.quantiles.families import Array

DISTRIBUTION = Distribution(
    "weibull", "time to failure",
    (above("shape", "below 1: failures early; above 1: wear"), above("scale", "scale")),
    "number", "NIST/SEMATECH e-Handbook 1.3.6.6.8", (), "scale·Γ(1 + 1/shape)", "scale·(−ln(1 − u))^(1/shape)",
)  # fmt: skip


def quantile(u: Array, shape: Array, scale: Array) -> Array:
    from synthspec.languages.expressions.random.quantiles.elementary import log1p, power

    return scale * power(-log1p(-u), 1 / shape)


def cumulative(x: Array, shape: Array, scale: Array) -> Array:
    import numpy as np

    from synthspec.languages.expressions.random.quantiles.elementary import expm1, power

    return -expm1(-power(np.maximum(x, 0) / scale, shape))


def tail_quantile(v: Array, shape: Array, scale: Array) -> Array:
    from synthspec.languages.expressions.random.quantiles.elementary import log, power

    return scale * power(-log(v), 1 / shape)


def tail(x: Array, shape: Array, scale: Array) -> Array:
    import numpy as np

    from synthspec.languages.expressions.random.quantiles.elementary import exp, power

    return exp(-power(np.maximum(x, 0) / scale, shape))


def ends(shape: float, scale: float) -> tuple[float, float]:
    return 0.0, scale * math.exp(math.log(37.5) / shape)  # −ln of the smallest share that a plan draws, 2**-54
