"""Levels of a discrete dimension as numbers between its cumulative marks, and the other way round."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthspec.languages.expressions.random.quantiles.levels import interval_of
from synthspec.planning.design import Floats, Levels
from synthspec.planning.sampling.philox import LEAST


class Marks:
    """The levels above zero of a discrete dimension, numbered in order, and the interval of each."""

    def __init__(self, weights: Sequence[float]) -> None:
        self.kept: Levels = np.flatnonzero(np.asarray(weights, dtype=np.float64) > 0).astype(np.int64)
        low, high = interval_of(self.kept, weights)
        self._low = np.maximum(low, LEAST)
        self._high = np.maximum(np.nextafter(np.minimum(high, 1.0), 0), self._low)

    def place(self, level: Levels, draw: Floats) -> Floats:
        """Numbers in the intervals of `level` (places in `kept`), as far in as `draw` in (0, 1) says."""
        low, high = self._low[level], self._high[level]
        out: Floats = np.minimum(low + draw * (high - low), high)
        return out
