"""What one combination asks of one origin: which of its rows fit, and how a row's texts are drawn from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from synthspec.ngram.corpus import Corpus
from synthspec.ngram.dice import Dice
from synthspec.ngram.origin import UNRELATED, Origin

ANCHORED = 0.55  # how often a row's first text begins as the anchor's does
DRAWN_APART = 0.3  # how welcome a row is whose value of a field differs from the one drawn, against 1
NOT_SHARED = 0.35  # how welcome a row is that an earlier text of the same row took nothing from, against 1


class Scene:
    """What the rows of one request have in common with one origin: which of its rows fit, which were used."""

    def __init__(self, origin: Origin, weight: Any) -> None:
        self.origin = origin
        self.weight = weight
        self.totals = np.cumsum(weight)
        self.used: set[int] = set()

    def draw(self, dice: Dice) -> int:
        return int(
            min(np.searchsorted(self.totals, dice.roll() * self.totals[-1], "right"), len(self.totals) - 1)
        )

    def anchor(self, dice: Dice) -> int:
        """A row that fits, not one used before in this request where that can be had."""
        row = self.draw(dice)
        for _ in range(8):
            if row not in self.used:
                break
            row = self.draw(dice)
        self.used.add(row)
        return row

    def welcome(self, anchor: int, drawn: Mapping[str, Any], shares: Mapping[int, float]) -> memoryview:
        """How welcome each row is in the texts of one new row, 0 to 1."""
        weight = self.weight.copy()
        for name, value in drawn.items():
            if name in self.origin.columns and value is not None and name not in self.origin.texts:
                weight *= np.maximum(DRAWN_APART, self.origin.match(name, value))
        near = self.origin.neighbours(anchor)
        factor = np.full(len(weight), UNRELATED)
        if near:
            factor[list(near)] = np.maximum(UNRELATED, list(near.values()))
        if shares:
            factor *= NOT_SHARED
        factor[[anchor, *shares]] = 1.0
        return memoryview(weight * factor)

    def starts(
        self, corpus: Corpus, anchor: int, weight: memoryview, shares: Mapping[int, float], dice: Dice
    ) -> Callable[[], int]:
        """Draws the row that a text begins with: of those the row's earlier texts are from, else often the anchor."""
        sharing = [row for row in shares if row in corpus.opening]
        portions = [shares[row] for row in sharing]
        totals = np.cumsum(weight)

        def draw() -> int:
            if sharing and dice.roll() < 0.85:
                return sharing[dice.weighted(portions)]
            if anchor in corpus.opening and dice.roll() < ANCHORED:
                return anchor
            for _ in range(20):
                row = int(min(np.searchsorted(totals, dice.roll() * totals[-1], "right"), len(totals) - 1))
                if row in corpus.opening:
                    return row
            return dice.pick(corpus.rows)

        return draw
