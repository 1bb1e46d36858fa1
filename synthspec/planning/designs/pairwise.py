"""Strategy `pairwise`: a covering array of the strength asked for, then `balanced`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from math import comb, prod

import numpy as np

from synthspec.lazy_dataclass import dataclass
from synthspec.planning.covering.greedy import Array, Draws, Greedy, Tuples, missing_after
from synthspec.planning.covering.orthogonal import arrays
from synthspec.planning.covering.ties import Ties, over_of
from synthspec.planning.design import Design, Floats, Levels
from synthspec.planning.designs.balanced import Balanced
from synthspec.planning.designs.random import redraw
from synthspec.planning.drawing import DrawFault
from synthspec.planning.sampling.philox import key_of, stream
from synthspec.planning.sampling.tied import cells_of

SUMMARY = "every permitted pair (or 3 or 4) of values in as few rows as possible, then balanced"
_MOST_TUPLES = 1 << 26
_MOST_ROWS = 1 << 18
_MOST_LISTED = 1 << 22  # the same where every combination is a row, and none is searched for
_LISTED = 1 << 17  # combinations from which that is so
_MOST_WORK = 32_000_000  # of a search, in its own microseconds
_EFFORT = 500_000
_TRIES = 3
_FEWER = "shorten the lists, name fewer parameters in `over`, lower `strength`, or use another strategy"
_IDLE = 40


@dataclass(frozen=True, slots=True)
class Coverage:
    """Of all tuples of levels of any `strength` of the dimensions: how many can occur, cannot, and do in
    `rows` rows.

    `proved` is false where an exclusion reads so many combinations that only a sample was looked through:
    then some of the `impossible` may be merely rare.
    """

    strength: int
    possible: int
    impossible: int
    covered: int
    rows: int
    proved: bool


class Pairwise:
    """Rows 0..coverage().rows - 1 hold every possible tuple of levels of any `strength` of the dimensions
    `over`.

    The rows after them are `balanced`, counted from the first of them. The array is worked out at the first
    use: from finite fields where nothing is excluded and all dimensions have as many levels, else by greedy
    search with a fixed number of tries. Levels that it leaves open, and all other dimensions, are drawn at
    random.

    Raises DrawFault, when first used, if the strength is not 1 to 4, exclusions leave nothing, or the array would
    have more rows, or take more time and memory to find, than a plan may.
    """

    def __init__(self, design: Design) -> None:
        self._design = design
        self._over = over_of(design)
        self._strength = max(min(design.strength, len(self._over)), 1)

    def uniforms(self, start: int, stop: int) -> Mapping[str, Floats]:
        """Numbers in the open (0, 1) for rows start..stop-1: one array of stop - start for each dimension."""
        rows = len(self._array)
        if start >= rows:
            return self._balanced.uniforms(start - rows, max(start, stop) - rows)
        early = self._early(start, max(start, min(stop, rows)))
        if stop <= rows:
            return early
        late = self._balanced.uniforms(0, stop - rows)
        return {name: np.concatenate([column, late[name]]) for name, column in early.items()}

    def redraw(self, rows: Levels, attempt: int, keys: Collection[str]) -> Mapping[str, Floats]:
        """Fresh independent numbers of dimensions `keys` for `rows`, others at every `attempt`."""
        return redraw(self._design.seed, rows, attempt, keys, cells_of(self._design))

    @property
    def firm_rows(self) -> int:
        """How many rows, from the first, hold what they hold together: the covering array."""
        return len(self._array)

    def coverage(self, numbers: Mapping[str, Floats] | None = None) -> Coverage:
        """What the first rows cover, or rows of the given numbers; impossible tuples are those that exclusions or
        requirements rule out.
        """
        if not self._over:
            return Coverage(self._strength, 0, 0, 0, 0, True)
        possible = int(self._tuples.possible.sum())
        array = self._array if numbers is None else self._ties.places(numbers)
        covered = possible - missing_after(self._tuples, array)
        impossible = self._tuples.total - possible
        return Coverage(self._strength, possible, impossible, covered, len(array), self._ties.proved)

    @cached_property
    def _balanced(self) -> Balanced:
        return Balanced(self._design)

    @cached_property
    def _ties(self) -> Ties:
        if not 1 <= self._design.strength <= 4:
            raise DrawFault("", "strength is 1 to 4", "change `strength`")
        self._refuse_too_many()
        return Ties(self._design, self._over, self._strength, self._key("ties"))

    @cached_property
    def _tuples(self) -> Tuples:
        ties = self._ties
        covered = [place for place, name in enumerate(ties.keys) if name in self._over]
        return Tuples(ties.sizes, covered, self._strength, ties.units)

    @cached_property
    def _array(self) -> Array:
        """The covering array, shape (rows, keys of the ties); negative where any level will do."""
        if not self._over:
            return np.empty((0, 0), dtype=np.int64)
        sizes = self._ties.sizes
        free = all(len(unit.factors) == 1 for unit in self._ties.units)
        best = None
        if free and self._strength > 1:
            best = min(arrays(sizes, self._strength), key=len, default=None)
        if free and len(sizes) == self._strength and prod(sizes) > _LISTED:
            return self._shuffled(np.stack(np.unravel_index(np.arange(prod(sizes)), sizes), axis=1))
        return self._searched(best)

    def _refuse_too_many(self) -> None:
        """Before any table is made: that the tuples are too many to cover."""
        sizes = [np.count_nonzero(one.weights or ()) for one in self._design.dimensions if one.key in self._over]
        widest = prod(sorted(sizes, reverse=True)[: self._strength])
        most = _MOST_LISTED if len(sizes) == self._strength else _MOST_ROWS
        if widest > most or comb(len(sizes), self._strength) * widest > _MOST_TUPLES:
            raise DrawFault(
                "", f"`pairwise` has too many tuples to cover: {widest:,} of {self._strength} parameters alone", _FEWER
            )

    def _searched(self, best: Array | None) -> Array:
        """The shortest of a few greedy arrays and `best`, made shorter as long as that goes on working."""
        tuples, sizes = self._tuples, self._ties.sizes
        least = self._least()
        if best is not None and (len(best) == least or (max(sizes) == 2 and self._strength == 2)):
            return self._shuffled(best)  # no array has fewer rows
        greedy = Greedy(len(sizes), self._ties.units, tuples)
        if least * greedy.row_cost > _MOST_WORK:
            if best is None:
                raise DrawFault("", f"`pairwise` would take too long to find a plan of {least:,} rows or more", _FEWER)
            return self._shuffled(best)
        draws = Draws(self._key("covering"))
        found = best
        for _ in range(_TRIES):
            shorter = greedy.array(draws, tuples.total if found is None else len(found) - 1)
            found = found if shorter is None else shorter
            if greedy.spent > _EFFORT / 3:
                break
        assert found is not None, "a row for each tuple would do"
        idle = 0
        while idle < _IDLE and greedy.spent < _EFFORT and len(found) > least:
            shorter = greedy.improved(found, draws)
            idle = 0 if len(shorter) < len(found) else idle + 1
            found = shorter
        return self._shuffled(found) if best is not None and len(found) == len(best) else found

    def _least(self) -> int:
        """No array is shorter than the possible tuples of one subset of dimensions."""
        possible = self._tuples.possible[:-1]
        return int(np.add.reduceat(possible, self._tuples.base, dtype=np.int64).max(initial=0)) if len(possible) else 0

    def _shuffled(self, array: Array) -> Array:
        """`array` with its rows, and the levels of each column, in an order of the seed's own."""
        draws = Draws(self._key("order"))
        out = array[np.argsort(draws.take(len(array)))]
        for column, size in enumerate(self._ties.sizes):
            names = np.concatenate([np.argsort(draws.take(size)), [-1]])
            out[:, column] = names[out[:, column]]
        return out

    def _early(self, start: int, stop: int) -> dict[str, Floats]:
        rows = self._array[start:stop]
        column = {name: place for place, name in enumerate(self._ties.keys)} if self._over else {}
        out: dict[str, Floats] = {}
        for one in self._design.dimensions:
            numbers = stream(key_of(self._design.seed, one.key, "random"), start, stop)
            if one.key in column:
                level = rows[:, column[one.key]]
                placed = self._ties.marks[one.key].place(np.maximum(level, 0), numbers)
                numbers = np.where(level >= 0, placed, numbers)
            out[one.key] = numbers
        return out

    def _key(self, purpose: str) -> int:
        return key_of(self._design.seed, "", f"pairwise {purpose}")


STRATEGY = Pairwise
