"""The rows of an origin that one combination learns from, indexed."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from synthspec.ngram.corpus import Corpus, build_corpus
from synthspec.ngram.topics import Topics

if TYPE_CHECKING:
    from synthspec.ngram.origin import Origin

CACHED = 512


class Pool:
    """Some rows of a table, numbered from 0; all of them where `rows` is None."""

    def __init__(self, origin: Origin, rows: Any) -> None:
        self.origin, self.rows = origin, rows
        self.length = origin.length if rows is None else len(rows)
        self._corpora: dict[str, Corpus] = {}
        self._near: dict[int, Any] = {}

    def value(self, column: str, row: int) -> Any:
        return self.origin.columns[column][row if self.rows is None else int(self.rows[row])]

    def of(self, weights: Any) -> Any:
        """The part of a table's weights that is for these rows."""
        return weights if self.rows is None else weights[self.rows]

    def corpus(self, column: str) -> Corpus:
        """The texts of a column."""
        if column not in self._corpora:
            self._corpora[column] = build_corpus(self.origin.reading(column), self.rows)
        return self._corpora[column]

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
