"""Balanced sequences of many levels, each dimension on its own: permutations, or shuffled schedules."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from synthspec.strategies import Levels
from synthspec.strategies.pfair import Counts, schedule
from synthspec.strategies.philox import stream

_ROUNDS = 24


class Large:
    """Levels in the proportions `parts`, each counted floor or ceil of its share in every prefix.

    Equal ones come as one permutation after another. Unequal ones come as earliest-deadline-first schedules of an epoch
    (the power of two above 1 / the smallest share), whose neighbours are then exchanged at random wherever
    both stay inside their windows. A row costs that of its permutation or epoch; a few of them are kept.
    """

    def __init__(self, parts: Sequence[int], key: int) -> None:
        self._parts, self._key = tuple(parts), key
        self._even = len(set(parts)) == 1
        self._length = len(parts) if self._even else Counts(parts, 1024).epoch
        self._piece = lru_cache(maxsize=8)(self._make)

    def levels(self, start: int, stop: int) -> Levels:
        """The level of each of rows start..stop-1."""
        first, last = start // self._length, -(-stop // self._length)
        if first >= last:
            return np.empty(0, dtype=np.int64)
        if self._even:
            draws = stream(self._key, first * self._length, last * self._length)
            rows = draws.reshape(-1, self._length).argsort(axis=1).reshape(-1)
        else:
            rows = np.concatenate([self._piece(number) for number in range(first, last)])
        return rows[start - first * self._length : stop - first * self._length]

    def _make(self, number: int) -> Levels:
        """An epoch's schedule after rounds of random exchanges at distances 1, 2, 4 …, each row in one at most."""
        length = self._length
        found = schedule(self._parts, number * length, (number + 1) * length)
        table = np.stack([found.level, found.release, found.deadline])
        draws = stream(self._key, number * _ROUNDS * length, (number + 1) * _ROUNDS * length).reshape(_ROUNDS, length)
        widest = int((table[2] - table[1]).max())
        for turn, draw in enumerate(draws):
            apart = 1 << (turn % max(widest.bit_length(), 1))
            row = np.arange(length - apart)
            left = row[(row + int(draw[0] * 2 * apart)) // apart % 2 == 0]
            right = left + apart
            fits = (table[1, right] <= left) & (table[2, left] > right) & (draw[left] < 0.5)
            left, right = left[fits], right[fits]
            table[:, np.concatenate([left, right])] = table[:, np.concatenate([right, left])]
        return table[0]
