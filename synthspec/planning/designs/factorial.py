"""Strategy `factorial`: every permitted combination once before any comes twice, in a seeded order."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from math import prod

import numpy as np
from numpy.typing import NDArray

from synthspec.planning.design import Design, Floats, Levels
from synthspec.planning.designs.random import redraw
from synthspec.planning.drawing import DrawFault
from synthspec.planning.sampling.bijection import MOST, Permutation, Shuffles, mixed
from synthspec.planning.sampling.philox import key_of, stream
from synthspec.planning.sampling.space import Space, Tree
from synthspec.planning.sampling.tied import cells_of

SUMMARY = "every permitted combination once before any comes twice"
LISTED = 1 << 20
_CHUNK = 1 << 14
_PATIENCE = 1 << 24


class Factorial:
    """Combinations of the discrete dimensions in a seeded order, each once in a pass; continuous ones drawn
    as `random` does.

    The order is nested. Dimensions come in the order of their keys, those that exclusions tie together before all
    others, as one. Each takes every one of its levels once beside every combination of those before it, before
    any comes twice, in an order of that combination's own; so it depends on those before it alone, and a dimension
    put after them leaves them as they are. Of the first two, the first comes in permutations, and each of
    its levels meets permutations of the second.

    A row's combination is found at once, and memory does not grow with the number of combinations. Exclusions cost
    more. Where the dimensions they read (and those that hang together with them by `requires`) have up to 2**20
    combinations, these are looked through once, at the first row asked for (8 MB at most), and any row is again
    found at once. Where they have more, the order is walked: the first look at a row tests every combination before
    it, those left out too; every 16,384 tested leave one number in memory, so that later looks test 16,384 at most.

    More than 2**62 combinations are told apart by as many of the dimensions as have fewer; the others are
    drawn at random.

    Raises DrawFault, when rows are asked for, if exclusions leave nothing, or nothing among 2**24 in a row.
    """

    def __init__(self, design: Design) -> None:
        self._design = design
        self._space = Space(design)
        reads = set().union(*design.permitted_reads) if design.permitted is not None else set()
        for key, needs in self._space.loose.items():
            reads |= {key, *(need.dimension for need in needs)}
        bound = [tree for tree in self._space.trees if reads & set(tree.all_keys())]
        free = [tree for tree in self._space.trees if not reads & set(tree.all_keys())]
        self._bound, self._free, self._rest = _fitting(bound, free)
        self._bound_size = prod(t.size for t in self._bound)
        self._shuffles = [Shuffles(tree.size, self._key(tree.key, "factorial")) for tree in self._free]
        self._listed: Levels | None = None
        self._walks: dict[int, _Walk] = {}

    def uniforms(self, start: int, stop: int) -> Mapping[str, Floats]:
        """Numbers in the open (0, 1) for rows start..stop-1: one array of stop - start for each dimension."""
        places = self._places(start, max(start, stop))
        out: dict[str, Floats] = {}
        for one in self._design.dimensions:
            if one.weights is None:
                out[one.key] = stream(self._key(one.key, "random"), start, stop)
            else:
                within = stream(self._key(one.key, "within"), start, stop)
                out[one.key] = self._space.marks[one.key].place(places[one.key], within)
        return out

    firm_rows = MOST  # each row holds what it holds together

    def redraw(self, rows: Levels, attempt: int, keys: Collection[str]) -> Mapping[str, Floats]:
        """Fresh independent numbers of dimensions `keys` for `rows`, others at every `attempt`."""
        return redraw(self._design.seed, rows, attempt, keys, cells_of(self._design))

    def _key(self, key: str, purpose: str) -> int:
        return key_of(self._design.seed, key, purpose)

    def _places(self, start: int, stop: int) -> dict[str, Levels]:
        """Places among the levels above zero, tree after tree; `turn` counts how often those before were all had."""
        places, told, turn = self._first_places(start, stop)
        for tree, shuffles in zip(self._free, self._shuffles, strict=True):
            turn, place = np.divmod(turn, tree.size)
            level = shuffles.at(place, mixed(told, turn))
            places |= tree.levels(level)
            told = mixed(told, level)
        for tree in self._rest:
            draw = stream(self._key(tree.key, "rest"), start, stop)
            places |= tree.levels((draw * min(tree.size, MOST)).astype(np.int64))
        return places

    def _first_places(self, start: int, stop: int) -> tuple[dict[str, Levels], NDArray[np.uint64], Levels]:
        """Of the trees that exclusions tie together: places, the combination as a number, and the turn."""
        rows = np.arange(start, stop, dtype=np.int64)
        if not self._bound:
            return {}, np.zeros(len(rows), dtype=np.uint64), rows
        if self._bound_size > LISTED:
            numbers, turn = self._walk(start, stop)
        else:
            listed = self._list()
            numbers = listed[self._order(len(listed), "order").at(start, stop)]
            turn = rows // len(listed)
        return _split(self._bound, numbers), mixed(np.zeros(len(rows), dtype=np.uint64), numbers), turn

    def _order(self, size: int, purpose: str) -> Permutation:
        return Permutation(size, self._key("", f"factorial {purpose}"))

    def _permitted(self, places: Mapping[str, Levels]) -> NDArray[np.bool_]:
        length = len(next(iter(places.values())))
        missing = {key: np.zeros(length, dtype=np.int64) for key in self._space.marks if key not in places}
        levels = self._space.indices({**places, **missing})
        good = self._space.told_apart(levels)
        if self._design.permitted is not None:
            good &= self._design.permitted(levels)
        return good

    def _list(self) -> Levels:
        """Numbers of the permitted combinations of the dimensions that exclusions read."""
        if self._listed is None:
            found = []
            for start in range(0, self._bound_size, _CHUNK):
                numbers = np.arange(start, min(start + _CHUNK, self._bound_size))
                found.append(numbers[self._permitted(_split(self._bound, numbers))])
            self._listed = np.concatenate(found)
            if not len(self._listed):
                raise DrawFault("", "the exclusions leave no combination", "exclude less")
        return self._listed

    def _walk(self, start: int, stop: int) -> tuple[Levels, Levels]:
        """Numbers and turns of rows start..stop-1 where permitted combinations are too many to list."""
        found, turns = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
        turn = base = 0
        while start < stop:
            walk = self._walks.setdefault(turn, _Walk(self, turn))
            found.append(walk.read(start - base, stop - base))
            turns.append(np.full(len(found[-1]), turn))
            start += len(found[-1])
            if start < stop:
                base, turn = base + walk.size, turn + 1
        return np.concatenate(found), np.concatenate(turns)


class _Walk:
    """One pass over a seeded order, testing combinations as it goes; chunk c holds permitted ones up to
    `_until[c]`.
    """

    def __init__(self, design: Factorial, turn: int) -> None:
        self._design = design
        self._order = design._order(design._bound_size, f"walk {turn}")
        self._until: list[int] = []
        self._chunk = lru_cache(maxsize=16)(self._test)

    @property
    def size(self) -> int:
        """How many permitted combinations were met so far."""
        return self._until[-1]

    def read(self, start: int, stop: int) -> NDArray[np.int64]:
        """Permitted combinations number start..stop-1 of the pass; fewer when it ends before."""
        while (not self._until or self.size < stop) and len(self._until) * _CHUNK < self._order.size:
            before = self._until[-1] if self._until else 0
            self._until.append(before + len(self._chunk(len(self._until))))
            self._check_patience()
        found = [np.empty(0, dtype=np.int64)]
        for chunk in range(bisect_right(self._until, start), len(self._until)):
            before = self._until[chunk - 1] if chunk else 0
            if before >= stop:
                break
            found.append(self._chunk(chunk)[max(start - before, 0) : stop - before])
        return np.concatenate(found)

    def _test(self, chunk: int) -> NDArray[np.int64]:
        numbers = self._order.at(chunk * _CHUNK, min((chunk + 1) * _CHUNK, self._order.size))
        return numbers[self._design._permitted(_split(self._design._bound, numbers))]

    def _check_patience(self) -> None:
        behind = len(self._until) - 1 - _PATIENCE // _CHUNK
        ended = len(self._until) * _CHUNK >= self._order.size
        if (behind >= 0 and self._until[behind] == self.size) or (ended and not self.size):
            raise DrawFault("", "the exclusions leave no combination, or none that can be found", "exclude less")


def _fitting(bound: Sequence[Tree], free: Sequence[Tree]) -> tuple[list[Tree], list[Tree], list[Tree]]:
    """Trees that are enumerated, at most MOST combinations in all, and the rest, which is drawn at random."""
    kept_bound: list[Tree] = []
    kept_free: list[Tree] = []
    rest: list[Tree] = []
    size = 1
    for trees, kept in ((bound, kept_bound), (free, kept_free)):
        for tree in trees:
            if size * tree.size <= MOST:
                size *= tree.size
                kept.append(tree)
            else:
                rest.append(tree)
    return kept_bound, kept_free, rest


def _split(trees: Sequence[Tree], numbers: NDArray[np.int64]) -> dict[str, Levels]:
    found: dict[str, Levels] = {}
    for tree in trees:
        found |= tree.levels(numbers % tree.size)
        numbers = numbers // tree.size
    return found


STRATEGY = Factorial
