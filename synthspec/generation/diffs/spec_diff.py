"""What an edit changes: parameters, combinations, calls to make again and their cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from synthspec.analysis.compiled import Compiled
from synthspec.document.reader import to_data
from synthspec.generation.diffs.changes import KeyChange, spec_changes
from synthspec.generation.diffs.players import player_contents
from synthspec.generation.diffs.several import compare_calls, several_contents
from synthspec.generation.diffs.talks import talk_contents
from synthspec.generation.estimates.plan_report import report_plan
from synthspec.generation.estimates.several import is_asked_otherwise
from synthspec.generation.estimates.usage import PromptReport
from synthspec.inference.requests import PromptWriter, RequestSettings
from synthspec.languages.expressions.tree import Name
from synthspec.languages.expressions.types import Type
from synthspec.lazy_dataclass import dataclass
from synthspec.planning.plan import Plan, build_plan
from synthspec.sources import Table
from synthspec.spec import Prompt, Spec
from synthspec.spec.fan_outs import asked_at, rows_of_level

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
    changes: tuple[KeyChange, ...] = ()  # keys of the spec, each from what to what

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
        changes=_changes(old, new),
    )


def _changes(old: Compiled, new: Compiled) -> tuple[KeyChange, ...]:
    """The keys that differ as written, with what each spec extends; options such as `--rows` override both alike."""
    if old.document is None or new.document is None:
        return ()
    return spec_changes(to_data(old.document, json=True), to_data(new.document, json=True))


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
    known = {p.name: p for p in old.spec.asked}
    reports = {p.name: p for p in report_plan(after, new.tables).prompts}
    asked_again: dict[str, frozenset[int]] = {}  # combinations whose prompt of that name changed
    places: dict[str, Mapping[int, frozenset[int]]] = {}  # which calls, of prompts that are asked several times
    for prompt in new.spec.asked:
        theirs = known.get(prompt.name)
        if prompt.dialogue is not None or (theirs is not None and theirs.dialogue is not None):
            upstream = frozenset[int]().union(*(asked_again.get(n, frozenset()) for n in prompt.needs))
            report = _sum_of(reports, prompt.name)
            changed, asked_again[prompt.name] = _talk_diff(old, new, theirs, prompt, (before, after), upstream, report)
            yield changed
            continue
        if is_asked_otherwise(prompt) or (theirs is not None and is_asked_otherwise(theirs)):
            moved_calls = _moved_calls(new.spec, prompt, asked_again, places)
            ours_all, others_all = _calls_of(new, prompt, after), _calls_of(old, theirs, before)
            found = compare_calls(ours_all, others_all, moved_calls, bool(prompt.needs))
            report = _sum_of(reports, prompt.name)
            cost = None if report.cost is None else report.cost * found.new / max(report.calls, 1)
            asked_again[prompt.name], places[prompt.name] = frozenset(found.places), found.places
            yield PromptDiff(prompt.name, found.same, found.new, found.gone, cost)
            continue
        ours = _contents(new.spec, prompt, after, new.tables)
        others = _contents(old.spec, theirs, before, old.tables) if theirs is not None else {}
        if prompt.needs:
            upstream = frozenset[int]().union(*(asked_again.get(n, frozenset()) for n in prompt.needs))
            moved = frozenset(i for i in ours if others.get(i) != ours[i]) | upstream
        else:
            moved = _unmatched(ours, others)
        asked_again[prompt.name] = moved
        gone = len(others) if theirs is None else max(0, len(others) - (len(ours) - len(moved)))
        per_call = -(-rows_of_level(new.spec, asked_at(prompt), len(after))[1] // max(1, len(after)))
        report = reports[prompt.name]
        cost = None if report.cost is None else report.cost * len(moved) * per_call / max(report.calls, 1)
        yield PromptDiff(prompt.name, (len(ours) - len(moved)) * per_call, len(moved) * per_call, gone * per_call, cost)
    for name in known.keys() - {p.name for p in new.spec.asked}:
        yield PromptDiff(name, 0, 0, len(before), 0.0)
    for name in dict.fromkeys((*new.spec.players, *old.spec.players)):
        yield _player_diff(old, new, name, (before, after), reports.get(name))


def _player_diff(
    old: Compiled, new: Compiled, name: str, plans: tuple[Plan, Plan], report: PromptReport | None
) -> PromptDiff:
    """A prompt that plays a tool: one call a talk; `cost` is that of all the calls there may be."""
    ours, others = _played(new, name, plans[1]), _played(old, name, plans[0])
    moved = _unmatched(ours, others)
    gone = max(0, len(others) - (len(ours) - len(moved)))
    share = len(moved) / max(1, len(ours))
    cost = 0.0 if not moved else None if report is None or report.cost is None else report.cost * share
    return PromptDiff(name, len(ours) - len(moved), len(moved), gone, cost)


def _played(compiled: Compiled, name: str, plan: Plan) -> dict[int, str]:
    assert compiled.spec is not None
    if name not in compiled.spec.players:
        return {}
    stand_ins = {f.name: _stand_in(f.type, f.name) for f in compiled.spec.fields}
    count = min(len(plan), COMPARED)
    return player_contents(compiled.spec, name, plan, compiled.tables, stand_ins, count)


def _moved_calls(
    spec: Spec,
    prompt: Prompt,
    asked_again: Mapping[str, frozenset[int]],
    places: Mapping[str, Mapping[int, frozenset[int]]],
) -> dict[int, frozenset[int] | None]:
    """The calls of a prompt that build on a completion which is made again, by combination; None stands for all.

    An item of a list that was gathered builds on the one reply that it is.
    """
    items = prompt.map.items if prompt.map is not None else None
    source = next((p.name for p in spec.prompts if isinstance(items, Name) and items.name in p.writes), None)
    found: dict[int, frozenset[int] | None] = {}
    if source is not None and source in places:
        found.update(places[source])
    for need in prompt.needs:
        if need != source or need not in places:
            found.update(dict.fromkeys(asked_again.get(need, frozenset())))
    return found


def _calls_of(compiled: Compiled, prompt: Prompt | None, plan: Plan) -> dict[int, list[str]]:
    if prompt is None:
        return {}
    assert compiled.spec is not None
    stand_ins = {f.name: _stand_in(f.type, f.name) for f in compiled.spec.fields}
    count = min(len(plan), COMPARED)
    return several_contents(compiled.spec, prompt, plan, compiled.tables, stand_ins, count)


def _sum_of(reports: Mapping[str, PromptReport], name: str) -> PromptReport:
    """The figures of all endpoints of a prompt together."""
    own = [r for n, r in reports.items() if n == name or n.startswith((f"{name}/", f"{name}#", f"{name}="))]
    costs = [r.cost for r in own]
    cost = None if None in costs else sum(c for c in costs if c is not None)
    return PromptReport(name, "", sum(r.calls for r in own), 0, 0, cost)


def _talk_diff(
    old: Compiled,
    new: Compiled,
    theirs: Prompt | None,
    ours: Prompt,
    plans: tuple[Plan, Plan],
    upstream: frozenset[int],
    report: PromptReport,
) -> tuple[PromptDiff, frozenset[int]]:
    """A prompt that is a dialogue, or was one; and the combinations in whose talk something changed."""
    after = _messages_of(new, ours, plans[1])
    before = _messages_of(old, theirs, plans[0]) if theirs is not None else []
    same = made = gone = 0
    changed: set[int] = set(upstream)
    for place in range(max(len(after), len(before))):
        mine = after[place] if place < len(after) else {}
        others = before[place] if place < len(before) else {}
        moved = frozenset(i for i in mine if others.get(i) != mine[i]) if ours.needs else _unmatched(mine, others)
        moved |= upstream & mine.keys()
        changed |= moved
        same, made = same + len(mine) - len(moved), made + len(moved)
        gone += max(0, len(others) - (len(mine) - len(moved)))
    cost = None if report.cost is None else report.cost * made / max(report.calls, 1)
    return PromptDiff(ours.name, same, made, gone, cost), frozenset(changed)


def _messages_of(compiled: Compiled, prompt: Prompt, plan: Plan) -> list[dict[int, str]]:
    """A digest of each call of a prompt, by combination: one, or for a dialogue one a message."""
    assert compiled.spec is not None
    if prompt.dialogue is None:
        return [_contents(compiled.spec, prompt, plan, compiled.tables)]
    stand_ins = {f.name: _stand_in(f.type, f.name) for f in compiled.spec.fields}
    return talk_contents(compiled.spec, prompt, plan, compiled.tables, stand_ins, min(len(plan), COMPARED))


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
    writer = PromptWriter(spec, prompt, RequestSettings(choice, "", choice.provider == "ngram"), tables)
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
