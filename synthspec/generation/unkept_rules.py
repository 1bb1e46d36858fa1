"""Rules that no row can keep, whatever a model writes: tried out on values that are computed from parameters alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from synthspec.diagnostics import Diagnostic, Span
from synthspec.diagnostics.errors import SynthspecError
from synthspec.generation.validation.field_rules import field_rules
from synthspec.languages.expressions import names_of
from synthspec.languages.expressions.functions.placed import placed_calls
from synthspec.sources import Table
from synthspec.spec import Field, Spec
from synthspec.spec.rows import missing_rule

TRIED = 64  # combinations


def check_unkept(spec: Spec, tables: Mapping[str, Table]) -> tuple[Diagnostic, ...]:
    """A warning for each rule or check that every one of the first combinations breaks."""
    fields = known_early(spec)
    ruled = [n for n, f in fields.items() if next(field_rules(f), None) is not None]
    checks = [c for c in spec.checks if c.severity == "error" and names_of(c.expression) & fields.keys()]
    checks += [c for c in spec.checks if c.severity == "drop"]
    if not ruled and not checks:
        return ()
    from synthspec.generation.validation.rules import Validator
    from synthspec.planning.plan import build_plan

    try:
        plan = build_plan(spec, tables)
        validator = Validator(spec, tables)
        count = min(TRIED, len(plan))
        broken: list[dict[Span, str]] = []
        for combination in islice(plan.combinations(0, count), count):
            broken.append(dict(_broken(spec, validator, fields, combination)))
            if not broken[-1]:
                return ()
    except SynthspecError:
        return ()  # which is said where it is met
    return tuple(_warnings(broken))


def known_early(spec: Spec) -> dict[str, Field]:
    """The fields whose values follow from parameters, before anything is asked."""
    known = {p.name for p in spec.parameters} - {w for p in spec.prompts for w in p.writes}
    found: dict[str, Field] = {}
    waiting = [f for f in spec.fields if f.value is not None and f.examples is None and not placed_calls(f.value)]
    while True:
        ready = [f for f in waiting if f.value is not None and names_of(f.value) <= known]
        if not ready:
            return found
        found |= {f.name: f for f in ready}
        known |= found.keys()
        waiting = [f for f in waiting if f.name not in found]


def _broken(
    spec: Spec, validator: Any, fields: Mapping[str, Field], combination: Mapping[str, Any]
) -> Iterator[tuple[Span, str]]:
    """What one combination breaks, by its place."""
    values: dict[str, Any] = {}
    validator.compute(values, combination)
    values = {n: v for n, v in values.items() if n in fields}
    for fault in validator.computed_faults(values, {**combination, **values}, ()):
        if fault.about in fields and fault.rule != missing_rule(fault.about):
            yield fields[fault.about].span, f"every row breaks its rule: {fault.reason}"
    for check, fault in validator.check_faults(values, combination, frozenset(values)):
        yield check.span, f"every row fails this check: {fault.reason}"
    dropped = validator.drop_of(values, combination, frozenset((*combination, *values)))
    for compiled in validator.checks if dropped is not None else ():
        if compiled.check.severity == "drop" and compiled.label == dropped.rule:
            yield compiled.check.span, f"every row is dropped: {dropped.reason}"


def _warnings(broken: Sequence[Mapping[Span, str]]) -> Iterator[Diagnostic]:
    for place, message in broken[0].items():
        if all(place in found for found in broken):
            said = f"of the first {len(broken)} combinations {message}" if len(broken) > 1 else message
            help = "change the rule, or how the value is computed: every row would be rejected"
            yield Diagnostic("W774", said[:190].rstrip("."), place, help)
