"""What an edit changes in the calls of a prompt that is asked several times for a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from synthspec.generation.estimates.several import known_value
from synthspec.inference.requests import PromptWriter, RequestSettings
from synthspec.languages.expressions.tree import Name
from synthspec.lazy_dataclass import dataclass
from synthspec.planning.plan import Plan
from synthspec.sources import Table
from synthspec.spec import Prompt, Spec
from synthspec.spec.backends_used import choice_text, endpoint_chosen, endpoint_of_sample, endpoints_of

Contents = Mapping[int, list[str]]  # by combination, of each call in its order
GUESS = 3  # items of a list of which nothing says how many it has


@dataclass(frozen=True, slots=True)
class Changed:
    """Calls in both specs, in the new one alone, in the old one alone; and the calls that are new, by combination."""

    same: int
    new: int
    gone: int
    places: Mapping[int, frozenset[int]]


def several_contents(
    spec: Spec, prompt: Prompt, plan: Plan, tables: Mapping[str, Table], stand_ins: Mapping[str, Any], count: int
) -> dict[int, list[str]]:
    """A digest of every call of a prompt, by combination; fields not yet written stand as their names."""
    writers = {
        name: PromptWriter(spec, prompt, RequestSettings(choice, "", choice.provider == "ngram"), tables)
        for name, choice in endpoints_of(spec, prompt).items()
    }
    found: dict[int, list[str]] = {}
    for index, combination in enumerate(plan.combinations(0, count)):
        values = {**stand_ins, **combination}
        found[index] = []
        for mark, seen, endpoint in _calls(spec, prompt, combination, stand_ins):
            writer = writers[endpoint]
            content = writer.content(writer.drafted(index, {**values, **seen}, prompt.rows), index)
            found[index].append(f"{mark} {content}")
    return found


def _calls(
    spec: Spec, prompt: Prompt, values: Mapping[str, Any], stand_ins: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Each call of a row: what tells it from others, the names bound for it, and its endpoint."""
    if prompt.samples is not None:
        for sample in range(prompt.samples):
            yield f"{sample or ''}", {}, _endpoint(prompt, values, sample)
    elif prompt.map is not None:
        items = known_value(prompt.map.items, values)
        if not isinstance(items, list | tuple):
            items = [f"‹{prompt.map.name} {n}›" for n in range(_expected(spec, prompt))]
        for item in items:
            seen = {prompt.map.name: item}
            yield "", seen, _endpoint(prompt, {**values, **seen}, 0)
    elif prompt.repeat is not None:
        times = known_value(prompt.repeat.times, values)
        rounds = min(int(times), prompt.repeat.most) if isinstance(times, int | float) else prompt.repeat.most
        for number in range(1, rounds + 1):
            fed = {n: stand_ins.get(n) for n in prompt.repeat.seed}
            if number == 1:
                fed |= {n: v for n, e in prompt.repeat.seed.items() if (v := known_value(e, values)) is not None}
            yield f"{number if number > 1 else ''}", {**fed, "round": number}, _endpoint(prompt, values, 0)
    else:
        yield "", {}, _endpoint(prompt, values, 0)


def _endpoint(prompt: Prompt, values: Mapping[str, Any], sample: int) -> str:
    if prompt.choose is None:
        return endpoint_of_sample(prompt, sample)
    name = choice_text(known_value(prompt.choose.expression, values))
    return endpoint_chosen(prompt, name if name in prompt.choose.of else next(iter(prompt.choose.of)))


def _expected(spec: Spec, prompt: Prompt) -> int:
    """How many items a list that is not known has: those of its samples, or as its field says."""
    assert prompt.map is not None
    items = prompt.map.items
    writer = next((p for p in spec.prompts if isinstance(items, Name) and items.name in p.writes), None)
    if writer is not None and writer.samples is not None:
        return writer.samples
    field = next((f for f in spec.fields if isinstance(items, Name) and f.name == items.name), None)
    return int(field.schema.get("minItems", 0)) or GUESS if field is not None else GUESS


def compare_calls(ours: Contents, others: Contents, moved: Mapping[int, frozenset[int] | None], needs: bool) -> Changed:
    """Which calls of the new spec the old one made. `moved`: by combination, the calls (None: all) that build on a
    completion that is made again. Calls that build on none are the same wherever they stand in the plan."""
    left = {index: Counter(contents) for index, contents in others.items()}
    every = Counter[str]()
    if not needs:
        every.update(c for contents in others.values() for c in contents)
    same = new = 0
    places: dict[int, frozenset[int]] = {}
    for index, contents in ours.items():
        counts = left.get(index, Counter[str]()) if needs else every
        again = moved.get(index, frozenset[int]())
        fresh = []
        for place, content in enumerate(contents):
            if again is not None and place not in again and counts[content] > 0:
                counts[content] -= 1
                same += 1
            else:
                fresh.append(place)
        new += len(fresh)
        if fresh:
            places[index] = frozenset(fresh)
    return Changed(same, new, max(0, sum(map(len, others.values())) - same), places)
