"""How far the values of a random call with constant arguments go, without NumPy.

A plan's uniform numbers lie between 2**-54 and 1 - 2**-53, so every distribution has ends that can be known.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from synthspec.languages.expressions.checking.binding import bind
from synthspec.languages.expressions.traversal import is_constant, is_random
from synthspec.languages.expressions.tree import Expression, FunctionCall, ListOf
from synthspec.plugins import find_plugin, is_plugin
from synthspec.plugins.guarding import guarded

_TAIL = 37.5  # −ln of the smallest share, 2**-54
_SIGMA = 8.3  # and the normal's quantile there
WHOLE = 2.0**53

Ends = tuple[float, float]


def ends_of(function: str, values: Mapping[str, Any]) -> Ends | None:
    """The lowest and the highest value, infinite where no float holds it; None where nobody can tell beforehand.

    `values` has the constant of every argument, within its range.
    """
    bound = _ENDS.get(function)
    if bound is None and is_plugin("distributions", function):
        module = find_plugin("distributions", function)
        bound = getattr(guarded("distributions", function, module, OverflowError), "ends", None)
    if bound is None or any(v is None for v in values.values()):
        return None
    try:
        return bound(**{n: float(v) for n, v in values.items()})
    except OverflowError:
        return -math.inf, math.inf


def _normal(mean: float, sd: float) -> Ends:
    return mean - _SIGMA * sd, mean + _SIGMA * sd


def _lognormal(log_mean: float, log_sd: float) -> Ends:
    return 0.0, math.exp(log_mean + _SIGMA * log_sd)


def _gamma_most(shape: float) -> float:
    """Laurent and Massart's bound of the upper tail."""
    return shape + math.sqrt(2 * _TAIL) * math.sqrt(shape) + _TAIL


def _negative_binomial(n: float, p: float) -> Ends:
    mean = _gamma_most(n) * (1 - p) / p
    return 0.0, mean + math.sqrt(2 * _TAIL) * math.sqrt(mean) + _TAIL


def _student_t(df: float, loc: float, scale: float) -> Ends:
    most = scale * math.sqrt(math.exp(2 * _TAIL / df) * (df + 1))  # SciPy squares it
    return loc - most, loc + most


def _triangular(low: float, mode: float, high: float) -> Ends:
    return (low, high) if math.isfinite(high - low) else (-math.inf, math.inf)


_ENDS: Mapping[str, Callable[..., Ends]] = {
    "uniform": lambda low, high: (low, high),
    "normal": _normal,
    "lognormal": _lognormal,
    "exponential": lambda mean: (0.0, _TAIL * mean),
    "gamma": lambda shape, scale: (0.0, scale * _gamma_most(shape)),
    "beta": lambda a, b: (0.0, 1.0),
    "triangular": _triangular,
    "pareto": lambda shape, scale: (scale, scale * math.exp(_TAIL / shape)),
    "loguniform": lambda low, high: (low, high),
    "student_t": _student_t,
    "negative_binomial": _negative_binomial,
    "geometric": lambda p: (1.0, _TAIL / p + 1),
}


def check_reach(node: FunctionCall) -> Iterator[tuple[str, str, FunctionCall, str]]:
    """What is wrong with a call whose constant arguments let it give what no number holds, or nothing at all.

    As (code, message, the call at fault, remedy).
    """
    from synthspec.languages.expressions.random.distributions import DISTRIBUTIONS

    for call, within in _bounded_calls(node):
        values = _values(call)
        if call.function == "truncated":
            if not any(v is None for v in values.values()) and _is_empty(call):
                message = f"{_written(call)} leaves nothing: the distribution has no values there that could be drawn"
                yield "E446", message, call, "move the ends to where its values are, or truncate another distribution"
                return
            continue
        ends = ends_of(call.function, values)
        if ends is None or within:
            continue
        whole = DISTRIBUTIONS[call.function].result == "integer"
        if max(abs(ends[0]), abs(ends[1])) > (WHOLE if whole else 1.7e308):
            limit = "2^53, up to which whole numbers are exact" if whole else "1.8e308, the largest number there is"
            remedy = f"write truncated({_written(call)}, 0, 1e9), or smaller arguments"
            yield "E445", f"{_written(call)} can go beyond {limit}", call, remedy


