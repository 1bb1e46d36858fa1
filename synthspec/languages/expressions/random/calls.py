"""Random calls over columns: the inverse distribution function at each uniform number.

Numbers are rounded to 12 significant digits, so that a last bit that differs between two versions of SciPy or two
processors does not change a request's key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from synthspec.languages.expressions.checking.binding import bind
from synthspec.languages.expressions.evaluation.columns import ColumnArray, numbers, objects, pack, standard, unpack
from synthspec.languages.expressions.random.distributions import DISTRIBUTIONS
from synthspec.languages.expressions.tree import Expression, FunctionCall, ListOf

Evaluate = Callable[[Expression], Any]


def draw(call: FunctionCall, uniform: ColumnArray, value: Evaluate, length: int) -> ColumnArray:
    """The column that a random call draws from `uniform`."""
    from synthspec.languages.expressions.random.quantiles import TABULATED, quantile, rounded_quantile
    from synthspec.languages.expressions.random.quantiles.digits import rounded

    distribution = DISTRIBUTIONS[call.function]
    given = _given(call)
    if call.function == "choice":
        return _choose(given, uniform, value, length)
    arguments = _arguments(call, given, value, length)
    tables = call.function in TABULATED
    found = (rounded_quantile if tables else quantile)(call.function, uniform, *arguments)
    column = np.broadcast_to(standard(found), (length,))
    if column.dtype != np.float64:
        return column
    if not np.isfinite(column).all():
        column = np.where(np.isfinite(column), column, np.nan)  # arguments of this row that check could not see
    if _whole_result(call):
        return column.astype(np.int64) if _fits(column) else _whole_column(column)
    if distribution.result == "boolean":
        return pack([None if v is None else bool(v) for v in unpack(column)])
    return column if tables else _bounded(call.function, rounded(column), arguments)


def _bounded(function: str, column: ColumnArray, arguments: list[Any]) -> ColumnArray:
    """Rounded numbers kept between the ends of their distribution, which may have more digits."""
    if function in ("uniform", "loguniform", "triangular"):
        low, high = arguments[0], arguments[-1]
    elif function == "truncated":
        low, high = arguments[-2], arguments[-1]
    else:
        return column
    within: ColumnArray = np.minimum(np.maximum(column, low), high)
    return within


def _given(call: FunctionCall) -> Mapping[str, Expression]:
    return dict(bind(call, [a.name for a in DISTRIBUTIONS[call.function].arguments]).given)


def _fits(column: ColumnArray) -> bool:
    return bool(np.all(np.abs(column) < 2.0**62))


def _whole_column(column: ColumnArray) -> ColumnArray:
    from synthspec.languages.expressions.evaluation.values import whole

    return pack([whole(v) for v in unpack(column)])


def _whole_result(call: FunctionCall) -> bool:
    """Whether it draws whole numbers: a truncated or mixed distribution draws what those inside do."""
    result = DISTRIBUTIONS[call.function].result
    if result != "any":
        return result == "integer"
    inner = [c for c in _inner(call) if isinstance(c, FunctionCall)]
    return bool(inner) and all(_whole_result(c) for c in inner)


def _inner(call: FunctionCall) -> tuple[Expression, ...]:
    given = _given(call)
    found: list[Expression] = []
    for argument in DISTRIBUTIONS[call.function].arguments:
        value = given.get(argument.name)
        if argument.kind == "distribution" and value is not None:
            found.append(value)
        elif argument.kind == "distributions" and isinstance(value, ListOf):
            found.extend(value.items)
    return tuple(found)


def _arguments(call: FunctionCall, given: Mapping[str, Expression], value: Evaluate, length: int) -> list[Any]:
    """The arguments in order as `quantile` takes them: a nested distribution is its name and arguments."""
    arguments: list[Any] = []
    for argument in DISTRIBUTIONS[call.function].arguments:
        node = given.get(argument.name)
        if node is None:
            arguments.append(argument.default)
        elif argument.kind == "distribution" and isinstance(node, FunctionCall):
            arguments.extend(_component(node, value, length))
        elif argument.kind == "distributions" and isinstance(node, ListOf):
            arguments.append([_component(c, value, length) for c in node.items if isinstance(c, FunctionCall)])
        elif argument.kind == "weights":
            arguments.append(_weights(value(node), length))
        else:
            arguments.append(_plain(value(node), argument.kind))
    return arguments


def _component(call: FunctionCall, value: Evaluate, length: int) -> tuple[str, tuple[Any, ...]]:
    return call.function, tuple(_arguments(call, _given(call), value, length))


def _plain(value: Any, kind: str) -> Any:
    if not isinstance(value, np.ndarray):
        return np.nan if value.value is None and kind == "number" else value.value
    return numbers(value) if kind == "number" else value


def _weights(value: Any, length: int) -> Any:
    """Constant weights as a list; others as an array with a row of weights for each row."""
    if not isinstance(value, np.ndarray):
        return [0.0 if w is None else float(w) for w in value.value or ()]
    rows = [[0.0 if w is None else float(w) for w in row or ()] for row in value.tolist()]
    width = max(map(len, rows), default=0)
    return np.array([row + [0.0] * (width - len(row)) for row in rows], dtype=np.float64).reshape(length, width)


def _choose(given: Mapping[str, Expression], uniform: ColumnArray, value: Evaluate, length: int) -> ColumnArray:
    """One item of a list that may differ from row to row; null of an empty list."""
    from synthspec.languages.expressions.random.quantiles import level_of

    lists, weights = value(given["values"]), given.get("weights")
    weighted = _weights(value(weights), length) if weights is not None else None
    if not isinstance(lists, np.ndarray):
        items = list(lists.value or ())
        if not items or (isinstance(weighted, list) and len(weighted) != len(items)):
            return objects([None] * length, length)
        levels = level_of(uniform, [1.0] * len(items) if weighted is None else weighted)
        return _take(items, levels, length)
    chosen: list[Any] = [None] * length
    rows = unpack(lists)
    for width in {len(r) for r in rows if r}:
        places = [at for at, r in enumerate(rows) if r and len(r) == width]
        own = weighted[places] if isinstance(weighted, np.ndarray) else weighted
        levels = level_of(uniform[places], [1.0] * width if own is None else own)
        for at, level in zip(places, levels.tolist(), strict=True):
            chosen[at] = rows[at][level] if 0 <= level < width else None
    return pack(chosen)


def _take(items: list[Any], levels: Any, length: int) -> ColumnArray:
    """The items at these places, as a column whose kind hangs on the items alone."""
    sound = levels >= 0
    packed = pack(items)
    if packed.dtype != object and bool(sound.all()):
        return packed[levels]  # type: ignore[no-any-return]
    plain = [*unpack(packed), None]
    return objects((plain[level] for level in np.where(sound, levels, len(items)).tolist()), length)
