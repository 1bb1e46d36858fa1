"""The rows of a source most alike to a text, by the words they share: a rare word counts for more than a common one.

A row's likeness is the cosine between the text's words and its own, each word weighed by log(1 + rows / rows with it):
the inverse document frequency of Spärck Jones (1972). Every sum is taken in the order of the source, with a logarithm
that is the same on every machine, so that ties, which go to the earlier row, are ties everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthspec.languages.expressions import transcendental
from synthspec.languages.expressions.functions.texts import as_text
from synthspec.sources import Table

MOST_KEPT = 4096  # texts whose rows are remembered
_WORD = re.compile(r"\w+")


class Alike:
    """An index of a table's words, made once: memory grows with the different words of each row."""

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        rows: dict[str, list[int]] = {}
        for at, row in enumerate(table.iterate(columns)):
            for word in _words(" ".join(t for c in columns if (t := as_text(row[c])) is not None)):
                rows.setdefault(word, []).append(at)
        self.length = len(table)
        self._rows = {word: np.array(found, dtype=np.int64) for word, found in rows.items()}
        self._weights = {w: transcendental.log(1 + self.length / len(found)) ** 2 for w, found in rows.items()}
        squares = np.zeros(self.length)
        for word, found in self._rows.items():
            squares[found] += self._weights[word]
        self._norms = np.sqrt(np.where(squares > 0, squares, 1.0))
        self._known: dict[tuple[str, int], list[int]] = {}

    def nearest(self, text: str, count: int, among: Sequence[int] | NDArray[np.int64] | None = None) -> list[int]:
        """The places of the `count` rows most alike, the most alike first; of all rows, or of those among which."""
        if among is None:
            key = (text, count)
            if key not in self._known:
                if len(self._known) >= MOST_KEPT:
                    self._known.clear()
                self._known[key] = _greatest(self._scores(text), count)
            return self._known[key]
        places = np.asarray(among, dtype=np.int64)
        return [int(places[at]) for at in _greatest(self._scores(text)[places], count)]

    def _scores(self, text: str) -> NDArray[np.float64]:
        scores = np.zeros(self.length)
        for word in _words(text):
            found = self._rows.get(word)
            if found is not None:
                scores[found] += self._weights[word]
        return scores / self._norms


def _words(text: str) -> dict[str, None]:
    """The different words, in their order."""
    return dict.fromkeys(_WORD.findall(text.casefold()))


def _greatest(scores: NDArray[np.float64], count: int) -> list[int]:
    """The places of the greatest scores, equal ones in their order."""
    if count < len(scores):
        least = np.partition(scores, len(scores) - count)[len(scores) - count]
        above = np.flatnonzero(scores > least)
        level = np.flatnonzero(scores == least)[: count - len(above)]
        places = np.sort(np.concatenate([above, level]))
    else:
        places = np.arange(len(scores))
    order = np.argsort(-scores[places], kind="stable")
    found: list[Any] = places[order].tolist()
    return found


def indexed(cache: dict[tuple[str, tuple[str, ...]], Alike], name: str, table: Table, by: str) -> Alike:
    """The index of a source, made the first time it is asked for."""
    columns = (by,) if by else table.text_columns
    if (name, columns) not in cache:
        cache[name, columns] = Alike(table, columns)
    return cache[name, columns]
