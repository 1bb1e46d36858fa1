"""What prompts that are asked several times for a row are expected to use: calls a row, at least and at most, by
endpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from synthspec.languages.expressions import Expression, compile_row, names_of
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Each, Prompt, Spec
from synthspec.spec.backends_used import choice_text, endpoint_chosen, endpoint_of_sample, endpoints_of
from synthspec.spec.fan_outs import items_between

GUESS = 3  # items of a list of which nothing says how many it has


@dataclass(frozen=True, slots=True)
class CallsPerRow:
    """Calls for one row, on average over rows."""

    least: float
    most: float

    def __add__(self, other: CallsPerRow) -> CallsPerRow:
        return CallsPerRow(self.least + other.least, self.most + other.most)

    def times(self, share: float) -> CallsPerRow:
        """So much of it."""
        return CallsPerRow(self.least * share, self.most * share)


ONCE = CallsPerRow(1, 1)


def is_asked_otherwise(prompt: Prompt) -> bool:
    """Whether a prompt is asked more or less than once for a row, or of more than one backend."""
    several = prompt.samples is not None or prompt.map is not None or prompt.repeat is not None
    return several or prompt.choose is not None or prompt.when is not None


def calls_by_endpoint(spec: Spec, prompt: Prompt, rows: Sequence[Mapping[str, Any]]) -> dict[str, CallsPerRow]:
    """Calls for a row by endpoint, over these combinations, as a plan draws them."""
    found = dict.fromkeys(endpoints_of(spec, prompt), CallsPerRow(0, 0))
    share = 1 / max(1, len(rows))
    for values in rows:
        runs = runs_for(prompt, values)
        if runs is False:
            continue
        for endpoint, calls in _of_row(spec, prompt, values).items():
            found[endpoint] += (calls if runs else replace(calls, least=0)).times(share)
    return found


def runs_for(prompt: Prompt, values: Mapping[str, Any]) -> bool | None:
    """Whether `when` lets a prompt run for a row; None where it reads what is not known beforehand."""
    if prompt.when is None:
        return True
    return compile_row(prompt.when)(values) is True if names_of(prompt.when) <= values.keys() else None


def calls_foretold(spec: Spec, prompt: Prompt) -> float:
    """Calls for one row, before any combination is drawn: the middle, where it is not known."""
    calls = _count(spec, prompt, {})
    return (calls.least + calls.most) / 2


def bound_names(prompt: Prompt, values: Mapping[str, Any]) -> dict[str, Any]:
    """What the names of a round or an item stand for in a draft."""
    if prompt.map is not None:
        items = known_value(prompt.map.items, values)
        return {prompt.map.name: items[0]} if isinstance(items, list) and items else {}
    return {"round": 1} if prompt.repeat is not None else {}


def _of_row(spec: Spec, prompt: Prompt, values: Mapping[str, Any]) -> dict[str, CallsPerRow]:
    if prompt.samples is not None and prompt.backends:
        found: dict[str, CallsPerRow] = {}
        for sample in range(prompt.samples):
            name = endpoint_of_sample(prompt, sample)
            found[name] = found.get(name, CallsPerRow(0, 0)) + ONCE
        return found
    if prompt.choose is not None and prompt.map is not None:
        chosen = _by_item(prompt, values)
        if chosen is not None:
            return chosen
    return _chosen(prompt, values, _count(spec, prompt, values))


def _count(spec: Spec, prompt: Prompt, values: Mapping[str, Any]) -> CallsPerRow:
    """Calls for one row, whatever their backend."""
    if prompt.samples is not None:
        return CallsPerRow(prompt.samples, prompt.samples)
    if prompt.map is not None:
        return _items(spec, prompt.map, values)
    if prompt.repeat is None:
        return ONCE
    times = known_value(prompt.repeat.times, values)
    most = min(max(0, int(times)), prompt.repeat.most) if isinstance(times, int | float) else prompt.repeat.most
    if not isinstance(times, int | float):
        return CallsPerRow(0, most)
    return CallsPerRow(min(1, most) if prompt.repeat.until is not None else most, most)


def _items(spec: Spec, each: Each, values: Mapping[str, Any]) -> CallsPerRow:
    """How many items a list has, as far as is known beforehand; where nothing says how many at most, as is guessed."""
    if names_of(each.items) <= values.keys():
        known = known_value(each.items, values)
        count = len(known) if isinstance(known, list | tuple) else 0
        return CallsPerRow(count, count)
    least, most = (0 if each.length is None else each.length[0]), items_between(spec, each)[1]
    return CallsPerRow(least, max(least, GUESS) if most is None else most)


def has_no_end(spec: Spec, each: Each) -> bool:
    """Whether nothing says how many items a list has at most; parameters alone always do."""
    return items_between(spec, each)[1] is None and not names_of(each.items) <= {p.name for p in spec.parameters}


def _chosen(prompt: Prompt, values: Mapping[str, Any], calls: CallsPerRow) -> dict[str, CallsPerRow]:
    """The calls of a row, for the backend that is chosen for it; where that is not known, each may have them all."""
    if prompt.choose is None:
        return {prompt.name: calls}
    name = known_value(prompt.choose.expression, values)
    if name is not None and choice_text(name) in prompt.choose.of:
        return {endpoint_chosen(prompt, choice_text(name)): calls}
    return {endpoint_chosen(prompt, n): replace(calls, least=0) for n in prompt.choose.of}


def _by_item(prompt: Prompt, values: Mapping[str, Any]) -> dict[str, CallsPerRow] | None:
    """The calls of a row where the backend hangs on the item of a list that is known; None where it is not."""
    assert prompt.map is not None and prompt.choose is not None
    items = known_value(prompt.map.items, values)
    if not isinstance(items, list | tuple):
        return None
    found: dict[str, CallsPerRow] = {}
    for item in items:
        for name, calls in _chosen(prompt, {**values, prompt.map.name: item}, ONCE).items():
            found[name] = found.get(name, CallsPerRow(0, 0)) + calls
    return found


def known_value(expression: Expression, values: Mapping[str, Any]) -> Any:
    """The value of an expression over parameters alone; None where it reads what is not known beforehand."""
    return compile_row(expression)(values) if names_of(expression) <= values.keys() else None
