"""Similarity to an original: does the dataset look like real data, without repeating it?

Figures that cannot be 0 even between two halves of the same data come with a floor: what two halves of the original
give at the same sample size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthspec.metrics.classifier import cross_scores, fold_of, placements
from synthspec.metrics.corpus import NEAR, Corpus
from synthspec.metrics.metric import Array, Context, Figure, Metric
from synthspec.metrics.tokens import Tokens, tokens_of
from synthspec.metrics.vectors import gram_counts, inverse_frequency, similarities, weigh
from synthspec.shingles import normal_form

_FAMILY = "similarity"
SEARCHED = 20_000  # rows looked through for copies
SHORTEST = 5  # words of a text that can be a copy
NEIGHBOURS = 5


def jensen_shannon(left: Array, right: Array) -> float:
    """Jensen-Shannon divergence of two counts in bits (Lin 1991): 0 the same distribution, 1 nothing in common."""
    p, q = left / left.sum(), right / right.sum()
    middle = (p + q) / 2
    terms = [np.sum(x[x > 0] * np.log2(x[x > 0] / middle[x > 0])) for x in (p, q)]
    return float(max(0.0, sum(terms) / 2))


def divergence(left: Array, right: Array) -> float:
    """Jensen-Shannon divergence of what two samples are made of."""
    values, ids = np.unique(np.concatenate([left, right]), return_inverse=True)
    a = np.bincount(ids[: len(left)], minlength=len(values))
    b = np.bincount(ids[len(left) :], minlength=len(values))
    return jensen_shannon(a.astype(np.float64), b.astype(np.float64))


@dataclass(frozen=True)
class Pair:
    """The texts of a dataset and of its original over the columns they share, shuffled; the original in halves."""

    synthetic: Tokens
    halves: tuple[Tokens, Tokens]
    texts: list[str]
    real: list[str]


def shared_columns(corpus: Corpus, against: Corpus) -> tuple[str, ...]:
    """Text columns of both; none where their names differ, and then whole rows are compared."""
    return tuple(c for c in corpus.texts if c in against.columns)


def row_texts(corpus: Corpus, columns: tuple[str, ...]) -> list[str]:
    """Each row's text over some columns, or over its own text columns where none are named."""
    if not columns or columns == corpus.texts:
        return corpus.rows
    return ["\n".join(parts) for parts in zip(*map(corpus.column, columns), strict=True)]


def pair_of(context: Context) -> Pair | None:
    """The dataset beside its original; None where there is none, or too little of it."""
    if context.against is None or len(context.against) < 4:
        return None
    if "pair" not in context.notes:
        context.notes["pair"] = _pair_of(context.corpus, context.against, context.seed)
    pair: Pair = context.notes["pair"]
    return pair


def _pair_of(corpus: Corpus, against: Corpus, seed: int) -> Pair:
    columns = shared_columns(corpus, against)
    texts, real = row_texts(corpus, columns), row_texts(against, columns)
    generator = np.random.default_rng(seed)
    order, other = generator.permutation(len(texts))[:SEARCHED], generator.permutation(len(real))[:SEARCHED]
    texts, real = [texts[i] for i in order], [real[i] for i in other]
    middle = len(real) // 2
    return Pair(tokens_of(texts), (tokens_of(real[:middle]), tokens_of(real[middle:])), texts, real)


def _grams(n: int) -> Metric:
    def compute(context: Context) -> Figure | None:
        pair = pair_of(context)
        if pair is None:
            return None
        words = min(context.sizes.words, len(pair.synthetic.flat), *(len(h.flat) for h in pair.halves))
        if words < 20:
            return None
        mine, first, second = (t.first(words).grams(n) for t in (pair.synthetic, *pair.halves))
        return Figure(divergence(mine, first), f"{words:,} words of each", floor=divergence(second, first))

    name, title = {1: ("vocabulary_js", "Vocabulary"), 2: ("bigram_js", "Word pairs")}[n]
    what = {1: "Words", 2: "Pairs of words"}[n]
    return Metric(name, f"{title}: divergence", _FAMILY, "lower",
                  f"{what} against the original's: 0 the same, 1 nothing in common (Jensen–Shannon, bits).",
                  "Lin 1991", compute, "share")  # fmt: skip


