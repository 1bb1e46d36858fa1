"""Numbers against the original's: how far apart the distributions of a column are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthspec.evaluation.corpus.corpus import Corpus, column_kind
from synthspec.evaluation.metrics.metric import Context, Figure, Metric

GRID = 100_000  # of the range, within which numbers are the same
FEWEST = 20  # numbers of a column


def kolmogorov(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The Kolmogorov-Smirnov distance of two samples: 0 the same distribution, 1 nothing in common.

    >>> kolmogorov(np.array([1.0, 2.0]), np.array([1.0, 2.0])), kolmogorov(np.array([1.0]), np.array([2.0]))
    (0.0, 1.0)
    """
    every = np.concatenate([one, other])
    step = float(every.max() - every.min()) / GRID
    if step > 0 and np.isfinite(step):  # a last digit is no difference
        one, other, every = (np.round(x / step) for x in (one, other, every))
    a = np.searchsorted(np.sort(one), every, side="right") / len(one)
    b = np.searchsorted(np.sort(other), every, side="right") / len(other)
    return float(np.abs(a - b).max())


def _numbers(corpus: Corpus, name: str) -> NDArray[np.float64]:
    values = [float(v) for v in corpus.columns[name] if v is not None and v != ""]
    found = np.array(values, dtype=np.float64)
    return found[np.isfinite(found)]


def _distance(context: Context) -> Figure | None:
    corpus, against = context.corpus, context.against
    if against is None:
        return None
    found = {}
    for name, values in corpus.columns.items():
        if name in against.columns and column_kind(values) == column_kind(against.columns[name]) == "number":
            try:
                mine, real = _numbers(corpus, name), _numbers(against, name)
            except (TypeError, ValueError, OverflowError):
                continue  # a column of which only the first thousand values are numbers
            if min(len(mine), len(real)) >= FEWEST:
                found[name] = kolmogorov(mine, real)
    if not found:
        return None
    worst = max(found, key=lambda n: found[n])
    size = worst if len(found) == 1 else f"{worst}, the farthest of {len(found)}"
    return Figure(found[worst], size)


METRICS = (
    Metric(
        "number_ks",
        "Numbers: distance",
        "similarity",
        "lower",
        "The greatest distance between the distributions of a column of numbers here and in the original, of all such "
        "columns: 0 the same, 1 nothing in common. Not every dataset should match.",
        "Smirnov 1948",
        _distance,
        "ratio",
        interval=False,
    ),
)
