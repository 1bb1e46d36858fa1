"""What an edit changes: parameters, combinations, calls to make again and their cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from synthspec.analysis.compiled import Compiled
from synthspec.generation.estimate import report_plan
from synthspec.inference.requests import PromptWriter, Sender
from synthspec.languages.expressions.types import Type
from synthspec.planning.plan import Plan, build_plan
from synthspec.sources import Table
from synthspec.spec import Prompt, Spec

SHOWN = 5
COMPARED = 1_000_000  # combinations looked at


@dataclass(frozen=True, slots=True)
class PromptDiff:
    """Calls of one prompt: asked by both specs, by the new one alone, by the old one alone."""

    name: str
    same: int
    new: int
    gone: int
    cost: float | None  # US dollars the new ones are expected to cost; None where no price is known


@dataclass(frozen=True, slots=True)
class SpecDiff:
    """The difference between two specs, seen from what a build of the new one would do after the old one."""

    rows: tuple[int, int]
    parameters: Mapping[str, str]  # name -> added, removed or changed
    combinations_same: int
    combinations_changed: int
    combinations_added: int
    combinations_removed: int
    examples: tuple[Mapping[str, Any], ...]  # the first combinations that changed, before and after
    prompts: tuple[PromptDiff, ...]
    calls: int  # to be made
    cost: float | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def diff_specs(old: Compiled, new: Compiled) -> SpecDiff:
    """Compare two checked specs. Retries are not counted: nobody knows them beforehand."""
    assert old.spec is not None and new.spec is not None
    before, after = build_plan(old.spec, old.tables), build_plan(new.spec, new.tables)
    same, examples = 0, list[Mapping[str, Any]]()
    both = min(len(before), len(after), COMPARED)
    for index, (one, other) in enumerate(zip(before.combinations(0, both), after.combinations(0, both), strict=True)):
        if one == other:
            same += 1
        elif len(examples) < SHOWN:
            examples.append({"combination": index, "before": one, "after": other})
    prompts = tuple(_prompt_diffs(old, new, before, after))
    costs = [p.cost for p in prompts]
    return SpecDiff(
        rows=(old.spec.rows, new.spec.rows),
        parameters=_parameters(old.spec, new.spec),
        combinations_same=same,
        combinations_changed=both - same,
        combinations_added=max(0, len(after) - len(before)),
        combinations_removed=max(0, len(before) - len(after)),
        examples=tuple(examples),
        prompts=prompts,
        calls=sum(p.new for p in prompts),
        cost=None if any(c is None for c in costs) else sum(c for c in costs if c is not None),
    )


def _parameters(old: Spec, new: Spec) -> dict[str, str]:
    before, after = {p.name: p.draw for p in old.parameters}, {p.name: p.draw for p in new.parameters}
    found = {n: "removed" for n in before if n not in after}
    for name, draw in after.items():
        if name not in before:
            found[name] = "added"
        elif before[name] != draw:
            found[name] = "changed"
    return found


def _prompt_diffs(old: Compiled, new: Compiled, before: Plan, after: Plan) -> Iterator[PromptDiff]:
    assert old.spec is not None and new.spec is not None
    known = {p.name: p for p in old.spec.prompts}
    reports = {p.name: p for p in report_plan(after, new.tables).prompts}
    asked_again: dict[str, frozenset[int]] = {}  # combinations whose prompt of that name changed
    for prompt in new.spec.prompts:
        theirs = known.get(prompt.name)
        ours = _contents(new.spec, prompt, after, new.tables)
        others = _contents(old.spec, theirs, before, old.tables) if theirs is not None else {}
        if prompt.needs:
            upstream = frozenset[int]().union(*(asked_again.get(n, frozenset()) for n in prompt.needs))
            moved = frozenset(i for i in ours if others.get(i) != ours[i]) | upstream
        else:
            moved = _unmatched(ours, others)
        asked_again[prompt.name] = moved
        gone = len(others) if theirs is None else max(0, len(others) - (len(ours) - len(moved)))
        per_call = 1 if prompt.rows > 1 else after.rows_per_combination
        report = reports[prompt.name]
        cost = None if report.cost is None else report.cost * len(moved) * per_call / max(report.calls, 1)
        yield PromptDiff(prompt.name, (len(ours) - len(moved)) * per_call, len(moved) * per_call, gone * per_call, cost)
    for name in known.keys() - {p.name for p in new.spec.prompts}:
        yield PromptDiff(name, 0, 0, len(before), 0.0)


def _unmatched(ours: Mapping[int, str], others: Mapping[int, str]) -> frozenset[int]:
    """Combinations whose request the old spec never made, repeats of one text told apart."""
    left = Counter(others.values())
    found: list[int] = []
    for index, content in ours.items():
        if left[content] > 0:
            left[content] -= 1
        else:
            found.append(index)
    return frozenset(found)


def _contents(spec: Spec, prompt: Prompt, plan: Plan, tables: Mapping[str, Table]) -> dict[int, str]:
    """The content of each combination's request; fields not yet written stand as their names."""
    choice = prompt.backend or spec.backend
    writer = PromptWriter(spec, prompt, Sender(choice, "", choice.provider == "ngram"), tables)
    stand_ins = {f.name: _stand_in(f.type, f.name) for f in spec.fields}
    count = min(len(plan), COMPARED)
    found: dict[int, str] = {}
    for index, combination in enumerate(plan.combinations(0, count)):
        found[index] = writer.content(writer.drafted(index, {**stand_ins, **combination}, prompt.rows), index)
    return found


def _stand_in(kind: Type, name: str) -> Any:
    from synthspec.languages.templates.trial import sample_value

    simple = {"integer": 1, "number": 1.5, "boolean": True}
    return sample_value(kind) if kind.kind in ("list", "map") else simple.get(kind.kind, f"‹{name}›")
