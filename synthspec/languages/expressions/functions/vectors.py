"""Functions of numbers over whole columns. Each gives just what the scalar one gives, or NotImplemented.

NumPy is imported inside, so that checking a spec does not load it.
"""

from __future__ import annotations

from typing import Any

EXACT = 2.0**53  # whole floats below fit an integer without loss


def _whole(values: Any) -> Any:
    """Whole floats as int64, where every one fits; else not here."""
    import numpy as np

    if values.size and not bool(np.all(np.abs(values) < 2.0**62)):
        return NotImplemented
    return values.astype(np.int64)


def _is_integer(x: Any) -> bool:
    return isinstance(x, int) or getattr(getattr(x, "dtype", None), "kind", "") == "i"


def floor_column(x: Any) -> Any:
    import numpy as np

    return x if _is_integer(x) else _whole(np.floor(x))


def ceil_column(x: Any) -> Any:
    import numpy as np

    return x if _is_integer(x) else _whole(np.ceil(x))


def round_column(x: Any, digits: Any = 0) -> Any:
    """Python's rounding of the exact decimal value: only values near a half are looked at one by one."""
    import numpy as np

    if not isinstance(digits, int) or not 0 <= digits <= 15 or (digits and _is_integer(x)):
        return NotImplemented
    if digits == 0:
        return x if _is_integer(x) else _whole(np.rint(x))
    scale = float(10**digits)
    scaled = np.asarray(x) * scale
    result = np.rint(scaled) / scale
    distance = np.abs(np.abs(scaled - np.floor(scaled)) - 0.5)
    close = (distance <= 1e-6) | ~(np.abs(scaled) < 2.0**30)
    if close.any():
        result[close] = [round(v, digits) if v - v == 0 else v for v in np.asarray(x)[close].tolist()]
    return result


def abs_column(x: Any) -> Any:
    import numpy as np

    lowest = _is_integer(x) and np.any(np.asarray(x) == np.iinfo(np.int64).min)
    return NotImplemented if lowest else np.abs(x)


def sqrt_column(x: Any) -> Any:
    import numpy as np

    return np.sqrt(x)


def _alike(*values: Any) -> bool:
    """All whole or all not, so that the result keeps its kind whichever argument it comes from."""
    return len({_is_integer(v) for v in values}) == 1


def min_column(*values: Any) -> Any:
    import numpy as np

    if len(values) < 2 or not _alike(*values):
        return NotImplemented
    result = values[0]
    for v in values[1:]:
        result = np.minimum(result, v)
    return result


def max_column(*values: Any) -> Any:
    import numpy as np

    if len(values) < 2 or not _alike(*values):
        return NotImplemented
    result = values[0]
    for v in values[1:]:
        result = np.maximum(result, v)
    return result


def clip_column(x: Any, low: Any, high: Any) -> Any:
    import numpy as np

    if not _alike(x, low, high) and not _numbers(x, low, high):
        return NotImplemented
    return np.minimum(np.maximum(x, low), high)


def _numbers(x: Any, low: Any, high: Any) -> bool:
    """A column of floats between whole ends, as in `clip(normal(52, 14), 18, 95)`."""
    return not _is_integer(x) and all(isinstance(v, int | float) and abs(v) < EXACT for v in (low, high))
