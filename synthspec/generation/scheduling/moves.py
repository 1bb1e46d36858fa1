"""Rows that are made under another combination than their own: a function of a row's place in the plan alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from synthspec.generation.machine.program import Program
from synthspec.generation.machine.states import Combination, Need
from synthspec.generation.scheduling.open_combination import OpenCombination
from synthspec.generation.scheduling.request_writer import RequestWriter
from synthspec.generation.scheduling.variety import elsewhere, mark_of
from synthspec.languages.templates.template import TemplateFault
from synthspec.planning.plan import Plan

PLACES_TRIED = 8  # earlier combinations looked at for one with other listed values


class Moves:
    """Finds the combinations that rows are moved to, and writes their first requests."""

    def __init__(self, program: Program, plan: Plan, requests: RequestWriter, listed: Sequence[str]) -> None:
        self._program, self._plan, self._requests, self._listed = program, plan, requests, listed

    def find(self, work: OpenCombination, need: Need) -> Combination | None:
        """Another combination to make a row under; None where there is none."""
        if need.what == "substitute":
            return self._substitute(work, need)
        seed, slot = self._program.spec.seed, self._program.number_of(need.path)
        mark = mark_of(self._listed, need.combination.values)
        for attempt in range(PLACES_TRIED):
            index = elsewhere(seed, slot, need.combination.index, attempt + PLACES_TRIED * need.times)
            values = self._plan[index]
            if mark_of(self._listed, values) != mark:
                return self._moved(work, need, index, values, slot)
        return None

    def _substitute(self, work: OpenCombination, need: Need) -> Combination | None:
        """What stands for the row's combination: the same listed values, all else drawn anew."""
        index, number = need.combination.index, need.times + 1
        values = self._plan.substitute(index, number)
        if values is None:
            return None
        original = min((first.key for first in work.firsts.values()), default=str(index))
        return self._moved(work, need, index, values, f"{original}/{need.place}/{number}")

    def _moved(
        self, work: OpenCombination, need: Need, index: int, values: Mapping[str, Any], name: int | str
    ) -> Combination | None:
        context = {**need.combination.context, **self._program.context(values)}
        combination = Combination(index, values, context)
        try:
            firsts = self._requests.open(combination, moved=name)
        except TemplateFault:
            return None
        work.moved[need.path] = firsts, mark_of(self._listed, values)
        return combination