def _characters(context: Context) -> Figure | None:
    pair = pair_of(context)
    if pair is None:
        return None
    middle = len(pair.real) // 2
    rows = min(context.sizes.rows, len(pair.texts), middle)
    samples = (pair.texts[:rows], pair.real[:rows], pair.real[middle : middle + rows])
    mine, first, second = (np.asarray(gram_counts(t).sum(axis=0)).ravel() for t in samples)
    if not mine.sum() or not first.sum() or not second.sum():
        return None
    return Figure(jensen_shannon(mine, first), f"{rows:,} rows of each", floor=jensen_shannon(second, first))


def _lengths(context: Context) -> Figure | None:
    pair = pair_of(context)
    if pair is None:
        return None
    rows = min(len(pair.synthetic), *(len(h) for h in pair.halves), 2_000)
    edges = np.unique(np.quantile(np.concatenate([h.lengths for h in pair.halves]), np.linspace(0, 1, 11)[1:-1]))
    mine, first, second = (np.digitize(t.lengths[:rows], edges) for t in (pair.synthetic, *pair.halves))
    return Figure(divergence(mine, first), f"{rows:,} rows of each", floor=divergence(second, first))


def _length_ratio(context: Context) -> Figure | None:
    pair = pair_of(context)
    if pair is None:
        return None
    real = float(np.mean(np.concatenate([h.lengths for h in pair.halves])))
    parts = pair.synthetic.lengths / real if real else None
    return None if parts is None else Figure(float(parts.mean()), f"{len(parts):,} rows", parts)


def _joint_kernel(texts: list[str], real: list[str]) -> Array:
    counts = gram_counts([*texts, *real])
    vectors = weigh(counts, inverse_frequency(counts))
    return similarities(vectors, vectors).astype(np.float64)


def _two_sample(context: Context) -> Figure | None:
    from synthspec.near import near_pairs

    pair = pair_of(context)
    if pair is None:
        return None
    rows = min(context.sizes.rows, len(pair.texts), len(pair.real))
    texts, real = pair.texts[:rows], pair.real[:rows]
    if rows < 20:
        return None
    groups = np.arange(rows * 2)
    for a, b in near_pairs([*texts, *real], NEAR):
        groups[b] = groups[a]
    labels = np.repeat([1, 0], rows)
    scores = cross_scores(_joint_kernel(texts, real), labels, 2, fold_of(groups, labels, context.seed))
    parts = placements(scores[:, 1], labels == 1)
    return Figure(float(parts.mean()), f"{rows:,} rows of each", parts, floor=0.5)


def nearest(context: Context) -> tuple[Array, Array, Pair] | None:
    """For each sampled row its likest row of the original and how alike they are (cosine)."""
    pair = pair_of(context)
    if pair is None:
        return None
    texts, real = pair.texts[: context.sizes.rows], pair.real[:2_000]
    known = gram_counts(real)
    idf = inverse_frequency(known)
    alike = similarities(weigh(gram_counts(texts), idf), weigh(known, idf))
    return alike.argmax(axis=1), alike.max(axis=1), pair


def _nearest(context: Context) -> Figure | None:
    found = nearest(context)
    if found is None:
        return None
    _, alike, pair = found
    vectors = weigh(gram_counts(pair.real[:2_000]))
    among = similarities(vectors, vectors)
    np.fill_diagonal(among, -1)
    floor = float(among.max(axis=1).mean())
    return Figure(float(alike.mean()), f"{len(alike):,} rows", alike.astype(np.float64), floor)


def _coverage(context: Context) -> Figure | None:
    pair = pair_of(context)
    if pair is None:
        return None
    rows = min(context.sizes.rows, len(pair.texts), len(pair.real))
    if rows < 20:
        return None
    kernel = _joint_kernel(pair.texts[:rows], pair.real[:rows])
    among = kernel[rows:, rows:].copy()
    np.fill_diagonal(among, -1)
    radius = np.sort(among, axis=1)[:, -NEIGHBOURS]
    reached = (kernel[rows:, :rows].max(axis=1) >= radius).astype(np.float64)
    return Figure(float(reached.mean()), f"{rows:,} rows of each", reached, floor=None)


def copies(context: Context) -> tuple[Array, Array] | None:
    """For each row (of at most 20,000) whether a text of it is exactly, or nearly, one of the original."""
    if context.against is None:
        return None
    if "copies" not in context.notes:
        context.notes["copies"] = _copies_of(context.corpus, context.against, context.seed)
    found: tuple[Array, Array] = context.notes["copies"]
    return found


