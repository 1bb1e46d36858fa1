"""Figures against row index: where repetition shows. Each window holds the same number of rows and words."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from synthspec.evaluation.corpus.corpus import Corpus
from synthspec.evaluation.corpus.vectors import similarities, vectors_of
from synthspec.evaluation.metrics.diversity import compression_ratio, distinct, vendi
from synthspec.evaluation.metrics.metric import Array, Sizes
from synthspec.evaluation.metrics.self_bleu import self_bleu_scores
from synthspec.lazy_dataclass import dataclass

WINDOWS = 20
SMALLEST = 10  # rows of a window
LARGEST = 100  # rows measured in a window


@dataclass(frozen=True, slots=True)
class Curve:
    """One figure by window. `at` is the index of each window's middle row in the whole dataset."""

    name: str
    title: str
    better: str
    meaning: str
    at: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def unit(self) -> str:
        """How a value is written."""
        if self.name == "self_bleu":
            return "ratio"
        return "number" if self.name in ("compression_ratio", "vendi_score", "words") else "share"

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "better": self.better, "meaning": self.meaning, "at": list(self.at),
                "values": list(self.values)}  # fmt: skip


_CURVES = (
    ("distinct_2", "Distinct-2", "higher", "Different word pairs within each window."),
    ("compression_ratio", "Compression ratio", "lower", "How many times smaller gzip makes each window."),
    ("self_bleu", "Self-BLEU", "lower", "How much of a row can be found in other rows of its window."),
    ("vendi_score", "Vendi score", "higher", "How many wholly different rows each window is worth."),
    ("near_duplicate_rate", "Near duplicates", "lower", "Rows of each window that are like a row anywhere before."),
    ("new_pairs", "New word pairs", "higher", "Word pairs that no earlier row has. Always falls; a cliff is bad."),
    ("words", "Words a row", "depends", "The mean length of a row."),
)  # fmt: skip


def curves_of(corpus: Corpus, sizes: Sizes | None = None) -> tuple[Curve, ...]:
    """Every curve, over at most 20 windows; none for fewer than 30 rows."""
    count = len(corpus)
    windows = min(WINDOWS, count // SMALLEST)
    if windows < 3:
        return ()
    edges = np.linspace(0, count, windows + 1).astype(np.int64)
    spans = [np.arange(a, b) for a, b in itertools.pairwise(edges)]
    rows = min(LARGEST, *(len(s) for s in spans))
    samples = [_even(s, rows) for s in spans]
    words = max(1, min(int(corpus.tokens.part(s).lengths.sum()) for s in samples))
    first_seen = _first_pairs(corpus, spans)
    late = corpus.groups != np.arange(count)
    values = [
        (*_window(corpus, sample, words), float(late[span].mean()), new, float(corpus.tokens.lengths[span].mean()))
        for sample, span, new in zip(samples, spans, first_seen, strict=True)
    ]
    at = tuple(int(corpus.places[s[len(s) // 2]]) for s in spans)
    columns = zip(*values, strict=True)
    return tuple(Curve(*about, at, tuple(column)) for about, column in zip(_CURVES, columns, strict=True))


def _even(rows: Array, size: int) -> Array:
    return rows[np.linspace(0, len(rows) - 1, size).astype(np.int64)]


def _window(corpus: Corpus, sample: Array, words: int) -> tuple[float, float, float, float]:
    texts = [corpus.rows[i] for i in sample]
    tokens = corpus.tokens.part(sample)
    vectors = vectors_of(texts)
    kernel = similarities(vectors, vectors).astype(np.float64)
    np.fill_diagonal(kernel, 1.0)
    cut = " ".join("\n".join(texts).split(" ")[:words])
    bleu = float(self_bleu_scores(tokens).mean())
    return distinct(tokens.first(words), 2), compression_ratio(cut), bleu, vendi(kernel)


def _first_pairs(corpus: Corpus, spans: list[Array]) -> list[float]:
    """For each window the share of its word pairs that no window before has; over at most 2 million words."""
    lengths = corpus.tokens.lengths
    step = max(1, int(lengths.sum()) // 2_000_000)
    grams = [corpus.tokens.part(s[::step]).grams(2) for s in spans]
    window = np.repeat(np.arange(len(grams)), [len(g) for g in grams])
    flat = np.concatenate(grams)
    _, first, inverse = np.unique(flat, return_index=True, return_inverse=True)
    new = window[first][inverse] == window
    sizes = np.maximum(np.bincount(window, minlength=len(grams)), 1)
    return list(np.bincount(window, weights=new, minlength=len(grams)) / sizes)
