"""Choosing levels so that every pair of dimensions stays even: row by row, the level least met so far beside the
levels that the other dimensions have there.

Any order of a balanced sequence keeps its promise, so the freedom that is left is spent on pairs. Two balanced
sequences drawn apart from each other would be *less* even than independent draws (two levels each, permuted in
blocks of two: twice the chi-square), for both are short of slow variation in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence as Several
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthspec.strategies.sequences import Sequence

Single = NDArray[np.float32]
NOISE = 128
_OWN = 0.5
_NEVER = np.float32(1e30)


@dataclass(frozen=True, slots=True)
class Tally:
    """What has come: `cells[d]` counts levels of free dimension d beside those of every dimension before it, shape
    (superblocks, levels before, levels); `seen` counts all levels, shape (superblocks, all levels). Both weighted."""

    cells: tuple[Single, ...]
    seen: Single


class Chooser:
    """Fills superblocks of dimensions with `shares` (arrays that sum to one); the first `given` are already filled.

    A count is weighted by 1 / sqrt(share) of each of its two levels, between plain counts, which let rare levels
    coincide, and chi-square's 1 / share, which lets rare levels rule. A level of share q is wanted by q times what was seen
    beside it, plus the row at hand; with equal shares that is the same for all and left out.
    """

    def __init__(self, shares: Several[NDArray[np.float64]], given: int) -> None:
        self._given = given
        self._sizes = [len(share) for share in shares]
        self._starts = np.concatenate([[0], np.cumsum(self._sizes)])
        self._rarity = np.concatenate([share**-0.5 for share in shares]).astype(np.float32)
        self._root = [(share**0.5).astype(np.float32) for share in shares]
        self._even = [bool(np.ptp(share) < 1e-12) for share in shares]
        self._watching = not all(self._even[given:])

    def empty(self, superblocks: int) -> Tally:
        """A tally of nothing; one extra row of `cells` holds a dimension's own counts."""
        free = range(self._given, len(self._sizes))
        cells = (np.zeros((superblocks, self._starts[d] + 1, self._sizes[d]), np.float32) for d in free)
        return Tally(tuple(cells), np.zeros((superblocks, self._starts[-1] + 1), np.float32))

    def fill(
        self, sequences: Several[Sequence], fixed: NDArray[np.int64], noise: Single, tally: Tally
    ) -> NDArray[np.int64]:
        """Levels of the free dimensions, shape (free, step, superblocks); `tally` is brought up to date.

        `fixed` holds those of the given dimensions, shape (given, step, superblocks); `noise`, shape (free, superblocks,
        NOISE), numbers in [0, 1) that decide between equals.
        """
        given, many = self._given, noise.shape[1]
        step = fixed.shape[1]
        out = np.empty((len(sequences), step, many), dtype=np.int64)
        offsets = [self._starts[:d, None] + np.arange(many) * (self._starts[d] + 1) for d in range(len(self._sizes))]
        met = np.empty((len(self._sizes), many), dtype=np.int64)
        for row in range(step):
            met[:given] = fixed[:, row]
            for free, sequence in enumerate(sequences):
                d = given + free
                lines = offsets[d] + met[:d]
                score = self._score(d, lines, met, tally)
                at = row * 37 % (NOISE - self._sizes[d])
                score += noise[free, :, at : at + self._sizes[d]]
                score[~sequence.allowed(row)] = _NEVER
                level = score.argmin(axis=1)
                sequence.take(row, level)
                met[d] = out[free, row] = level
                self._count(d, lines, met, tally)
            if self._watching:
                self._see(met, tally)
        return out

    def _score(self, d: int, lines: NDArray[np.int64], met: NDArray[np.int64], tally: Tally) -> Single:
        cells = tally.cells[d - self._given]
        size = self._sizes[d]
        table = cells.reshape(-1, size)
        if self._even[d]:
            score = np.zeros((len(cells), size), np.float32) if d == 0 else table.take(lines[0], axis=0)
            for line in lines[1:]:
                score += table.take(line, axis=0)
            return score
        score = cells[:, -1].copy()
        for line in lines:
            score += table.take(line, axis=0)
        level = self._starts[:d, None] + met[:d]
        seen = tally.seen[np.arange(len(cells)), level] + self._rarity[level]
        expected = seen.sum(axis=0) + _OWN * (tally.seen[:, -1] + 1)
        score -= expected[:, None] * self._root[d]
        return score

    def _count(self, d: int, lines: NDArray[np.int64], met: NDArray[np.int64], tally: Tally) -> None:
        cells = tally.cells[d - self._given]
        flat, places = cells.reshape(-1), lines * self._sizes[d] + met[d]
        if all(self._even[:d]):
            weight = self._rarity[self._starts[:d, None]]
        else:
            weight = self._rarity[self._starts[:d, None] + met[:d]]
        if self._even[d]:
            flat[places] += weight
            return
        rarity = self._rarity[self._starts[d] + met[d]]
        flat[places] += weight * rarity
        cells[np.arange(len(cells)), -1, met[d]] += np.float32(_OWN) * rarity

    def _see(self, met: NDArray[np.int64], tally: Tally) -> None:
        level = self._starts[:-1, None] + met
        tally.seen[np.arange(met.shape[1]), level] += self._rarity[level]
        tally.seen[:, -1] += 1
