"""Counts that keep to their shares at every row, known at any row without the rows before it.

Level v of share p must be counted floor(np) or ceil(np) times among the first n rows, whatever n. So its j-th
occurrence has a window of rows, [floor((j-1)/p), ceil(j/p)): the Pfair condition of Baruah, Cohen, Plaxton
and Varvel, "Proportionate progress" (Algorithmica 15, 1996). Scheduling the earliest deadline first always
meets it.

A *boundary* is the state between two rows: of the levels whose window is open there, which were already
served. Any choice works, and leaves both sides feasible, when every interval of rows that ends or begins at
the boundary has room for the windows it must hold. Each level open at row n has elapsed e and remaining time;
fluid service would have given it the fraction frac(np). Hall's condition then holds on both sides if, among
the levels in order of elapsed time, no prefix holds more served ones than its fractions rounded up, and among
those in order of remaining time, no prefix holds more unserved ones than its complements rounded up. The
fractions meet both, the two families of prefixes are totally unimodular, so a choice exists; it is a set of
unit jobs on a line of slots, which earliest-deadline-first finds. Two boundaries farther apart than the
widest window do not disturb each other.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from heapq import heappop, heappush
from math import gcd, lcm

import numpy as np
from numpy.typing import NDArray

from synthspec.planning.balancing.deadlines import schedule, shuffle
from synthspec.planning.balancing.many_levels import boundary_of_many
from synthspec.planning.design import Levels
from synthspec.planning.sampling.philox import stream

_SMALL = 4096
_PERIOD = 1 << 16
_ROUNDS = 24
_TRIES = 4
_BLOCK = 256
_KEPT = 1 << 18
_FEW = 64  # levels; boundaries of so few are kept, as the same come again and again


def whole_shares(weights: Sequence[float]) -> tuple[int, ...]:
    """Weights as whole numbers of the same proportions, without a common divisor.

    A float is read as the decimal it prints as, so 0.1 is a tenth; shares within rounding error of simple
    fractions (1/3, 1/7) are taken for these. Zeros stay. Raises ValueError on a negative or infinite weight,
    or none above zero.
    """
    if not all(0 <= w < float("inf") for w in weights) or not any(weights):
        raise ValueError("weights must be finite, not negative, and not all zero")
    if len(set(weights)) == 1:
        return (1,) * len(weights)
    parts = _scaled(weights)
    total = sum(parts)
    if len(parts) <= _PERIOD and total <= _PERIOD * min(p for p in parts if p):
        shares = [Fraction(p, total) for p in parts]
        simple = [share.limit_denominator(_SMALL) for share in shares]
        near = all(abs(a - b) <= b / 2**50 for a, b in zip(simple, shares, strict=True))
        if near and sum(simple) == 1 and lcm(*(s.denominator for s in simple)) <= _PERIOD:
            scale = lcm(*(s.denominator for s in simple))
            parts = [int(s * scale) for s in simple]
    common = gcd(*parts)
    return tuple(p // common for p in parts)


def _scaled(weights: Sequence[float]) -> list[int]:
    """Weights as whole numbers: each as the decimal it prints as, times one power of ten."""
    if all(w == int(w) and w <= 2**53 for w in weights):
        return [int(w) for w in weights]
    decimals = [_decimal(w) for w in weights]
    least = min(exponent for _, exponent in decimals)
    tens = {exponent: 10 ** (exponent - least) for exponent in {e for _, e in decimals}}
    return [digits * tens[exponent] for digits, exponent in decimals]


def _decimal(weight: float) -> tuple[int, int]:
    """Digits and the power of ten that they are times: 0.25 is 25 and -2."""
    if isinstance(weight, int):
        return weight, 0
    mantissa, _, exponent = repr(float(weight)).partition("e")
    whole, _, part = mantissa.partition(".")
    return int(whole + part), int(exponent or 0) - len(part)


def boundary(parts: Sequence[int], row: int, draws: Sequence[float] = ()) -> tuple[int, ...]:
    """Which levels are ahead at a boundary: 1 where ceil(row * p) were counted, 0 where floor(row * p).

    `parts` are positive whole numbers in the proportions of the shares. The sum over levels of the counts is
    `row`. Each number of `draws`, in [0, 1), is a try at a systematic sample, in which a level is ahead with
    just the probability frac(row * p); the first that both sides can live with is taken, else the earliest
    deadlines.
    """
    if len(parts) > _FEW:
        return boundary_of_many(parts, row, draws)
    total = sum(parts)
    for turn, draw in enumerate(draws):
        found = _sampled(tuple(parts), total, row % total, turn % 2, int(draw * total))
        if found is not None:
            return found
    left, _, _, before, after = _open(tuple(parts), total, row % total)
    chosen = _earliest(sum(left) // total, before, after)
    return tuple(int(v in chosen) for v in range(len(parts)))


@lru_cache(maxsize=4096)
def _sampled(parts: tuple[int, ...], total: int, row: int, turn: int, offset: int) -> tuple[int, ...] | None:
    """The levels that are ahead by a systematic sample; None where both sides cannot live with it."""
    left, since, until, before, after = _open(parts, total, row)
    order = sorted(since, key=(until if turn else since).__getitem__)
    sample = _systematic(left, order, offset, total)
    if _fits(sample, before) and _fits([v for v in since if v not in sample], after):
        return tuple(int(v in sample) for v in range(len(parts)))
    return None


_Open = tuple[list[int], dict[int, int], dict[int, int], dict[int, int], dict[int, int]]


@lru_cache(maxsize=512)
def _open(parts: tuple[int, ...], total: int, row: int) -> _Open:
    """Of the levels open at a row: their fractions, time since and until, and farthest slots before and after."""
    left = [row * w % total for w in parts]
    here = [v for v, rest in enumerate(left) if rest]
    since = {v: -(-left[v] // parts[v]) for v in here}
    until = {v: -(-(total - left[v]) // parts[v]) for v in here}
    before = _slots({v: left[v] for v in here}, since, total)
    after = _slots({v: total - left[v] for v in here}, until, total)
    return left, since, until, before, after


def _systematic(left: Sequence[int], order: Sequence[int], offset: int, total: int) -> frozenset[int]:
    chosen, running = [], offset
    for level in order:
        if (running + left[level]) // total > running // total:
            chosen.append(level)
        running += left[level]
    return frozenset(chosen)


def _fits(levels: Collection[int], slots: Mapping[int, int]) -> bool:
    """Whether each of `levels` can have a slot of its own, no farther than its farthest."""
    return all(place <= slot for place, slot in enumerate(sorted(slots[v] for v in levels), 1))


def _earliest(many: int, before: Mapping[int, int], after: Mapping[int, int]) -> frozenset[int]:
    """`many` levels for the slots before the boundary: slot by slot, of those that reach it the first that is
    due.
    """
    arrivals = sorted(before, key=lambda v: -before[v])
    waiting: list[tuple[int, int]] = []
    chosen = set()
    coming = 0
    for slot in range(many, 0, -1):
        while coming < len(arrivals) and before[arrivals[coming]] >= slot:
            heappush(waiting, (after[arrivals[coming]], arrivals[coming]))
            coming += 1
        chosen.add(heappop(waiting)[1])
    return frozenset(chosen)


def _slots(fractions: Mapping[int, int], distance: Mapping[int, int], total: int) -> dict[int, int]:
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


class Counts:
    """Counts of every level at boundaries that lie `step` rows apart, for one discrete dimension.

    `parts` as in `boundary`; `key` names the random numbers that settle which levels are ahead. With windows
    shorter than `step` each boundary stands alone. With longer ones, boundaries stand alone every `epoch`
    rows (a power of two times `step`) and a shuffled schedule of the epoch joins them: the first look into an
    epoch costs about two microseconds for each of its rows, of which there are up to 2 / (the smallest
    share). Memory is bounded.
    """

    def __init__(self, parts: Sequence[int], step: int, key: int) -> None:
        self.parts = tuple(parts)
        self.total = sum(parts)
        self.step = step
        self.epoch = step
        while self.epoch < self.total // min(parts) + 3:
            self.epoch *= 2
        self._key = key
        self._draws = lru_cache(maxsize=8)(self._find_draws)
        self._alone = lru_cache(maxsize=max(4, min(4096, _KEPT // len(self.parts))))(self._find_boundary)
        self._inside = lru_cache(maxsize=16)(self._find_inside)

    def ahead(self, number: int) -> tuple[int, ...]:
        """1 for each level that has ceil of its share at boundary `number` (row number * step), else 0."""
        epoch, offset = divmod(number * self.step, self.epoch)
        return self._inside(epoch)[offset // self.step - 1] if offset else self._alone(epoch)

    def levels(self, epoch: int) -> Levels:
        """The levels of a whole epoch, shuffled: rows epoch * self.epoch up to the next."""
        start, stop = epoch * self.epoch, (epoch + 1) * self.epoch
        found = schedule(self.parts, start, self._alone(epoch), stop, self._alone(epoch + 1))
        begin = start * _ROUNDS
        rounds = (begin + turn * self.epoch for turn in range(_ROUNDS))
        return shuffle(found, (stream(self._key ^ 1, at, at + self.epoch) for at in rounds))

    def _find_draws(self, block: int) -> list[list[float]]:
        size = _BLOCK * _TRIES
        numbers: list[list[float]] = stream(self._key, block * size, (block + 1) * size).reshape(-1, _TRIES).tolist()
        return numbers

    def _find_boundary(self, epoch: int) -> tuple[int, ...]:
        block, place = divmod(epoch, _BLOCK)
        return boundary(self.parts, epoch * self.epoch, self._draws(block)[place])

    def _find_inside(self, epoch: int) -> tuple[tuple[int, ...], ...]:
        start = epoch * self.epoch
        levels = self.levels(epoch)
        counts = np.array(self._alone(epoch), dtype=np.int64)
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
