"""Random numbers that are the same on every machine and Python version."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A stream of random numbers, a pure function of what it was made from.

    Only `Random.random()` is used below: the one method whose sequence Python promises to keep.
    """

    __slots__ = ("roll",)

    def __init__(self, *parts: object) -> None:
        digest = hashlib.sha256("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass")).digest()
        self.roll = Random(int.from_bytes(digest[:16], "big")).random

    def below(self, count: int) -> int:
        """An integer from 0 to count - 1."""
        return int(self.roll() * count)

    def between(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return low + int(self.roll() * (high - low + 1))

    def pick(self, values: Sequence[T]) -> T:
        return values[int(self.roll() * len(values))]

    def weighted(self, weights: Sequence[float]) -> int:
        """An index in proportion to the weights; any, where all are zero."""
        totals = list(accumulate(weights))
        if not totals or totals[-1] <= 0:
            return self.below(len(totals))
        return min(bisect_right(totals, self.roll() * totals[-1]), len(totals) - 1)

    def shuffled(self, values: Sequence[T]) -> list[T]:
        keyed = [(self.roll(), i) for i in range(len(values))]
        return [values[i] for _, i in sorted(keyed)]
