"""Choosing among equally likely levels so that every pair of dimensions stays even.

Any order of a balanced sequence keeps its promise, so the freedom that is left is spent on pairs: row by row,
each dimension takes the level least met so far beside the levels that the others have there. Two balanced
sequences drawn apart from each other would be *less* even than independent draws (two levels each, permuted
in blocks of two: twice the chi-square), for both are short of slow variation in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthspec.planning.balancing.sequences import LevelSequence

Single = NDArray[np.float32]
NOISE = 128
NEVER = np.float32(1e30)  # added to any score it is the whole of it; adding is quicker than putting it in some places


class JointChooser:
    """Fills superblocks of dimensions of equally likely levels, beside dimensions of any `shares` already
    filled.

    `shares` holds an array that sums to one for each dimension, filled ones first; `given` is how many these
    are. A meeting counts 1 / sqrt(share) of the level met, between a plain count, under which rare levels
    coincide, and chi-square's 1 / share, under which they rule.
    """

    def __init__(self, shares: Sequence[NDArray[np.float64]], given: int) -> None:
        self._given = given
        self._sizes = [len(share) for share in shares]
        self._starts = np.concatenate([[0], np.cumsum(self._sizes)])
        self._rarity = np.concatenate([1 / np.sqrt(share) for share in shares]).astype(np.float32)

    def fill(self, sequences: Sequence[LevelSequence], fixed: NDArray[np.int64], noise: Single) -> NDArray[np.int64]:
        """Levels of the other dimensions, shape (sequences, step, superblocks).

        `fixed`, shape (given, step, superblocks), holds those of the given ones; `noise`, shape (sequences,
        NOISE, superblocks), small numbers that decide between equals.
        """
        given, many = self._given, noise.shape[2]
        step = fixed.shape[1]
        out = np.empty((len(sequences), step, many), dtype=np.int64)
        met = np.empty((given + len(sequences), many), dtype=np.int64)
        lines = [self._starts[:d, None] + np.arange(many) * self._starts[d] for d in range(len(self._sizes))]
        tables = [np.zeros((many * int(self._starts[d]), self._sizes[d]), np.float32) for d in range(len(self._sizes))]
        for row in range(step):
            met[:given] = fixed[:, row]
            for free, sequence in enumerate(sequences):
                d = given + free
                at = row * 37 % (NOISE - self._sizes[d])
                score = noise[free, at : at + self._sizes[d]].T.copy()
                here = lines[d] + met[:d]
                for line in here:
                    score += tables[d].take(line, axis=0)
                score += ~sequence.allowed(row) * NEVER
                level = score.argmin(axis=1)
                sequence.take(row, level)
                met[d] = out[free, row] = level
                here *= self._sizes[d]
                here += level
                tables[d].reshape(-1)[here] += self._weights(d, met)
        return out

    def _weights(self, d: int, met: NDArray[np.int64]) -> Single:
        """Weights of the levels met in dimensions before d; one number where these are all equally likely."""
        place = self._starts[:d, None]
        weights: Single = self._rarity[place + met[:d] if self._given else place]
        return weights
