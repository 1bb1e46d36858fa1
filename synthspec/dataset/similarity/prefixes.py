"""Sets of shingles made quick to compare: an order of rarity, the rarest few of each set, and bitmaps.

Two sets with a Jaccard similarity of at least t share one of their first `n - ceil(t n) + 1` shingles,
whatever order all shingles are put in; with the rarest first, few sets share one by chance. (Bayardo, Ma and
Srikant, "Scaling up all pairs similarity search", 2007.)
"""

from __future__ import annotations

import numpy as np

from synthspec.dataset.similarity.shingles import Array, Sets

CHUNK = 5_000  # sets handled at once, so that temporaries stay small
BITMAP_WORDS = 4
RARITY_BITS = 20
_AT_ONCE = 1 << 16
SLACK = 1e-9  # 0.8 * 5 must not need 5 of 5
LOW = np.uint64(0xFFFFFFFF)
SHIFT = np.uint64(32)


def prefix_sizes(sizes: Array, similarity: float) -> Array:
    """How many of a set's rarest shingles must be looked at."""
    sizes = np.asarray(sizes)
    return np.where(sizes > 0, sizes - np.ceil(similarity * sizes - SLACK).astype(np.int64) + 1, 0)


def overlap_needed(left: Array, right: Array | int, similarity: float) -> Array:
    """How many shingles sets of these sizes must share."""
    return np.ceil(similarity / (1 + similarity) * (left + right) - SLACK).astype(np.int64)


def slots(shingles: Array) -> Array:
    """The place of each shingle in tables of how common shingles are; a few share one."""
    return shingles >> np.uint32(32 - RARITY_BITS)


def bitmap(shingles: Array) -> Array:
    """256 bits: for each remainder of 256, whether an odd number of shingles leaves it.

    Sets that differ in d shingles differ in at most d bits, so bits say at once that two sets are too far
    apart (Sandes, Teodoro and Melo, "Bitmap filter", 2020).
    """
    odd = np.bincount(shingles & np.uint32(255), minlength=256).astype(np.uint8) & 1
    words: Array = np.packbits(odd).view(np.uint64)
    return words


def bitmaps(sets: Sets) -> Array:
    """The bitmap of each set, shape (sets, 4)."""
    parts = [np.empty((0, BITMAP_WORDS), np.uint64)]
    for _, part in sets.chunks(4_000):
        rows = np.repeat(np.arange(len(part)) * 256, np.diff(part.starts))
        odd = np.bincount(rows + (part.flat & np.uint32(255)), minlength=256 * len(part)).astype(np.uint8) & 1
        parts.append(np.packbits(odd.reshape(-1, 256), axis=1).view(np.uint64))
    return np.concatenate(parts)


def tally(flat: Array) -> Array:
    """How many of these shingles fall in each place of the table."""
    return np.bincount(slots(flat), minlength=1 << RARITY_BITS).astype(np.uint32)


def steps(seen: Array) -> Array:
    """How common a shingle is, 0 to 4095, in steps of one part in 200 of a doubling."""
    levels = np.empty(len(seen), np.uint16)
    for at in range(0, len(seen), _AT_ONCE):  # so that no copy of the whole in real numbers is made
        part = slice(at, at + _AT_ONCE)
        levels[part] = np.minimum(np.log2(seen[part] + 1.0) * 200, 4095)
    return levels


def prefixes(sets: Sets, rarity: Array, similarity: float) -> tuple[Array, Array, Array]:
    """The rarest shingles of every set, set by set: shingle, index of its set, place in the set's order."""
    parts = [_chunk_prefixes(part, first, rarity, similarity) for first, part in sets.chunks(CHUNK)]
    if not parts:
        return np.empty(0, np.uint32), np.empty(0, np.uint32), np.empty(0, np.uint16)
    tokens, rows, places = (np.concatenate(p) for p in zip(*parts, strict=True))
    return tokens, rows, places


def _chunk_prefixes(sets: Sets, first: int, rarity: Array, similarity: float) -> tuple[Array, Array, Array]:
    sizes = np.diff(sets.starts)
    rows = np.repeat(np.arange(len(sets), dtype=np.uint64), sizes)
    keys = rows << np.uint64(44) | rarity[slots(sets.flat)].astype(np.uint64) << SHIFT | sets.flat
    keys.sort()
    places = np.arange(len(keys)) - np.repeat(sets.starts[:-1], sizes)
    kept = places < np.repeat(prefix_sizes(sizes, similarity), sizes)
    owners = (rows[kept] + np.uint64(first)).astype(np.uint32)
    return (keys[kept] & LOW).astype(np.uint32), owners, places[kept].astype(np.uint16)
