"""How often a plan has each value of a parameter, beside the share that was asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from synthspec.languages.expressions.evaluation.columns import ColumnArray, unpack
from synthspec.lazy_dataclass import dataclass
from synthspec.planning.parameters import places_in
from synthspec.spec import Choice

SHOWN_VALUES = 40


@dataclass(frozen=True, slots=True)
class ValueCount:
    """A value of a parameter: the share asked for (0 to 1), and how often the plan has it."""

    value: Any
    share: float | None
    count: int


@dataclass(frozen=True, slots=True)
class ParameterReport:
    """One parameter in the plan. `values` for few different ones, else `quantiles` of numbers, else their number."""

    name: str
    kind: str
    distinct: int
    values: tuple[ValueCount, ...]
    quantiles: Mapping[str, float] | None


def parameter_report(name: str, column: ColumnArray, listed: Choice | None) -> ParameterReport:
    """Count the values of a parameter in a column of a plan; `listed` is its draw where it is a list."""
    values = unpack(column)
    marks = [repr(v) for v in values]
    counts = Counter(marks)
    first = dict(zip(reversed(marks), reversed(values), strict=True))
    found: list[ValueCount] = []
    if listed is not None:
        total = sum(listed.weights)
        places = Counter(places_in(column, listed.values).tolist())
        pairs = enumerate(zip(listed.values, listed.weights, strict=True))
        found = [ValueCount(v, w / total, places[i]) for i, (v, w) in pairs][: 10 * SHOWN_VALUES]
    elif len(counts) <= SHOWN_VALUES and column.dtype.kind != "f":
        found = [ValueCount(first[m], None, n) for m, n in sorted(counts.items(), key=lambda c: -c[1])]
    quantiles = None
    if column.dtype.kind in "if" and not found and len(column):
        at = np.nanquantile(column.astype(float), [0, 0.05, 0.5, 0.95, 1])
        quantiles = dict(zip(("min", "p5", "median", "p95", "max"), map(float, at), strict=True))
        quantiles["mean"] = float(np.nanmean(column.astype(float)))
    kind = (
        "list"
        if listed is not None
        else {"i": "whole numbers", "f": "numbers", "b": "boolean"}.get(column.dtype.kind, "values")
    )
    return ParameterReport(name, kind, len(counts), tuple(found), quantiles)
