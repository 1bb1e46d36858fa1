"""The combinations of a design's discrete dimensions, numbered; what an inactive dimension would take is not
told apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import numpy as np
from numpy.typing import NDArray

from synthspec.planning.design import Design, Dimension, Levels, Requirement
from synthspec.planning.sampling.bijection import MOST
from synthspec.planning.sampling.marks import Marks


class Tree:
    """A dimension and those that are active only under some of its levels; numbers 0..size-1 tell its
    combinations.

    A level comes first in the number, then the combinations of each dimension active under it, in mixed
    radix.
    """

    def __init__(self, root: Dimension, marks: Mapping[str, Marks], below: Mapping[str, Sequence[_Branch]]) -> None:
        self.key = root.key
        self._branches = [(branch, Tree(branch.dimension, marks, below)) for branch in below.get(root.key, ())]
        kept = marks[root.key].kept.tolist()
        self._sizes = [
            [tree.size if level in branch.levels else 1 for level in kept] for branch, tree in self._branches
        ]
        counts = [prod(column) for column in zip(*self._sizes, strict=True)] if self._branches else [1] * len(kept)
        self.size: int = sum(counts)
        self._exact = np.int64 if self.size <= MOST else object
        self._until = np.cumsum(np.array(counts, dtype=self._exact))
        self._active = [np.array([level in branch.levels for level in kept]) for branch, _ in self._branches]

    def all_keys(self) -> list[str]:
        """Every dimension of the tree."""
        return [self.key, *(key for _, tree in self._branches for key in tree.all_keys())]

    def levels(self, numbers: NDArray[np.generic]) -> dict[str, Levels]:
        """For each dimension, its place among the levels above zero in combinations `numbers`; 0 where
        inactive.
        """
        place = np.searchsorted(self._until, numbers, side="right").astype(np.int64)
        found = {self.key: place}
        if not self._branches:
            return found
        before = np.concatenate([np.zeros(1, dtype=self._exact), self._until])
        rest = numbers - before[place]
        for sizes, active, (_, tree) in zip(self._sizes, self._active, self._branches, strict=True):
            radix = np.array(sizes, dtype=self._exact)[place]
            inner = tree.levels(np.where(active[place], rest % radix, 0))
            found |= {key: np.where(active[place], column, 0) for key, column in inner.items()}
            rest = rest // radix
        return found


class _Branch:
    def __init__(self, dimension: Dimension, levels: frozenset[int]) -> None:
        self.dimension, self.levels = dimension, levels


class Space:
    """All combinations of a design's discrete dimensions, as the product of `trees`.

    `loose` holds the dimensions whose requirements make no tree (they hang on two others, neither of which
    implies the other): their levels are told apart even where they are inactive, and `told_apart` says which
    to leave out.
    """

    def __init__(self, design: Design) -> None:
        discrete = {one.key: one for one in design.by_key if one.weights is not None}
        self.marks = {key: Marks(one.weights) for key, one in discrete.items() if one.weights is not None}
        needs = {key: _needs(one, discrete) for key, one in discrete.items()}
        below: dict[str, list[_Branch]] = {}
        roots: list[Dimension] = []
        self.loose: dict[str, tuple[Requirement, ...]] = {}
        for key, one in discrete.items():
            parent = _parent(needs[key], needs)
            if parent is not None:
                below.setdefault(parent.dimension, []).append(_Branch(one, parent.levels))
                continue
            roots.append(one)
            if needs[key]:
                self.loose[key] = needs[key]
        self.trees = [Tree(root, self.marks, below) for root in roots]

    def told_apart(self, levels: Mapping[str, Levels]) -> NDArray[np.bool_]:
        """Which combinations (columns of level indices) stand for themselves: inactive loose dimensions at
        their first.
        """
        good = np.ones(len(next(iter(levels.values()))), dtype=bool)
        for key, needs in self.loose.items():
            active = np.ones_like(good)
            for need in needs:
                active &= np.isin(levels[need.dimension], list(need.levels))
            good &= active | (levels[key] == self.marks[key].kept[0])
        return good

    def indices(self, places: Mapping[str, Levels]) -> dict[str, Levels]:
        """Level indices from places among the levels above zero."""
        return {key: self.marks[key].kept[column] for key, column in places.items()}


def _needs(one: Dimension, discrete: Mapping[str, Dimension]) -> tuple[Requirement, ...]:
    return tuple(need for need in one.requires if need.dimension in discrete)


def _parent(needs: Sequence[Requirement], of: Mapping[str, Sequence[Requirement]]) -> Requirement | None:
    """The requirement that implies all the others, by what its own dimension requires."""
    for need in needs:
        implied = {other.dimension: other.levels for other in of[need.dimension]}
        others = (other for other in needs if other.dimension != need.dimension)
        if all(implied.get(other.dimension, other.levels | {-1}) <= other.levels for other in others):
            return need
    return None
