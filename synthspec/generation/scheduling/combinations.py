"""The combinations of a run, one after the other in plan order; each may have to wait for the texts it is to avoid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from synthspec.generation.machine.program import Program
from synthspec.generation.machine.states import Combination
from synthspec.generation.scheduling.variety import Chain, Recent, mark_of
from synthspec.planning.plan import Plan
from synthspec.spec.fan_outs import MOST_COMBINATIONS


class Combinations:
    """Those still to be begun. `keeps_texts`: rows see texts of those before them (`novelty.avoid`)."""

    def __init__(self, program: Program, plan: Plan, listed: tuple[str, ...]) -> None:
        avoid = program.spec.novelty.avoid
        self.end = most_combinations(program, plan)
        self.joined: tuple[Chain, int] | None = None  # the place of the one begun last among those of its values
        self._program, self._plan, self._listed = program, plan, listed
        self._recent = Recent(avoid.last) if avoid is not None else None
        self._next = 0
        self._rest: Iterator[dict[str, Any]] = plan.combinations(0, self.end)
        self._waiting: dict[str, Any] | None = None  # the next one, while the texts it avoids are not known

    def skip(self, count: int) -> None:
        """Begin after so many. To be called before any is taken."""
        self._next = count
        self._rest = self._plan.combinations(count, self.end)

    @property
    def keeps_texts(self) -> bool:
        return self._recent is not None

    @property
    def waits(self) -> bool:
        """Whether one is held back until rows before it are made."""
        return self._waiting is not None

    @property
    def exhausted(self) -> bool:
        return self._next >= self.end

    def take(self) -> Combination | None:
        """The next one, in plan order; None where there is none, or it must wait for earlier rows."""
        values = self._waiting
        if values is None:
            values = next(self._rest, None)
            if values is None:
                return None
            if self._recent is not None:
                self.joined = self._recent.join(mark_of(self._listed, values))
        context = self._program.context(values)
        if self.joined is not None:
            texts = self.joined[0].before(self.joined[1])
            if texts is None:
                self._waiting = values
                return None
            context["avoid"] = texts
        self._waiting = None
        combination = Combination(self._next, values, context)
        self._next += 1
        return combination


def most_combinations(program: Program, plan: Plan) -> int:
    """How many combinations may be begun: those of the plan, and more of them where rows may be dropped."""
    if program.is_settled_by_plan or program.spec.each is not None:
        return len(plan)
    return program.spec.limits.combinations or MOST_COMBINATIONS * len(plan)
