"""The contract of metrics: what every module that measures datasets must do. `docs/extending.md` shows its use."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, get_args

from synthspec.evaluation.corpus.corpus import corpus_of
from synthspec.evaluation.gates import GATE_METRICS
from synthspec.evaluation.metrics.metric import Better, Context, Figure, Metric
from synthspec.plugins import declared

WORDS = "the a one it was and good bad room late food cold staff kind bed clean price again never quiet loud".split()
ROWS: tuple[Mapping[str, Any], ...] = tuple(
    {"text": " ".join(WORDS[(i * k + k) % len(WORDS)] for k in range(1, 9 + i % 5)) + ".", "mood": "ab"[i % 2], "n": i}
    for i in range(40)
)
ODD: tuple[Sequence[Mapping[str, Any]], ...] = (
    ROWS[:1],
    ROWS[:2],
    [{"text": ""}, {"text": ""}],
    [{"text": None}, {"text": "x"}],
    [{"n": 1}, {"n": 2}, {"n": 3}],
    [{"text": "漢字かな交じり文"}, {"text": "😀 😀"}],
    [dict(ROWS[0])] * 30,
)


class MetricContract:
    """Subclass it, set `module`, and let pytest collect it."""

    module: ModuleType
    rows: Sequence[Mapping[str, Any]] = ROWS  # rows that every metric of the module can measure alone, where it can

    def figures(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Figure | None]:
        """What each metric of the module comes to."""
        return {m.name: m.compute(Context(corpus_of("data", rows))) for m in self.module.METRICS}

    def test_describes_itself(self) -> None:
        """The module has every name of the contract, and its metrics say what they are."""
        m = self.module
        assert isinstance(m.METRICS, tuple), "METRICS is a tuple: METRICS = (Metric(…),)"
        assert m.METRICS
        for metric in m.METRICS:
            assert isinstance(metric, Metric)
            assert metric.name.isidentifier(), "a gate names it, so it is one word"
            assert metric.title
            assert metric.family
            assert metric.meaning
            assert metric.better in get_args(Better), f"better is one of {', '.join(get_args(Better))}"
            assert metric.unit in ("share", "ratio", "number")
            assert callable(metric.compute)
        names = [metric.name for metric in m.METRICS]
        assert len(set(names)) == len(names), "two metrics of one name"

    def test_gates_can_name_what_it_declares(self) -> None:
        """GATES is a plain literal that names metrics of the module, none of which is a figure of the build's own."""
        gates = getattr(self.module, "GATES", ())
        assert declared(self.module.__name__, "GATES") == gates, "write GATES as a plain tuple: it is read as text"
        assert set(gates) <= {m.name for m in self.module.METRICS}
        own = {m.name for m in GATE_METRICS}
        if not self.module.__name__.startswith("synthspec."):
            assert not set(gates) & own, "gates have a figure of that name"

    def test_measures(self) -> None:
        """Each gives a finite figure, or None where there is nothing to measure; shares and ratios from 0 to 1."""
        for rows in (self.rows, *ODD):
            for name, figure in self.figures(rows).items():
                assert figure is None or isinstance(figure, Figure), f"{name} gives a Figure or None"
                if figure is not None and math.isfinite(figure.value):
                    unit = next(m.unit for m in self.module.METRICS if m.name == name)
                    assert unit != "share" or -1e-9 <= figure.value <= 1 + 1e-9, f"{name} is no share"
        gates = getattr(self.module, "GATES", ())
        lost = [n for n in gates if self.figures(self.rows)[n] is None]
        assert not lost, f"a gate cannot read {', '.join(lost)}: it measured nothing of ordinary rows"

    def test_the_same_figure_again(self) -> None:
        """The same rows give the same figure."""
        first, second = self.figures(self.rows), self.figures(self.rows)
        assert {n: f and f.value for n, f in first.items()} == {n: f and f.value for n, f in second.items()}
