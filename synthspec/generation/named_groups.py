"""`output.group`: the value by which rows belong together, over the parameters of their combinations and fields."""

from __future__ import annotations

from typing import Any

from synthspec.generation.passing_plan import PassingPlan
from synthspec.languages.expressions import compile_row
from synthspec.spec import Spec
from synthspec.spec.rows import Row


class NamedGroups:
    """The value of `output.group` for each row."""

    def __init__(self, spec: Spec, plan: PassingPlan) -> None:
        assert spec.output.group is not None
        self._plan = plan
        self._value = compile_row(spec.output.group)

    def of(self, row: Row) -> Any:
        """The value for one row; null where it cannot be had."""
        return self._value({**row.values, **self._plan.at(row.combination)})
