"""What one combination asks of one origin: which rows fit, and how a new row's texts are drawn from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from synthspec.inference.ngram.corpus import TextCorpus
from synthspec.inference.ngram.dice import Dice
from synthspec.inference.ngram.pool import TAINTED, Pool
from synthspec.inference.ngram.topics import factor

ANCHORED = 0.55  # how often a row's first text begins as the anchor's does
SHARED = 0.75  # how often a further text begins as one of a row that an earlier text is made of
DRAWN_APART = 0.3  # how welcome a row is whose value of a field differs from the one drawn, against 1
UNRELATED = 0.3  # how welcome a row is that shares no topic with the anchor, against 1
LOOSER = 0.15  # what each further attempt changes these by, so that a rejected row is not made again
NOT_SHARED = 0.35  # how welcome a row is that an earlier text of the same row took nothing from, against 1


class Scene:
    """One combination and the pool of rows it learns from. `weight` is how well each fits; `attempt` is from 1."""

    def __init__(self, pool: Pool, weight: Any, attempt: int = 1) -> None:
        loose = LOOSER * min(attempt - 1, 3)
        self.anchored, self.shared, self.unrelated = ANCHORED - loose, SHARED - loose, UNRELATED + loose
        self.pool, self.weight = pool, weight
        self.totals = np.cumsum(weight)
        self.used: set[int] = set()

    def draw(self, dice: Dice) -> int:
        """A row, in proportion to how well it fits."""
        return _draw(self.totals, dice)

    def anchor(self, dice: Dice) -> int:
        """A row that fits, not one used before in this request where that can be had."""
        row = self.draw(dice)
        for _ in range(8):
            if row not in self.used:
                break
            row = self.draw(dice)
        self.used.add(row)
        return row

    def welcome(
        self, anchor: int, drawn: Mapping[str, Any], shares: Mapping[int, float], clean: Any = 1.0
    ) -> Sequence[float]:
        """How welcome each row is in a text of one new row, 0 to 1; `clean` multiplies it."""
        origin, weight = self.pool.origin, self.weight
        for name, value in drawn.items():
            if value is not None and origin.is_category(name):
                weight = weight * np.maximum(DRAWN_APART, self.pool.of(origin.match(name, value)))
        topical = factor(self.pool.near(anchor), self.unrelated)
        if shares:
            topical *= NOT_SHARED
        topical[[anchor, *shares]] = 1.0
        return memoryview(weight * topical * clean)

    def starts(
        self, corpus: TextCorpus, anchor: int, weight: Sequence[float], shares: Mapping[int, float], dice: Dice
    ) -> Callable[[], int]:
        """Draws the row a text begins with: one that the earlier texts are from, else often the anchor."""
        sharing = [row for row in shares if row in corpus.opening]
        portions = [shares[row] * weight[row] for row in sharing]
        totals = np.cumsum(weight)

        def draw() -> int:
            if sharing and dice.roll() < self.shared:
                return sharing[dice.weighted(portions)]
            if anchor in corpus.opening and weight[anchor] > TAINTED and dice.roll() < self.anchored:
                return anchor
            for _ in range(20):
                row = _draw(totals, dice)
                if row in corpus.opening:
                    return row
            return dice.pick(corpus.rows)

        return draw


def _draw(totals: Any, dice: Dice) -> int:
    return int(min(np.searchsorted(totals, dice.roll() * totals[-1], "right"), len(totals) - 1))
