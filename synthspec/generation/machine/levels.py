"""The levels of rows: level 0 has one row for each combination; a fan-out makes the rows of the next level of those of
one. Fan-outs are a chain, so a level has at most one. Pure: a function of the spec."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from synthspec.languages.expressions import compile_row, names_of
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Spec
from synthspec.spec.fan_outs import asked_at, items_between

if TYPE_CHECKING:
    from synthspec.generation.machine.steps import Step

QUOTAS = (1024, 64, 16)  # rows of the next level that one row of a level has open at once; the last for all below


@dataclass(frozen=True, slots=True)
class Level:
    """The prompts that write the rows of a level, in order, and what makes the rows of the next."""

    number: int
    steps: tuple[Step, ...]
    fan: Step | None = None  # None for the last level
    items: Callable[[Mapping[str, Any]], Any] | None = None  # the list of which each item makes a row; None: replies do
    name: str = ""  # of the item
    fewest: int = 1  # rows of the next level that are expected of a row: all there are where replies make them
    most: int = 1  # the greatest number; 1 where it has no bound

    @property
    def quota(self) -> int:
        """How many rows of the next level are worked on at once for one row."""
        return QUOTAS[min(self.number, len(QUOTAS) - 1)]


def compile_levels(spec: Spec, steps: Sequence[Step]) -> tuple[Level, ...]:
    """Every level of a spec, the first first."""
    fans: dict[int, tuple[Step, bool]] = {}
    for step in steps:
        prompt = step.prompt
        if prompt.rows > 1:
            fans[prompt.level - 1] = step, False
        if prompt.each is not None:
            fans[asked_at(prompt) - 1] = step, True
    levels = []
    for number in range(len(fans) + 1):
        own = tuple(s for s in steps if s.prompt.level == number and s.prompt.is_asked)
        if number not in fans:
            levels.append(Level(number, own))
            continue
        fan, by_item = fans[number]
        each = fan.prompt.each
        if by_item and each is not None:
            fewest, most = items_between(spec, each)
            levels.append(Level(number, own, fan, compile_row(each.items), each.name, fewest, most or 1))
        else:
            levels.append(Level(number, own, fan, fewest=fan.prompt.rows, most=fan.prompt.rows))
    return tuple(levels)


def expected_below(levels: Sequence[Level], count: Callable[[Level], int]) -> tuple[int, ...]:
    """For each level, the rows of the last level that one row of it stands for, by a count for each fan-out."""
    return tuple(math.prod(count(above) for above in levels[n:] if above.fan is not None) for n in range(len(levels)))


def makers(levels: Sequence[Level], writers: Callable[[Collection[str]], set[str]]) -> tuple[tuple[str, ...], ...]:
    """For each level, the prompts by whose completions its rows came about; none where parameters alone make them.

    `writers` gives the prompts behind some names.
    """
    found: list[tuple[str, ...]] = [()]
    names: list[str] = []
    for level in levels[:-1]:
        fan = level.fan
        assert fan is not None
        if level.items is None:
            names.append(fan.prompt.name)
        elif fan.prompt.each is not None:
            names += sorted(writers(names_of(fan.prompt.each.items)))
        found.append(tuple(dict.fromkeys(names)))
    return tuple(found)
