"""The rows of an origin that one combination learns from, indexed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from synthspec.inference.ngram.corpus import TextCorpus, build_corpus
from synthspec.inference.ngram.topics import Topics
from synthspec.languages.patterns import PatternTimeout, SafeRegex

if TYPE_CHECKING:
    from synthspec.inference.ngram.origin import Origin

CACHED = 512
TAINTED = 0.02  # how welcome a row is whose text would be rejected, against 1


class Pool:
    """Some rows of a table, numbered from 0; all of them where `rows` is None."""

    def __init__(self, origin: Origin, rows: Any) -> None:
        self.origin, self.rows = origin, rows
        self.length = origin.length if rows is None else len(rows)
        self._corpora: dict[str, TextCorpus] = {}
        self._untainted: dict[tuple[str, tuple[str, ...]], Any] = {}
        self._near: dict[int, Any] = {}

    def value(self, column: str, row: int) -> Any:
        return self.origin.columns[column][row if self.rows is None else int(self.rows[row])]

    def of(self, weights: Any) -> Any:
        """The part of a table's weights that is for these rows."""
        return weights if self.rows is None else weights[self.rows]

    def corpus(self, column: str) -> TextCorpus:
        """The texts of a column."""
        if column not in self._corpora:
            self._corpora[column] = build_corpus(self.origin.reading(column), self.rows)
        return self._corpora[column]

    def untainted(self, column: str, rejects: tuple[SafeRegex, ...]) -> Any:
        """By row: 1, or TAINTED where the row's own text has what must not be in a text."""
        key = (column, tuple(r.text for r in rejects))
        if key not in self._untainted:
            values = (str(self.value(column, row)) for row in range(self.length))
            self._untainted[key] = np.array([TAINTED if _any(rejects, v) else 1.0 for v in values])
        return self._untainted[key]

    @cached_property
    def topics(self) -> Topics:
        topics = self.origin.topics
        return topics if self.rows is None else topics.of_rows(self.rows)

    def near(self, row: int) -> Any:
        """By row, how much it shares with this one, 0 to 1."""
        if row not in self._near:
            if len(self._near) >= CACHED:
                self._near.clear()
            self._near[row] = self.topics.near(self.topics.of_row(row))
        return self._near[row]


def _any(rejects: tuple[SafeRegex, ...], text: str) -> bool:
    try:
        return any(r.search(text) for r in rejects)
    except PatternTimeout:
        return True
