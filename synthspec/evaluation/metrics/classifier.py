"""A text classifier that needs no training library: ridge regression on the classes, through the kernel.

Regularised least squares on TF-IDF vectors (Rifkin & Klautau 2004) does as well on short texts as support vector
machines, and one matrix serves every label column and fold.
"""

from __future__ import annotations

import numpy as np

from synthspec.evaluation.metrics.metric import Array

FOLDS = 5
RIDGE = 0.5


def fold_of(groups: Array, labels: Array, seed: int = 0, folds: int = FOLDS) -> Array:
    """A fold for each row: rows of one group in one fold, labels as even as may be over folds."""
    order = np.random.default_rng(seed).permutation(len(groups))
    _, first, group = np.unique(groups[order], return_index=True, return_inverse=True)
    by_label = np.argsort(labels[order][first], kind="stable")
    fold_of_group = np.empty(len(first), np.int64)
    fold_of_group[by_label] = np.arange(len(first)) % folds
    found = np.empty(len(groups), np.int64)
    found[order] = fold_of_group[group]
    return found


def cross_scores(kernel: Array, labels: Array, classes: int, fold: Array) -> Array:
    """How strongly each row looks like each class, told from the rows of other folds: shape (rows, classes)."""
    scores = np.zeros((len(labels), classes))
    for f in np.unique(fold):
        test = fold == f
        if (~test).any():
            scores[test] = fit_scores(kernel[np.ix_(~test, ~test)], labels[~test], classes, kernel[np.ix_(test, ~test)])
    return scores


def fit_scores(kernel: Array, labels: Array, classes: int, across: Array) -> Array:
    """Learn from rows with labels; score others. `across` holds their similarity to the learnt: (others, learnt).

    Each class counts the same however many rows it has: rows are weighed by the inverse of its size.
    """
    sizes = np.bincount(labels, minlength=classes)
    weight = (len(labels) / np.maximum(sizes, 1) / max(1, (sizes > 0).sum()))[labels]
    targets = np.eye(classes)[labels] * 2 - 1
    centre = (weight[:, None] * targets).sum(axis=0) / weight.sum()
    solved = np.linalg.solve(kernel + np.diag(RIDGE / weight), targets - centre)
    scores: Array = across @ solved + centre
    scores[:, sizes == 0] = -np.inf
    return scores


def placements(scores: Array, positive: Array) -> Array:
    """For each positive row the share of negative ones scored below it, ties half.

    Their mean is the area under the ROC curve (Hanley & McNeil 1982).
    """
    below = np.sort(scores[~positive])
    if not len(below):
        return np.full(int(positive.sum()), 0.5)
    low = np.searchsorted(below, scores[positive], "left")
    high = np.searchsorted(below, scores[positive], "right")
    share: Array = (low + high) / 2 / len(below)
    return share
