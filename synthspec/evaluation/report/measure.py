"""Corpus → Report: every figure of a dataset as plain values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

import numpy as np

from synthspec.evaluation.call_tally import said_calls
from synthspec.evaluation.corpus.corpus import Corpus
from synthspec.evaluation.corpus.headers import named_like, nothing_shared
from synthspec.evaluation.embeddings import Embedder
from synthspec.evaluation.judge import Judgement
from synthspec.evaluation.metrics import FAMILIES, all_metrics, broken_metrics, families_of
from synthspec.evaluation.metrics.balance import balance_of, pairs_of
from synthspec.evaluation.metrics.calls import read_quarantine
from synthspec.evaluation.metrics.curves import Curve, curves_of
from synthspec.evaluation.metrics.drift import Drift, label_drift
from synthspec.evaluation.metrics.language import language_figures
from synthspec.evaluation.metrics.leakage import copies, nearest
from synthspec.evaluation.metrics.metric import Array, Context, Figure, Metric, Sizes, compute, failures_of
from synthspec.evaluation.report.account import RowsAccount, rows_account
from synthspec.evaluation.report.build_figures import build_figures
from synthspec.evaluation.report.phrases import Phrase, repeated_phrases
from synthspec.evaluation.report.reached import AskedAndReached, asked_and_reached
from synthspec.lazy_dataclass import dataclass

Progress = Callable[[str], None]
GROUP_ROWS = 400  # rows of a group that language figures are computed on
GROUP_WORDS = 2_000
CLOSEST = 6  # nearest neighbours shown
HISTOGRAM = 24  # bars


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric and what it came to."""

    metric: Metric
    figure: Figure

    def as_dict(self) -> dict[str, Any]:
        metric, figure = self.metric, self.figure
        found: dict[str, Any] = {"name": metric.name, "title": metric.title, "family": metric.family}
        found |= {"value": figure.value, "better": metric.better, "computed_on": figure.size}
        if figure.floor is not None:
            found["floor"] = figure.floor
        return {**found, "meaning": metric.meaning, "source": metric.source}


@dataclass(frozen=True, slots=True)
class Report:
    """All that is known of a dataset."""

    corpus: Corpus
    against: Corpus | None
    measured: tuple[Measured, ...]
    curves: tuple[Curve, ...]
    drift: tuple[Drift, ...]
    balance: list[dict[str, Any]]
    pairs: list[dict[str, Any]]
    language: list[dict[str, Any]]
    lengths: list[dict[str, Any]]
    closest: list[dict[str, Any]] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    quarantine: list[Mapping[str, Any]] = field(default_factory=list)
    quarantined: int = 0
    left_out: tuple[str, ...] = ()  # installed metrics that cannot be used, and why
    embeddings: str = ""  # the model that likeness is by, where not by TF-IDF
    judgement: Judgement | None = None
    phrases: tuple[Phrase, ...] = ()  # that many rows have in common
    copied: tuple[Array, Array] | None = None  # of each row looked at, whether it copies the original: exactly, nearly

    def value(self, name: str) -> float | None:
        """The value of a metric, if it could be measured."""
        return next((m.figure.value for m in self.measured if m.metric.name == name), None)

    @property
    def account(self) -> RowsAccount | None:
        """What became of the rows asked for; None where nothing tells of them."""
        return rows_account(self.corpus.manifest)

    @property
    def asked(self) -> AskedAndReached | None:
        """The shares and correlations asked for, and those reached; None where the manifest does not tell them."""
        return asked_and_reached(self.corpus.manifest)

    @property
    def families(self) -> Mapping[str, str]:
        """The families of metrics, by title, in the order shown."""
        return families_of(m.metric for m in self.measured)

    def reasons(self) -> list[tuple[str, int]]:
        """Why rows are missing, the commonest first."""
        return Counter(str(r) for e in self.quarantine for r in _strings(e.get("reasons"))).most_common()

    def as_dict(self) -> dict[str, Any]:
        """Everything but the rows, for a program."""
        from synthspec.evaluation.report.findings import findings_of
        from synthspec.evaluation.report.verdict import verdict_of

        corpus, manifest = self.corpus, self.corpus.manifest
        columns = {"text": list(corpus.texts), "label": list(corpus.labels)}
        return {
            "report": 1,
            "name": corpus.name,
            "rows": corpus.total,
            "rows_read": len(corpus),
            "notes": list(corpus.notes),
            "columns": columns,
            "against": None if self.against is None else {"name": self.against.name, "rows": self.against.total},
            "metrics": [m.as_dict() for m in self.measured],
            "curves": [c.as_dict() for c in self.curves],
            "drift": [d.as_dict() for d in self.drift],
            "balance": self.balance,
            "pairs": self.pairs,
            "language": self.language,
            "lengths": self.lengths,
            "nearest": self.closest,
            "verdict": verdict_of(self).as_dict(),
            "findings": [f.as_dict() for f in findings_of(self)],
            "asked": self.asked.as_dict() if self.asked else None,
            "account": self.account.as_dict() if self.account else None,
            "phrases": [p.as_dict() for p in self.phrases],
            "build": None if manifest is None else build_figures(manifest),
            "calls": self.calls,
            "quarantine": {"rows": self.quarantined, "reasons": dict(self.reasons())},
            **({"embeddings": self.embeddings} if self.embeddings else {}),
            **({"judge": self.judgement.as_dict()} if self.judgement else {}),
        }

    def text(self) -> str:
        """The summary that `synthspec report` prints."""
        from synthspec.evaluation.report.text import report_text

        return report_text(self)

    def html(self) -> str:
        """One whole page that needs no network."""
        from synthspec.evaluation.report.page import report_page

        return report_page(self)

    def __repr__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        from synthspec.evaluation.report.shown import report_html

        return report_html(self)


