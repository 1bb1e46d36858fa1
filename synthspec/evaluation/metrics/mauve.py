"""MAUVE: how far a dataset and its original share the same ground (Pillutla et al. 2021), from embeddings.

Both samples are put into the same clusters; then mixtures of the two are compared with each. What the dataset has
and the original has not costs on one side, what it lacks on the other.
"""

from __future__ import annotations

import numpy as np

from synthspec.evaluation.metrics.metric import Array

SCALING = 5.0
MIXTURES = 25
MOST_CLUSTERS = 500
ROUNDS = 100


def mauve(left: Array, right: Array, seed: int = 0) -> float:
    """Area under the divergence frontier of two samples of vectors, from 0, nothing in common, to 1, the same.

    Clusters are as many as a tenth of the smaller sample, 2 to 500. It is the same whichever sample is named first.
    """
    joint = np.concatenate([left, right]).astype(np.float64)
    clusters = max(2, min(len(left) // 10, len(right) // 10, MOST_CLUSTERS))
    order = np.lexsort(joint.T)  # k-means sees the same rows in the same order, whichever sample comes first
    owner = np.empty(len(joint), np.int64)
    owner[order] = lloyd(joint[order], clusters, seed)
    p = np.bincount(owner[: len(left)], minlength=clusters) / len(left)
    q = np.bincount(owner[len(left) :], minlength=clusters) / len(right)
    return frontier_area(p, q)


def frontier_area(p: Array, q: Array) -> float:
    """Area under exp(-5 KL) of each distribution from their mixtures.

    >>> import numpy as np
    >>> same, other = np.array([0.5, 0.5, 0.0]), np.array([0.0, 0.0, 1.0])
    >>> round(frontier_area(same, same), 3), round(frontier_area(same, other), 2)
    (1.0, 0.0)
    """
    points = [(0.0, 1.0)]
    for weight in np.linspace(1 - 1e-6, 1e-6, MIXTURES):
        mixed = weight * p + (1 - weight) * q
        points.append((float(np.exp(-SCALING * _kl(q, mixed))), float(np.exp(-SCALING * _kl(p, mixed)))))
    x, y = np.array([*points, (1.0, 0.0)]).T
    return float(min(1.0, np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2)))


def _kl(p: Array, q: Array) -> float:
    used = p > 0
    return float(max(0.0, np.sum(p[used] * np.log(p[used] / q[used]))))


def lloyd(vectors: Array, clusters: int, seed: int = 0) -> Array:
    """A cluster for each row by k-means (Lloyd 1982), begun as in k-means++ (Arthur & Vassilvitskii 2007)."""
    generator = np.random.default_rng(seed)
    centres = vectors[generator.integers(len(vectors))][None]
    nearest = _distances(vectors, centres)[:, 0]
    while len(centres) < clusters and nearest.sum() > 1e-9:
        drawn = vectors[generator.choice(len(vectors), p=nearest / nearest.sum())][None]
        centres = np.concatenate([centres, drawn])
        nearest = np.minimum(nearest, _distances(vectors, drawn)[:, 0])
    owner: Array = _distances(vectors, centres).argmin(axis=1)
    for _ in range(ROUNDS):
        one = np.eye(len(centres))[owner]
        sizes = one.sum(axis=0)
        centres = np.where(sizes[:, None] > 0, one.T @ vectors / np.maximum(sizes, 1)[:, None], centres)
        moved = _distances(vectors, centres).argmin(axis=1)
        if (moved == owner).all():
            break
        owner = moved
    return owner


def _distances(vectors: Array, centres: Array) -> Array:
    squares = (vectors**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1) - 2 * vectors @ centres.T
    found: Array = np.where(squares > 1e-9, squares, 0.0)  # below it is rounding
    return found
