"""What the rows of a dataset are filtered and counted by: the parameters of their combinations, labels and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthspec.dataset.cells import cell_text, plain
from synthspec.generation.passing_plan import PassingPlan
from synthspec.generation.scheduling.variety import listed_names
from synthspec.inference.store.derived.row_index import TellProgress, make_index
from synthspec.inference.store.derived.row_views import LoggedRow
from synthspec.planning.drawing import DrawFault
from synthspec.planning.plan import Plan
from synthspec.spec import Field, Spec
from synthspec.spec.used_names import used_names

LABEL = "boolean"
LONGEST = 200  # characters of a value by which rows are filtered
LARGEST = 2**63 - 1  # whole numbers that are kept as they are; larger ones are rounded


def index_rows(folder: Path, spec: Spec | None, plan: Plan | None, tell: TellProgress = lambda share: None) -> None:
    """Make the index by which the rows of a folder are filtered. `plan` is None where the spec is another by now: then
    only labels and numbers of the rows themselves are there to filter by.

    Raises:
        StoreFault: the rows are damaged, or the index cannot be written.
    """
    if spec is None:
        make_index(folder, [], lambda row: (), tell)
        return
    own = RowColumns(spec, plan)
    make_index(folder, own.labels, own.texts_of, tell, own.numbers, own.numbers_of)


class RowColumns:
    """The columns that the rows of a spec are filtered by: `labels` of few values, and `numbers`."""

    def __init__(self, spec: Spec, plan: Plan | None) -> None:
        fields = {f.name for f in spec.fields}
        drawn = [p for p in spec.parameters if p.name in used_names(spec) and plan is not None]
        if spec.on_missing == "replace":  # others are not those of the plan where a row was replaced
            drawn = [p for p in drawn if p.name in listed_names(spec)]
        self._labels = [f.name for f in spec.fields if _is_label(f)]
        self._numbers = [f.name for f in spec.fields if f.type.numeric]
        self._drawn = [p.name for p in drawn if p.name not in self._labels]
        self._counted = [p.name for p in drawn if p.type.numeric and p.name not in fields]
        self._plan = PassingPlan(plan) if plan is not None and drawn else None
        self._combination: tuple[int, Mapping[str, Any]] = (-1, {})
        self.labels = (*self._drawn, *self._labels)
        self.numbers = (*self._counted, *self._numbers)

    def texts_of(self, row: LoggedRow) -> list[str | None]:
        """The values of `labels` for a row."""
        held = self._parameters(row.combination) if self._drawn else {}
        return [_text(held.get(n)) for n in self._drawn] + [_text(row.values.get(n)) for n in self._labels]

    def numbers_of(self, row: LoggedRow) -> list[float | None]:
        """The values of `numbers` for a row."""
        held = self._parameters(row.combination) if self._counted else {}
        return [_number(held.get(n)) for n in self._counted] + [_number(row.values.get(n)) for n in self._numbers]

    def _parameters(self, combination: int) -> Mapping[str, Any]:
        if self._plan is None:
            return {}
        if combination != self._combination[0]:
            try:
                self._combination = combination, self._plan.at(combination)
            except (DrawFault, StopIteration, IndexError):  # the sources are others by now
                self._combination = combination, {}
        return self._combination[1]


def columns_of_fields(spec: Spec, values: Mapping[str, Any]) -> tuple[dict[str, str | None], dict[str, float | None]]:
    """What a row with these values is filtered by, as far as that hangs on its fields: labels, and numbers."""
    labels = {f.name: _text(values.get(f.name)) for f in spec.fields if _is_label(f)}
    return labels, {f.name: _number(values.get(f.name)) for f in spec.fields if f.type.numeric}


def _is_label(field: Field) -> bool:
    """Whether the values of a field are few and known."""
    return bool(field.type.values) or field.type.kind == LABEL


def _text(value: Any) -> str | None:
    return None if value is None else cell_text(value)[:LONGEST]


def _number(value: Any) -> float | None:
    value = plain(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) <= LARGEST else float(min(max(value, -1e308), 1e308))
