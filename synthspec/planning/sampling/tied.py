"""Dimensions that are drawn together, one cell of a table a row, so that what is not permitted never comes up.

The shares of the cells are whole numbers out of PERIOD. How often each cell came in the first n rows is known for
the ends of halves, quarters, eighths … of a period, each made from the two around it by rounding n * share so that
cells, and above all the levels of every dimension, are as near to their shares as can be. So a row is reached at
once, after some 23 of these. Within 128 rows, cells are taken one by one, the one most in arrears first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from synthspec.planning.design import Design, Floats, Levels, Tied
from synthspec.planning.sampling.marks import Marks
from synthspec.planning.sampling.philox import key_of, scattered, stream

STEP = 128
PERIOD = 1 << 30
INACTIVE = -1
_BLOCKS = PERIOD // STEP
_OWN = 0.5  # what a cell's own deviation weighs beside those of its levels
_KEPT = 96
_BEST = 8
_SWAPS = 200
_WORK = 1 << 20


class Cells:
    """Numbers of the dimensions of `tied` from cells of its table."""

    def __init__(self, tied: Tied, weights: Mapping[str, tuple[float, ...]], seed: int) -> None:
        self.tied, self._seed = tied, seed
        self._until = np.cumsum(np.array(tied.parts, dtype=np.int64))
        self._marks = [Marks(weights[key]) for key in tied.keys]
        places = [np.searchsorted(m.kept, tied.table[:, d]) for d, m in enumerate(self._marks)]
        self._places = [np.where(tied.table[:, d] >= 0, p, 0) for d, p in enumerate(places)]

    def drawn(self, number: Floats) -> Levels:
        """The cell that each number of (0, 1) stands for."""
        points = (number * PERIOD).astype(np.int64)
        return np.searchsorted(self._until, points, side="right").astype(np.int64)

    def uniforms(self, cells: Levels, start: int, stop: int) -> dict[str, Floats]:
        """Numbers of rows start..stop-1, which have these cells."""
        return self._numbers(cells, lambda key: stream(key_of(self._seed, key, "within"), start, stop))

    def redrawn(self, rows: Levels, attempt: int) -> dict[str, Floats]:
        """Fresh numbers of some rows, in cells drawn by their shares."""
        purpose = f"redraw {attempt}"
        cells = self.drawn(scattered(key_of(self._seed, self.tied.key, purpose), rows))
        return self._numbers(cells, lambda key: scattered(key_of(self._seed, key, purpose), rows))

    def _numbers(self, cells: Levels, draw: Callable[[str], Floats]) -> dict[str, Floats]:
        found: dict[str, Floats] = {}
        for d, key in enumerate(self.tied.keys):
            within = draw(key)
            placed = self._marks[d].place(self._places[d][cells], within)
            found[key] = np.where(self.tied.table[cells, d] >= 0, placed, within)
        return found


def cells_of(design: Design) -> tuple[Cells, ...]:
    """The tied dimensions of a design."""
    weights = {one.key: one.weights for one in design.dimensions if one.weights is not None}
    return tuple(Cells(tied, weights, design.seed) for tied in design.tied)


class Schedule:
    """The cell of every row, such that cells and levels keep to their shares in every prefix, to about one."""

    def __init__(self, tied: Tied, seed: int) -> None:
        self._key, self._seed = tied.key, seed
        self._parts = np.array(tied.parts, dtype=np.int64)
        self._share = self._parts / PERIOD
        self._slots = _slots(tied.table if tied.further is None else np.hstack([tied.table, tied.further]))
        self._margin = np.zeros(int(self._slots.max()) + 1, dtype=np.int64)
        for column in self._slots.T:
            np.add.at(self._margin, column, self._parts)
        self._noise = key_of(seed, tied.key, "order")
        self._shift = np.zeros(len(self._parts))
        if tied.further is not None:  # else the cells of the largest shares would all come first
            self._shift = stream(key_of(seed, tied.key, "shift"), 0, len(self._parts)) - 0.5
        self._recent: OrderedDict[tuple[int, int, int], Levels] = OrderedDict()

    def cells(self, first: int, last: int) -> Levels:
        """The cells in superblocks first..last-1 of STEP rows each, shape (STEP, last - first)."""
        return self._filled(first, self._counts(first, last))

    def _counts(self, first: int, last: int) -> list[Levels]:
        """How often each cell came before superblock first, first + 1, … last."""
        found: dict[int, Levels] = {}
        for turn in range(first // _BLOCKS, last // _BLOCKS + 1):
            base = turn * _BLOCKS
            inside = (max(first - base, 0), min(last - base, _BLOCKS - 1))
            at: dict[int, Levels] = {0: np.zeros_like(self._parts)}
            self._descend(turn, 0, _BLOCKS, at[0], self._parts, inside, at)
            found |= {base + b: turn * self._parts + n for b, n in at.items() if inside[0] <= b <= inside[1]}
        return [found[b] for b in range(first, last + 1)]

    def _descend(
        self,
        turn: int,
        low: int,
        high: int,
        before: Levels,
        after: Levels,
        inside: tuple[int, int],
        at: dict[int, Levels],
    ) -> None:
        """Fill in `at`, the counts at places between low and high that are `inside`, ends included."""
        if high - low < 2 or inside[1] <= low or inside[0] >= high:
            return
        middle = (low + high) // 2
        known = self._recent.get((turn, low, high))
        if known is None:
            known = self._middle(turn, low, high, before, after)
            if len(self._recent) >= _KEPT:
                self._recent.popitem(last=False)
            self._recent[turn, low, high] = known
        else:
            self._recent.move_to_end((turn, low, high))
        at[middle] = known
        if inside[0] < middle:
            self._descend(turn, low, middle, before, known, inside, at)
        if inside[1] > middle:
            self._descend(turn, middle, high, known, after, inside, at)

    def _middle(self, turn: int, low: int, high: int, before: Levels, after: Levels) -> Levels:
        """Counts half-way between two places, none below those before and none above those after."""
        rows = (low + high) // 2 * STEP
        open_ = np.flatnonzero(after > before)
        noise = stream(key_of(self._seed, self._key, f"{turn} {low} {high}"), 0, len(open_) + 1)
        ahead = self._levels(before) - self._due(np.array(rows), self._margin)
        return _Rounding(rows, before, after, open_, self._parts, self._slots, ahead, self._shift).counts(noise)

    def _filled(self, first: int, counts: list[Levels]) -> Levels:
        """The order of cells within superblocks, given the counts at their ends."""
        many = len(counts) - 1
        cells = np.stack([np.repeat(np.arange(len(self._parts)), n - m) for m, n in pairwise(counts)])
        rows = np.arange(first, first + many) * STEP
        here = np.stack([count[row] for count, row in zip(counts, cells, strict=False)])
        nth = here + np.arange(STEP) - _first_of_run(cells)
        share = self._share[cells]
        late = _OWN * (nth - self._due(rows[:, None], self._parts[cells]) - self._shift[cells])
        late += 0.05 * stream(self._noise, first * STEP, (first + many) * STEP).reshape(many, STEP)
        ahead = np.stack([self._levels(count) for count in counts[:-1]])
        ahead -= self._due(rows[:, None], self._margin)
        index = np.arange(many)[:, None] * len(self._margin) + self._slots[cells].transpose(2, 0, 1)
        out = np.empty((STEP, many), dtype=np.int64)
        block = np.arange(many)
        for row in range(STEP):
            ahead -= self._margin / PERIOD
            late -= _OWN * share
            score = ahead.ravel().take(index).sum(axis=0)
            score += late
            chosen = score.argmin(axis=1)
            out[row] = cells[block, chosen]
            late[block, chosen] = np.inf
            ahead.reshape(-1)[index[:, block, chosen]] += 1
        return out

    def _levels(self, counts: Levels) -> Floats:
        """How often each level comes in so many of each cell."""
        found = np.zeros(len(self._margin))
        for column in self._slots.T:
            found += np.bincount(column, counts, minlength=len(found))
        return found

    @staticmethod
    def _due(rows: Levels, parts: Levels) -> Floats:
        """rows * parts / PERIOD, of any number of rows."""
        whole = rows // PERIOD * parts
        return np.asarray(whole + rows % PERIOD * parts / PERIOD)


class _Rounding:
    """Whole counts near to `rows` * share, between those before and those after."""

    def __init__(
        self,
        rows: int,
        before: Levels,
        after: Levels,
        at: Levels,
        parts: Levels,
        slots: Levels,
        ahead: Floats,
        shift: Floats,
    ) -> None:
        """`at` are the cells that may still come; `ahead` says by how much each level is, with the counts before."""
        self._before, self._at, self._slots, self._ahead = before, at, slots[at], ahead
        exact = rows * parts[at]
        self._low, self._high = before[at], after[at]
        self._now = np.clip(exact // PERIOD, self._low, self._high)
        self._off = self._now - exact / PERIOD - shift[at]
        self._work = _WORK * (4 if shift.any() else 1)
        more = self._now - self._low
        self._need = rows - int(before.sum()) - int(more.sum())
        for column in self._slots.T:
            self._ahead += np.bincount(column, more, minlength=len(ahead))

    def counts(self, noise: Floats) -> Levels:
        self._spread(noise)
        self._noise = 0.01 * noise[:-1]
        while self._need:
            self._move(int((self._up() if self._need > 0 else self._down()).argmin()), 1 if self._need > 0 else -1)
        for _ in range(max(8, min(_SWAPS, self._work // self._slots.size))):
            if not self._swap():
                break
        found = self._before.copy()
        found[self._at] = self._now
        return found

    def _spread(self, noise: Floats) -> None:
        """Raise most of those that want it at once: a systematic sample along the first column's levels."""
        chance = np.where(self._now < self._high, np.clip(-self._off, 0, 1), 0)
        total = float(chance.sum())
        if self._need <= 0 or total <= 0:
            return
        order = np.lexsort((noise[:-1], self._slots[:, 0]))
        running = np.cumsum(chance[order] * min(self._need / total, 1.0)) + noise[-1]
        chosen = order[np.diff(np.floor(running), prepend=np.floor(noise[-1])) > 0][: self._need]
        self._now[chosen] += 1
        self._off[chosen] += 1
        self._need -= len(chosen)
        np.add.at(self._ahead, self._slots[chosen].ravel(), 1)

    def _up(self) -> Floats:
        """What raising each count by one adds to the squared deviations, halved."""
        cost = self._ahead[self._slots].sum(axis=1) + _OWN * self._off + self._noise
        return np.where(self._now < self._high, cost, np.inf)

    def _down(self) -> Floats:
        cost = -self._ahead[self._slots].sum(axis=1) - _OWN * self._off + self._noise
        return np.where(self._now > self._low, cost, np.inf)

    def _swap(self) -> bool:
        """Raise one and lower another, where that is better by more than nothing."""
        levels = self._ahead[self._slots].sum(axis=1)
        own = _OWN * self._off
        up = np.where(self._now < self._high, levels + own + self._noise, np.inf)
        down = np.where(self._now > self._low, self._noise - levels - own, np.inf)
        raised, lowered = _least(up, _BEST), _least(down, 8 * _BEST)
        shared = (self._slots[raised][:, None] == self._slots[lowered][None]).sum(axis=2)
        gain = up[raised][:, None] + down[lowered][None] - shared
        gain[raised[:, None] == lowered] = np.inf
        best = int(gain.argmin())
        first, second = divmod(best, len(lowered))
        if gain[first, second] + self._slots.shape[1] + _OWN > -1e-6:
            return False
        self._move(int(raised[first]), 1)
        self._move(int(lowered[second]), -1)
        return True

    def _move(self, cell: int, by: int) -> None:
        self._now[cell] += by
        self._off[cell] += by
        self._need -= by
        self._ahead[self._slots[cell]] += by


def _slots(table: Levels) -> Levels:
    """A number for each level of each column, distinct across columns; those inactive in a column have one too."""
    columns = []
    first = 0
    for column in table.T:
        _, place = np.unique(column, return_inverse=True)
        columns.append(place.reshape(-1) + first)
        first = int(columns[-1].max()) + 1
    return np.stack(columns, axis=1)


def _first_of_run(cells: NDArray[np.int64]) -> Levels:
    """For each place of sorted rows, the first place of the same value."""
    starts = np.concatenate([np.ones((len(cells), 1), dtype=bool), cells[:, 1:] != cells[:, :-1]], axis=1)
    return np.maximum.accumulate(np.where(starts, np.arange(cells.shape[1]), 0), axis=1)


def _least(values: Floats, many: int) -> Levels:
    """The places of the `many` least values, in no order."""
    return np.argpartition(values, many)[:many] if len(values) > many else np.arange(len(values))