def measure(corpus: Corpus, against: Corpus | None = None, progress: Progress | None = None, *,
            sizes: Sizes | None = None, embed: Embedder | None = None,
            judgement: Judgement | None = None) -> Report:  # fmt: skip
    """Measure a dataset, beside an original if one is given; likeness by embeddings where a model for them is.

    Raises:
        BackendFault: texts could not be embedded.
    """
    told = progress or (lambda title: None)
    quarantine, count = read_quarantine(corpus.folder) if corpus.folder else ([], 0)
    calls = said_calls(corpus.manifest)
    if not len(corpus):  # a build that came to nothing: why is known, and there is nothing to measure
        nothing: list[dict[str, Any]] = []
        return Report(
            corpus, against, (), (), (), nothing, nothing, nothing, nothing, calls=calls, quarantine=quarantine,
            quarantined=count,
        )  # fmt: skip
    if against is not None:
        against = named_like(against, corpus.columns)
        corpus = replace(corpus, notes=(*corpus.notes, *against.notes, *nothing_shared(corpus, against)))
    context = Context(corpus, against, sizes or Sizes(), embed=embed)
    context.notes["judged"] = judgement.columns if judgement else ()
    measured = tuple(_measured(context, told))
    told("Curves")
    curves = curves_of(corpus)
    told("Confusion")
    drift = label_drift(context)
    told("Groups")
    lost = [e["values"] for e in quarantine if isinstance(e.get("values"), dict)]
    language = language_groups(corpus)
    told("Calls")
    return Report(
        corpus, against, measured, curves, drift, balance_of(corpus, lost), pairs_of(corpus), language,
        [length_histogram(corpus, against, c) for c in corpus.texts],
        _closest(context), calls, quarantine, count, (*broken_metrics(), *failures_of(context).values()),
        embed.name if embed else "", judgement, repeated_phrases(corpus), copies(context),
    )  # fmt: skip


def _measured(context: Context, told: Progress) -> Iterator[Measured]:
    for metric in all_metrics():
        told(metric.title)
        figure = compute(metric, context)
        if figure is not None and np.isfinite(figure.value):
            yield Measured(metric, figure)


def step_count() -> int:
    """How often `measure` tells of its progress."""
    return len(all_metrics()) + 4


def _strings(value: Any) -> Sequence[str]:
    return [str(v) for v in value] if isinstance(value, list) else []


def language_groups(corpus: Corpus) -> list[dict[str, Any]]:
    """Language figures of each text column, and of each label's rows."""
    rows = corpus.chosen(GROUP_ROWS)
    found: list[dict[str, Any]] = []
    for column in corpus.texts:
        texts = corpus.column(column)
        found.append({"group": "column", "value": column, "rows": len(texts),
                      **language_figures([texts[i] for i in rows], GROUP_WORDS)})  # fmt: skip
    for label in corpus.labels:
        values = np.array(corpus.column(label), dtype=object)
        for value in sorted({*values}):
            its = np.flatnonzero(values == value)
            if value == "" or len(its) < 5:
                continue
            chosen = its if len(its) <= GROUP_ROWS else np.random.default_rng(0).choice(its, GROUP_ROWS, replace=False)
            found.append({"group": label, "value": value, "rows": len(its),
                          **language_figures([corpus.rows[i] for i in chosen], GROUP_WORDS)})  # fmt: skip
    return found


def length_histogram(corpus: Corpus, against: Corpus | None, column: str) -> dict[str, Any]:
    """How many words the texts of a column have: shares by bar, and the original's where it has the column."""
    lengths = np.array([len(t.split()) for t in corpus.column(column)])
    real = None
    if against is not None and column in against.columns:
        real = np.array([len(t.split()) for t in against.column(column)])
    both = lengths if real is None else np.concatenate([lengths, real])
    low, high = int(both.min()), max(int(np.quantile(both, 0.995)), int(both.min()) + 1)
    step = max(1, -(-(high - low + 1) // HISTOGRAM))
    edges = np.arange(low, high + step + 1, step)
    found: dict[str, Any] = {"column": column, "from": [int(e) for e in edges[:-1]], "step": step,
                             "share": _shares(lengths, edges), "median": float(np.median(lengths))}  # fmt: skip
    if real is not None:
        found |= {"original": _shares(real, edges), "original_median": float(np.median(real))}
    return found


def _shares(lengths: Any, edges: Any) -> list[float]:
    clipped = np.clip(lengths, edges[0], edges[-1])
    return [float(c) / len(lengths) for c in np.histogram(clipped, edges)[0]]


def _closest(context: Context) -> list[dict[str, Any]]:
    """The rows most like a row of the original, beside it."""
    found = nearest(context)
    if found is None or copies(context) is None:
        return []
    which, alike, pair = found
    order = np.argsort(-alike, kind="stable")[:CLOSEST]
    return [{"similarity": float(alike[i]), "row": pair.texts[i], "original": pair.real[int(which[i])]} for i in order]


__all__ = ["FAMILIES", "Measured", "Report", "measure", "step_count"]
