"""Combinations that a check of `severity: drop` leaves out before anything is asked: parameters alone decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from synthspec.generation.unkept_rules import known_early
from synthspec.languages.expressions import names_of
from synthspec.languages.expressions.functions.placed import placed_calls
from synthspec.lazy_dataclass import dataclass
from synthspec.planning.plan import Plan
from synthspec.sources import Table
from synthspec.spec import Check, Spec
from synthspec.spec.fan_outs import MOST_COMBINATIONS

DropTest = Callable[[Mapping[str, Any]], bool]
COUNTED = 100_000  # combinations gone through


@dataclass(frozen=True, slots=True)
class KeptCombinations:
    """How many combinations are drawn for so many that are kept; fewer are where there are no more to be had."""

    drawn: int
    kept: int


def early_drops(spec: Spec) -> tuple[Check, ...]:
    """The checks that drop rows by their parameters alone."""
    known = {p.name for p in spec.parameters} - {w for p in spec.prompts for w in p.writes} | known_early(spec).keys()
    drops = (c for c in spec.checks if c.severity == "drop" and not placed_calls(c.expression))
    return tuple(c for c in drops if names_of(c.expression) and names_of(c.expression) <= known)


def drop_test(spec: Spec, tables: Mapping[str, Table]) -> DropTest | None:
    """Whether a combination is left out before anything is asked; None where no check tells."""
    early = frozenset(early_drops(spec))
    if not early:
        return None
    from synthspec.generation.validation.rules import Validator

    validator, known = Validator(spec, tables), known_early(spec).keys()

    def is_dropped(combination: Mapping[str, Any]) -> bool:
        values: dict[str, Any] = {}
        validator.compute(values, combination)
        values = {name: value for name, value in values.items() if name in known}
        fresh = frozenset((*combination, *values))
        return validator.drop_of(values, combination, fresh) is not None

    return is_dropped


def most_drawn(plan: Plan) -> int:
    """How many combinations may be drawn at most."""
    return plan.spec.limits.combinations or MOST_COMBINATIONS * len(plan)


def kept_combinations(plan: Plan, is_dropped: DropTest, wanted: int) -> KeptCombinations:
    """The combinations that are drawn until so many are kept, as far as they may be drawn and are gone through.

    Beyond what is gone through, as many are dropped as before.
    """
    limit = len(plan) if plan.spec.open_ended else most_drawn(plan)
    drawn = kept = 0
    for values in plan.combinations(0, min(limit, COUNTED)):
        if kept >= wanted:
            break
        drawn += 1
        kept += not is_dropped(values)
    if kept < wanted and drawn < limit and kept:
        more = min(limit, -(-wanted * drawn // kept))
        return KeptCombinations(more, min(wanted, kept * more // drawn))
    return KeptCombinations(drawn, kept)
