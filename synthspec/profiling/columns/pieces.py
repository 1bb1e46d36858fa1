"""A sample's own distribution in pieces: between two quantiles every value alike, frequent values by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import floor, log10

import numpy as np
from numpy.typing import NDArray

from synthspec.languages.expressions.random.quantiles import cumulative
from synthspec.profiling.columns.digits import written

Array = NDArray[np.float64]
GAP = 0.05  # of the range, between two values: what lies before and after it are pieces of their own
SOME = 0.02  # of the values, so many at least must lie on either side
FEWEST = 5  # values of a piece: one of a single value would repeat the sample
FittedPiece = tuple[str, tuple[float, float], int]  # a distribution, its ends, how many values


def pieces_of(values: Array, step: float, *, whole: bool, most: int = 12) -> tuple[str, Callable[[Array], Array]]:
    """The mixture as an expression, and its cumulative distribution function."""
    pieces = list(_pieces(np.sort(values), step, max(2, min(most, len(values) // 8)), whole=whole))
    components = [(name, ends) for name, ends, _ in pieces]
    weights = [float(count) for *_, count in pieces]
    if len(pieces) == 1:
        (name, ends), _ = components[0], weights
        return _call(name, ends), lambda x: np.asarray(cumulative(name, x, *ends))
    calls = ", ".join(_call(name, ends) for name, ends in components)
    shares = ", ".join(str(count) for *_, count in pieces)
    return f"mixture([{calls}], [{shares}])", lambda x: np.asarray(cumulative("mixture", x, components, weights))


def _call(name: str, ends: tuple[float, float]) -> str:
    return f"{name}({written(ends[0])}, {written(ends[1])})"


def _pieces(ordered: Array, step: float, most: int, *, whole: bool) -> Iterator[FittedPiece]:
    """Pieces in ascending order, so that a greater draw is never a smaller value."""
    distinct, counts = np.unique(ordered, return_counts=True)
    frequent = (counts * most >= len(ordered)) & (counts >= FEWEST)
    width = max(1, len(ordered) // most)
    gaps = np.append(np.diff(distinct), 0) > GAP * (distinct[-1] - distinct[0])
    before = np.cumsum(counts)
    some = max(SOME * len(ordered), FEWEST)
    heaps = gaps & (before >= some) & (before <= len(ordered) - some)
    held: list[int] = []  # places of values that wait for their piece
    left = np.cumsum(counts[::-1])[::-1].tolist()  # values from each place on
    for place, count in enumerate(counts.tolist()):
        if frequent[place]:
            if held:
                yield _piece(distinct, counts, held, step, whole=whole)
            yield _piece(distinct, counts, [place], step, whole=whole)
            held = []
            continue
        held.append(place)
        if left[place] - count < FEWEST:
            continue  # the last few join the piece before
        if counts[held].sum() + count / 2 > width or heaps[place]:
            yield _piece(distinct, counts, held, step, whole=whole)
            held = []
    if held:
        yield _piece(distinct, counts, held, step, whole=whole)


def _piece(distinct: Array, counts: NDArray[np.int64], held: list[int], step: float, *, whole: bool) -> FittedPiece:
    low, high = float(distinct[held[0]]), float(distinct[held[-1]])
    count = int(counts[held].sum())
    if whole and step == 1:
        return "integer", (low, high), count
    if len(held) > 1 and high - low >= 20 * step:
        digits = 2 - floor(log10(high - low))
        return "uniform", (round(low, digits), round(high, digits)), count
    if len(held) == 1 and low.is_integer() and step <= 1 and abs(low) < 2**53:
        return "integer", (low, low), count
    wide = max(step / 4 if len(held) == 1 else step / 2.5, abs(high) * 1e-11)  # drawn, then rounded
    return "uniform", (round(low - wide, 12) if low else 0.0, round(high + wide, 12)), count
