"""Numbers rounded to so many significant digits, exactly as writing and reading them would."""

# Those of NumPy operators differ between its versions.
# mypy: disable-error-code="no-any-return"

from __future__ import annotations

from functools import cache

import numpy as np

from synthspec.languages.expressions.random.quantiles.families import Array

DIGITS = 12
_EXACT = 22  # powers of ten up to here are floats
_TENS = np.array([10.0**n for n in range(_EXACT + 1)])
_FIRST = -1023


@cache
def _octaves() -> tuple[Array, Array]:
    """For each binary exponent: decimals to keep at its low end, and the power of ten inside it, if any."""
    decimals, change = [], []
    for exponent in range(_FIRST, 1025):
        low = 2.0**exponent if exponent < 1024 else np.inf
        if exponent == _FIRST or low == np.inf:
            decimals.append(_EXACT + 1)
            change.append(np.inf)
            continue
        written = f"{low:.17e}"
        decade = int(written.partition("e")[2])
        decimals.append(DIGITS - 1 - decade)
        change.append(float(f"1e{decade + 1}") if decade < 308 else np.inf)
    return np.array(decimals), np.array(change)


def rounded(x: Array) -> Array:
    """Each number as the float nearest to its first 12 significant digits; what is not finite stays.

    Only multiplication, division and rounding to a whole number take part, so the result is the same everywhere.
    """
    shape = np.shape(x)
    values = np.ascontiguousarray(x, dtype=np.float64).reshape(-1)
    size = np.abs(values)
    octave = size.view(np.int64) >> 52
    kept, change = _octaves()
    decimals = kept[octave] - (size >= change[octave])
    odd = np.abs(decimals) > _EXACT
    if not odd.any():
        return np.copysign(_scaled(size, decimals), values).reshape(shape)
    found = np.copysign(_scaled(size, np.where(odd, 0, decimals)), values)
    found[odd] = [float(f"{v:.{DIGITS - 1}e}") for v in values[odd].tolist()]
    return found.reshape(shape)


def rounded_surely(x: Array, margin: float) -> tuple[Array, Array]:
    """Numbers of one axis `rounded`, and of each whether all within `margin`, of its value, become the same."""
    size = np.abs(x)
    octave = size.view(np.int64) >> 52
    kept, changes = _octaves()
    change = changes[octave]
    decimals = kept[octave] - (size >= change)
    odd = np.abs(decimals) > _EXACT
    reach = size * margin
    sure = ~odd & (np.abs(size - change) > reach)
    if odd.any():
        decimals[odd] = 0
    if bool((decimals >= 0).all()):
        tens = _TENS[decimals]
        scaled, reach = size * tens, reach * tens
        whole = np.rint(scaled)
        found = whole / tens
    else:
        tens = _TENS[np.abs(decimals)]
        up = decimals >= 0
        scaled, reach = np.where(up, size * tens, size / tens), np.where(up, reach * tens, reach / tens)
        whole = np.rint(scaled)
        found = np.where(up, whole / tens, whole * tens)
    sure &= np.abs(scaled - whole) < 0.5 - reach - 1e-3
    return np.copysign(found, x), sure


def _scaled(size: Array, decimals: Array) -> Array:
    if bool((decimals >= 0).all()):
        tens = _TENS[decimals]
        return np.rint(size * tens) / tens
    tens = _TENS[np.abs(decimals)]
    fine, coarse = np.rint(size * tens) / tens, np.rint(size / tens) * tens
    return np.where(decimals >= 0, fine, coarse)
