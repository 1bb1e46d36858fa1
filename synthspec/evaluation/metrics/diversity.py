"""Diversity: does the dataset say many different things, or one thing many times?"""

from __future__ import annotations

import gzip

import numpy as np

from synthspec.evaluation.corpus.words import Tokens
from synthspec.evaluation.metrics.metric import Array, Context, Figure, Metric
from synthspec.evaluation.metrics.self_bleu import self_bleu_scores
from synthspec.languages.expressions.random.splitmix64 import GOLDEN

MOST = 0.75  # what half of the rows say of repeats is too little of the whole
GATES = ("near_duplicate_rate", "duplicate_rate", "distinct_1", "distinct_2")
_FAMILY = "diversity"


def distinct(tokens: Tokens, n: int) -> float:
    """Different n-grams of words, of all n-grams (Li et al. 2016)."""
    grams = tokens.grams(n)
    return len(np.unique(grams)) / len(grams) if len(grams) else 1.0


def compression_ratio(text: str) -> float:
    """Bytes before gzip, of bytes after (Shaib et al. 2024). What repeats compresses well."""
    raw = text.encode("utf-8", "replace")
    return len(raw) / len(gzip.compress(raw, 9, mtime=0)) if raw else 1.0


def vendi(kernel: Array) -> float:
    """exp of the Shannon entropy of the eigenvalues of K/n (Friedman & Dieng 2023): from 1, all the same, to n."""
    values = np.linalg.eigvalsh(kernel / len(kernel))
    values = values[values > 1e-12]
    return float(np.exp(-np.sum(values * np.log(values))))


def repeats(tokens: Tokens) -> Array:
    """For each text whether an earlier one has the same words, ignoring case and punctuation."""
    filled = tokens.lengths > 0  # texts without words do not count
    _, first, group = np.unique(tokens.digests()[filled], return_index=True, return_inverse=True)
    found = np.zeros(len(tokens), bool)
    found[filled] = first[group] != np.arange(int(filled.sum()))
    return found


def repeated_openings(tokens: Tokens, words: int = 3) -> Array:
    """For each text whether another one begins with the same words."""
    long = tokens.lengths >= words
    starts = tokens.starts[:-1][long]
    opening = np.zeros(len(starts), np.uint64)
    for k in range(words):
        opening = opening * GOLDEN + tokens.flat[starts + k]
    _, inverse, counts = np.unique(opening, return_inverse=True, return_counts=True)
    found = np.zeros(len(tokens), bool)
    found[long] = counts[inverse] > 1
    return found


def _distinct(n: int) -> Metric:
    def compute(context: Context) -> Figure | None:
        tokens = context.corpus.tokens.part(context.mixed).first(context.sizes.words)
        if len(tokens.flat) < n:
            return None
        share = len(tokens.flat) / len(context.corpus.tokens.flat)
        return Figure(distinct(tokens, n), f"{len(tokens.flat):,} words", share=share)

    what = {1: "words", 2: "pairs of neighbouring words", 3: "runs of three words"}[n]
    return Metric(f"distinct_{n}", f"Distinct-{n}", _FAMILY, "higher",
                  f"The share of {what} that differ from all others. Low means that the same wording comes back.",
                  "Li et al. 2016", compute, "share", part=MOST)  # fmt: skip


def _compression(context: Context) -> Figure | None:
    lengths, left = context.corpus.tokens.lengths, context.sizes.words
    parts = []
    for i in context.mixed:
        if left <= 0:
            break
        text = context.corpus.rows[i]
        if lengths[i] > left:
            words = text.split()
            text = " ".join(words[: round(len(words) * left / lengths[i])])
        left -= min(left, int(lengths[i]))
        parts.append(text)
    used = context.sizes.words - left
    share = used / max(int(lengths.sum()), 1)
    return Figure(compression_ratio("\n".join(parts)), f"{used:,} words", share=share) if used >= 20 else None


def _self_bleu(context: Context) -> Figure | None:
    rows = context.corpus.chosen(context.sizes.bleu, context.seed)
    scores = self_bleu_scores(context.corpus.tokens.part(rows))
    if len(rows) < 2:
        return None
    return Figure(float(scores.mean()), f"{len(rows):,} rows", scores, joint=True, share=_share(context, len(rows)))


def _share(context: Context, rows: int) -> float:
    return rows / len(context.corpus)


def _vendi(context: Context) -> Figure | None:
    count = len(context.drawn)
    if count < 2:
        return None
    return Figure(vendi(context.kernel), context.by(f"{count:,} rows"), share=_share(context, count))


def _duplicates(context: Context) -> Figure:
    found = repeats(context.corpus.tokens)
    return Figure(float(found.mean()), f"{len(found):,} rows", found, joint=True)


def _near_duplicates(context: Context) -> Figure:
    found = context.corpus.groups != np.arange(len(context.corpus))
    return Figure(float(found.mean()), f"{len(found):,} rows", found, joint=True)


def _openings(context: Context) -> Figure:
    found = repeated_openings(context.corpus.tokens.part(context.drawn))
    share = _share(context, len(found))
    return Figure(float(found.mean()), f"{len(found):,} rows", found, joint=True, share=share)


METRICS = (
    _distinct(1),
    _distinct(2),
    _distinct(3),
    Metric(
        "compression_ratio",
        "Compression ratio",
        _FAMILY,
        "lower",
        "How many times smaller gzip makes the text. What repeats shrinks more; people's prose, about 2 to 2.6.",
        "Shaib et al. 2024",
        _compression,
        part=MOST,
    ),
    Metric(
        "self_bleu",
        "Self-BLEU",
        _FAMILY,
        "lower",
        "How much of a row (runs of one to four words) can be found in the other rows, from 0 to 1.",
        "Zhu et al. 2018",
        _self_bleu,
        "ratio",
        part=MOST,
    ),
    Metric(
        "vendi_score",
        "Vendi score",
        _FAMILY,
        "higher",
        "How many wholly different rows the sample is worth: each row like another counts for less.",
        "Friedman & Dieng 2023",
        _vendi,
        part=MOST,
    ),
    Metric(
        "duplicate_rate",
        "Exact duplicates",
        _FAMILY,
        "lower",
        "Rows whose text equals an earlier row's, ignoring case and punctuation.",
        "",
        _duplicates,
        "share",
        part=MOST,
    ),
    Metric(
        "near_duplicate_rate",
        "Near duplicates",
        _FAMILY,
        "lower",
        "Rows that could go: all but one of each group of rows 0.8 alike or more (words and pairs of words in common).",
        "Broder 1997",
        _near_duplicates,
        "share",
        part=MOST,
    ),
    Metric(
        "repeated_openings",
        "Repeated openings",
        _FAMILY,
        "lower",
        "Rows whose first three words also begin another row.",
        "",
        _openings,
        "share",
        part=MOST,
    ),
)
