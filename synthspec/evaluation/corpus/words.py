"""The words of many texts as one array of hashes: n-grams of a million words in a few array operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthspec.dataset.similarity.shingles import word_hashes, words_of
from synthspec.languages.expressions.random.splitmix64 import GOLDEN, MIX
from synthspec.lazy_dataclass import dataclass

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Tokens:
    """Text `i` is `flat[starts[i]:starts[i + 1]]`."""

    flat: Array  # uint64
    starts: Array  # int64, one more than there are texts

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> Array:
        """Words of each text."""
        return np.diff(self.starts)

    def digests(self) -> Array:
        """One hash for each text, of its words in their order; 0 where it has none."""
        found = np.zeros(len(self), np.uint64)
        filled = self.lengths > 0
        if filled.any():
            begins = np.repeat(self.starts[:-1], self.lengths).astype(np.uint64)
            place = np.arange(len(self.flat), dtype=np.uint64) - begins
            mixed = (self.flat ^ (place * GOLDEN)) * MIX
            mixed ^= mixed >> np.uint64(29)
            found[filled] = np.add.reduceat(mixed, self.starts[:-1][filled])
        return found

    def part(self, rows: Array) -> Tokens:
        """Only these texts, in this order."""
        sizes = self.lengths[rows]
        ends = np.cumsum(sizes)
        total = int(ends[-1]) if len(ends) else 0
        where = np.arange(total) + np.repeat(self.starts[rows] - ends + sizes, sizes)
        return Tokens(self.flat[where], np.concatenate([[0], ends]))

    def first(self, words: int) -> Tokens:
        """The texts up to so many words in all; the last may be cut."""
        if words >= len(self.flat):
            return self
        last = int(np.searchsorted(self.starts, words))
        return Tokens(self.flat[:words], np.concatenate([self.starts[:last], [words]]))

    def grams(self, n: int) -> Array:
        """Every run of `n` words within a text, as one hash each, in order."""
        if len(self.flat) < n:
            return np.empty(0, np.uint64)
        ends = len(self.flat) - n + 1
        hashes = self.flat[:ends].copy()
        for k in range(1, n):
            hashes = hashes * GOLDEN + self.flat[k : ends + k]
        owner = np.repeat(np.arange(len(self)), self.lengths)
        whole: Array = hashes[owner[:ends] == owner[n - 1 :]]
        return whole


def tokens_of(texts: Sequence[str]) -> Tokens:
    """The words of texts in normal form (case folded, punctuation dropped)."""
    flat: list[Array] = [np.empty(0, np.uint64)]
    sizes = np.zeros(len(texts), np.int64)
    for i, text in enumerate(texts):
        found = word_hashes(words_of(text))
        flat.append(found)
        sizes[i] = len(found)
    return Tokens(np.concatenate(flat), np.concatenate([[0], np.cumsum(sizes)]))
