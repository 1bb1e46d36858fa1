"""Counts that keep to their shares at every row, known at any row without the rows before it.

Level v of share p must be counted floor(np) or ceil(np) times among the first n rows, whatever n. So its j-th
occurrence has a window of rows, [floor((j-1)/p), ceil(j/p)): the Pfair condition of Baruah, Cohen, Plaxton and
Varvel, "Proportionate progress" (Algorithmica 15, 1996). Scheduling the earliest deadline first always meets it.

A *boundary* is the state between two rows: of the levels whose window is open there, which were already served.
Any choice works, and leaves both sides feasible, when every interval of rows that ends or begins at the boundary
has room for the windows it must hold. Each level open at row n has elapsed e and remaining time; fluid service would
have given it the fraction frac(np). Hall's condition then holds on both sides if, among the levels in order of
elapsed time, no prefix holds more served ones than its fractions rounded up, and among those in order of remaining
time, no prefix holds more unserved ones than its complements rounded up. The fractions meet both, the two families
of prefixes are totally unimodular, so a choice exists; it is a set of unit jobs on a line of slots, which
earliest-deadline-first finds. Two boundaries farther apart than the widest window do not disturb each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from heapq import heappop, heappush
from math import gcd, lcm

import numpy as np
from numpy.typing import NDArray

from synthspec.strategies import Levels

_SMALL = 4096
_PERIOD = 1 << 16


def whole_shares(weights: Sequence[float]) -> tuple[int, ...]:
    """Weights as whole numbers of the same proportions, without a common divisor.

    A float is read as the decimal it prints as, so 0.1 is a tenth; shares within rounding error of simple
    fractions (1/3, 1/7) are taken for these. Zeros stay. Raises ValueError on a negative or infinite weight, or
    none above zero.
    """
    if not all(0 <= w < float("inf") for w in weights) or not any(weights):
        raise ValueError("weights must be finite, not negative, and not all zero")
    exact = [Fraction(repr(float(w))) if isinstance(w, float) else Fraction(w) for w in weights]
    total = sum(exact)
    shares = [w / total for w in exact]
    simple = [share.limit_denominator(_SMALL) for share in shares]
    near = all(abs(a - b) <= b / 2**50 for a, b in zip(simple, shares, strict=True))
    if near and sum(simple) == 1 and lcm(*(s.denominator for s in simple)) <= _PERIOD:
        shares = simple
    scale = lcm(*(s.denominator for s in shares))
    parts = [int(s * scale) for s in shares]
    common = gcd(*parts)
    return tuple(p // common for p in parts)


def boundary(parts: Sequence[int], row: int) -> tuple[int, ...]:
    """Which levels are ahead at a boundary: 1 where ceil(row * p) were counted, 0 where floor(row * p).

    `parts` are positive whole numbers in the proportions of the shares. The sum over levels of the counts is `row`.
    """
    total = sum(parts)
    left = [row * w % total for w in parts]
    open_levels = [v for v, rest in enumerate(left) if rest]
    served = sum(left) // total
    before = _slots({v: left[v] for v in open_levels}, {v: -(-left[v] // parts[v]) for v in open_levels}, total)
    after = _slots(
        {v: total - left[v] for v in open_levels},
        {v: -(-(total - left[v]) // parts[v]) for v in open_levels},
        total,
    )
    arrivals = sorted(open_levels, key=lambda v: -before[v])
    waiting: list[tuple[int, int]] = []
    ahead = [0] * len(parts)
    coming = 0
    for slot in range(served, 0, -1):
        while coming < len(arrivals) and before[arrivals[coming]] >= slot:
            heappush(waiting, (after[arrivals[coming]], arrivals[coming]))
            coming += 1
        ahead[heappop(waiting)[1]] = 1
    return tuple(ahead)


def _slots(fractions: dict[int, int], distance: dict[int, int], total: int) -> dict[int, int]:
    """For each open level, the farthest slot from the boundary that it may take, counted from 1."""
    reach: dict[int, int] = {}
    running = 0
    ordered = sorted(fractions, key=distance.__getitem__)
    first = 0
    for place, level in enumerate(ordered):
        running += fractions[level]
        if place + 1 == len(ordered) or distance[ordered[place + 1]] != distance[level]:
            for same in ordered[first : place + 1]:
                reach[same] = -(-running // total)
            first = place + 1
    return reach


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive rows in earliest-deadline-first order: the level of each, and the window [release, deadline)
    of that occurrence, as rows counted from the first. Three arrays of one length.
    """

    level: NDArray[np.int64]
    release: NDArray[np.int64]
    deadline: NDArray[np.int64]


