"""The reorder buffer where rows make rows and the rules between rows are about a level above the last: whatever order
things come in, each level is judged in its own order, and every row comes to its end."""

from __future__ import annotations

import itertools
import random

import pytest
from test_reorder_buffer import Unique, dropped_of, missing_of, row_of

from synthspec.generation.scheduling.reorder_buffer import ReorderBuffer
from synthspec.generation.scheduling.variety import Watch
from synthspec.spec.rows import Row, RowPath

JUDGED = 2  # length of the paths of the rows that are judged; rows of the dataset have three


class Tree:
    """Rows that make rows: how many each makes, which are lost, and which say the same as another."""

    def __init__(self, seed: int) -> None:
        dice = random.Random(f"tree {seed}")
        self.counts: dict[RowPath, int | None] = {}  # None of a row that is lost
        self.calls: dict[RowPath, str] = {}
        for combination in range(4):
            self._grow((combination,), dice)

    def _grow(self, path: RowPath, dice: random.Random) -> None:
        self.calls[path] = dice.choice("abcdefgh")
        if len(path) == 3:
            return
        self.counts[path] = dice.choice([None, 0, 1, 2, 3])
        for number in range(self.counts[path] or 0):
            self._grow((*path, number), dice)

    def played(self, seed: int) -> tuple[list[str], list[tuple[RowPath, str]]]:
        """What was kept, and what every row came to, with events in an order drawn at random."""
        dice, judge = random.Random(seed), Unique()
        buffer = ReorderBuffer(judge, Watch(("call",)), None, levels=(9, 3, 1), ruled=JUDGED - 1)
        waiting: list[RowPath] = []
        ids = itertools.count()
        asked: dict[int, RowPath] = {}
        found: list[tuple[RowPath, str]] = []
        for combination in range(4):
            buffer.open(combination)
            waiting.append((combination,))
        while waiting:
            path = waiting.pop(dice.randrange(len(waiting)))
            if len(path) == JUDGED:
                asked[number := next(ids)] = path
                buffer.offer_above(((path[0],), number), path, {"call": self.calls[path]}, "m")
            else:
                waiting += self._ended(buffer, path, ids)
            buffer.advance()
            waiting += self._answered(buffer, asked)
            for settled, outcome, _ in buffer.settled:
                found.append((settled, outcome.values["call"] if isinstance(outcome, Row) else type(outcome).__name__))
            buffer.settled.clear()
        assert len(buffer) == 0, "every row has come to its end"
        return list(judge.kept), found

    def _ended(self, buffer: ReorderBuffer, path: RowPath, ids: itertools.count[int]) -> list[RowPath]:
        """A row that needs no verdict goes on."""
        if len(path) == 3:
            row = row_of(path[0], f"{self.calls[path]} {path}")
            buffer.offer(((path[0],), next(ids)), Row(row.slot, row.combination, row.values, (), path), "m")
            return []
        if (count := self.counts[path]) is None:
            buffer.lose(missing_of(path))
            return []
        buffer.fan(path, count)
        return [(*path, number) for number in range(count)]

    def _answered(self, buffer: ReorderBuffer, asked: dict[int, RowPath]) -> list[RowPath]:
        """Rows that were judged go on, or are lost where they repeat another."""
        more: list[RowPath] = []
        while buffer.verdicts:
            verdicts, buffer.verdicts = buffer.verdicts, []
            for (_, number), rejection in verdicts:
                if (path := asked.pop(number, None)) is None:
                    continue  # of the last level
                if rejection is None:
                    more += self._ended(buffer, path, itertools.count())
                else:
                    buffer.lose(missing_of(path))
            buffer.advance()
        return more


@pytest.mark.parametrize("seed", range(40))
def test_each_level_is_judged_in_its_order_and_every_row_ends(seed: int) -> None:
    tree = Tree(seed)
    first = tree.played(0)
    for order in range(1, 6):
        kept, found = tree.played(order)
        assert kept == first[0], "rows are kept in the order of their paths"
        assert found == first[1]
    assert [path for path, _ in first[1]] == sorted(path for path, _ in first[1])


def test_a_row_above_that_was_lost_holds_no_other_back() -> None:
    buffer = ReorderBuffer(Unique(), Watch(("call",)), dropped_of, levels=(6, 3, 1), ruled=JUDGED - 1)
    for combination in range(2):
        buffer.open(combination)
    buffer.fan((1,), 1)
    buffer.offer_above(((1,), 1), (1, 0), {"call": "a"}, "m")
    buffer.advance()
    assert buffer.verdicts == [], "the rows of the combination before it are not known yet"
    buffer.lose(missing_of((0,)))
    buffer.advance()
    assert buffer.verdicts == [(((1,), 1), None)]
