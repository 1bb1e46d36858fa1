"""Datasets side by side: every metric with its interval, on the same number of rows, and what each cost.

Intervals cover 95 in a hundred. A figure that is a mean over rows has them from the bootstrap (Efron 1979). Others,
such as distinct-n, would be wrong on rows drawn twice, which are copies; they have theirs from random halves of the
data (Shao & Wu 1989), whose spread is that of the whole. Means over rows that depend on the other rows, such as
self-BLEU, have the wider of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from synthspec.metrics import all_metrics
from synthspec.metrics.corpus import Corpus
from synthspec.metrics.metric import Array, Context, Figure, Metric, Sizes
from synthspec.report.measure import build_figures

MOST_ROWS = 5_000  # rows of each dataset that are measured
RESAMPLES = 1_000
HALVES = 20
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and the interval it lies in."""

    value: float
    low: float
    high: float
    size: str

    def as_dict(self) -> dict[str, Any]:
        return {"value": self.value, "low": self.low, "high": self.high, "computed_on": self.size}


@dataclass(frozen=True, slots=True)
class Line:
    """One metric of every dataset. `best` is the index of the one that is better beyond doubt, if there is one."""

    metric: Metric
    estimates: tuple[Estimate | None, ...]
    best: int | None

    def as_dict(self, names: Sequence[str]) -> dict[str, Any]:
        values = {n: None if e is None else e.as_dict() for n, e in zip(names, self.estimates, strict=True)}
        best = None if self.best is None else names[self.best]
        metric = self.metric
        found: dict[str, Any] = {"name": metric.name, "title": metric.title, "family": metric.family}
        return found | {"better": metric.better, "meaning": metric.meaning, "values": values, "best": best}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Datasets side by side."""

    names: tuple[str, ...]
    corpora: tuple[Corpus, ...]
    rows: int  # of each that were measured
    lines: tuple[Line, ...]
    builds: tuple[dict[str, Any] | None, ...]
    against: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a program."""
        return {
            "compare": 1,
            "names": list(self.names),
            "rows_measured": self.rows,
            "against": self.against or None,
            "datasets": [
                {"name": n, "rows": c.total, "build": b}
                for n, c, b in zip(self.names, self.corpora, self.builds, strict=True)
            ],
            "metrics": [line.as_dict(self.names) for line in self.lines],
        }


def compare_corpora(
    corpora: Sequence[Corpus],
    names: Sequence[str],
    against: Corpus | None = None,
    progress: Progress | None = None,
    seed: int = 0,
) -> Comparison:
    """Measure datasets on as many rows each as the smallest has, and over the columns that all of them have."""
    told = progress or (lambda title: None)
    rows = min(MOST_ROWS, *map(len, corpora))
    shared = _same_columns(corpora)
    cut = [c.part(c.chosen(rows, seed)) for c in shared]
    words = min(int(c.tokens.lengths.sum()) for c in cut)
    sizes = Sizes(min(5_000, words), min(500, rows), min(200, rows), min(1_500, rows))
    measured: list[dict[str, Estimate]] = []
    for corpus, name in zip(cut, names, strict=True):
        told(name)
        measured.append(_estimates(corpus, against, sizes, seed))
    lines = []
    for metric in all_metrics():
        estimates = tuple(m.get(metric.name) for m in measured)
        if any(e is not None for e in estimates):
            lines.append(Line(metric, estimates, _best(metric, estimates)))
    builds = tuple(None if c.manifest is None else build_figures(c.manifest) for c in corpora)
    return Comparison(tuple(names), tuple(corpora), rows, tuple(lines), builds, against.name if against else "")


def groups_of(corpus: Corpus, column: str) -> list[tuple[str, Corpus]]:
    """The rows of each value of a column as a dataset of their own.

    Raises:
        LookupError: there is no such column, or it has fewer than two values or very many.
    """
    if column not in corpus.columns:
        raise LookupError(f"{corpus.name} has no column '{column}'; it has {', '.join(corpus.columns)}")
    values = np.array(corpus.column(column), dtype=object)
    distinct = sorted({*values} - {""})
    if not 2 <= len(distinct) <= 12:
        raise LookupError(f"'{column}' has {len(distinct)} values; 2 to 12 can be shown side by side")
    labels = tuple(c for c in corpus.labels if c != column)
    texts = tuple(c for c in corpus.texts if c != column) or corpus.texts
    return [
        (v, replace(corpus.part(np.flatnonzero(values == v)), name=v, labels=labels, texts=texts)) for v in distinct
    ]


def _same_columns(corpora: Sequence[Corpus]) -> list[Corpus]:
    texts = tuple(t for t in corpora[0].texts if all(t in c.texts for c in corpora))
    labels = tuple(t for t in corpora[0].labels if all(t in c.labels for c in corpora))
    return [replace(c, texts=texts or c.texts, labels=labels) for c in corpora]


