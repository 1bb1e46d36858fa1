"""The combinations of a plan for whoever comes by them in its order: read in passing, and only from where it is asked.

Reading a plan in order costs a small part of reading it at a place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from synthspec.planning.plan import Plan

AHEAD = 4096  # combinations passed over rather than the plan opened at another place
MOST = 10**12  # combinations there may be after one: where rows are dropped, more than the plan is long


class PassingPlan:
    """A plan and the combination of it that was read last."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._index = -1
        self._combination: Mapping[str, Any] = {}
        self._following: Iterator[Mapping[str, Any]] = iter(())

    def at(self, index: int) -> Mapping[str, Any]:
        """The combination of this number. One before the last that was read is read at its place, apart."""
        if index == self._index:
            return self._combination
        if index < self._index:
            return self.plan[index]
        if self._index < 0 or index > self._index + AHEAD:
            end = len(self.plan) if self.plan.spec.each is not None else index + MOST
            self._following = self.plan.combinations(index, end)
            self._index = index - 1
        while self._index < index:
            self._combination = next(self._following)
            self._index += 1
        return self._combination
