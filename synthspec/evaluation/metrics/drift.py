"""Category drift: can a reader tell a label from the text alone?

A classifier is trained on the original's labels where an original with the same column is given, and otherwise on
the dataset itself, cross-validated in five folds with near duplicates kept together. Where it does no better than
always naming the commonest label, the text does not show what the label says.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from synthspec.evaluation.corpus.corpus import Corpus
from synthspec.evaluation.corpus.vectors import gram_counts, inverse_frequency, similarities, vectors_of, weigh
from synthspec.evaluation.metrics.classifier import cross_scores, fit_scores, fold_of
from synthspec.evaluation.metrics.metric import Array, Context, Figure, Metric
from synthspec.evaluation.metrics.original import row_texts, shared_columns
from synthspec.lazy_dataclass import dataclass

FEWEST = 20  # rows with a label


@dataclass(frozen=True, slots=True)
class Drift:
    """How well one label column is told from the text."""

    column: str
    classes: tuple[str, ...]
    confusion: Array  # rows of each label (first axis) taken for each label (second)
    right: Array  # of each row judged, whether its label was told
    trained_on: str

    @property
    def accuracy(self) -> float:
        return float(self.right.mean())

    @property
    def chance(self) -> float:
        """The share of the commonest label: what naming it every time gets right."""
        return float(self.confusion.sum(axis=1).max() / self.confusion.sum())

    @property
    def kappa(self) -> float:
        """Agreement beyond what the label and guess shares alone would give (Cohen 1960): 0 chance, 1 always right."""
        return float(self.beyond_chance.mean())

    @property
    def beyond_chance(self) -> Array:
        """What each row adds to kappa: kappa is their mean."""
        expected = float((self.confusion.sum(axis=0) @ self.confusion.sum(axis=1)) / self.confusion.sum() ** 2)
        found: Array = (self.right - expected) / (1 - expected) if expected < 1 else np.zeros(len(self.right))
        return found

    def as_dict(self) -> dict[str, Any]:
        return {"column": self.column, "accuracy": self.accuracy, "chance": self.chance, "kappa": self.kappa,
                "rows": len(self.right), "trained_on": self.trained_on, "classes": list(self.classes),
                "confusion": self.confusion.tolist()}  # fmt: skip


def label_drift(context: Context) -> tuple[Drift, ...]:
    """Every label column that can be judged."""
    if "drift" not in context.notes:
        context.notes["drift"] = tuple(_label_drift(context))
    found: tuple[Drift, ...] = context.notes["drift"]
    return found


def _label_drift(context: Context) -> Iterator[Drift]:
    corpus, against = context.corpus, context.against
    rows = corpus.chosen(context.sizes.judged, context.seed)
    own: Array | None = None
    for column in corpus.labels:
        labels = np.array([v or None for v in corpus.column(column)], dtype=object)[rows]
        given = _given_labels(against, column, set(labels))
        if given is None and own is None:
            vectors = vectors_of([corpus.rows[i] for i in rows])
            own = similarities(vectors, vectors).astype(np.float64)
        judged = None
        if given is not None:
            judged = _judged_by_original(context, column, labels, rows, given)
        elif own is not None:
            judged = _judged_by_itself(context, column, labels, own, corpus.groups[rows])
        if judged is not None:
            yield judged


def _given_labels(against: Corpus | None, column: str, wanted: set[Any]) -> Array | None:
    """The original's rows whose label is one of the dataset's; None where they teach fewer than two of them."""
    if against is None or column not in against.columns or not set(against.texts):
        return None
    labels = np.array(against.column(column), dtype=object)
    use = np.flatnonzero([v in wanted and v != "" for v in labels])
    return use if len(set(labels[use])) >= 2 and len(use) >= FEWEST else None


def _judged_by_original(context: Context, column: str, labels: Array, rows: Array, given: Array) -> Drift | None:
    corpus, against = context.corpus, context.against
    assert against is not None
    shared = tuple(c for c in shared_columns(corpus, against) if c != column)
    own, real = row_texts(corpus, shared), row_texts(against, shared)
    if len(given) > context.sizes.judged:
        given = np.sort(np.random.default_rng(context.seed).choice(given, context.sizes.judged, replace=False))
    theirs = np.array(against.column(column), dtype=object)[given]
    classes = sorted({*theirs} | {v for v in labels if v is not None})
    known = np.flatnonzero([v is not None for v in labels])
    if len(known) < FEWEST:
        return None
    learnt = gram_counts([real[i] for i in given])
    idf = inverse_frequency(learnt)
    teacher, pupil = weigh(learnt, idf), weigh(gram_counts([own[i] for i in rows[known]]), idf)
    kernel = similarities(teacher, teacher).astype(np.float64)
    scores = fit_scores(kernel, _numbers(theirs, classes), len(classes), similarities(pupil, teacher))
    return drift_of(column, classes, _numbers(labels[known], classes), scores.argmax(axis=1), against.name)


def _judged_by_itself(context: Context, column: str, labels: Array, kernel: Array, groups: Array) -> Drift | None:
    known = np.flatnonzero([v is not None for v in labels])
    classes = sorted({labels[i] for i in known})
    if len(known) < FEWEST or len(classes) < 2:
        return None
    numbers = _numbers(labels[known], classes)
    fold = fold_of(groups[known], numbers, context.seed)
    scores = cross_scores(kernel[np.ix_(known, known)], numbers, len(classes), fold)
    return drift_of(column, classes, numbers, scores.argmax(axis=1), "")


def _numbers(labels: Array, classes: list[str]) -> Array:
    index = {c: i for i, c in enumerate(classes)}
    return np.array([index[v] for v in labels], np.int64)


def drift_of(column: str, classes: list[str], true: Array, told: Array, trained_on: str) -> Drift:
    """How well labels were told, from the numbers of the true ones and of those told."""
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, (true, told), 1)
    return Drift(column, tuple(classes), confusion, true == told, trained_on)


def _recovery(context: Context) -> Figure | None:
    found = label_drift(context)
    if not found:
        return None
    parts = np.concatenate([d.beyond_chance for d in found])
    columns = ", ".join(d.column for d in found)
    return Figure(float(np.mean([d.kappa for d in found])), f"{len(parts) // len(found):,} rows; {columns}", parts)


def _judged(context: Context) -> Figure | None:
    judged: tuple[Drift, ...] = context.notes.get("judged", ())
    if not judged:
        return None
    parts = np.concatenate([d.beyond_chance for d in judged])
    columns = ", ".join(d.column for d in judged)
    size = f"{len(parts) // len(judged):,} rows; {columns}; {judged[0].trained_on}"
    return Figure(float(np.mean([d.kappa for d in judged])), size, parts)


METRICS = (
    Metric(
        "label_recovery",
        "Labels predicted from text",
        "drift",
        "higher",
        "How well a classifier predicts each label from the text alone, beyond chance: 0 is guessing, 1 always right.",
        "Rifkin & Klautau 2004; Cohen 1960",
        _recovery,
        "ratio",
    ),
    Metric(
        "judge_recovery",
        "Labels predicted by the judge",
        "drift",
        "higher",
        "How well a model that reads the text predicts each label, beyond chance: 0 is guessing, 1 always right. "
        "Only with --judge.",
        "Zheng et al. 2023; Cohen 1960",
        _judged,
        "ratio",
    ),
)
