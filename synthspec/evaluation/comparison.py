"""Datasets side by side: every metric with its interval, on the same number of rows, and what each cost.

Intervals cover 95 in a hundred; figures for which they would not (tests/test_intervals.py) have none. One that is a
mean over rows has it from the bootstrap (Efron 1979). Others, such as distinct-n, would be wrong on rows drawn twice,
which are copies; they have theirs from random parts of the data without one row twice (the delete-d jackknife, Shao &
Wu 1989): halves, or three quarters where a figure hangs on how many rows there are. Means over rows that depend on the
other rows, such as self-BLEU, have the wider of the two.

Of many figures some differ by chance. A dataset is called better at one only where the difference would stand out by
chance in fewer than 5 of 100 comparisons, all figures and pairs of datasets taken together (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from synthspec.evaluation.corpus.corpus import Corpus
from synthspec.evaluation.metrics import all_metrics
from synthspec.evaluation.metrics.metric import Array, Context, Figure, Metric, Sizes, compute
from synthspec.evaluation.report.build_figures import build_figures
from synthspec.evaluation.report.pieced import pieced_together
from synthspec.lazy_dataclass import dataclass

MOST_ROWS = 5_000  # rows of each dataset that are measured
RESAMPLES = 1_000
PARTS = 20
FEWEST_PARTS = 5
FEWEST_ROWS = 100  # of figures of repeats: less, and one row copied more or less decides
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and the interval it lies in."""

    value: float
    low: float
    high: float
    size: str
    known: bool = True  # whether the interval is; where it is not, `low` and `high` are the value

    def as_dict(self) -> dict[str, Any]:
        ends = {"low": self.low, "high": self.high} if self.known else {"low": None, "high": None}
        return {"value": self.value, **ends, "computed_on": self.size}


@dataclass(frozen=True, slots=True)
class _Part:
    """A figure of some of the rows, and what share of the whole dataset it was computed on."""

    value: float
    share: float