def _copies_of(mine: Corpus, theirs: Corpus, seed: int) -> tuple[Array, Array]:
    from synthspec.near import near_pairs

    rows, known = mine.chosen(SEARCHED, seed), theirs.chosen(SEARCHED, seed)
    columns = shared_columns(mine, theirs)
    exact, near = np.zeros(len(rows), bool), np.zeros(len(rows), bool)
    for column in columns or ("",):
        own = row_texts(mine, (column,) if column else ())
        real = row_texts(theirs, (column,) if column else ())
        texts, originals = [own[i] for i in rows], sorted({real[i] for i in known})
        forms = {f for t in originals if _is_long(f := normal_form(t))}
        mine_forms = [normal_form(t) for t in texts]
        pairs = near_pairs([*originals, *texts], NEAR)
        late = pairs[(pairs[:, 0] < len(originals)) & (pairs[:, 1] >= len(originals))][:, 1] - len(originals)
        like = forms | {mine_forms[i] for i in late if _is_long(mine_forms[i])}
        exact |= np.array([f in forms for f in mine_forms])
        near |= np.array([f in like for f in mine_forms])
    return exact, near


def _is_long(form: str) -> bool:
    return form.count(" ") >= SHORTEST - 1


def _exact(context: Context) -> Figure | None:
    found = copies(context)
    return None if found is None else Figure(float(found[0].mean()), f"{len(found[0]):,} rows", found[0])


def _near(context: Context) -> Figure | None:
    found = copies(context)
    return None if found is None else Figure(float(found[1].mean()), f"{len(found[1]):,} rows", found[1])


def _labels(context: Context) -> Figure | None:
    corpus, against = context.corpus, context.against
    shared = [c for c in corpus.labels if against is not None and c in against.labels]
    if not shared or against is None:
        return None
    found = [divergence(np.array(corpus.column(c)), np.array(against.column(c))) for c in shared]
    return Figure(float(np.mean(found)), ", ".join(shared))


METRICS = (
    Metric(
        "length_ratio",
        "Length, of the original's",
        _FAMILY,
        "near 1",
        "Mean words of a row, of the original's mean.",
        "",
        _length_ratio,
    ),
    Metric(
        "length_js",
        "Lengths: divergence",
        _FAMILY,
        "lower",
        "How lengths are spread, against the original: 0 the same, 1 nothing in common.",
        "Lin 1991",
        _lengths,
        "share",
    ),
    _grams(1),
    _grams(2),
    Metric(
        "character_js",
        "Spelling: divergence",
        _FAMILY,
        "lower",
        "Runs of three to five characters against the original's: 0 the same, 1 nothing in common.",
        "Lin 1991",
        _characters,
        "share",
    ),
    Metric(
        "label_js",
        "Labels: divergence",
        _FAMILY,
        "lower",
        "Shares of the labels against the original's; 0 is the same. Not every dataset should match.",
        "Lin 1991",
        _labels,
        "share",
    ),
    Metric(
        "two_sample_auc",
        "Told from real (AUC)",
        _FAMILY,
        "near 0.5",
        "How often a classifier tells which of a synthetic and a real row is which: 0.5 guesses, 1 always; "
        "well below 0.5, rows are pieced together from the original's.",
        "Lopez-Paz & Oquab 2017",
        _two_sample,
        "share",
    ),
    Metric(
        "coverage",
        "Coverage of the original",
        _FAMILY,
        "higher",
        "Rows of the original that have a synthetic row as near as their fifth nearest real one.",
        "Naeem et al. 2020",
        _coverage,
        "share",
    ),
    Metric(
        "nearest_similarity",
        "Likeness to nearest real row",
        _FAMILY,
        "depends",
        "Cosine to the likest row of the original. Far above the floor means copying, far below another subject.",
        "",
        _nearest,
        "share",
    ),
    Metric(
        "exact_copies",
        "Exact copies of the original",
        _FAMILY,
        "lower",
        "Rows of which a text of five words or more stands in the original word for word: leakage.",
        "",
        _exact,
        "share",
    ),
    Metric(
        "near_copies",
        "Near copies of the original",
        _FAMILY,
        "lower",
        "Rows of which a text is at least 0.8 like one of the original: leakage, reworded.",
        "Broder 1997",
        _near,
        "share",
    ),
)
