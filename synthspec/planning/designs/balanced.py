"""Strategy `balanced`: every prefix holds every value its share of times, give or take less than one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from synthspec.planning.balancing import large
from synthspec.planning.balancing.pfair import shares_of, whole_shares
from synthspec.planning.balancing.strata import Strata
from synthspec.planning.balancing.superblocks import STRATA, Forgetting, Plain
from synthspec.planning.balancing.uneven import STEP, Remembering, Uneven
from synthspec.planning.design import Design, Dimension, Floats, Levels, Tied
from synthspec.planning.designs.random import redraw
from synthspec.planning.sampling.marks import Marks
from synthspec.planning.sampling.philox import LEAST, key_of, stream
from synthspec.planning.sampling.tied import Schedule, cells_of

SUMMARY = "every value within one of its exact share at every number of rows, pairs of parameters even too"
JOINT = 64  # dimensions that are kept even with each other
_LEVELS = 2048  # levels of these, all together
_MANY = 64
_BATCH = 1024
_AHEAD = 32  # superblocks that are filled with those that are asked for, where rows are read one after another
_CELLS = 1 << 24


class Balanced:
    """For every n, the first n rows hold level v of a discrete dimension of share p between np - 1 and np + 1
    times, both excluded; and so each half, quarter, eighth and sixteenth of the interval of a continuous one.
    (Of a list in which some shares are below 1 in 32,768, between np - 2 and np + 2.)

    Pairs of dimensions of up to 64 levels each are filled together (`joint`), so that their joint tables are
    nearer to the product of the shares than independent draws'. They are filled one after another, those of
    unequal weights first, then those of equal ones, then the continuous ones, each in the order of keys; so a
    dimension depends on those before it alone. Dimensions of more levels, or of such rare ones, stand on their
    own, and so do those that come after the first `JOINT`. A row is reached at once wherever it is; it costs
    that of the 128 rows around it, up to 32,768 where two dimensions or more have unequal weights. Tied
    dimensions come first of all (`tied`): their levels keep to their shares in every prefix to about one, and
    equally likely dimensions are kept even with them.
    """

    def __init__(self, design: Design) -> None:
        self._seed = design.seed
        self._names = [one.key for one in design.dimensions]
        self._plain: list[Plain] = []
        self._uneven: list[Uneven] = []
        self._large: dict[str, large.SharedLevels] = {}
        self._alone: dict[str, Strata] = {}
        self._marks: dict[str, Marks] = {}
        self._cells = cells_of(design)
        self._schedules = [Schedule(tied, design.seed) for tied in design.tied]
        tied = {key for each in design.tied for key in each.keys}
        for one in sorted(design.by_key, key=lambda each: each.weights is None):
            if one.key not in tied:
                self._sort(one)
        self._part(sum(1 for each in design.tied for _ in _steering(each)))
        self._remembering = Remembering(self._uneven, self._seed) if self._uneven else None
        beside = [*_shares_of_tied(design.tied), *(shares_of(one.parts) for one in self._uneven)]
        self._forgetting = Forgetting(self._plain, beside, self._seed) if self._plain else None
        together = sum(one.levels for one in self._plain) + sum(len(one.parts) for one in self._uneven)
        self._batch = max(8, min(_BATCH, _CELLS // max(together, 1) ** 2))
        self._recent: tuple[int, int, Mapping[str, Levels]] = (0, 0, {})

    def _sort(self, one: Dimension) -> None:
        if one.weights is None:
            self._plain.append(Plain(one.key, STRATA, True))
            return
        parts = tuple(p for p in whole_shares(one.weights) if p)
        self._marks[one.key] = Marks(one.weights)
        if len(parts) > _MANY or len(large.common_levels(parts)) < len(parts):
            self._large[one.key] = large.large(parts, key_of(self._seed, one.key, "large"))
        elif len(set(parts)) == 1:
            self._plain.append(Plain(one.key, len(parts), False))
        else:
            self._uneven.append(Uneven(one.key, parts))

    def _part(self, dimensions: int) -> None:
        """Leave together as many, beside tied ones, as can be kept even in little time; the others stand alone."""
        levels = 0
        uneven, plain = self._uneven, self._plain
        self._uneven, self._plain = [], []
        both: list[Uneven | Plain] = [*uneven, *plain]
        for one in both:
            size = one.levels if isinstance(one, Plain) else len(one.parts)
            dimensions, levels = dimensions + 1, levels + size
            if dimensions <= JOINT and levels <= _LEVELS:
                if isinstance(one, Plain):
                    self._plain.append(one)
                else:
                    self._uneven.append(one)
            elif isinstance(one, Plain) and one.continuous:
                self._alone[one.key] = Strata(STRATA, key_of(self._seed, one.key, "strata"))
            else:
                parts = (1,) * one.levels if isinstance(one, Plain) else one.parts
                self._large[one.key] = large.large(parts, key_of(self._seed, one.key, "large"))

    def uniforms(self, start: int, stop: int) -> Mapping[str, Floats]:
        """Numbers in the open (0, 1) for rows start..stop-1: one array of stop - start for each dimension."""
        if start >= stop:
            return {name: np.empty(0) for name in self._names}
        levels = self._levels(start, stop)
        out: dict[str, Floats] = {}
        for key in (*(one.key for one in self._plain if one.continuous), *self._alone):
            out[key] = self._within_strata(key, levels[key], start, stop)
        for name, marks in self._marks.items():
            out[name] = marks.place(levels[name], stream(key_of(self._seed, name, "within"), start, stop))
        for cells in self._cells:
            out |= cells.uniforms(levels[cells.tied.key], start, stop)
        return out

    def redraw(self, rows: Levels, attempt: int, keys: Collection[str]) -> Mapping[str, Floats]:
        """Fresh independent numbers of dimensions `keys` for `rows`, others at every `attempt`."""
        return redraw(self._seed, rows, attempt, keys, self._cells)

    def _levels(self, start: int, stop: int) -> dict[str, Levels]:
        """Which of its levels above zero, or which stratum, each dimension takes in rows start..stop-1."""
        first, last = start // STEP, -(-stop // STEP)
        begin, end, recent = self._recent
        if not (begin <= first and last <= end):
            pieces: list[Mapping[str, Levels]] = []
            if begin <= first <= end < last and end > begin:  # read on: a few superblocks cost as much as many
                last = max(last, min(max(3 * end - 2 * begin, end + _AHEAD), end + self._batch // 4))
                if last - begin <= self._batch // 4:
                    pieces, first = [recent], end
            begin = begin if pieces else first
            pieces += [self._superblocks(at, min(at + self._batch, last)) for at in range(first, last, self._batch)]
            recent = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
            if last - begin <= self._batch:
                self._recent = (begin, last, recent)
        part = slice(start - begin * STEP, stop - begin * STEP)
        found = {name: column[part] for name, column in recent.items()}
        for alone in (self._large, self._alone):
            found |= {name: each.levels(start, stop) for name, each in alone.items()}
        return found

    def _superblocks(self, first: int, last: int) -> dict[str, Levels]:
        found: dict[str, Levels] = {}
        fixed = []
        for cells, schedule in zip(self._cells, self._schedules, strict=True):
            taken = schedule.cells(first, last)
            found[cells.tied.key] = taken.T.reshape(-1)
            fixed += [cells.tied.table[taken, d] for d in _steering(cells.tied)]
        if self._remembering is not None:
            uneven = self._remembering.levels(first, last)
            found |= _columns([one.key for one in self._uneven], uneven)
            fixed += list(uneven)
        if self._forgetting is not None:
            beside = np.stack(fixed) if fixed else np.empty((0, STEP, last - first), dtype=np.int64)
            free = self._forgetting.levels(first, last, beside)
            found |= _columns([one.key for one in self._plain], free)
        return found

    def _within_strata(self, name: str, stratum: Levels, start: int, stop: int) -> Floats:
        """Numbers inside their strata: of 16 visits to a stratum, in 256 rows, one goes to each sixteenth of
        it.
        """
        block = STRATA * STRATA
        first, last = start // block, -(-stop // block)
        draws = stream(key_of(self._seed, name, "sixteenths"), first * block, last * block)
        parts = draws.reshape(-1, STRATA, STRATA).argsort(axis=2).astype(np.float64).reshape(-1)
        visit = np.arange(start, stop) // STRATA - first * STRATA
        part = parts[(visit // STRATA * STRATA + stratum) * STRATA + visit % STRATA]
        inside = (part + stream(key_of(self._seed, name, "within"), start, stop)) / STRATA
        numbers: Floats = np.clip((stratum + inside) / STRATA, LEAST, 1 - 2.0**-53)
        return numbers


def _columns(names: Sequence[str], levels: NDArray[np.int64]) -> dict[str, Levels]:
    return {name: column.T.reshape(-1) for name, column in zip(names, levels, strict=True)}


def _steering(tied: Tied) -> list[int]:
    """Columns of a table that equally likely dimensions are kept even with: few levels, active everywhere."""
    return [d for d, column in enumerate(tied.table.T) if column.min() >= 0 and column.max() < _MANY]


def _shares_of_tied(tied: Sequence[Tied]) -> list[Floats]:
    """Shares of the levels of these columns; a level that never comes up has the least there is."""
    found = []
    for each in tied:
        parts = np.array(each.parts, dtype=np.float64)
        for d in _steering(each):
            shares = np.maximum(np.bincount(each.table[:, d], parts), 1)
            found.append(shares / shares.sum())
    return found


STRATEGY = Balanced