@dataclass(frozen=True, slots=True)
class ComparedMetric:
    """One metric of every dataset. `best` is the index of the one that is surely better, if there is one."""

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
    lines: tuple[ComparedMetric, ...]
    builds: tuple[dict[str, Any] | None, ...]
    against: str = ""
    unranked: tuple[str, ...] = ()  # for each dataset why it is called best at nothing; empty where it may be

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for a program."""
        return {
            "compare": 1,
            "names": list(self.names),
            "rows_measured": self.rows,
            "against": self.against or None,
            "datasets": [
                {"name": n, "rows": c.total, "build": b, "unranked": u or None}
                for n, c, b, u in zip(self.names, self.corpora, self.builds, self.unranked, strict=True)
            ],
            "metrics": [line.as_dict(self.names) for line in self.lines],
        }

    def text(self) -> str:
        """The table that `synthspec compare` prints; `*` marks what is surely better."""
        from synthspec.evaluation.report.side_by_side import comparison_text

        return comparison_text(self)

    def html(self) -> str:
        """One whole page that needs no network."""
        from synthspec.evaluation.report.side_by_side import comparison_page

        return comparison_page(self)

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        from synthspec.evaluation.report.shown import comparison_html

        return comparison_html(self)


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
        measured.append(estimates_of(corpus, against, sizes, seed))
    builds = tuple(None if c.manifest is None else build_figures(c.manifest) for c in corpora)
    unranked = tuple(map(_unranked, measured, builds))
    lines = []
    shown = [m for m in all_metrics() if any(m.name in found for found in measured)]
    reach = _reach(sum(m.interval and m.better != "depends" for m in shown), len(names))
    for metric in shown:
        estimates = tuple(m.get(metric.name) for m in measured)
        best = _best(metric, estimates, reach)
        lines.append(ComparedMetric(metric, estimates, None if best is None or unranked[best] else best))
    against_name = against.name if against else ""
    return Comparison(tuple(names), tuple(corpora), rows, tuple(lines), builds, against_name, unranked)


def _unranked(figures: Mapping[str, Estimate], build: Mapping[str, Any] | None) -> str:
    return pieced_together({n: e.value for n, e in figures.items()}, str((build or {}).get("backend", "")))


def _reach(figures: int, datasets: int) -> float:
    """By how much an interval must be wider to be one of so many that all hold, in 95 of 100 comparisons."""
    from scipy.stats import t

    pairs = max(1, figures * datasets * (datasets - 1) // 2)
    return float(t.ppf(1 - 0.025 / pairs, PARTS - 1) / t.ppf(0.975, PARTS - 1))


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


def estimates_of(corpus: Corpus, against: Corpus | None, sizes: Sizes, seed: int) -> dict[str, Estimate]:
    context = Context(corpus, against, sizes, seed)
    figures = {m.name: f for m in all_metrics() if (f := compute(m, context)) is not None and np.isfinite(f.value)}
    shown = [m for m in all_metrics() if m.interval and (m.part <= 0.5 or len(corpus) >= FEWEST_ROWS)]
    whole = [m for m in shown if m.name in figures and _by_parts(figures[m.name])]
    parts = _parts(corpus, against, sizes, whole, seed)
    generator = np.random.default_rng(seed)
    metrics = {m.name: m for m in all_metrics()}
    found = {}
    for name, figure in figures.items():
        if metrics[name] not in shown or (figure.parts is None and len(parts.get(name, ())) < FEWEST_PARTS):
            found[name] = Estimate(figure.value, figure.value, figure.value, figure.size, known=False)
            continue
        low, high = _interval(figure, parts.get(name, ()), generator)
        if metrics[name].unit != "number" and 0 <= figure.value <= 1:
            low, high = max(low, 0.0), min(high, 1.0)
        found[name] = Estimate(figure.value, low, high, figure.size)
    return found


def _by_parts(figure: Figure) -> bool:
    return figure.parts is None or figure.joint


def _interval(figure: Figure, parts: Sequence[_Part], generator: np.random.Generator) -> tuple[float, float]:
    """From the bootstrap, from parts, or, where the value of a row depends on the others, the wider of the two."""
    found = [_bootstrap(figure, generator)] if figure.parts is not None else []
    found += [_spread(figure, parts)] if _by_parts(figure) else []
    return min(low for low, _ in found), max(high for _, high in found)


def _parts(
    corpus: Corpus, against: Corpus | None, sizes: Sizes, metrics: Sequence[Metric], seed: int
) -> dict[str, list[_Part]]:
    """Each metric on random parts of the rows, none of them twice in one."""
    found: dict[str, list[_Part]] = {m.name: [] for m in metrics}
    if len(corpus) < 8:
        return found
    for share in sorted({m.part for m in metrics}):
        rows = int(len(corpus) * share)
        words = min(sizes.words, int(corpus.tokens.lengths.sum() * share * 0.9))
        smaller = Sizes(max(words, 1), min(sizes.rows, rows), min(sizes.bleu, rows), min(sizes.judged, rows))
        for k in range(PARTS):
            context = Context(corpus.part(corpus.chosen(rows, seed + 1 + k)), against, smaller, seed + 1 + k)
            for metric in (m for m in metrics if m.part == share):
                figure = compute(metric, context)
                if figure is not None and np.isfinite(figure.value):
                    found[metric.name].append(_Part(figure.value, figure.share * rows / len(corpus)))
    return found


def _spread(figure: Figure, parts: Sequence[_Part]) -> tuple[float, float]:
    """What 95 of 100 datasets differ by, either way, told from parts, as a share of their mean: some figures grow
    with size.

    Of n rows, parts of the share h differ by (1 - h)/h of a row's variance over n, the figure, of the share m, by 1/m.
    """
    from scipy.stats import t

    if len(parts) < FEWEST_PARTS:
        return figure.value, figure.value
    values = [p.value for p in parts]
    mean, deviation = float(np.mean(values)), float(np.std(values, ddof=1))
    share = min(float(np.mean([p.share for p in parts])), 0.95)
    deviation *= float(np.sqrt(share / (1 - share) / figure.share))
    reach = float(t.ppf(0.975, len(parts) - 1)) * deviation * (abs(figure.value / mean) if mean else 1.0)
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


def _best(metric: Metric, estimates: Sequence[Estimate | None], reach: float) -> int | None:
    """The dataset that is surely better than all others; `reach` widens intervals for the number of figures."""
    known = [(i, e) for i, e in enumerate(estimates) if e is not None and e.known]
    if len(known) < 2 or metric.better == "depends":
        return None
    ranked = sorted(((i, *_loss(metric, e)) for i, e in known), key=lambda k: k[1])
    best, value, _, most = ranked[0]
    for _, other, least, _ in ranked[1:]:
        apart = reach * float(np.hypot(most - value, other - least))
        if not (most < least and other - value > apart):
            return None
    return best


def _loss(metric: Metric, estimate: Estimate) -> tuple[float, float, float]:
    """Value, least and most of what should be small."""
    target = {"near 1": 1.0, "near 0.5": 0.5}.get(metric.better)
    if metric.better == "higher":
        return -estimate.value, -estimate.high, -estimate.low
    if target is None:
        return estimate.value, estimate.low, estimate.high
    ends = abs(estimate.low - target), abs(estimate.high - target)
    return abs(estimate.value - target), 0.0 if estimate.low <= target <= estimate.high else min(ends), max(ends)
