"""Self-BLEU: each text scored against all others as its references (Zhu et al., "Texygen", 2018).

The score is sentence BLEU-4 as sacrebleu computes it (Papineni et al. 2002; Post 2018): clipped precisions,
brevity penalty by the closest reference, exponential smoothing, order limited to what a short text has.
"""

from __future__ import annotations

import numpy as np

from synthspec.evaluation.corpus.words import Array, Tokens

ORDER = 4


def self_bleu_scores(tokens: Tokens) -> Array:
    """One score a text, from 0 to 1."""
    count = len(tokens)
    if count < 2:
        return np.zeros(count)
    correct = np.stack([_matches(tokens, n) for n in range(1, ORDER + 1)])
    lengths = tokens.lengths
    total = np.maximum(lengths[None, :] - np.arange(ORDER)[:, None], 0)
    return np.array([_score(correct[:, i], total[:, i], lengths, i) for i in range(count)])


def _matches(tokens: Tokens, n: int) -> Array:
    """For each text how many of its n-grams are found in some other text, each as often as that one has it."""
    grams = tokens.grams(n)
    owner = np.repeat(np.arange(len(tokens)), np.maximum(tokens.lengths - n + 1, 0))
    if not len(grams):
        return np.zeros(len(tokens), np.int64)
    _, ids = np.unique(grams, return_inverse=True)
    keys, counts = np.unique(ids.astype(np.int64) * len(tokens) + owner, return_counts=True)
    gram, row = keys // len(tokens), keys % len(tokens)
    order = np.lexsort((-counts, gram))
    first = np.flatnonzero(np.diff(gram[order], prepend=-1))
    most = counts[order][first]
    holder = row[order][first]
    second = np.zeros_like(most)
    has_more = np.diff(np.append(first, len(order))) > 1
    second[has_more] = counts[order][first[has_more] + 1]
    others = np.where(holder[gram] == row, second[gram], most[gram])
    return np.bincount(row, weights=np.minimum(counts, others), minlength=len(tokens)).astype(np.int64)


def _score(correct: Array, total: Array, lengths: Array, index: int) -> float:
    if not correct.any():
        return 0.0
    smooth, logs = 1.0, []
    for matched, possible in zip(correct, total, strict=True):
        if possible == 0:
            break
        if matched == 0:
            smooth *= 2
        logs.append(np.log(matched / possible if matched else 1 / (smooth * possible)))
    others = np.delete(lengths, index)
    distance = np.abs(others - lengths[index])
    closest = others[distance == distance.min()].min()
    penalty = 1.0 if lengths[index] >= closest else np.exp(1 - closest / lengths[index])
    return float(penalty * np.exp(np.mean(logs)))