def _estimates(corpus: Corpus, against: Corpus | None, sizes: Sizes, seed: int) -> dict[str, Estimate]:
    context = Context(corpus, against, sizes, seed)
    figures = {m.name: f for m in all_metrics() if (f := m.compute(context)) is not None and np.isfinite(f.value)}
    whole = [m for m in all_metrics() if m.name in figures and _by_halves(figures[m.name])]
    halves = _halves(corpus, against, sizes, whole, seed)
    generator = np.random.default_rng(seed)
    units = {m.name: m.unit for m in all_metrics()}
    found = {}
    for name, figure in figures.items():
        low, high = _interval(figure, halves.get(name, ()), generator)
        if units[name] != "number" and 0 <= figure.value <= 1:
            low, high = max(low, 0.0), min(high, 1.0)
        found[name] = Estimate(figure.value, low, high, figure.size)
    return found


def _by_halves(figure: Figure) -> bool:
    return figure.parts is None or figure.joint


def _interval(figure: Figure, halves: Sequence[float], generator: np.random.Generator) -> tuple[float, float]:
    """From the bootstrap, from halves, or, where the value of a row depends on the others, the wider of the two."""
    found = [_bootstrap(figure, generator)] if figure.parts is not None else []
    found += [_spread(figure, halves)] if _by_halves(figure) else []
    return min(low for low, _ in found), max(high for _, high in found)


def _halves(
    corpus: Corpus, against: Corpus | None, sizes: Sizes, metrics: Sequence[Metric], seed: int
) -> dict[str, list[float]]:
    """Each metric on random halves of the rows."""
    found: dict[str, list[float]] = {m.name: [] for m in metrics}
    if len(corpus) < 8:
        return found
    half = len(corpus) // 2
    words = min(sizes.words, int(corpus.tokens.lengths.sum() * 0.45))
    smaller = Sizes(max(words, 1), min(sizes.rows, half), min(sizes.bleu, half), min(sizes.judged, half))
    for k in range(HALVES):
        part = corpus.part(corpus.chosen(half, seed + 1 + k))
        context = Context(part, against, smaller, seed + 1 + k)
        for metric in metrics:
            figure = metric.compute(context)
            if figure is not None and np.isfinite(figure.value):
                found[metric.name].append(figure.value)
    return found


def _spread(figure: Figure, halves: Sequence[float]) -> tuple[float, float]:
    """1.96 standard deviations of the halves either way, as a share of their mean: some figures grow with size."""
    if len(halves) < 5:
        return figure.value, figure.value
    mean, deviation = float(np.mean(halves)), float(np.std(halves, ddof=1))
    reach = 1.96 * deviation * (abs(figure.value / mean) if mean else 1.0)
    return figure.value - reach, figure.value + reach


def _bootstrap(figure: Figure, generator: np.random.Generator) -> tuple[float, float]:
    """Percentiles of the mean over rows drawn with replacement; where all are equal, the rule of three."""
    parts: Array = np.asarray(figure.parts, dtype=np.float64)
    count = len(parts)
    if count < 2:
        return figure.value, figure.value
    if parts.min() == parts.max():
        reach = 3 / count if parts[0] in (0.0, 1.0) else 0.0
        return (
            (max(0.0, figure.value - reach), figure.value) if parts[0] == 1.0 else (figure.value, figure.value + reach)
        )
    means = np.array([parts[generator.integers(0, count, count)].mean() for _ in range(RESAMPLES)])
    low, high = np.quantile(means, [0.025, 0.975]) - parts.mean() + figure.value
    return float(low), float(high)


def _best(metric: Metric, estimates: Sequence[Estimate | None]) -> int | None:
    """The dataset whose interval lies beyond all others in the better direction."""
    known = [(i, e) for i, e in enumerate(estimates) if e is not None]
    if len(known) < 2 or metric.better == "depends":
        return None
    target = {"near 1": 1.0, "near 0.5": 0.5}.get(metric.better)

    def loss(e: Estimate) -> tuple[float, float, float]:
        """Value, least and most of what should be small."""
        if metric.better == "higher":
            return -e.value, -e.high, -e.low
        if target is None:
            return e.value, e.low, e.high
        ends = abs(e.low - target), abs(e.high - target)
        return abs(e.value - target), 0.0 if e.low <= target <= e.high else min(ends), max(ends)

    ranked = sorted(known, key=lambda k: loss(k[1])[0])
    return ranked[0][0] if all(loss(ranked[0][1])[2] < loss(e)[1] for _, e in ranked[1:]) else None
