"""The units of a covering array: which dimensions exclusions and requirements tie together, and what they
permit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, product
from math import prod

import numpy as np
from numpy.typing import NDArray

from synthspec.languages.expressions.random.quantiles.levels import level_of
from synthspec.planning.covering.greedy import INACTIVE, Draws, FactorUnit
from synthspec.planning.design import Design, Floats, Levels, Requirement
from synthspec.planning.drawing import DrawFault
from synthspec.planning.sampling.marks import Marks

LISTED = 1 << 20
_SAMPLE = 1 << 18
_TRIES = 1 << 13
_LOOKED = 1 << 14  # tuples at most that are looked for so; what is left is as impossible as those not found
_CHUNK = 1 << 16


class Ties:
    """The discrete dimensions that a covering array of `over` must set, in `keys`, as `units`.

    A unit of up to 2**20 combinations is looked through whole. Of a larger one a sample is kept, and whatever
    `strength` levels never met in it are looked for on their own, 8,192 times: then a tuple may be taken for
    impossible that is only rarer than that, and `proved` is false. Raises DrawFault when nothing is
    permitted, or where such a unit has more tuples than the sample has combinations.
    """

    def __init__(self, design: Design, over: frozenset[str], strength: int, key: int) -> None:
        self.marks = {one.key: Marks(one.weights) for one in design.by_key if one.weights is not None}
        self._weights = {one.key: one.weights for one in design.dimensions if one.weights is not None}
        self._permitted = design.permitted
        self._needs: dict[str, Sequence[Requirement]] = {
            one.key: [need for need in one.requires if need.dimension in self.marks] for one in design.by_key
        }
        self._draws = Draws(key)
        self._strength = strength
        self.proved = True
        groups = self._groups(over, design.permitted_reads if design.permitted is not None else ())
        self.keys = [name for group in groups for name in group]
        self.sizes = [len(self.marks[name].kept) for name in self.keys]
        self._base = dict.fromkeys(self.marks, 0)
        self._ruled = frozenset().union(*design.permitted_reads) if design.permitted is not None else frozenset[str]()
        if not self._find_base(groups):
            groups = [[name for name in self.keys if self._in_ruled(name, groups)]] + [
                group for group in groups if not self._ruled & set(group)
            ]
        self.units = [self._unit(group) for group in groups]

    def places(self, numbers: Mapping[str, Floats]) -> Levels:
        """The place of each row's level in the dimensions `keys`, INACTIVE where one plays no part."""
        levels = [level_of(numbers[key], self._weights[key]) for key in self.keys]
        rows = [np.searchsorted(self.marks[k].kept, level) for k, level in zip(self.keys, levels, strict=True)]
        table = np.stack(rows, axis=1).astype(np.int64)
        return self._without_inactive(self.keys, table) if len(table) else table

    def _groups(self, over: frozenset[str], reads: Iterable[frozenset[str]]) -> list[list[str]]:
        """Keys of the dimensions at issue, those that any rule or requirement ties together in one list."""
        ties = [set(rule) & set(self.marks) for rule in reads]
        ties += [{name, *(need.dimension for need in self._needs[name])} for name in self.marks if self._needs[name]]
        groups = [{name} for name in self.marks if name in over] + [tie for tie in ties if tie]
        merged: list[set[str]] = []
        for group in groups:
            apart = [other for other in merged if not other & group]
            merged = [*apart, group.union(*(other for other in merged if other & group))]
        merged = [group for group in merged if group & over or self._bound(group, ties)]
        ordered = [[name for name in self.marks if name in group] for group in merged]
        return sorted(ordered, key=lambda group: list(self.marks).index(group[0]))

    def _in_ruled(self, name: str, groups: Sequence[Sequence[str]]) -> bool:
        return any(name in group and self._ruled & set(group) for group in groups)

    @staticmethod
    def _bound(group: set[str], ties: Sequence[set[str]]) -> bool:
        return any(tie <= group for tie in ties)

    def _good(self, names: Sequence[str], rows: Levels) -> NDArray[np.bool_]:
        """Which of `rows` (places of `names`) are permitted, other dimensions at their base."""
        if self._permitted is None or not self._ruled & set(names):
            return np.ones(len(rows), dtype=bool)
        places = {name: np.full(len(rows), at, dtype=np.int64) for name, at in self._base.items()}
        places |= {name: rows[:, column] for column, name in enumerate(names)}
        return np.asarray(self._permitted({name: self.marks[name].kept[at] for name, at in places.items()}))

    def _find_base(self, groups: Sequence[Sequence[str]]) -> bool:
        """Set a permitted combination as the base; False when none was met, so that units must not be judged
        apart.
        """
        several = [group for group in groups if self._ruled & set(group)]
        if self._permitted is None or len(several) < 2:
            return True
        names = [name for group in several for name in group]
        for _ in range(64):
            rows = self._random(names, 1 << 12)
            good = np.flatnonzero(self._good(names, rows))
            if len(good):
                self._base |= dict(zip(names, rows[good[0]].tolist(), strict=True))
                return True
        return False

    def _random(self, names: Sequence[str], many: int) -> Levels:
        sizes = np.array([len(self.marks[name].kept) for name in names])
        return np.stack([(self._draws.take(many) * size).astype(np.int64) for size in sizes], axis=1)

    def _unit(self, names: Sequence[str]) -> FactorUnit:
        factors = tuple(self.keys.index(name) for name in names)
        size = prod(len(self.marks[name].kept) for name in names)
        rows = self._every(names, size) if size <= LISTED else self._sample(names)
        if not len(rows):
            raise DrawFault("", f"the exclusions leave nothing of {', '.join(names)}", "exclude less")
        return FactorUnit(factors, np.unique(self._without_inactive(names, rows), axis=0))

    def _every(self, names: Sequence[str], size: int) -> Levels:
        found = []
        widths = [len(self.marks[name].kept) for name in names]
        for start in range(0, size, _CHUNK):
            numbers = np.arange(start, min(start + _CHUNK, size))
            rows = np.stack(np.unravel_index(numbers, widths), axis=1).astype(np.int64)
            found.append(rows[self._good(names, rows)])
        return np.concatenate(found)

    def _sample(self, names: Sequence[str]) -> Levels:
        self.proved = False
        sizes = [len(self.marks[name].kept) for name in names]
        if sum(prod(widths) for widths in combinations(sizes, self._strength)) > _SAMPLE:
            raise DrawFault(
                "",
                f"exclusions tie together too many values of {', '.join(names)} for their combinations to be covered",
                "shorten the lists, exclude less, name fewer parameters in `over`, or use another strategy",
            )
        found = [np.empty((0, len(names)), dtype=np.int64)]
        for _ in range(_SAMPLE // _CHUNK):
            rows = self._random(names, _CHUNK)
            found.append(rows[self._good(names, rows)])
        table, looked = np.concatenate(found), 0
        for columns in combinations(range(len(names)), self._strength):
            widths = [len(self.marks[names[column]].kept) for column in columns]
            met = set(map(tuple, np.unique(table[:, columns], axis=0).tolist()))
            for levels in product(*map(range, widths)):
                if levels not in met and looked < _LOOKED:
                    looked += 1
                    rows = self._random(names, _TRIES)
                    rows[:, columns] = levels
                    found.append(rows[self._good(names, rows)][:1])
        return np.concatenate(found)

    def _without_inactive(self, names: Sequence[str], rows: Levels) -> Levels:
        column = {name: place for place, name in enumerate(names)}
        out = rows.copy()
        for name in names:
            for need in self._needs[name]:
                levels = self.marks[need.dimension].kept[rows[:, column[need.dimension]]]
                out[~np.isin(levels, list(need.levels)), column[name]] = INACTIVE
        return out


def over_of(design: Design) -> frozenset[str]:
    """Keys of the dimensions to cover: those asked for, or all, that are discrete and have a choice."""
    weights: Mapping[str, Sequence[float]] = {o.key: o.weights for o in design.dimensions if o.weights is not None}
    wanted = weights.keys() if design.over is None else weights.keys() & design.over
    return frozenset(wanted)
