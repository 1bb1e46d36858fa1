"""Which rows speak of the same things: rare content words and the rows that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from synthspec.inference.ngram.reading import ReadColumn
from synthspec.inference.ngram.tokens import content_word, split

COMMON = 0.1  # of the rows: a word in more of them says nothing
COMMON_ANYWAY = 8  # rows


class Topics:
    """Pairs of a content word and a row, in the order of the words."""

    __slots__ = ("_by_row", "_row_of_pair", "length", "number", "row", "word")

    def __init__(self, number: Mapping[str, int], word: Any, row: Any, length: int) -> None:
        self.number, self.word, self.row, self.length = number, word, row, length
        self._by_row = np.argsort(row, kind="stable")
        self._row_of_pair = row[self._by_row]

    def of_row(self, row: int) -> Any:
        """The words of a row, as numbers."""
        low, high = np.searchsorted(self._row_of_pair, (row, row + 1))
        return self.word[self._by_row[low:high]]

    def of_text(self, text: str) -> Any:
        """The known content words of a text, as numbers."""
        found = {self.number[w] for t in split(text) if (w := content_word(t)) is not None and w in self.number}
        return np.array(sorted(found), dtype=np.int64)

    def near(self, words: Any) -> Any:
        """By row, how much it shares with these words, 0 to 1; all 0 where no row does."""
        score = np.zeros(self.length)
        most = max(COMMON_ANYWAY, self.length * COMMON)
        lows, highs = np.searchsorted(self.word, words, "left"), np.searchsorted(self.word, words, "right")
        for low, high in zip(lows.tolist(), highs.tolist(), strict=True):
            if 0 < high - low <= most:
                score[self.row[low:high]] += np.log2(1 + self.length / (high - low))
        top = score.max(initial=0.0)
        return np.round(score / top, 9) if top > 0 else score

    def of_rows(self, rows: Any) -> Topics:
        """The same for some of the rows, numbered from 0 in this order."""
        local = np.full(self.length, -1, dtype=np.int64)
        local[rows] = np.arange(len(rows))
        kept = local[self.row] >= 0
        return Topics(self.number, self.word[kept], local[self.row[kept]], len(rows))


def find_topics(readings: Iterable[ReadColumn], length: int) -> Topics:
    """Topics of a table of `length` rows, from its columns of text."""
    number: dict[str, int] = {}
    pairs: list[Any] = []
    for reading in readings:
        if not len(reading.token):
            continue
        ids = np.array([number.setdefault(w, len(number)) for w in reading.content] or [0], dtype=np.int64)
        topic = reading.topic[reading.token]
        said = topic >= 0
        pairs.append(np.unique(ids[topic[said]] * length + reading.row[said]))
    joined: Any = np.unique(np.concatenate(pairs)) if pairs else np.zeros(0, dtype=np.int64)
    return Topics(number, joined // max(length, 1), joined % max(length, 1), length)


def factor(near: Any, floor: float) -> Any:
    """Topic scores as weights: `floor` where nothing is shared; 1 everywhere if no row shares anything."""
    return np.maximum(near, floor) if near.any() else np.ones(len(near))
