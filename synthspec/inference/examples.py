"""The rows of a source that a prompt shows: by chance, a function of the combination's number alone, or by likeness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synthspec.languages.expressions import compile_row, names_of
from synthspec.languages.expressions.functions.texts import as_text
from synthspec.planning.sampling.some import draw_some
from synthspec.sources import Table
from synthspec.spec import Examples

MOST_KEPT = 4096  # values of `where` whose rows are remembered


class ExampleRows:
    """The examples of one prompt. What is looked up once is remembered."""

    def __init__(self, asked: Examples, table: Table, seed: str) -> None:
        self.asked, self.table, self.seed = asked, table, seed
        self._test = None if asked.where is None else compile_row(asked.where)
        self._reads = () if asked.where is None else tuple(sorted(names_of(asked.where) - {"row"}))
        self._wanted = None if asked.nearest is None else compile_row(asked.nearest)
        self._known: dict[str, Sequence[int]] = {}
        self._index: Any = None

    def rows(self, index: int, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows for a combination and what is known of its row, each once; fewer where fewer pass `where`.

        None is alike to a text that is null.
        """
        return [self.table.row(place) for place in self.places(index, values)]

    def places(self, index: int, values: Mapping[str, Any]) -> Sequence[int]:
        """The same rows, by their places in the source."""
        candidates = self._passing(values)
        if self._wanted is None:
            return draw_some(candidates, self.asked.rows, f"{self.seed}/{index}")
        text = as_text(self._wanted(values))
        return [] if text is None else self._nearest(text, candidates)

    def _nearest(self, text: str, candidates: Sequence[int]) -> list[int]:
        if self._index is None:
            from synthspec.planning.sampling.alike import Alike  # loads NumPy

            self._index = Alike(self.table, (self.asked.by,) if self.asked.by else self.table.text_columns)
        among = None if self._test is None else candidates
        found: list[int] = self._index.nearest(text, min(self.asked.rows, len(candidates)), among)
        return found

    def _passing(self, values: Mapping[str, Any]) -> Sequence[int]:
        if self._test is None:
            return range(len(self.table))
        known = repr([values.get(n) for n in self._reads])
        if known not in self._known:
            if len(self._known) > MOST_KEPT:
                self._known.clear()
            test, table = self._test, self.table
            self._known[known] = [i for i in range(len(table)) if test({**values, "row": table.row(i)})]
        return self._known[known]
