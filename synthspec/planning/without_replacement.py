"""`replacement: false`: no row of a source is drawn again before all have been, whatever the strategy.

Row `i` of a plan takes place `i` of the source's orders laid end to end, each a shuffle of its own: a function of the
seed, the source and the number of the combination, so that a plan is read at any index without those before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from synthspec.languages.expressions.evaluation.columns import ColumnArray, objects
from synthspec.languages.expressions.functions.placed import INDEX
from synthspec.planning.drawing import Drawing, Values
from synthspec.planning.each_row import rows_that_pass
from synthspec.planning.sampling.bijection import Permutation
from synthspec.planning.sampling.philox import key_of
from synthspec.sources import Table
from synthspec.spec import SourceDraw

DESIGNED = 32_768  # rows of a source up to which the strategy `balanced` draws none again before all have been
FAR = 4096  # numbers of combinations further apart than this are looked up one by one


def in_order(values: Values, name: str, draws: Sequence[SourceDraw], table: Table, seed: int) -> Values:
    """What draws one row of a source, of which no row comes again before all that pass every `where` have been."""
    pool = passing_all(draws, table)
    order = Permutation(max(1, len(pool)), key_of(seed, f"source:{name}", "replacement"))

    def draw(drawing: Drawing) -> ColumnArray:
        if name not in drawing.picked:
            drawing.picked[name] = _of(pool, places(order, drawing.columns[INDEX]))
        return values(drawing)

    return draw


def lists_in_order(key: str, draw_of: SourceDraw, table: Table, seed: int) -> Values:
    """Lists of `rows` different rows, of which none comes again before all lists that there are rows for."""
    pool, count = passing_all([draw_of], table), draw_of.rows or 1
    order = Permutation(max(1, len(pool)), key_of(seed, key, "replacement"))
    lists = max(1, len(pool) // count)  # in one order; rows that are left over wait for the next

    def draw(drawing: Drawing) -> ColumnArray:
        turns, at = np.divmod(drawing.columns[INDEX], lists)
        first = turns * len(pool) + at * count
        found = _of(pool, np.stack([places(order, first + n) for n in range(count)], axis=1)).tolist()
        column, every = draw_of.column, sorted({n for one in found for n in one})
        values = table.values(column, every) if column else table.rows(every)
        by_number = dict(zip(every, values, strict=True))
        return objects(([by_number[n] for n in one] for one in found), drawing.length)

    return draw


def _of(pool: Sequence[int], numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    return numbers if isinstance(pool, range) else np.asarray(pool, dtype=np.int64)[numbers]


def passing_all(draws: Sequence[SourceDraw], table: Table) -> Sequence[int]:
    """The rows that pass every `where` of some draws; each reads the row alone."""
    found: Sequence[int] = range(len(table))
    for where in {id(d.where): d.where for d in draws if d.where is not None}.values():
        found = rows_that_pass(where, table, found)
    return found


def places(order: Permutation, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """What stands at each of some numbers of an order."""
    if not len(numbers):
        return np.empty(0, dtype=np.int64)
    low, high = int(numbers.min()), int(numbers.max()) + 1
    if high - low <= FAR + 4 * len(numbers):
        return order.at(low, high)[numbers - low]
    known: Mapping[int, int] = {n: int(order.at(n, n + 1)[0]) for n in set(numbers.tolist())}
    return np.fromiter((known[n] for n in numbers.tolist()), dtype=np.int64, count=len(numbers))
