"""`output.group`: the value by which rows belong together, over the parameters of their combinations and fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from synthspec.languages.expressions import compile_row
from synthspec.planning.plan import Plan
from synthspec.spec.rows import Row

AHEAD = 4096  # combinations passed over rather than the plan opened at another place


class NamedGroups:
    """The value of `output.group` for each row. Rows come in the plan's order, so combinations are read in passing."""

    def __init__(self, plan: Plan) -> None:
        assert plan.spec.output.group is not None
        self._plan = plan
        self._value = compile_row(plan.spec.output.group)
        self._index = -1
        self._combination: Mapping[str, Any] = {}
        self._following: Iterator[Mapping[str, Any]] = iter(())

    def of(self, row: Row) -> Any:
        """The value for one row; null where it cannot be had."""
        return self._value({**row.values, **self._of(row.combination)})

    def _of(self, index: int) -> Mapping[str, Any]:
        if index == self._index:
            return self._combination
        if not self._index < index <= self._index + AHEAD or self._index < 0:
            if index < self._index:  # of a row that was moved: the order goes on where it was
                return self._plan[index]
            self._following = self._plan.combinations(index, index + 10**9)
            self._index = index - 1
        while self._index < index:
            self._combination = next(self._following)
            self._index += 1
        return self._combination
