"""Superblocks of a balanced plan: which level each dimension takes in rows number * STEP .. (number + 1) * STEP - 1.

Dimensions of equal levels are filled after the uneven ones, and forget between superblocks: chance alone
names their levels, so what is left over in their pairs is as often above as below. Uneven dimensions have no such
symmetry; a leaning in every superblock would add up. So theirs remember: superblock i of a group begins
with the tally of those since i less its lowest set bit, as a Fenwick tree sums prefixes. A row then depends on
GROUP superblocks at most, and log2(GROUP) + 1 passes fill a group.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthspec.strategies import Levels
from synthspec.strategies.joint import NOISE, Chooser, Single, Tally
from synthspec.strategies.pfair import Counts, shares_of
from synthspec.strategies.philox import key_of, stream
from synthspec.strategies.sequences import Blocks, Nested, Shared, find_windows

STEP = 128
STRATA = 16
GROUP = 256
_GROUPS_KEPT = 3


@dataclass(frozen=True, slots=True)
class Plain:
    """A dimension of equally likely parts: `levels` of a discrete one, or the strata of a continuous one."""

    key: str
    levels: int
    continuous: bool


@dataclass(frozen=True, slots=True)
class Uneven:
    """A discrete dimension of levels in the proportions `parts`."""

    key: str
    parts: tuple[int, ...]


def noise_of(seed: int, name: str, first: int, last: int) -> Single:
    """Numbers that break ties in superblocks first..last-1, shape (last - first, NOISE)."""
    draws = stream(key_of(seed, name, "ties"), first * NOISE, last * NOISE)
    return (draws * 0.5).astype(np.float32).reshape(-1, NOISE)


class Remembering:
    """The uneven dimensions of a plan, group by group; the last few groups are kept."""

    def __init__(self, dimensions: Sequence[Uneven], seed: int) -> None:
        self._dimensions, self._seed = tuple(dimensions), seed
        self._counts = [Counts(one.parts, STEP) for one in dimensions]
        self._chooser = Chooser([shares_of(one.parts) for one in dimensions], 0)
        self._groups: OrderedDict[int, _Group] = OrderedDict()

    def levels(self, first: int, last: int) -> NDArray[np.int64]:
        """Levels in superblocks first..last-1, shape (dimensions, STEP, last - first)."""
        pieces = []
        while first < last:
            number, inside = divmod(first, GROUP)
            end = min(last - number * GROUP, GROUP)
            group = self._groups.pop(number, None) or _Group(len(self._dimensions), self._chooser.empty(GROUP + 1))
            self._groups[number] = group
            if len(self._groups) > _GROUPS_KEPT:
                self._groups.popitem(last=False)
            self._complete(group, number, inside, end)
            pieces.append(group.levels[:, :, inside:end])
            first = number * GROUP + end
        return np.concatenate(pieces, axis=2)

    def _complete(self, group: _Group, number: int, inside: int, end: int) -> None:
        wanted = np.arange(inside, end)
        low = wanted & -wanted
        begin = int((wanted - np.maximum(low, 1) + 1).min())
        inner = np.arange(begin, end)
        inner = inner[~group.known[begin:end]]
        lowest = np.where(inner, inner & -inner, 1)
        for bit in np.unique(lowest):
            self._fill(group, number, inner[lowest == bit], int(bit))

    def _fill(self, group: _Group, number: int, inner: Levels, bit: int) -> None:
        """Fill superblocks `inner` of the group, whose lowest set bit is `bit` (the first has none)."""
        numbers = number * GROUP + inner
        since = np.where(inner, inner - bit + 1, 0)
        before = _between(group.tally, group.known, since, inner)
        sequences = [_shared(counts, numbers) for counts in self._counts]
        noise = np.stack(
            [
                noise_of(self._seed, one.key, number * GROUP, (number + 1) * GROUP)[inner]
                for one in self._dimensions
            ]
        )
        start = Tally(tuple(cells.copy() for cells in before.cells), before.seen.copy())
        fixed = np.empty((0, STEP, len(inner)), dtype=np.int64)
        group.levels[:, :, inner] = self._chooser.fill(sequences, fixed, noise, before)
        group.known[inner] = True
        for kept, after, at_first in zip(
            (*group.tally.cells, group.tally.seen),
            (*before.cells, before.seen),
            (*start.cells, start.seen),
            strict=True,
        ):
            kept[inner] = after - at_first


class _Group:
    def __init__(self, dimensions: int, tally: Tally) -> None:
        self.levels = np.zeros((dimensions, STEP, GROUP), dtype=np.int64)
        self.known = np.zeros(GROUP, dtype=bool)
        self.tally = tally


def _between(tally: Tally, known: NDArray[np.bool_], since: Levels, until: Levels) -> Tally:
    """Sums of the tallies of superblocks since..until-1, a range for each place of the two arrays."""

    def sums(each: Single) -> Single:
        total = np.zeros((len(since), *each.shape[1:]), np.float32)
        for back in range(1, int((until - since).max(initial=0)) + 1):
            inside = until - back >= since
            total[inside] += each[until[inside] - back]
        return total

    return Tally(tuple(sums(cells) for cells in tally.cells), sums(tally.seen))


def _shared(counts: Counts, numbers: Levels) -> Shared:
    """The sequence of an uneven dimension; superblocks of one phase of its period share their windows."""
    phases = [int(n) % counts.period for n in numbers]
    distinct = sorted(set(phases))
    place = {phase: at for at, phase in enumerate(distinct)}
    return Shared(find_windows(counts, distinct), np.array([place[p] for p in phases], dtype=np.int64))


class Forgetting:
    """The dimensions of equally likely levels, and the continuous ones, beside uneven dimensions already filled."""

    def __init__(self, dimensions: Sequence[Plain], beside: Sequence[Uneven], seed: int) -> None:
        self._dimensions, self._seed = tuple(dimensions), seed
        shares = [shares_of(one.parts) for one in beside]
        shares += [np.full(one.levels, 1 / one.levels) for one in dimensions]
        self._chooser = Chooser(shares, len(beside))

    def levels(self, first: int, last: int, fixed: NDArray[np.int64]) -> NDArray[np.int64]:
        """Levels, or strata, in superblocks first..last-1: shape (dimensions, STEP, last - first).

        `fixed` holds those of the uneven dimensions in the same shape.
        """
        many = last - first
        noise = np.stack([noise_of(self._seed, one.key, first, last) for one in self._dimensions])
        sequences = [self._sequence(one, first, last) for one in self._dimensions]
        return self._chooser.fill(sequences, fixed, noise, self._chooser.empty(many))

    def _sequence(self, one: Plain, first: int, last: int) -> Blocks | Nested:
        if one.continuous:
            return Nested(last - first, one.levels)
        draws = stream(key_of(self._seed, one.key, "blocks"), first * one.levels, (last + 1) * one.levels)
        ranks = draws.reshape(-1, one.levels).argsort(axis=1).argsort(axis=1)
        return Blocks(np.arange(first, last), STEP, ranks)
