"""`pfair.boundary` of many levels, over whole columns: the same choice.

Sums of fractions are floats wherever these are certain, else the whole numbers themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from synthspec.planning.balancing.deadlines import UNSURE, earliest_first
from synthspec.planning.design import Floats, Levels

_EXACT = 2**62


def boundary_of_many(parts: Sequence[int], row: int, draws: Sequence[float] = ()) -> tuple[int, ...]:
    """Which levels are ahead at a boundary, as `pfair.boundary` says."""
    found = Open(parts, row)
    since, until = found.order(found.since), found.order(found.until)
    before, after = found.slots(since, True), found.slots(until, False)
    chosen = np.zeros(len(parts), dtype=np.int64)
    for turn, draw in enumerate(draws):
        sample = found.systematic(until if turn % 2 else since, int(draw * found.total))
        if _fits(before[sample]) and _fits(after[~sample]):
            chosen[found.here[sample]] = 1
            return tuple(chosen.tolist())
    ordered = np.lexsort((np.arange(len(after)), after))
    chosen[found.here[ordered[earliest_first(np.maximum(found.many - before[ordered], 0), found.many)]]] = 1
    return tuple(chosen.tolist())


def _fits(slots: Levels) -> bool:
    """Whether each can have a slot of its own, no farther than its farthest."""
    return bool((np.sort(slots) > np.arange(len(slots))).all())


class Open:
    """The levels open at a row: `here` their numbers, `left` what they have of a row, in parts of `total`."""

    def __init__(self, parts: Sequence[int], row: int) -> None:
        self.total = total = sum(parts)
        left = [row % total * w % total for w in parts]
        self.here: Levels = np.array([v for v, rest in enumerate(left) if rest], dtype=np.int64)
        self._left = [rest for rest in left if rest]
        widths = [w for w, rest in zip(parts, left, strict=True) if rest]
        self.since: Levels = np.array([-(-f // w) for f, w in zip(self._left, widths, strict=True)], dtype=np.int64)
        self.until: Levels = np.array([-((f - total) // w) for f, w in zip(self._left, widths, strict=True)],
                                      dtype=np.int64)  # fmt: skip
        self.many = sum(self._left) // total
        exact = total * (len(parts) + 1) < _EXACT
        self._exact = np.array(self._left, dtype=np.int64) if exact else None
        self._near: Floats = np.array([f / total for f in self._left])

    @staticmethod
    def order(distance: Levels) -> Levels:
        """By distance, of equal ones the level that stands first."""
        return distance.argsort(kind="stable")

    def slots(self, order: Levels, back: bool) -> Levels:
        """For each level, the farthest slot from the boundary that it may take, counted from 1."""
        distance = (self.since if back else self.until)[order]
        last = np.append(distance[1:] != distance[:-1], True) if len(order) else np.empty(0, dtype=bool)
        running = -self._sums(order, 0, back, -1)
        ends = np.flatnonzero(last)
        reach = np.repeat(running[ends], np.diff(ends, prepend=-1))
        out = np.empty(len(order), dtype=np.int64)
        out[order] = reach
        return out

    def systematic(self, order: Levels, offset: int) -> NDArray[np.bool_]:
        """Whether each level is drawn by a systematic sample of its fraction, from `offset` on."""
        sums = self._sums(order, offset, True, 1)
        out = np.empty(len(order), dtype=bool)
        out[order] = np.diff(sums, prepend=0) > 0
        return out

    def _sums(self, order: Levels, offset: int, back: bool, sign: int) -> Levels:
        """floor(sign * (offset + what the levels have up to each) / total); of what they lack, if not `back`."""
        total = self.total
        if self._exact is not None:
            parts = self._exact[order] if back else total - self._exact[order]
            whole: Levels = sign * (np.cumsum(parts) + offset) // total
            return whole
        near = self._near[order] if back else 1 - self._near[order]
        near = sign * (np.cumsum(near) + offset / total)
        floors: Levels = np.floor(near).astype(np.int64)
        unsure = np.flatnonzero(np.abs(near - np.rint(near)) < UNSURE)
        if len(unsure):
            left = self._left
            exact = list(accumulate((left[v] if back else total - left[v] for v in order.tolist()), initial=offset))
            floors[unsure] = [sign * exact[at + 1] // total for at in unsure.tolist()]
        return floors
