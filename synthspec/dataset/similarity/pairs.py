"""Near duplicates in a whole dataset: every pair of texts at least so alike is found, and no other.

That is exact up to `shingles.MOST` different shingles a text, some 2,000 words; longer texts are compared by samples.

A join by prefix filter (`prefixes`), with the position filter of Xiao et al., "Efficient similarity
joins for near duplicate detection", 2008, and bitmaps; what passes is compared in full.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from synthspec.dataset.similarity.prefixes import CHUNK, LOW, SHIFT, bitmaps, overlap_needed, prefixes, steps, tally
from synthspec.dataset.similarity.shingles import Array, Sets, scrambled, shingle_sets

MOST_PAIRS = 10_000_000


def near_pairs(texts: Sequence[str], similarity: float, most: int = MOST_PAIRS) -> Array:
    """Every two texts at least so alike: int64 of shape (pairs, 2), the earlier text first, in order.

    Texts with the same shingles are as one: each later one is paired with the first alone, and the first
    stands for them in all other pairs. So a thousand copies make 999 pairs, and the groups that pairs join
    are the same. At most about `most` pairs are looked for.
    """
    similarity = min(max(similarity, 0.01), 1.0)
    sets = shingle_sets([(t,) for t in texts])
    firsts, same = _distinct(sets)
    sets = _chosen(sets, firsts)
    found, total = [], 0
    for left, right in _candidates(sets, similarity):
        keys = np.unique(left.astype(np.uint64) << SHIFT | right)
        left, right = (keys >> SHIFT).astype(np.int64), (keys & LOW).astype(np.int64)
        kept = _alike(sets, left, right, similarity)
        found.append(np.stack([firsts[left[kept]], firsts[right[kept]]], axis=1))
        total += len(found[-1])
        if total >= most:
            break
    return np.unique(np.concatenate([same, *found]), axis=0)


def _distinct(sets: Sets) -> tuple[Array, Array]:
    """The first of each set of equal ones, empty sets left out; and (first, later) for the others."""
    filled = np.flatnonzero(np.diff(sets.starts))
    if not len(filled):
        return filled, np.empty((0, 2), np.int64)
    digests = np.add.reduceat(scrambled(sets.flat.astype(np.uint64)), sets.starts[filled])
    _, first, group = np.unique(digests, return_index=True, return_inverse=True)
    firsts = filled[first][group]
    later = firsts != filled
    return np.sort(filled[first]), np.stack([firsts[later], filled[later]], axis=1)


def _chosen(sets: Sets, rows: Array) -> Sets:
    if len(rows) == len(sets):
        return sets
    sizes = np.diff(sets.starts)
    kept = np.zeros(len(sets), bool)
    kept[rows] = True
    return Sets(sets.flat[np.repeat(kept, sizes)], np.concatenate([[0], np.cumsum(sizes[rows])]))


def _candidates(sets: Sets, similarity: float) -> Iterator[tuple[Array, Array]]:
    """Pairs that may be so alike, a good part at a time; a pair may come more than once."""
    bits = bitmaps(sets)
    tokens, rows, places = prefixes(sets, steps(tally(sets.flat)), similarity)
    keys = np.sort(tokens.astype(np.uint64) << SHIFT | np.arange(len(tokens), dtype=np.uint64))
    order, tokens = (keys & LOW).astype(np.int64), (keys >> SHIFT).astype(np.uint32)
    rows, left_over = rows[order], (np.diff(sets.starts)[rows] - places).astype(np.int32)[order]
    sizes = np.diff(sets.starts)
    pending: list[tuple[Array, Array]] = []
    waiting, step, at = 0, 0, np.arange(len(tokens))
    while len(at):
        step += 1
        at = at[at < len(tokens) - step]
        at = at[tokens[at] == tokens[at + step]]
        left, right = rows[at], rows[at + step]
        needed = overlap_needed(sizes[left], sizes[right], similarity)
        kept = np.minimum(left_over[at], left_over[at + step]) >= needed
        left, right, needed = left[kept], right[kept], needed[kept]
        apart = np.bitwise_count(bits[left] ^ bits[right]).sum(axis=1, dtype=np.int64)
        kept = sizes[left] + sizes[right] - apart >= 2 * needed
        pending.append((left[kept], right[kept]))
        waiting += int(kept.sum())
        if waiting and (waiting >= 1_000_000 or not len(at)):
            yield np.concatenate([p[0] for p in pending]), np.concatenate([p[1] for p in pending])
            pending, waiting = [], 0


def _alike(sets: Sets, left: Array, right: Array, similarity: float) -> Array:
    """Which of the pairs are truly so alike."""
    sizes = np.diff(sets.starts)
    needed = overlap_needed(sizes[left], sizes[right], similarity)
    kept = np.zeros(len(left), bool)
    for at in range(0, len(left), CHUNK):
        part = slice(at, at + CHUNK)
        both = np.concatenate([left[part], right[part]])
        count = len(both) // 2
        pair = np.repeat(np.concatenate([np.arange(count)] * 2).astype(np.uint64), sizes[both])
        ends = np.cumsum(sizes[both])
        where = np.arange(ends[-1]) + np.repeat(sets.starts[both] - ends + sizes[both], sizes[both])
        keys = np.sort(pair << SHIFT | sets.flat[where])
        twice = (keys[1:][keys[1:] == keys[:-1]] >> SHIFT).astype(np.int64)
        kept[part] = np.bincount(twice, minlength=count) >= needed[part]
    return kept
