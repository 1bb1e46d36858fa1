"""Calls past the last row, held back: lists whose length only a model tells may fill a dataset sooner than was thought.

What is held back are calls for rows after those that fill it, and combinations that will likely not be needed. Neither
decides a row: rows are told in path order, and what turns out to be needed is asked then.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

from synthspec.generation.machine.states import Ask
from synthspec.spec.rows import RowPath


class Overshoot:
    """`most` are the rows of the dataset that a row of each level may come to, 1 where nothing bounds them."""

    def __init__(self, most: Sequence[int]) -> None:
        self._most = tuple(most)
        self._undecided = 0  # combinations begun of which it is not known how many rows they make
        self._fanned = 0
        self._rows = 0  # of those that fanned out
        self._held: list[tuple[RowPath, int, Ask]] = []
        self._count = 0

    @property
    def mean(self) -> float:
        """Rows that a combination came to, one with another, so far; 1 where none is known."""
        return self._rows / self._fanned if self._fanned else 1.0

    @property
    def likely(self) -> float:
        """Rows that combinations which are undecided will likely come to, beside those that they count for."""
        return self._undecided * max(0.0, self.mean - self._most[0])

    def open(self) -> None:
        """A combination is begun."""
        self._undecided += 1

    def decide(self, path: RowPath, count: int | None) -> None:
        """A row makes so many rows of the next level; None where it is dropped."""
        if len(path) == 1 and len(self._most) > 1:
            self._undecided -= 1
            if count is not None:
                self._fanned += 1
                self._rows += count * self._most[1]

    def hold(self, ask: Ask) -> None:
        """Keep a call back."""
        self._count += 1
        heapq.heappush(self._held, (ask.path, self._count, ask))

    def take(self, limit: Callable[[], RowPath | None]) -> Ask | None:
        """The first call that was held back, where its row is before the limit."""
        if not self._held:
            return None
        bound = limit()
        if bound is not None and self._held[0][0] >= bound:
            return None
        return heapq.heappop(self._held)[2]
