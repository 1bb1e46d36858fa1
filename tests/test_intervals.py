"""Intervals of `compare` cover what they say: tried on datasets drawn again and again from one known source."""

from __future__ import annotations

import csv
import random
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from synthspec.evaluation.comparison import FEWEST_ROWS, estimates_of
from synthspec.evaluation.corpus.corpus import Corpus, corpus_of
from synthspec.evaluation.metrics import all_metrics
from synthspec.evaluation.metrics.metric import Sizes

ROOT = Path(__file__).parent.parent
DRAWS = 48
LEAST = 0.85  # of 48 intervals that each cover 95 in a hundred, 41 or more do with a chance of 0.995
# Rows, and what is measured of them: all of a few, some of them, some of many.
SIZES = {60: Sizes(), 120: Sizes(1_500, 120, 60, 120), 300: Sizes(1_500, 150, 60, 300)}


class Source:
    """Rows without end: texts of a chain of word pairs for each label, labels with fixed shares, some rows copied."""

    def __init__(self) -> None:
        self.chains: dict[str, dict[str, list[str]]] = {}
        for name in ("reviews", "support_calls", "sentiment"):
            with (ROOT / f"specs/data/{name}.csv").open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            column = max(rows[0], key=lambda c: sum(len(r[c] or "") for r in rows))
            chain: dict[str, list[str]] = {}
            for row in rows:
                words = ["", *row[column].split()]
                for one, other in pairwise(words):
                    chain.setdefault(one, []).append(other)
            self.chains[name] = chain

    def rows(self, count: int, seed: int) -> Iterator[dict[str, str]]:
        chance = random.Random(seed)
        stock = list(self._fresh(40, random.Random(0)))  # phrases that come again, as a model's do
        for row in self._fresh(count, chance):
            yield chance.choice(stock) if chance.random() < 0.15 else row

    def _fresh(self, count: int, chance: random.Random) -> Iterator[dict[str, str]]:
        for _ in range(count):
            label = chance.choices(list(self.chains), [5, 3, 2])[0]
            words, word = [], ""
            while len(words) < chance.randint(12, 60) and (following := self.chains[label].get(word)):
                word = chance.choice(following)
                words.append(word)
            yield {"label": label, "text": " ".join(words)}


def covered(rows: int, draws: int = DRAWS) -> dict[str, tuple[float, int]]:
    """For each metric with an interval how often it holds the mean over all draws, and of how many."""
    source = Source()
    against = corpus_of("real", source.rows(rows * 2, 10_000))
    drawn: list[Corpus] = [corpus_of(f"{seed}", source.rows(rows, seed)) for seed in range(draws)]
    found = [estimates_of(c, against, SIZES[rows], seed) for seed, c in enumerate(drawn)]
    coverage = {}
    for metric in all_metrics():
        its = [e for f in found if (e := f.get(metric.name)) is not None]
        if its and all(e.known for e in its):
            true = float(np.mean([e.value for e in its]))
            coverage[metric.name] = float(np.mean([e.low - 1e-9 <= true <= e.high + 1e-9 for e in its])), len(its)
    return coverage


@pytest.mark.slow
@pytest.mark.parametrize("rows", SIZES)
def test_intervals_cover_what_they_say(rows: int) -> None:
    coverage = covered(rows)
    assert len(coverage) >= (15 if rows >= FEWEST_ROWS else 10)
    short = {name: share for name, (share, _) in coverage.items() if share < LEAST}
    assert not short


if __name__ == "__main__":
    for rows in map(int, sys.argv[1:2] or SIZES):
        for name, (share, count) in sorted(covered(rows, *map(int, sys.argv[2:])).items(), key=lambda c: c[1]):
            print(f"{rows:>4} {name:<24}{share:>6.0%} of {count}", flush=True)
