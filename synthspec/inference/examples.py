"""The rows of a source that a prompt shows: by chance, a function of the combination's number alone, or by likeness."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from synthspec.languages.expressions import compile_row, names_of
from synthspec.languages.expressions.functions.texts import as_text
from synthspec.languages.expressions.traversal import members_of
from synthspec.planning.sampling.some import draw_some
from synthspec.sources import Table, TableFault
from synthspec.spec import Examples

MOST_KEPT = 4096  # values of `where` whose rows are remembered
AHEAD = 1024  # combinations whose rows are read together from a file that is read by need
BLOCKS = 2  # of these that are kept
FEW = 4  # combinations whose rows are read alone before


class ExampleRows:
    """The examples of one prompt. What is looked up once is remembered."""

    def __init__(self, asked: Examples, table: Table, seed: str) -> None:
        self.asked, self.table, self.seed = asked, table, seed
        read = None if asked.where is None else members_of(asked.where, "row")
        self._columns = None if read is None else [n for n in table.names if n in read]
        self._test = None if asked.where is None else compile_row(asked.where)
        self._reads = () if asked.where is None else tuple(sorted(names_of(asked.where) - {"row"}))
        self._wanted = None if asked.nearest is None else compile_row(asked.nearest)
        self._known: dict[str, Sequence[int]] = {}
        self._index: Any = None
        self._alone = 0  # combinations whose rows were read alone
        self._ahead: OrderedDict[int, list[list[dict[str, Any]]]] = OrderedDict()

    def rows(self, index: int, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The rows for a combination and what is known of its row, each once; fewer where fewer pass `where`.

        None is alike to a text that is null.
        """
        if self._test is None and self._wanted is None and not self.table.in_memory:
            return self._read_ahead(index)
        return self.table.rows(self.places(index, values))

    def places(self, index: int, values: Mapping[str, Any]) -> Sequence[int]:
        """The same rows, by their places in the source."""
        candidates = self._passing(values)
        if self._wanted is None:
            return self._drawn(candidates, index)
        text = as_text(self._wanted(values))
        return [] if text is None else self._nearest(text, candidates)

    def _drawn(self, candidates: Sequence[int], index: int) -> list[int]:
        return draw_some(candidates, self.asked.rows, f"{self.seed}/{index}")

    def _read_ahead(self, index: int) -> list[dict[str, Any]]:
        """The rows of a combination, read with those of its neighbours: of a large file they take no longer together.

        The first few that are asked for are read alone, for a preview needs no more.
        """
        first = index // AHEAD * AHEAD
        if first in self._ahead:
            self._ahead.move_to_end(first)
            return self._ahead[first][index - first]
        everything = range(len(self.table))
        self._alone += 1
        if self._alone <= FEW:
            return self.table.rows(self._drawn(everything, index))
        places = [self._drawn(everything, first + n) for n in range(AHEAD)]
        try:
            found = iter(self.table.rows(place for some in places for place in some))
        except TableFault:  # of a row that may be a neighbour's
            return self.table.rows(places[index - first])
        while len(self._ahead) >= BLOCKS:
            self._ahead.popitem(last=False)
        self._ahead[first] = [list(islice(found, len(some))) for some in places]
        return self._ahead[first][index - first]

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
            test, rows = self._test, self.table.iterate(self._columns)
            self._known[known] = [i for i, row in enumerate(rows) if test({**values, "row": row})]
        return self._known[known]
