"""Similarity to an original: does the dataset look like real data?

Figures that cannot be 0 even between two halves of the same data come with a floor: what two halves of the original
give at the same sample size.
"""

from __future__ import annotations

import numpy as np

from synthspec.evaluation.corpus.corpus import NEAR
from synthspec.evaluation.corpus.vectors import gram_counts, inverse_frequency, similarities, weigh
from synthspec.evaluation.metrics.classifier import cross_scores, fold_of, placements
from synthspec.evaluation.metrics.mauve import mauve
from synthspec.evaluation.metrics.metric import Array, Context, Figure, Metric
from synthspec.evaluation.metrics.original import Pair, embeddings_of, pair_of

_FAMILY = "similarity"
NEIGHBOURS = 5
CLUSTERS = 40


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


def _grams(n: int) -> Metric:
    def compute(context: Context) -> Figure | None:
        pair = pair_of(context)
        if pair is None:
            return None
        words = min(context.sizes.words, len(pair.synthetic.flat), *(len(h.flat) for h in pair.halves))
        if words < 20:
            return None
        mine, first, second = (t.first(words).grams(n) for t in (pair.synthetic, *pair.halves))
        share = words / len(pair.synthetic.flat)
        return Figure(divergence(mine, first), f"{words:,} words of each", floor=divergence(second, first), share=share)

    name, title = {1: ("vocabulary_js", "Vocabulary"), 2: ("bigram_js", "Word pairs")}[n]
    what = {1: "Words", 2: "Pairs of words"}[n]
    return Metric(name, f"{title}: divergence", _FAMILY, "lower",
                  f"{what} against the original's: 0 the same, 1 nothing in common (Jensen–Shannon, bits).",
                  "Lin 1991", compute, "ratio")  # fmt: skip


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
    share = rows / len(pair.texts)
    return Figure(
        jensen_shannon(mine, first), f"{rows:,} rows of each", floor=jensen_shannon(second, first), share=share
    )


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


def _likeness(context: Context, pair: Pair, rows: int) -> Array:
    """Cosine similarity of every two of the first rows of each side, by embeddings where a model is given."""
    embedded = embeddings_of(context, pair)
    if embedded is None:
        return _joint_kernel(pair.texts[:rows], pair.real[:rows])
    vectors = np.concatenate([e[:rows] for e in embedded])
    found: Array = (vectors @ vectors.T).astype(np.float64)
    return found


def _two_sample(context: Context) -> Figure | None:
    from synthspec.dataset.similarity.pairs import near_pairs

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


def _coverage(context: Context) -> Figure | None:
    pair = pair_of(context)
    if pair is None:
        return None
    rows = min(context.sizes.rows, len(pair.texts), len(pair.real))
    if rows < 20:
        return None
    kernel = _likeness(context, pair, rows)
    among = kernel[rows:, rows:].copy()
    np.fill_diagonal(among, -1)
    radius = np.sort(among, axis=1)[:, -NEIGHBOURS]
    reached = (kernel[rows:, :rows].max(axis=1) >= radius).astype(np.float64)
    return Figure(float(reached.mean()), context.by(f"{rows:,} rows of each"), reached, floor=None)


def clusters_of(kernel: Array, clusters: int, seed: int = 0) -> Array:
    """A cluster for each row, by spherical k-means (Dhillon & Modha 2001) on similarities, begun as in k-means++."""
    count = len(kernel)
    generator = np.random.default_rng(seed)
    centres = [int(generator.integers(count))]
    while len(centres) < clusters:
        distance = np.maximum(1 - kernel[:, centres].max(axis=1), 1e-12) ** 2
        centres.append(int(generator.choice(count, p=distance / distance.sum())))
    owner: Array = kernel[:, centres].argmax(axis=1)
    for _ in range(30):
        moved = _affinity(kernel, owner, clusters, kernel).argmax(axis=1)
        if (moved == owner).all():
            break
        owner = moved
    return owner


def _affinity(kernel: Array, owner: Array, clusters: int, across: Array) -> Array:
    """Cosine of other rows to the centre of each cluster; `across` holds their similarity to the clustered."""
    one = np.eye(clusters)[owner]
    norms = np.sqrt(np.maximum((one * (kernel @ one)).sum(axis=0), 1e-12))
    found: Array = across @ one / norms
    return found


def _clusters(context: Context) -> Figure | None:
    pair = pair_of(context)
    if pair is None:
        return None
    rows = min(context.sizes.rows, len(pair.texts), len(pair.real))
    clusters = min(CLUSTERS, rows // 5)
    if clusters < 4:
        return None
    kernel = _likeness(context, pair, rows)
    real = kernel[rows:, rows:]
    owner = clusters_of(real, clusters, context.seed)
    reached = np.bincount(_affinity(real, owner, clusters, kernel[:rows, rows:]).argmax(axis=1), minlength=clusters)
    size = np.bincount(owner, minlength=clusters)
    share = float(size[reached > 0].sum() / size.sum())
    return Figure(share, context.by(f"{rows:,} rows of each, {int((size > 0).sum())} clusters"))


def _mauve(context: Context) -> Figure | None:
    pair = pair_of(context)
    embedded = None if pair is None else embeddings_of(context, pair)
    if embedded is None:
        return None
    mine, real = embedded
    rows = min(len(mine), len(real) // 2)
    if rows < 20:
        return None
    floor = mauve(real[rows : 2 * rows], real[:rows], context.seed)
    found = mauve(mine[:rows], real[:rows], context.seed)
    return Figure(found, context.by(f"{rows:,} rows of each"), floor=floor)


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
        "ratio",
        interval=False,
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
        "ratio",
    ),
    Metric(
        "label_js",
        "Labels: divergence",
        _FAMILY,
        "lower",
        "Shares of the labels against the original's; 0 is the same. Not every dataset should match.",
        "Lin 1991",
        _labels,
        "ratio",
        interval=False,
    ),
    Metric(
        "two_sample_auc",
        "Told from real (AUC)",
        _FAMILY,
        "near 0.5",
        "How often a classifier tells a synthetic row from a real one: 0.5 guesses, 1 always; "
        "well below 0.5, rows are pieced together from the original's.",
        "Lopez-Paz & Oquab 2017",
        _two_sample,
        "ratio",
        interval=False,
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
        interval=False,
    ),
    Metric(
        "cluster_coverage",
        "Cluster coverage",
        _FAMILY,
        "higher",
        "The original's rows in groups of like ones: the share that lies in groups some synthetic row joins.",
        "Dhillon & Modha 2001",
        _clusters,
        "share",
    ),
    Metric(
        "mauve",
        "MAUVE",
        _FAMILY,
        "higher",
        "What the dataset and its original have in common, by clusters of embeddings: 0 nothing, 1 the same. "
        "Only with --embed.",
        "Pillutla et al. 2021",
        _mauve,
        "ratio",
    ),
)
