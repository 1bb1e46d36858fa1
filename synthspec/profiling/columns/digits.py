"""How numbers are written: as short as the sample writes them."""

from __future__ import annotations

from decimal import Decimal
from math import floor, log10

import numpy as np
from numpy.typing import NDArray

MOST_DECIMALS = 12
STEPS = (1000, 500, 250, 100, 50, 25, 10, 5)


def significant(x: float, digits: int = 4) -> float:
    """A number with so many significant digits, but no fewer than its whole part has.

    >>> significant(0.0123456), significant(123456.7)
    (0.01235, 123457.0)
    """
    if x == 0 or not np.isfinite(x):
        return x
    whole = floor(log10(abs(x))) + 1
    return round(x, max(digits - whole, 0))


def written(x: float) -> str:
    """A number as an expression has it, without a needless fraction.

    >>> written(3.0), written(-0.25), written(1e-9)
    ('3', '-0.25', '0.000000001')
    """
    number = Decimal(repr(float(x)))
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text if text not in ("-0", "") else "0"


def decimals_of(values: NDArray[np.float64]) -> int | None:
    """How many decimals the numbers are written with, to 12 digits of each; None where 12 decimals are not enough.

    >>> decimals_of(np.array([1.5, 2.25])), decimals_of(np.array([1e-5 / 3]))
    (2, None)
    """
    for digits in range(MOST_DECIMALS + 1):
        if np.allclose(values, np.round(values, digits), rtol=1e-12, atol=10.0 ** -(digits + 6)):
            return digits
    return None


def step_of(values: NDArray[np.float64], decimals: int) -> float:
    """The step of the grid that all numbers lie on: 5, 0.25, or one unit of the last decimal.

    >>> step_of(np.array([10.0, 25, 40, 55]), 0), step_of(np.array([0.5, 1, 2.5, 4]), 1)
    (5.0, 0.5)
    """
    unit = 10.0**-decimals
    units = np.round(values / unit)
    if len(np.unique(units)) < 4:
        return unit
    return next((step * unit for step in STEPS if not (units % step).any()), unit)
