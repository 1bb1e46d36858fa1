"""Balanced sequences of many levels, each dimension on its own: permutations, or shuffled schedules."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from synthspec.strategies import Levels
from synthspec.strategies.pfair import Counts
from synthspec.strategies.philox import stream

_SHORTEST = 1024


class Large:
    """Levels in the proportions `parts`, each counted floor or ceil of its share in every prefix.

    Equal ones come as one permutation after another, unequal ones as shuffled schedules
    (`pfair.Counts.levels`). A row costs that of its permutation or epoch; a few epochs are kept.
    """

    def __init__(self, parts: Sequence[int], key: int) -> None:
        self._even = len(set(parts)) == 1
        self._key = key
        self._counts = Counts(parts, _SHORTEST, key)
        self._length = len(parts) if self._even else self._counts.epoch
        self._epoch = lru_cache(maxsize=8)(self._counts.levels)

    def levels(self, start: int, stop: int) -> Levels:
        """The level of each of rows start..stop-1."""
        first, last = start // self._length, -(-stop // self._length)
        if first >= last:
            return np.empty(0, dtype=np.int64)
        if self._even:
            draws = stream(self._key, first * self._length, last * self._length)
            rows = draws.reshape(-1, self._length).argsort(axis=1).reshape(-1)
        else:
            rows = np.concatenate([self._epoch(number) for number in range(first, last)])
        return rows[start - first * self._length : stop - first * self._length]