def schedule(parts: Sequence[int], start: int, stop: int) -> Stretch:
    """Rows start..stop-1 between their two `boundary` states; about a microsecond for a row.

    The distance must be at least the widest window, sum(parts) / min(parts) + 2 rows.
    """
    total = sum(parts)
    first, last = boundary(parts, start), boundary(parts, stop)
    ready: list[tuple[int, int, int]] = []
    waiting: list[list[tuple[int, int, int]]] = [[] for _ in range(stop - start)]
    counts = [start * w // total + x for w, x in zip(parts, first, strict=True)]
    ends = [stop * w // total + x for w, x in zip(parts, last, strict=True)]

    def announce(level: int, now: int) -> None:
        done, w = counts[level], parts[level]
        if done < ends[level]:
            release = max(done * total // w - start, 0)
            deadline = min(-(-(done + 1) * total // w), stop) - start
            if release <= now:
                heappush(ready, (deadline, level, release))
            else:
                waiting[release].append((deadline, level, release))

    for level in range(len(parts)):
        announce(level, 0)
    rows: list[tuple[int, int, int]] = []
    for now in range(stop - start):
        for job in waiting[now]:
            heappush(ready, job)
        job = heappop(ready)
        rows.append(job)
        counts[job[1]] += 1
        announce(job[1], now + 1)
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return Stretch(table[:, 1], table[:, 2], table[:, 0])


class Counts:
    """Counts of every level at boundaries that lie `step` rows apart, for one discrete dimension.

    `parts` as in `boundary`. With windows shorter than `step` each boundary stands alone; with longer ones, boundaries
    stand alone every `epoch` rows (a power of two times `step`) and a schedule of the epoch joins them: the first
    look into an epoch costs about a microsecond for each of its rows, that is 2 / (smallest share) at most.
    Memory is bounded; repeating weights (7, 2, 1) are worked out once for a period.
    """

    def __init__(self, parts: Sequence[int], step: int) -> None:
        self.parts = tuple(parts)
        self.total = sum(parts)
        self.step = step
        self.epoch = step
        while self.epoch < self.total // min(parts) + 3:
            self.epoch *= 2
        self.period = self.total // gcd(self.total, step)
        self._ahead = lru_cache(maxsize=4096)(self._find_ahead)
        self._inside = lru_cache(maxsize=16)(self._schedule_epoch)

    def ahead(self, number: int) -> tuple[int, ...]:
        """1 for each level that has ceil of its share at boundary `number` (row number * step), else 0."""
        return self._ahead(number % self.period)

    def _find_ahead(self, number: int) -> tuple[int, ...]:
        row = number * self.step
        epoch, offset = divmod(row, self.epoch)
        if not offset:
            return boundary(self.parts, row)
        return self._inside(epoch)[offset // self.step - 1]

    def _schedule_epoch(self, epoch: int) -> tuple[tuple[int, ...], ...]:
        start = epoch * self.epoch
        levels = schedule(self.parts, start, start + self.epoch).level
        counts = np.array(boundary(self.parts, start), dtype=np.int64)
        base = [start * w // self.total for w in self.parts]
        inner = []
        for at in range(self.step, self.epoch, self.step):
            counts = counts + np.bincount(levels[at - self.step : at], minlength=len(self.parts))
            floors = ((start + at) * w // self.total for w in self.parts)
            inner.append(tuple(b + int(c) - f for b, c, f in zip(base, counts, floors, strict=True)))
        return tuple(inner)


def shares_of(parts: Sequence[int]) -> NDArray[np.float64]:
    """Whole-number proportions as floats that sum to one."""
    total = sum(parts)
    return np.array([float(Fraction(w, total)) for w in parts])


def levels_above_zero(weights: Sequence[float]) -> Levels:
    """Indices of the levels that can occur."""
    return np.flatnonzero(np.asarray(weights, dtype=np.float64) > 0).astype(np.int64)
