"""The normal distribution function and its inverse, from the five basic operations alone (see `elementary`).

`normal_quantile`: Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics
37 (1988), PPND16. `normal_cumulative`: Cody, "Rational Chebyshev approximations for the error function", Mathematics
of Computation 23 (1969), as in his ANORM. Both to about one part in 10**16.
"""

# Those of NumPy operators differ between its versions.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

import numpy as np

from synthspec.languages.expressions.random.quantiles.elementary import exp, log, polynomial
from synthspec.languages.expressions.random.quantiles.families import Array

_MIDDLE = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
)  # fmt: skip
_NEAR = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)  # fmt: skip
_FAR = (
    (6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15),
)  # fmt: skip
_CENTRE = (
    (18154.981253343561249, 1067.6894854603709582, 161.02823106855587881, 2.2352520354606839287,
     0.065682337918207449113),
    (45507.789335026729956, 10260.932208618978205, 976.09855173777669322, 47.20258190468824187, 1.0),
)  # fmt: skip
_FLANK = (
    (9842.7148383839780218, 11602.651437647350124, 6848.1904505362823326, 2494.5375852903726711,
     597.27027639480026226, 93.506656132177855979, 8.8831497943883759412, 0.39894151208813466764,
     1.0765576773720192317e-8),
    (19685.429676859990727, 38912.003286093271411, 34900.952721145977266, 18615.571640885098091,
     6485.558298266760755, 1519.377599407554805, 235.38790178262499861, 22.266688044328115691, 1.0),
)  # fmt: skip
_TAIL = (
    (2.9112874951168792e-5, 0.001421619193227893466, 0.022235277870649807, 0.1274011611602473639, 0.21589853405795699,
     0.02307344176494017303),
    (7.29751555083966205e-5, 0.00378239633202758244, 0.0659881378689285515, 0.468238212480865118, 1.28426009614491121,
     1.0),
)  # fmt: skip
_ROOT_32 = 5.656854249492380195
_ONE_OVER_ROOT_2PI = 0.398942280401432677939946


def normal_quantile(u: Array) -> Array:
    """z with Φ(z) = u, of u in (0, 1); ∓inf at its ends, NaN beyond."""
    u = np.asarray(u, dtype=np.float64)
    shape, u = u.shape, u.reshape(-1)
    q = u - 0.5
    square = 0.180625 - q * q
    found = q * _ratio(_MIDDLE, square)
    outer = np.flatnonzero(~(np.abs(q) <= 0.425))
    if len(outer):
        tail = u[outer]
        low = tail < 0.5
        r = np.sqrt(-log(np.where(low, tail, 1 - tail)))
        size = _ratio(_NEAR, r - 1.6)
        if not bool((r <= 5).all()):
            size = np.where(r <= 5, size, _ratio(_FAR, np.minimum(r, 1e9) - 5))
        size = np.where(r == np.inf, np.inf, size)
        found[outer] = np.where(low, -size, size)
    return found.reshape(shape)


def normal_cumulative(z: Array) -> Array:
    """Φ(z), with all its digits in the lower tail too."""
    z = np.asarray(z, dtype=np.float64)
    size = np.abs(z)
    inner = np.minimum(size, 0.67448975)
    near = 0.5 + z * _ratio(_CENTRE, inner * inner)
    flank = np.clip(size, 0.67448975, _ROOT_32)
    beyond = np.clip(size, _ROOT_32, 40)
    inverse = 1 / (beyond * beyond)
    tail = (_ONE_OVER_ROOT_2PI - inverse * _ratio(_TAIL, inverse)) / beyond
    part = np.where(size <= _ROOT_32, _ratio(_FLANK, flank), tail) * _bell(np.minimum(size, 40))
    outer = np.where(z < 0, part, 1 - part)
    return np.where(size <= 0.67448975, near, np.where(np.isnan(z), np.nan, outer))


def _bell(size: Array) -> Array:
    """exp(−z²/2), the square split so that no digit is lost."""
    coarse = np.floor(size * 16) / 16
    return exp(-coarse * coarse * 0.5) * exp(-(size - coarse) * (size + coarse) * 0.5)


def _ratio(of: tuple[tuple[float, ...], tuple[float, ...]], x: Array) -> Array:
    with np.errstate(all="ignore"):
        return polynomial(of[0], x) / polynomial(of[1], x)
