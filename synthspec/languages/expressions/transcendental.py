"""exp, log and powers of floats, the same bits on every machine: the C library's differ between its releases.

Python's decimal arithmetic settles every digit; the float nearest to 25 of them is half a unit in the last place off.
"""

from __future__ import annotations

import math
from decimal import Context, Decimal

_CONTEXT = Context(prec=25, Emax=999_999, Emin=-999_999, traps=[])


def exp(x: float) -> float:
    """e to the power x.

    Raises:
        OverflowError: it is too large for a float.
    """
    rough = math.exp(x)
    return float(_CONTEXT.exp(Decimal(x))) if 0 < rough < math.inf else rough


def log(x: float) -> float:
    """The natural logarithm.

    Raises:
        ValueError: there is none.
    """
    rough = math.log(x)
    return float(_CONTEXT.ln(Decimal(x))) if math.isfinite(rough) else rough


def log10(x: float) -> float:
    """The decimal logarithm.

    Raises:
        ValueError: there is none.
    """
    rough = math.log10(x)
    return float(_CONTEXT.log10(Decimal(x))) if math.isfinite(rough) else rough


def power(x: float, exponent: float) -> float | complex:
    """x to the power `exponent`, as `**` has it where there is no number.

    Raises:
        ArithmeticError: it is too large for a float, or 0 to a negative power.
    """
    rough: float | complex = x**exponent
    plain = x != 0 and math.isfinite(x) and math.isfinite(exponent)
    if not plain or isinstance(rough, complex) or rough == 0 or not math.isfinite(rough):
        return rough
    return float(_CONTEXT.power(Decimal(x), Decimal(exponent)))
