"""A growing index of shingle sets that finds any set at least so alike, exactly.

A MinHash index misses some pairs by chance and, on texts that share stock phrases, proposes far too many. A
prefix filter (`prefixes`) does neither: sets that share none of their rarest shingles cannot be
alike, and being rare these have short lists. What remains passes a bitmap and is compared in full, with the whole set
read back from a temporary file: what stays in memory is a fifth of the shingles.

How common a shingle is must be known before the order is: the index learns it anew whenever it has become
four times as large, and is then built again. Any order gives the same answers; a good one makes them fast.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from synthspec.dataset.similarity.held_sets import HeldSets
from synthspec.dataset.similarity.postings import Postings
from synthspec.dataset.similarity.prefixes import (
    CHUNK,
    LOW,
    RARITY_BITS,
    SHIFT,
    SLACK,
    bitmap,
    prefixes,
    slots,
    steps,
)
from synthspec.dataset.similarity.shingles import Array, Sets

FIRST_ORDER = 256  # sets held when the order is learnt for the first time
GROWTH = 4
FEW = 32  # candidates compared in full at once; more are sieved by bitmap first


class NearIndex:
    """A growing collection of sets that can be asked whether it holds one like another.

    What it reads only now and then goes to a temporary file in `folder`, or where the system has such. Any of its
    methods raises `OSError` where that cannot be made, written or read.
    """

    def __init__(self, similarity: float, folder: Path | None = None) -> None:
        self.similarity = min(max(similarity, 0.01), 1.0)
        self._share = self.similarity / (1 + self.similarity)  # of both sizes together, what must be in common
        self._held = HeldSets(folder)
        self._last = (np.empty(0, np.uint32), np.empty(0, np.uint32))  # a set, and its prefix in this order
        self._seen = np.zeros(1 << RARITY_BITS, np.uint32)  # how many sets hold a shingle, by its first bits
        self._rarity = np.zeros(1 << RARITY_BITS, np.uint16)
        self._next_order = FIRST_ORDER
        self._postings = Postings()

    def __len__(self) -> int:
        return len(self._held)

    def add(self, shingles: Array) -> None:
        """Take one set in."""
        self._held.append(shingles, len(shingles))
        self._seen[slots(shingles)] += np.uint32(1)
        if len(self._held) >= self._next_order:
            self._reorder()
        else:
            self._postings.add(self._prefix(shingles), len(self._held) - 1)

    def extend(self, sets: Sets) -> None:
        """Take many sets in at once: the same as one by one, and faster."""
        before = len(self._held)
        for first, part in sets.chunks(CHUNK):
            self._held.append(part.flat, part.starts[1:])
            np.add.at(self._seen, slots(part.flat), np.uint32(1))
            if len(self._held) < self._next_order and len(sets) * GROWTH < before:
                self._extend_postings(part, before + first)
        if len(self._held) >= self._next_order or len(sets) * GROWTH >= before:
            self._reorder()

    def has_near(self, shingles: Array) -> bool:
        """Whether a set at least so alike was taken in. An empty set is like nothing."""
        if not len(shingles):
            return False
        rows = self._candidates(shingles)
        if len(rows) <= FEW:
            return len(rows) > 0 and self._any_near(shingles, rows)
        bits = bitmap(shingles)
        parts = (self._likely(rows[at : at + CHUNK], bits, len(shingles)) for at in range(0, len(rows), CHUNK))
        return any(len(part) and self._any_near(shingles, part) for part in parts)

    def nearest(self, shingles: Array) -> tuple[int, float] | None:
        """The set most like this one of those so alike, by the order they came in, and how alike it is; of
        several as alike, the first."""
        if not len(shingles):
            return None
        rows = self._candidates(shingles)
        if len(rows) > FEW:
            rows = self._likely(rows, bitmap(shingles), len(shingles))
        found, best = -1, 0.0
        for at in range(0, len(rows), CHUNK):
            part = rows[at : at + CHUNK]
            shared, sizes = self._held.shared(shingles, part)
            alike = shared / (sizes + len(shingles) - shared)
            place = int(np.argmax(alike))
            if alike[place] > best:
                found, best = int(part[place]), float(alike[place])
        return (found, best) if best >= self.similarity - SLACK else None

    def _candidates(self, shingles: Array) -> Array:
        """The sets that share one of the rarest shingles and are of like size, in the order they came in."""
        rows = self._postings.rows(self._prefix(shingles))
        if len(rows) > 1:
            rows = np.unique(rows) if len(rows) > FEW else np.array(sorted(set(rows.tolist())))
        return self._held.of_like_size(rows, len(shingles), self._share)

    def _likely(self, rows: Array, bits: Array, size: int) -> Array:
        """Those of the rows whose bitmap does not say that they are too far apart."""
        return self._held.likely(rows, bits, size, self._share)

    def _any_near(self, shingles: Array, rows: Array) -> bool:
        shared, sizes = self._held.shared(shingles, rows)
        return bool((shared >= self._share * (sizes + len(shingles)) - SLACK).any())

    def _prefix(self, shingles: Array) -> Array:
        if self._last[0] is shingles:
            return self._last[1]
        prefix = shingles
        size = len(shingles) - math.ceil(self.similarity * len(shingles) - SLACK) + 1
        if size < len(shingles):
            rarity = self._rarity[slots(shingles)].astype(np.uint64)
            prefix = (np.partition(rarity << SHIFT | shingles, size - 1)[:size] & LOW).astype(np.uint32)
            prefix.sort()
        self._last = (shingles, prefix)
        return prefix

    def _reorder(self) -> None:
        """Learn anew how common shingles are, and build the prefixes of all sets by that."""
        self._rarity = steps(self._seen)
        self._last = (np.empty(0, np.uint32), np.empty(0, np.uint32))
        while self._next_order <= len(self._held):
            self._next_order *= GROWTH
        self._postings = Postings()
        for first, part in self._held.chunks():
            self._extend_postings(part, first)

    def _extend_postings(self, sets: Sets, first: int) -> None:
        tokens, rows, _ = prefixes(sets, self._rarity, self.similarity)
        self._postings.extend(tokens, rows + np.uint32(first))
