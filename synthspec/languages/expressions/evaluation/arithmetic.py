"""The operators over columns of numbers and dates, wherever NumPy gives just what `values.py` gives.

Everything else is NotImplemented: columns of objects, whole numbers that might not fit, powers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from synthspec.languages.expressions.evaluation.columns import EXACT, ColumnArray

_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": np.equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}
LIMIT = 2**62


def operate(operator: str, a: Any, b: Any) -> Any:
    """The operator over two operands, arrays or plain values, of which at least one is an array."""
    if not isinstance(a, np.ndarray) and not isinstance(b, np.ndarray):
        return NotImplemented
    if is_number(a) and is_number(b):
        return _compute(operator, a, b)
    if operator in ("==", "!=", "<", "<=", ">", ">=") and _same_moments(a, b):
        return _unequal(a, b) if operator == "!=" else _COMPARISONS[operator](a, b)
    if operator in ("==", "!=") and _is_truth(a) and _is_truth(b):
        return np.equal(a, b) if operator == "==" else np.not_equal(a, b)
    if operator in ("==", "!=") and (_is_texts(a, b) or _is_texts(b, a)):
        return _compare_texts(operator, a, b)
    return NotImplemented


def is_number(operand: Any) -> bool:
    """Whether it is a float64 or int64 column, or a number that NumPy holds without loss."""
    if isinstance(operand, np.ndarray):
        return operand.dtype.kind in "if"
    return type(operand) is float or (type(operand) is int and abs(operand) < LIMIT)


def _is_truth(operand: Any) -> bool:
    return operand.dtype.kind == "b" if isinstance(operand, np.ndarray) else isinstance(operand, bool)


def _same_moments(a: Any, b: Any) -> bool:
    if not isinstance(a, np.ndarray) or not isinstance(b, np.ndarray):
        return False
    return bool(a.dtype.kind == "M" and a.dtype == b.dtype)


def _is_texts(a: Any, b: Any) -> bool:
    return isinstance(a, np.ndarray) and a.dtype == object and type(b) is str


def _compare_texts(operator: str, a: Any, b: Any) -> Any:
    column, text = (a, b) if isinstance(a, np.ndarray) else (b, a)
    values = column.tolist()
    if not set(map(type, values)) <= {str, type(None)}:
        return NotImplemented
    if operator == "==":
        return np.array([v == text for v in values], dtype=np.bool_)
    return np.array([v is not None and v != text for v in values], dtype=np.bool_)


def _unequal(a: Any, b: Any) -> Any:
    """Nulls (NaN, NaT) are unequal to nothing."""
    return np.not_equal(a, b) & np.equal(a, a) & np.equal(b, b)


def largest(operand: Any) -> int:
    """The greatest absolute value among whole numbers; 0 of none."""
    if not isinstance(operand, np.ndarray):
        return abs(int(operand))
    return max(abs(int(operand.min())), abs(int(operand.max()))) if operand.size else 0


def _is_whole(operand: Any) -> bool:
    return operand.dtype.kind == "i" if isinstance(operand, np.ndarray) else isinstance(operand, int)


def _compute(operator: str, a: Any, b: Any) -> Any:
    whole_a, whole_b = _is_whole(a), _is_whole(b)
    if operator in _COMPARISONS or operator == "!=":
        if whole_a != whole_b and largest(a if whole_a else b) > EXACT:
            return NotImplemented
        return _unequal(a, b) if operator == "!=" else _COMPARISONS[operator](a, b)
    if whole_a and whole_b:
        return _compute_whole(operator, a, b)
    if operator == "+":
        return finite(np.add(a, b))
    if operator == "-":
        return finite(np.subtract(a, b))
    if operator == "*":
        return finite(np.multiply(a, b))
    if operator == "/":
        return finite(np.divide(a, b))
    if operator == "%":
        return finite(np.where(np.equal(b, 0), np.nan, np.remainder(a, b)))
    return NotImplemented


def _compute_whole(operator: str, a: Any, b: Any) -> Any:
    x, y = largest(a), largest(b)
    if operator == "+" and x + y < LIMIT:
        return np.add(a, b)
    if operator == "-" and x + y < LIMIT:
        return np.subtract(a, b)
    if operator == "*" and x * y < LIMIT:
        return np.multiply(a, b)
    if operator == "/" and max(x, y) <= EXACT:
        return finite(np.divide(a, b))
    if operator in ("//", "%") and max(x, y) < LIMIT and np.all(np.not_equal(b, 0)):
        return np.floor_divide(a, b) if operator == "//" else np.remainder(a, b)
    return NotImplemented


def finite(column: ColumnArray) -> ColumnArray:
    """The column with null for every value that is not finite."""
    if column.dtype.kind != "f":
        return column
    sound = np.isfinite(column)
    return column if sound.all() else np.where(sound, column, np.nan)


def choose(condition: ColumnArray, then: Any, otherwise: Any) -> Any:
    """`if` over numbers, truths or moments."""
    if is_number(then) and is_number(otherwise):
        whole = [o for o in (then, otherwise) if _is_whole(o)]
        if len(whole) == 1 and largest(whole[0]) > EXACT:
            return NotImplemented
        return np.where(condition, then, otherwise)
    if (_is_truth(then) and _is_truth(otherwise)) or _same_moments(then, otherwise):
        return np.where(condition, then, otherwise)
    return NotImplemented
