"""What the rows of a dataset are filtered and counted by: the parameters of their combinations, and their labels."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthspec.dataset.cells import cell_text
from synthspec.generation.passing_plan import PassingPlan
from synthspec.generation.scheduling.variety import listed_names
from synthspec.inference.store.derived.row_index import Told, make_index
from synthspec.inference.store.derived.row_views import LoggedRow
from synthspec.planning.drawing import DrawFault
from synthspec.planning.plan import Plan
from synthspec.spec import Field, Spec
from synthspec.spec.used_names import used_names

LABEL = "boolean"


def index_rows(folder: Path, spec: Spec | None, plan: Plan | None, tell: Told = lambda share: None) -> None:
    """Make the index by which the rows of a folder are filtered. `plan` is None where the spec is another by now: then
    only labels are there to filter by.

    Raises:
        StoreFault: the rows are damaged, or the index cannot be written.
    """
    names, values = _facets(spec, plan)
    make_index(folder, names, values, rules_noted, tell)


def _facets(spec: Spec | None, plan: Plan | None) -> tuple[list[str], Callable[[LoggedRow], Sequence[str | None]]]:
    """The names, and the values of a row."""
    if spec is None:
        return [], lambda row: ()
    labels = [f.name for f in spec.fields if _is_label(f)]
    drawn = [p.name for p in spec.parameters if p.name in used_names(spec) and p.name not in labels]
    if spec.on_missing == "replace":  # others are not those of the plan where a row was replaced
        drawn = [name for name in drawn if name in listed_names(spec)]
    if plan is None:
        drawn = []
    combinations = PassingPlan(plan) if plan is not None and drawn else None

    def values(row: LoggedRow) -> list[str | None]:
        held: Mapping[str, Any] = {}
        if combinations is not None:
            try:
                held = combinations.at(row.combination)
            except (DrawFault, StopIteration, IndexError):  # the sources are others by now
                held = {}
        own = [row.values.get(name) for name in labels]
        return [None if v is None else cell_text(v)[:200] for v in (*(held.get(n) for n in drawn), *own)]

    return [*drawn, *labels], values


def _is_label(field: Field) -> bool:
    """Whether the values of a field are few and known."""
    return bool(field.type.values) or field.type.kind == LABEL


def rules_noted(body: str) -> dict[str, str]:
    """The rules that rejected something of a combination, by the reasons that they gave, as its build noted them."""
    try:
        _, _, counted, *_ = json.loads(body)
        return {str(reason): str(rule) for _, _, told in counted for _, rule, reason in told}
    except (ValueError, TypeError):
        return {}
