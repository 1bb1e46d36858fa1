"""Two parameters side by side: how often a plan has each pair of their values, and which pairs can never be."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthspec.languages.expressions.evaluation.columns import ColumnArray, unpack
from synthspec.lazy_dataclass import dataclass
from synthspec.planning.parameters import places_in
from synthspec.planning.plan import Plan
from synthspec.spec import Choice

MOST_VALUES = 40  # of a parameter that has a side of the grid


@dataclass(frozen=True, slots=True)
class PairGrid:
    """How often each value of `names[0]` (a row) comes with each of `names[1]` (a column) in the first combinations.

    `never` marks the pairs that no permitted combination holds. `cut`: values of each that are left out.
    """

    names: tuple[str, str]
    values: tuple[tuple[Any, ...], tuple[Any, ...]]
    counts: tuple[tuple[int, ...], ...]
    never: tuple[tuple[bool, ...], ...]
    counted: int
    cut: tuple[int, int] = (0, 0)

    @property
    def empty(self) -> int:
        """Pairs that can be and are not there."""
        cells = zip(itertools.chain(*self.counts), itertools.chain(*self.never), strict=True)
        return sum(count == 0 and not never for count, never in cells)


def pair_grid(plan: Plan, first: str, second: str, counted: int) -> PairGrid | None:
    """The grid of two parameters over so many combinations; None where one of them has too many different values.

    Raises:
        DrawFault: a draw has nothing to give for a combination.
    """
    counted = min(counted, len(plan))
    columns = plan.columns(0, counted)
    lists = {p.name: p.draw for p in plan.spec.parameters if isinstance(p.draw, Choice) and p.name in (first, second)}
    one, other = (_side_of(columns[name], lists.get(name)) for name in (first, second))
    if one is None or other is None:
        return None
    shape = len(one.values), len(other.values)
    inside = (one.places >= 0) & (other.places >= 0)
    codes = one.places[inside] * shape[1] + other.places[inside]
    counts = np.bincount(codes, minlength=shape[0] * shape[1]).reshape(shape)
    never = np.zeros(shape, bool)
    if len(lists) == 2:
        never = _never(plan, lists, (first, second))[np.ix_(one.listed, other.listed)]
    return PairGrid(
        (first, second),
        (one.values, other.values),
        tuple(map(tuple, counts.tolist())),
        tuple(map(tuple, never.tolist())),
        counted,
        (one.cut, other.cut),
    )


def _never(plan: Plan, lists: Mapping[str, Choice], names: tuple[str, str]) -> NDArray[np.bool_]:
    """Which pairs of values of two lists no permitted combination holds."""
    found = np.zeros(tuple(len(lists[n].values) for n in names), bool)
    for pair, codes in lost_pairs(plan, lists):
        table = found if pair == names else found.T
        table[np.unravel_index(codes, table.shape)] = True
    return found


def lost_pairs(plan: Plan, lists: Mapping[str, Choice]) -> Iterator[tuple[tuple[str, str], NDArray[np.int64]]]:
    """Pairs of listed values that no permitted combination holds, by the two names: place times length, plus place.

    Exclusions of which not every combination can be tried give none.
    """
    from synthspec.planning.constraints.checks import try_rules
    from synthspec.planning.constraints.listed import together

    for group in together(plan.rules, lambda rule: rule.dimensions):
        keys = frozenset[str]().union(*(r.dimensions for r in group))
        inside = [n for n in lists if n in keys]
        if len(inside) < 2:
            continue
        tried = try_rules(plan, group, keys)
        if not tried.exact:
            continue
        for a, b in itertools.combinations(inside, 2):
            first, second = (places_in(tried.columns[n], lists[n].values) for n in (a, b))
            codes = first * len(lists[b].values) + second
            yield (a, b), np.setdiff1d(codes, codes[tried.kept])


@dataclass(frozen=True, slots=True)
class _Side:
    """The values along a side of a grid, and the place of each combination's among them; -1 of one left out."""

    values: tuple[Any, ...]
    places: NDArray[np.int64]
    listed: tuple[int, ...]  # their places in the list that they are drawn from
    cut: int


def _side_of(column: ColumnArray, listed: Choice | None) -> _Side | None:
    """The different values of a parameter, as they are listed where they are; None where they are too many."""
    if listed is not None:
        firsts = {repr(v): i for i, v in reversed(list(enumerate(listed.values))) if listed.weights[i] > 0}
        kept = sorted(firsts.values())
        shown = kept[:MOST_VALUES]
        place_of = np.full(len(listed.values), -1)
        place_of[shown] = np.arange(len(shown))
        places = place_of[places_in(column, listed.values)]
        return _Side(tuple(listed.values[i] for i in shown), places, tuple(shown), len(kept) - len(shown))
    values = unpack(column)
    found: dict[str, int] = {}
    places = np.fromiter((found.setdefault(repr(v), len(found)) for v in values), np.int64, len(column))
    if column.dtype.kind == "f" or len(found) > MOST_VALUES:
        return None
    first = dict(zip(reversed(places.tolist()), reversed(list(values)), strict=True))
    return _Side(tuple(first[i] for i in range(len(found))), places, (), 0)
