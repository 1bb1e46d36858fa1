"""Walks through a position automaton: several at once over the same characters, and what leads back to itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterator
from functools import reduce
from itertools import product
from operator import and_

from synthspec.languages.circles import components
from synthspec.languages.patterns.ambiguity.automaton import Automaton, TooLargeError

BUDGET = 60_000  # steps of one search

WalkState = tuple[int, ...]  # a position of each walk


class Search:
    """Steps that several paths take together, each within its own positions, over the same characters."""

    def __init__(self, automaton: Automaton, within: list[frozenset[int]], budget: list[int] | None = None) -> None:
        self.automaton, self.within = automaton, within
        self.budget = budget if budget is not None else [BUDGET]

    def successors(self, state: WalkState) -> Iterator[WalkState]:
        follow, sets = self.automaton.follow, self.automaton.sets
        steps = [[q for q in follow[p] if q in allowed] for p, allowed in zip(state, self.within, strict=True)]
        for together in product(*steps):
            self.budget[0] -= 1
            if self.budget[0] < 0:
                raise TooLargeError
            if reduce(and_, (sets[q] for q in together)):
                yield together


def path_between(
    automaton: Automaton, start: WalkState, goals: Container[WalkState], within: list[frozenset[int]]
) -> list[WalkState]:
    """The states after `start` on a shortest way to a goal; empty where start is one."""
    search = Search(automaton, within)
    came: dict[WalkState, WalkState | None] = {start: None}
    queue = deque([start])
    while queue:
        state = queue.popleft()
        if state in goals:
            path = []
            step: WalkState | None = state
            while step is not None and step != start:
                path.append(step)
                step = came[step]
            return path[::-1]
        for after in search.successors(state):
            if after not in came:
                came[after] = state
                queue.append(after)
    return []


def loops(automaton: Automaton) -> list[frozenset[int]]:
    """The sets of positions that lead back to one another."""
    found = components(range(len(automaton.sets)), lambda p: automaton.follow[p])
    return [loop for loop in found if len(loop) > 1 or next(iter(loop)) in automaton.follow[next(iter(loop))]]
