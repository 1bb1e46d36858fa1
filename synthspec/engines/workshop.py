"""What all combinations of a run share: prompts ready to be used, and who is asked again when a rule fails."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from synthspec.engines.calls import Caller, Line
from synthspec.engines.frontier import Frontier
from synthspec.engines.variety import listed_names
from synthspec.expressions import compile_row, names_of
from synthspec.planner import Plan
from synthspec.prompting import PromptWriter, request_key
from synthspec.records import Message, Rejection
from synthspec.spec import Check, Prompt, Spec
from synthspec.tally import Tally
from synthspec.validate import Validator


@dataclass(slots=True)
class Step:
    """One prompt, ready to be used."""

    prompt: Prompt
    writer: PromptWriter
    line: Line
    when: Any  # compiled condition, or None
    after: frozenset[str]  # prompts that hang on it, through any number of others

    def wanted(self, row: Mapping[str, Any]) -> bool:
        """Whether its `when` lets it run for a row."""
        return self.when is None or bool(self.when(row))


@dataclass(frozen=True, slots=True)
class Opening:
    """The first request of a prompt that needs no other: written when its combination's turn came, in plan order."""

    base: tuple[Message, ...]
    key: str


class OpeningKeys:
    """Writes the first requests of combinations, in plan order, and tells repeats of one text apart."""

    def __init__(self, steps: tuple[Step, ...]) -> None:
        self.steps = steps
        self.seen: dict[int, int] = {}  # how often each content was asked for, by its digest

    def open(
        self, index: int, combination: Mapping[str, Any], context: Mapping[str, Any], *, moved: int | None = None
    ) -> dict[str, Opening]:
        """Write the first request of every prompt that needs no other. Called in plan order, for keys count repeats.

        `context` is what templates see beside the combination. A row `moved` here from another combination has keys
        of its own.

        Raises:
            TemplateFault: a value is not what a template needs.
        """
        openings: dict[str, Opening] = {}
        for step in self.steps:
            seen = {**context, **combination}
            if step.prompt.needs or not step.wanted(seen):
                continue
            base = step.writer.base(index, seen, step.prompt.rows)
            content = step.writer.content(base, index)
            if moved is not None:
                openings[step.prompt.name] = Opening(base, request_key(content, "moved", moved))
                continue
            mark = int(content[:15], 16)
            occurrence = self.seen.get(mark, 0)
            self.seen[mark] = occurrence + 1
            openings[step.prompt.name] = Opening(base, request_key(content, "first", occurrence))
        return openings


class Workshop:
    """What all combinations of a run share."""

    def __init__(
        self,
        spec: Spec,
        steps: tuple[Step, ...],
        validator: Validator,
        caller: Caller,
        frontier: Frontier,
        tally: Tally,
        plan: Plan,
    ) -> None:
        self.spec = spec
        self.steps = steps
        self.validator = validator
        self.caller = caller
        self.frontier = frontier
        self.tally = tally
        self.openings = OpeningKeys(steps)
        self.position = {s.prompt.name: i for i, s in enumerate(steps)}
        self.writes = {w: s.prompt.name for s in steps for w in s.prompt.writes}
        self.retries = {c: self._retry_target(c) for c in spec.checks}
        self.rows = max((s.prompt.rows for s in steps), default=1)
        self.novel_target = self._novelty_target()
        self.listed = listed_names(spec)
        self.plan = plan

    def context(self, combination: Mapping[str, Any]) -> dict[str, Any]:
        """What prompts see beside the parameters before anything is written: fields computed from these alone."""
        values: dict[str, Any] = {}
        self.validator.compute(values, combination)
        return values

    def _retry_target(self, check: Check) -> str | None:
        """The prompt asked again when a check fails: the latest that wrote what it reads, or what a judge judged."""
        if check.retry is not None:
            return check.retry
        names = self._behind(names_of(check.expression))
        writers = sorted({self.position[self.writes[n]] for n in names if n in self.writes})
        if not writers:
            return None
        last = self.steps[writers[-1]].prompt
        types = {f.name: f.type for f in self.spec.fields}
        verdicts = all(types[n].kind != "text" or types[n].values for n in names if self.writes.get(n) == last.name)
        if len(writers) == 1 and last.needs and verdicts:
            return max(last.needs, key=lambda n: self.position[n])
        return last.name

    def _behind(self, wanted: Collection[str]) -> set[str]:
        """The named fields and all that they are computed from."""
        computed = {f.name: f.value for f in self.spec.fields if f.value is not None}
        names, todo = set[str](), list(wanted)
        while todo:
            name = todo.pop()
            if name not in names:
                names.add(name)
                value = computed.get(name)
                todo.extend(names_of(value) if value is not None else ())
        return names

    def writer_behind(self, rejection: Rejection) -> str | None:
        """The latest prompt that wrote what a computed field at fault is computed from."""
        name = rejection.reason.partition(":")[0]
        writers = [self.position[self.writes[n]] for n in self._behind((name,)) if n in self.writes]
        return self.steps[max(writers)].prompt.name if writers else None

    def _novelty_target(self) -> str | None:
        rules = self.spec.novelty
        fields = set(rules.unique)
        for rule in (rules.near_duplicates, rules.semantic, rules.no_copies, rules.decontaminate):
            fields |= set(rule.fields) if rule is not None else set()
        writers = [self.position[self.writes[f]] for f in fields if f in self.writes]
        return self.steps[min(writers)].prompt.name if writers else None


def compile_steps(spec: Spec, writers: Mapping[str, PromptWriter], lines: Mapping[str, Line]) -> tuple[Step, ...]:
    """Every prompt of a spec with its writer and backend line, in order."""
    after: dict[str, set[str]] = {p.name: set() for p in spec.prompts}
    for prompt in spec.prompts:
        todo = list(prompt.needs)
        while todo:
            need = todo.pop()
            after[need].add(prompt.name)
            todo.extend(next(p.needs for p in spec.prompts if p.name == need))
    return tuple(
        Step(
            p,
            writers[p.name],
            lines[p.name],
            compile_row(p.when) if p.when is not None else None,
            frozenset(after[p.name]),
        )
        for p in spec.prompts
    )
