"""Exclusions over listed values, tried out on every combination of these: in plain Python, without the planner."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from synthspec.diagnostics import Diagnostic, Related
from synthspec.languages.expressions import compile_row, names_of
from synthspec.spec import Choice, Exclusion, Parameter, Spec

R = TypeVar("R")
MAX_ENUMERATED = 5_000


def check_listed(spec: Spec) -> tuple[Diagnostic, ...] | None:
    """What is wrong with the exclusions; None where they read more than a few listed values, which takes a plan."""
    listed = {p.name: p for p in spec.parameters if isinstance(p.draw, Choice)}
    faults: list[Diagnostic] = []
    for group in together(spec.plan.exclude, _reads):
        names = frozenset[str]().union(*map(_reads, group))
        if not names <= listed.keys() or not names:
            return None
        parameters = [p for p in spec.parameters if p.name in names]
        found = _check_group(parameters, group)
        if found is None:
            return None
        faults.extend(found)
    return tuple(faults)


def _reads(exclusion: Exclusion) -> frozenset[str]:
    return names_of(exclusion.expression)


def together(rules: Iterable[R], hangs_on: Callable[[R], frozenset[str]]) -> list[list[R]]:
    """Rules in groups that hang on nothing in common."""
    groups: list[list[R]] = []
    for rule in rules:
        joined: list[R] = [rule]
        apart: list[list[R]] = []
        for group in groups:
            if any(hangs_on(other) & hangs_on(rule) for other in group):
                joined = group + joined
            else:
                apart.append(group)
        groups = [*apart, joined]
    return groups


def _check_group(parameters: Sequence[Parameter], group: Sequence[Exclusion]) -> Iterator[Diagnostic] | None:
    values = [_possible(p) for p in parameters]
    count = 1
    for some in values:
        count *= len(some)
    if count > MAX_ENUMERATED:
        return None
    tests = [compile_row(e.expression) for e in group]
    names = [p.name for p in parameters]
    rows = [dict(zip(names, chosen, strict=True)) for chosen in itertools.product(*values)]
    return _weigh(parameters, group, [(row, [bool(test(row)) for test in tests]) for row in rows])


def _possible(parameter: Parameter) -> list[Any]:
    assert isinstance(parameter.draw, Choice)
    return [v for v, w in zip(parameter.draw.values, parameter.draw.weights, strict=True) if w > 0]


def _weigh(
    parameters: Sequence[Parameter], group: Sequence[Exclusion], tried: Sequence[tuple[Mapping[str, Any], list[bool]]]
) -> Iterator[Diagnostic]:
    if all(any(hits) for _, hits in tried):
        yield nothing_left(group)
        return
    for parameter in parameters:
        for value in _possible(parameter):
            if not isinstance(value, str | int | float):
                continue
            own = [hits for row, hits in tried if row[parameter.name] is value]
            if all(any(hits) for hits in own):
                blamed = next((e for i, e in enumerate(group) if all(hits[i] for hits in own)), group[-1])
                yield out_of_reach(parameter, value, blamed)


def nothing_left(group: Sequence[Exclusion]) -> Diagnostic:
    """Every combination is excluded."""
    others = tuple(Related(e.span, "together with this rule") for e in group[:-1])
    return Diagnostic("E522", "the exclusions leave no combination at all", group[-1].span, "exclude less", others)


def out_of_reach(parameter: Parameter, value: Any, blamed: Exclusion) -> Diagnostic:
    """A declared value is left in no combination."""
    message = f"{parameter.name} = {value!r} can never occur: the exclusions remove every combination with it"
    related = (Related(parameter.span, "declared here"),)
    return Diagnostic("E523", message, blamed.span, "remove the value, or exclude less", related)
