"""What each exclusion leaves of the levels of discrete dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from synthspec.planning.constraints.cells import Tie
from synthspec.planning.constraints.rules import ExclusionRule
from synthspec.planning.constraints.trials import try_numbers
from synthspec.planning.design import Levels, Permitted
from synthspec.planning.drawing import Drawing
from synthspec.planning.parameters import CompiledDraw, dimensions_of, middles, with_ancestors
from synthspec.spec import Draw, FakerDraw, GivenDraw, ListDraw, Parameter, PatternDraw, SourceDraw


def ties_of(
    rules: Sequence[ExclusionRule], draws: tuple[CompiledDraw, ...], parameters: Sequence[Parameter]
) -> tuple[Tie, ...]:
    """What the exclusions permit of listed values, rule by rule."""
    known = {d.key: d for d in dimensions_of(draws)}
    slow = {p.name for p in parameters if _is_slow(p.draw)}
    found: list[Tie | None] = []
    for rule in rules:
        remaining = _Remaining(draws, rule)
        if not rule.continuous:
            found.append(Tie(rule.dimensions, remaining) if rule.dimensions else None)
        elif not slow & with_ancestors(draws, rule.reads):
            found.append(try_numbers(rule, known, remaining.broken))
    return tuple(t for t in found if t is not None)


def all_of(ties: Sequence[Tie]) -> Permitted:
    """What all of some ties permit."""

    def permitted(levels: Mapping[str, Levels]) -> NDArray[np.bool_]:
        return np.asarray(np.logical_and.reduce([tie.permitted(levels) for tie in ties]))

    return permitted


class _Remaining:
    """Which combinations of levels an exclusion leaves."""

    def __init__(self, draws: tuple[CompiledDraw, ...], rule: ExclusionRule) -> None:
        needed = with_ancestors(draws, rule.reads)
        self._draws = tuple(d for d in draws if d.name in needed)
        self._rule = rule
        self._dimensions = dimensions_of(self._draws)

    def __call__(self, levels: Mapping[str, Levels]) -> NDArray[np.bool_]:
        length = len(next(iter(levels.values())))
        numbers: dict[str, NDArray[np.float64]] = {}
        for dimension in self._dimensions:
            if dimension.weights is not None and dimension.key in levels:
                middle = np.nan_to_num(middles(dimension.weights), nan=0.5)
                numbers[dimension.key] = middle[np.maximum(levels[dimension.key], 0)]
        return ~self.broken(numbers, length)

    def broken(self, numbers: Mapping[str, NDArray[np.float64]], length: int) -> NDArray[np.bool_]:
        """In which rows the exclusion is true; dimensions left out do not matter to it."""
        others = {d.key: np.full(length, 0.5) for d in self._dimensions if d.key not in numbers}
        drawing = Drawing(length, {**numbers, **others})
        for draw in self._draws:
            drawing.columns[draw.name] = draw.values(drawing)
        return self._rule.broken(drawing.columns, length)


def _is_slow(draw: Draw) -> bool:
    """Whether many values take long to draw."""
    if isinstance(draw, GivenDraw):
        below = [d for _, d in draw.cases] + ([draw.otherwise] if draw.otherwise is not None else [])
        return any(map(_is_slow, below))
    return isinstance(draw, FakerDraw | PatternDraw | SourceDraw | ListDraw)
