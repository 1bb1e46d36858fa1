"""Covering arrays by greedy search: few rows in which every possible tuple of levels of any `strength`
factors occurs.

After AETG (Cohen, Dalal, Fredman and Patton, "The AETG system", IEEE Trans. Softw. Eng. 23, 1997): a row is
the best of several candidates; each starts from a tuple that is still missing, then takes unit by unit the
option that covers most missing tuples. A *unit* is a set of factors that exclusions or requirements tie
together, with a table of what they permit; a factor on its own is a unit of its levels. So a row never breaks
an exclusion.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from synthspec.lazy_dataclass import dataclass
from synthspec.planning.design import Levels
from synthspec.planning.sampling.philox import stream

Array = NDArray[np.int64]
INACTIVE = -1
_CANDIDATES = 32
_WORK = 1 << 21
_OPTIONS = 48
_BLOCK = 1 << 14


@dataclass(frozen=True, slots=True)
class FactorUnit:
    """Factors tied together: `table`, shape (options, factors), permitted levels, INACTIVE where one has
    none.

    `factors` are numbers of columns, of the array that is made.
    """

    factors: tuple[int, ...]
    table: Array


class Draws:
    """Random numbers one after another, the same on every machine."""

    def __init__(self, key: int) -> None:
        self._key, self._at = key, 0
        self._block = stream(key, 0, _BLOCK)

    def take(self, many: int) -> NDArray[np.float64]:
        """The next `many` numbers in (0, 1)."""
        if self._at % _BLOCK + many > _BLOCK:
            self._at = (self._at // _BLOCK + 1 + many // _BLOCK) * _BLOCK
            self._block = stream(self._key, self._at, self._at + _BLOCK)
            if many > _BLOCK:
                return stream(self._key + 1, self._at, self._at + many)
        start = self._at % _BLOCK
        self._at += many
        return self._block[start : start + many]


class Tuples:
    """Every tuple of levels of any `strength` of the factors under cover, numbered, and which of them are
    possible.

    `sizes` are the levels of all factors, `covered` the factors to cover. Tuple (levels of subset s) has the
    number base[s] + levels . scale[s]; `total` is one more number, for what is not a tuple.
    """

    def __init__(
        self, sizes: Sequence[int], covered: Sequence[int], strength: int, units: Sequence[FactorUnit]
    ) -> None:
        self.subsets = np.array(list(combinations(sorted(covered), strength)), dtype=np.int64).reshape(-1, strength)
        widths = np.array(sizes, dtype=np.int64)[self.subsets]
        counts = widths.prod(axis=1)
        self.scale = np.concatenate(
            [np.cumprod(widths[:, :0:-1], axis=1)[:, ::-1], np.ones_like(widths[:, :1])], axis=1
        )
        self.base = np.cumsum(counts) - counts
        self.total = int(counts.sum())
        self.widths = widths
        self.possible = np.zeros(self.total + 1, dtype=bool)
        unit_of = {factor: unit for unit in units for factor in unit.factors}
        tied = np.isin(
            self.subsets,
            [
                factor
                for unit in units
                if len(unit.table) != sizes[unit.factors[0]] or len(unit.factors) > 1
                for factor in unit.factors
            ],
        ).any(axis=1)
        self.possible[: self.total] = np.repeat(~tied, counts)
        for number in np.flatnonzero(tied).tolist():
            self._mark(number, self.subsets[number].tolist(), unit_of)

    def _mark(self, number: int, subset: list[int], unit_of: dict[int, FactorUnit]) -> None:
        """Possible tuples of one subset: what each unit permits of its own factors, in every combination."""
        reach = np.full(1, self.base[number])
        for unit in dict.fromkeys(id(unit_of[f]) for f in subset):
            here = [place for place, f in enumerate(subset) if id(unit_of[f]) == unit]
            owner = unit_of[subset[here[0]]]
            part = owner.table[:, [owner.factors.index(subset[place]) for place in here]]
            part = part[(part != INACTIVE).all(axis=1)]
            own = np.unique(part @ self.scale[number, here])
            reach = (reach[:, None] + own).reshape(-1)
        self.possible[reach] = True

    def of(self, rows: Array) -> Array:
        """Numbers of the tuples in each of `rows`, shape (rows, factors): shape (rows, subsets)."""
        picked = rows[:, self.subsets]
        numbers: Array = (picked * self.scale).sum(axis=2) + self.base
        numbers[(picked < 0).any(axis=2)] = self.total
        return numbers

    def levels(self, numbers: Array) -> tuple[Array, Array]:
        """Factors and levels of tuples, each of shape (tuples, strength)."""
        subset = np.searchsorted(self.base, numbers, side="right") - 1
        rest = numbers - self.base[subset]
        return self.subsets[subset], rest[:, None] // self.scale[subset] % self.widths[subset]


class Greedy:
    """Makes covering arrays for `units` one after another.

    `spent` is about the microseconds of work so far, reckoned from sizes, not from a clock, so that whoever
    stops by it stops at the same array on every machine. `row_cost` is what a row takes, in the same measure.
    """

    def __init__(self, factors: int, units: Sequence[FactorUnit], tuples: Tuples) -> None:
        self._factors, self._units, self._tuples = factors, list(units), tuples
        self._unit_of = {factor: place for place, unit in enumerate(units) for factor in unit.factors}
        self._touching = [self._find_touching(unit) for unit in units]
        sizes = [min(len(unit.table), _OPTIONS) for unit in units]
        work = [len(touching[0]) * size + 1 for touching, size in zip(self._touching, sizes, strict=True)]
        self._candidates = max(2, min(_CANDIDATES, _WORK // max(work)))
        self._cost = len(units) * 45 + self._candidates * sum(work) // 250
        self.row_cost = self._cost + tuples.total // 1500  # with a look at all that is missing
        self.spent = 0

    def _find_touching(self, unit: FactorUnit) -> tuple[Array, Array, Array, Array]:
        """Of the subsets that hold a factor of `unit`: numbers, members outside it (else -1), and both
        scales.
        """
        subsets = self._tuples.subsets
        inside = np.isin(subsets, unit.factors)
        chosen = np.flatnonzero(inside.any(axis=1))
        inside = inside[chosen]
        outer = np.where(inside, self._factors, subsets[chosen])
        place = {factor: column for column, factor in enumerate(unit.factors)}
        own = np.where(inside, np.vectorize(lambda f: place.get(f, 0), otypes=[np.int64])(subsets[chosen]), len(place))
        return chosen, outer, own, self._tuples.scale[chosen]

    def array(self, draws: Draws, most: int, begun: Array | None = None) -> Array | None:
        """Rows of levels, shape (rows, factors), INACTIVE where a factor has none; None when `most` rows do
        not do.

        The first rows are those of `begun`, if any. As many rows as there are tuples always do.
        """
        missing = self._tuples.possible.copy()
        rows: list[Array] = []
        if begun is not None:
            missing[self._tuples.of(begun)] = False
            rows.extend(begun)
        while True:
            left = np.flatnonzero(missing)
            if not len(left):
                return np.array(rows, dtype=np.int64).reshape(-1, self._factors)
            if len(rows) >= most:
                return None
            row = self._best_row(left, missing, draws)
            self.spent += self._cost
            missing[self._tuples.of(row[None])[0]] = False
            rows.append(row)

    def improved(self, array: Array, draws: Draws) -> Array:
        """An array of as many rows or fewer: some rows go, and what they alone covered is covered anew.

        Rows that alone cover little go first, by chance.
        """
        numbers = self._tuples.of(array)
        times = np.bincount(numbers.reshape(-1), minlength=self._tuples.total + 1)
        times[-1] = 2
        alone = (times[numbers] == 1).sum(axis=1)
        gone = max(2, round(len(array) * (0.05 + 0.25 * float(draws.take(1)[0]))))
        order = np.argsort(alone * (0.5 + draws.take(len(array))))
        found = self.array(draws, len(array), array[np.sort(order[gone:])])
        return array if found is None else found

    def _best_row(self, left: Array, missing: NDArray[np.bool_], draws: Draws) -> Array:
        seeds = left[(draws.take(self._candidates) * len(left)).astype(np.int64)]
        levels = np.full((self._candidates, self._factors + 1), INACTIVE, dtype=np.int64)
        levels[:, -1] = 0
        done = np.zeros((self._candidates, len(self._units)), dtype=bool)
        for candidate, (factors, wanted) in enumerate(zip(*self._tuples.levels(seeds), strict=True)):
            self._plant(levels[candidate], done[candidate], factors.tolist(), wanted.tolist(), draws)
        for unit in np.argsort(draws.take(len(self._units))).tolist():
            self._extend(unit, levels, done[:, unit], missing, draws)
        gains = missing[self._tuples.of(levels)].sum(axis=1)
        best: Array = levels[int(gains.argmax()), :-1]
        return best

    def _plant(self, row: Array, done: NDArray[np.bool_], factors: list[int], wanted: list[int], draws: Draws) -> None:
        """Set the units of a missing tuple to options that hold it."""
        for place in dict.fromkeys(self._unit_of[factor] for factor in factors):
            unit = self._units[place]
            pairs = [(unit.factors.index(f), v) for f, v in zip(factors, wanted, strict=True) if f in unit.factors]
            if len(unit.factors) == 1:
                row[unit.factors[0]] = pairs[0][1]
            else:
                fits = np.flatnonzero(np.logical_and.reduce([unit.table[:, c] == v for c, v in pairs]))
                row[list(unit.factors)] = unit.table[fits[int(draws.take(1)[0] * len(fits))]]
            done[place] = True

    def _extend(
        self, place: int, levels: Array, done: NDArray[np.bool_], missing: NDArray[np.bool_], draws: Draws
    ) -> None:
        """Set one unit of every candidate that has not got it, to the option of most gain, ties at random."""
        unit = self._units[place]
        table = unit.table
        if len(table) > _OPTIONS:
            table = table[(draws.take(_OPTIONS) * len(table)).astype(np.int64)]
        todo = np.flatnonzero(~done)
        if not len(todo):
            return
        chosen, outer, own, scale = self._touching[place]
        others = levels[todo][:, outer]
        options = np.concatenate([table, np.zeros((len(table), 1), dtype=np.int64)], axis=1)[:, own]
        far = (others * scale).sum(axis=2) + self._tuples.base[chosen]
        far[(others < 0).any(axis=2)] = self._tuples.total * 2
        near = (options * scale).sum(axis=2)
        near[(options < 0).any(axis=2)] = self._tuples.total * 2
        numbers = np.minimum(far[:, None] + near, self._tuples.total)
        gains = missing[numbers].sum(axis=2) + draws.take(len(todo) * len(table)).reshape(len(todo), -1)
        picked = table[gains.argmax(axis=1)]
        for column, factor in enumerate(unit.factors):
            levels[todo, factor] = picked[:, column]


def single(factor: int, size: int) -> FactorUnit:
    """The unit of a factor that nothing ties."""
    return FactorUnit((factor,), np.arange(size, dtype=np.int64)[:, None])


def missing_after(tuples: Tuples, rows: Levels) -> int:
    """How many possible tuples `rows` leave out."""
    seen = np.zeros(tuples.total + 1, dtype=bool)
    seen[tuples.of(rows)] = True
    return int((tuples.possible & ~seen).sum())
