"""Gates: the finished dataset's metrics by name, and which gates fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass



@dataclass(frozen=True, slots=True)
class GateMetric:
    """A figure a gate may name."""

    name: str
    summary: str


GATE_METRICS: tuple[GateMetric, ...] = (
    GateMetric("rows", "rows kept"),
    GateMetric("acceptance", "rows kept, of the rows that replies held (0 to 1)"),
    GateMetric("completeness", "rows kept, of the rows asked for by the spec (0 to 1)"),
    GateMetric("count_accuracy", "rows that replies held, of the rows they were asked for, at most 1"),
    GateMetric("near_duplicate_rate", "rows whose text is a near duplicate of an earlier row's, of rows kept (0 to 1)"),
    GateMetric("duplicate_rate", "rows whose text equals an earlier row's, of rows kept (0 to 1)"),
    GateMetric("distinct_1", "different words, of all words, on at most 2,000 rows (0 to 1)"),
    GateMetric("distinct_2", "different pairs of words, of all pairs, on at most 2,000 rows (0 to 1)"),
    GateMetric("coverage", "combinations of listed values in the plan that have at least one row kept (0 to 1)"),
    GateMetric("warnings", "rows kept that break a check of severity warn"),
    GateMetric("calls", "calls made or reused"),
    GateMetric("cost", "US dollars"),
    GateMetric("tokens", "prompt and completion tokens"),
)


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate, whether it holds, and the figures it read."""

    text: str
    holds: bool
    figures: Mapping[str, float]
