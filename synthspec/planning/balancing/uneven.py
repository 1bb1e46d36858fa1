"""Balanced dimensions of unequal weights, filled so that their pairs stay even over any number of
superblocks.

Equally likely levels are named by chance, so whatever a superblock leaves over in their pairs is as often
above as below. Unequal ones have no such symmetry, and a leaning of every superblock would add up. Hence two
measures. Each occurrence has a moment of its own, drawn evenly from its window, and is due more and more
after it: left to themselves, levels would meet as if drawn independently. Meetings weigh 1 / sqrt(share) of
each level, less below a share of a tenth, where a superblock has too few of them to steer by. And superblocks
remember. Number i of a group of 4**4 starts with the counts of those since i - 4**h, where 4**h is the
largest power of four in i, like a Fenwick tree; so all of one h are filled side by side, and a superblock
depends on its group alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

import numpy as np
from numpy.typing import NDArray

from synthspec.lazy_dataclass import dataclass
from synthspec.planning.balancing.joint import NEVER, Single
from synthspec.planning.balancing.pfair import Counts, shares_of
from synthspec.planning.balancing.sequences import PfairSequence, find_windows
from synthspec.planning.design import Floats, Levels
from synthspec.planning.sampling.philox import key_of, stream

STEP = 128
GROUP = 4**4
_PULL = np.float32(4)
_RARE = 0.1


@dataclass(frozen=True, slots=True)
class Uneven:
    """A discrete dimension of levels in the proportions `parts`, all above zero."""

    key: str
    parts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Filled:
    """Superblocks from number `first`: levels, shape (dimensions, STEP, superblocks), how often any two
    levels met in each, shape (superblocks, all levels, all levels), and which of them are filled.
    """

    first: int
    levels: NDArray[np.int64]
    meetings: Single
    known: NDArray[np.bool_]


class Remembering:
    """The uneven dimensions of a plan; the group that was read last is kept, for the rows that follow."""

    def __init__(self, dimensions: Sequence[Uneven], seed: int) -> None:
        self._counts = [Counts(one.parts, STEP, key_of(seed, one.key, "boundaries")) for one in dimensions]
        self._keys = [key_of(seed, one.key, "moments") for one in dimensions]
        shares = [shares_of(one.parts) for one in dimensions]
        self._sizes = [len(share) for share in shares]
        self._starts = np.concatenate([[0], np.cumsum(self._sizes)])
        weights = [np.minimum(1, share / _RARE) / np.sqrt(share) for share in shares]
        self._rarity = np.concatenate(weights).astype(np.float32)
        self._mean = np.concatenate([s * w for s, w in zip(shares, weights, strict=True)]).astype(np.float32)
        self._back = [(1 / w).astype(np.float32) for w in weights]
        self._root = [(s * w).astype(np.float32) for s, w in zip(shares, weights, strict=True)]
        self._kept = self._blank(0, 0)

    def levels(self, first: int, last: int) -> NDArray[np.int64]:
        """Levels in superblocks first..last-1, shape (dimensions, STEP, last - first)."""
        if len(self._sizes) == 1:
            before = np.zeros((last - first, *self._square()), np.float32)
            return self._fill(np.arange(first, last), before, self._moments(first, last), first)
        begin = min(number - _reach(number) + 1 for number in range(first, min(last, first + GROUP)))
        work = self._blank(begin, last)
        self._reuse(work)
        numbers = np.arange(begin, last)
        heights = np.array([_reach(int(n)) if n % GROUP else 1 for n in numbers])
        moments = self._moments(begin, last)
        for height in np.unique(heights):
            self._fill_into(work, numbers[(heights == height) & ~work.known], int(height), moments)
        self._kept = work
        return work.levels[:, :, first - begin :]

    def _square(self) -> tuple[int, int]:
        return int(self._starts[-1]), int(self._starts[-1])

    def _blank(self, first: int, last: int) -> _Filled:
        many = last - first
        levels = np.zeros((len(self._sizes), STEP, many), dtype=np.int64)
        return _Filled(first, levels, np.zeros((many, *self._square()), np.float32), np.zeros(many, dtype=bool))

    def _reuse(self, work: _Filled) -> None:
        kept = self._kept
        start = max(kept.first, work.first)
        stop = min(kept.first + len(kept.known), work.first + len(work.known))
        if start < stop:
            source, target = (
                slice(start - kept.first, stop - kept.first),
                slice(start - work.first, stop - work.first),
            )
            work.levels[:, :, target] = kept.levels[:, :, source]
            work.meetings[target] = kept.meetings[source]
            work.known[target] = kept.known[source]

    def _fill_into(self, work: _Filled, numbers: Levels, reach: int, moments: Sequence[Floats]) -> None:
        if not len(numbers):
            return
        before = np.zeros((len(numbers), *self._square()), np.float32)
        at = numbers - work.first
        for back in range(1, reach):
            before += work.meetings[at - back]
        levels = self._fill(numbers, before, moments, work.first)
        work.levels[:, :, at] = levels
        work.known[at] = True
        here = np.zeros((len(numbers), STEP, self._starts[-1]), np.float32)
        places = (levels + self._starts[:-1, None, None]).transpose(2, 1, 0)
        np.put_along_axis(here, places, 1, axis=2)
        work.meetings[at] = here.transpose(0, 2, 1) @ here

    def _fill(self, numbers: Levels, before: Single, moments: Sequence[Floats], first: int) -> NDArray[np.int64]:
        """Levels in superblocks `numbers`, each on top of the meetings `before` it. `moments` are those of superblocks
        from `first` on."""
        many = len(numbers)
        sequences = [self._sequence(d, numbers, drawn[numbers - first]) for d, drawn in enumerate(moments)]
        cells, own = self._weigh(before)
        seen = np.diagonal(before, axis1=1, axis2=2) * self._rarity
        lines = [self._starts[:d, None] + np.arange(many) * self._starts[d] for d in range(len(self._sizes))]
        out = np.empty((len(self._sizes), STEP, many), dtype=np.int64)
        block = np.arange(many)
        for row in range(STEP):
            met = out[:, row]
            for d, sequence in enumerate(sequences):
                here, levels = lines[d] + met[:d], self._starts[:d, None] + met[:d]
                score = sequence.waiting(row) * _PULL
                if d:
                    expected = (seen[block, levels] + self._rarity[levels]).sum(axis=0)
                    expected -= (own[d] * self._back[d]).sum(axis=1)
                    score -= own[d] + expected[:, None] * self._root[d]
                    for line in here:
                        score += cells[d].take(line, axis=0)
                score += ~sequence.allowed(row) * NEVER
                met[d] = level = score.argmin(axis=1)
                sequence.take(row, level)
                rarity = self._rarity[self._starts[d] + level]
                cells[d].reshape(-1)[here * self._sizes[d] + level] += self._rarity[levels] * rarity
                own[d][block, level] += (self._mean[levels]).sum(axis=0) * rarity
                seen[block, self._starts[d] + level] += rarity
        return out

    def _weigh(self, before: Single) -> tuple[list[Single], list[Single]]:
        """For each dimension, meetings with levels of those before it as deviations from shares see them.

        The first, flat over superblocks and levels before, are weighted by the rarity of both levels; the
        second, shape (superblocks, levels), is the mean of the first over the levels before, in their shares.
        """
        cells, own = [], []
        for d, size in enumerate(self._sizes):
            start = self._starts[d]
            part = before[:, :start, start : start + size] * self._rarity[start : start + size]
            cells.append((part * self._rarity[:start, None]).reshape(-1, size))
            own.append((part * self._mean[:start, None]).sum(axis=1))
        return cells, own

    def _sequence(self, d: int, numbers: Levels, moments: Floats) -> PfairSequence:
        """Dimension d in superblocks `numbers`; those that begin and end alike share their windows."""
        counts = self._counts[d]
        period = counts.total // gcd(counts.total, STEP)
        alike = [(n % period, counts.ahead(n), counts.ahead(n + 1)) for n in numbers.tolist()]
        distinct = {one: place for place, one in enumerate(dict.fromkeys(alike))}
        windows = find_windows(counts, list(distinct))
        return PfairSequence(windows, np.array([distinct[one] for one in alike], dtype=np.int64), moments)

    def _moments(self, first: int, last: int) -> list[Floats]:
        """For each dimension the numbers that put occurrences into their windows, in superblocks first..last-1: shape
        (superblocks, levels, more than come in one)."""
        drawn = []
        for counts, key in zip(self._counts, self._keys, strict=True):
            shape = len(counts.parts), -(-STEP * max(counts.parts) // counts.total) + 3
            size = shape[0] * shape[1]
            drawn.append(stream(key, first * size, last * size).reshape(-1, *shape))
        return drawn


def _reach(number: int) -> int:
    """The largest power of four that divides superblock `number`'s place in its group; 1 for the first."""
    place, power = number % GROUP, 1
    while place and place % 4 == 0:
        place, power = place // 4, power * 4
    return power
