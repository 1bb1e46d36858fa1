"""Balance as achieved: how often each label, and each pair of labels, is really there."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from synthspec.evaluation.corpus.corpus import Corpus
from synthspec.evaluation.corpus.values import level_names
from synthspec.evaluation.metrics.metric import Context, Figure, Metric

_FAMILY = "balance"
MOST_COLUMNS = 12


def evenness(counts: Sequence[int]) -> float:
    """Shannon entropy of shares, of its largest value (Pielou 1966): 1 where all are equally common."""
    share = np.array([c for c in counts if c], dtype=np.float64)
    if len(counts) < 2:
        return 1.0
    share /= share.sum()
    return float(max(0.0, -np.sum(share * np.log(share)) / np.log(len(counts))))


def association(left: Sequence[str], right: Sequence[str]) -> float:
    """Cramér's V of two columns, with Bergsma's correction (2013): 0 independent, 1 one decides the other."""
    table = Counter(zip(left, right, strict=True))
    rows, columns = sorted(set(left)), sorted(set(right))
    seen = np.array([[table[a, b] for b in columns] for a in rows], dtype=np.float64)
    total, (r, k) = seen.sum(), seen.shape
    if total < 2 or min(r, k) < 2:
        return 0.0
    expected = np.outer(seen.sum(axis=1), seen.sum(axis=0)) / total
    phi = max(0.0, ((seen - expected) ** 2 / expected).sum() / total - (r - 1) * (k - 1) / (total - 1))
    size = min(r - (r - 1) ** 2 / (total - 1), k - (k - 1) ** 2 / (total - 1)) - 1
    return float(min(1.0, np.sqrt(phi / size))) if size > 0 else 0.0


def balance_of(corpus: Corpus, lost: Sequence[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """Each label column with how often each value is kept and, where known, how often it was lost."""
    found = []
    for column in corpus.labels[:MOST_COLUMNS]:
        kept = Counter(v for v in corpus.column(column) if v != "")
        gone = Counter(level_names([r[column] for r in lost if r.get(column) is not None]))
        values = sorted({*kept, *gone}, key=lambda v: (-kept[v], v))
        found.append({"column": column, "evenness": evenness([kept[v] for v in values]),
                      "values": [{"value": v, "kept": kept[v], "lost": gone[v]} for v in values]})  # fmt: skip
    return found


def pairs_of(corpus: Corpus) -> list[dict[str, Any]]:
    """Each two label columns: the share of pairs of values that occur, and how strongly they go together."""
    found = []
    for left, right in itertools.combinations(corpus.labels[:MOST_COLUMNS], 2):
        a, b = corpus.column(left), corpus.column(right)
        possible = len(set(a)) * len(set(b))
        found.append({"columns": [left, right], "coverage": len(set(zip(a, b, strict=True))) / possible,
                      "association": association(a, b)})  # fmt: skip
    return found


def _evenness(context: Context) -> Figure | None:
    found = balance_of(context.corpus)
    if not found:
        return None
    worst = min(found, key=lambda f: float(f["evenness"]))
    return Figure(worst["evenness"], f"{worst['column']}, the least even of {len(found)}")


def _pairs(context: Context) -> Figure | None:
    found = pairs_of(context.corpus)
    return (
        Figure(
            float(np.mean([f["coverage"] for f in found])),
            f"{len(found)} pair{'' if len(found) == 1 else 's'} of columns",
        )
        if found
        else None
    )


METRICS = (
    Metric(
        "label_evenness",
        "Evenness of labels",
        _FAMILY,
        "depends",
        "How evenly the values of the least even label come: 1 is equally often. Not every spec asks for that.",
        "Pielou 1966",
        _evenness,
        "ratio",
    ),
    Metric(
        "pair_coverage",
        "Pairs of labels present",
        _FAMILY,
        "higher",
        "Of all pairs of values of two label columns, those that at least one row has.",
        "",
        _pairs,
        "share",
    ),
)