def _values(call: FunctionCall) -> dict[str, Any]:
    """Every argument of a random call: its constant, its default, None where it is known only when a row is drawn."""
    from synthspec.languages.expressions.random.distributions import DISTRIBUTIONS

    given = _given(call)
    found: dict[str, Any] = {}
    for argument in DISTRIBUTIONS[call.function].arguments:
        value = given.get(argument.name)
        found[argument.name] = argument.default if value is None else _inner_constant(value, argument.kind)
    return found


def _inner_constant(value: Expression, kind: str) -> Any:
    """A constant argument; of a distribution, itself when all of its own are constant."""
    if kind == "distribution" and isinstance(value, FunctionCall):
        return None if any(v is None for v in _values(value).values()) else value
    if kind == "distributions" and isinstance(value, ListOf):
        inner = [_inner_constant(item, "distribution") for item in value.items]
        return None if None in inner else inner
    found = constant_of(value)
    return None if isinstance(found, list) and None in found else found


def _bounded_calls(node: FunctionCall, within: bool = False) -> Iterator[tuple[FunctionCall, bool]]:
    """A random call and those inside it, each with whether a truncation bounds it from both sides."""
    yield node, within
    values = _values(node)
    if node.function == "truncated":
        low, high = values["low"], values["high"]
        within = within or (_is_finite(high) and (_is_finite(low) or _is_positive(node)))
    for value in _given(node).values():
        for item in value.items if isinstance(value, ListOf) else (value,):
            if isinstance(item, FunctionCall) and is_random(item):
                yield from _bounded_calls(item, within)


def _is_positive(node: FunctionCall) -> bool:
    """Whether a truncated call's own distribution has a lower end."""
    inner = node.arguments[0] if node.arguments else None
    return isinstance(inner, FunctionCall) and inner.function not in ("normal", "student_t", "mixture", "truncated")


def _is_finite(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and math.isfinite(value))


def _is_empty(call: FunctionCall) -> bool:
    """Whether a truncated call of constants draws nothing, tried at the ends and in the middle."""
    import numpy as np

    from synthspec.languages.expressions.evaluation.evaluator import ConstantColumn
    from synthspec.languages.expressions.random.calls import draw

    points = np.array([2.0**-54, 0.5, 1 - 2.0**-53])
    with np.errstate(all="ignore"):
        column = draw(call, points, lambda node: ConstantColumn(constant_of(node)), len(points))
    return any(v is None or not math.isfinite(v) for v in column.tolist())


def _given(call: FunctionCall) -> dict[str, Expression]:
    from synthspec.languages.expressions.random.distributions import DISTRIBUTIONS

    return dict(bind(call, [a.name for a in DISTRIBUTIONS[call.function].arguments]).given)


def _written(call: FunctionCall) -> str:
    """The call as it might be written."""
    parts: list[str] = []
    for name, value in _given(call).items():
        constant = constant_of(value)
        said = _written(value) if isinstance(value, FunctionCall) and is_random(value) else f"{constant!r}"
        parts.append(said if len(parts) < len(call.arguments) else f"{name}={said}")
    return f"{call.function}({', '.join(parts)})" if constant_known(call) else f"{call.function}(…)"


def reach_of(call: FunctionCall) -> Ends | None:
    """The lowest and the highest value of a random call; None where nobody can tell beforehand."""
    return ends_of(call.function, _values(call)) if constant_known(call) else None


def constant_known(call: FunctionCall) -> bool:
    """Whether every argument of the call is known before a row is drawn."""
    return not any(v is None for v in _values(call).values())


def constant_of(value: Expression) -> Any:
    """The constant an argument is; None where it is known only when a row is drawn."""
    from synthspec.languages.expressions.evaluation.rows import constant_value

    if isinstance(value, ListOf):
        return [constant_of(item) for item in value.items]
    if isinstance(value, FunctionCall) and is_random(value):
        return None
    return constant_value(value) if is_constant(value) else None
