"""What all combinations of a run share: prompts ready to be used, replies read into rows, and which prompt is asked
again when a rule fails. Pure: a function of the spec."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from synthspec.formats import Parsed, Shape
from synthspec.formats.recovery.thinking import without_thinking
from synthspec.formats.recovery.verbalized import choose_answer
from synthspec.generation.validation.rules import Validator
from synthspec.inference.outcomes import Failed, Replied, Stopped
from synthspec.languages.expressions import compile_row, names_of
from synthspec.plugins import find_plugin
from synthspec.spec import Check, Prompt, Spec
from synthspec.spec.messages import Rejection, Stage

if TYPE_CHECKING:
    from synthspec.generation.machine.row_turn import RowTurn
    from synthspec.generation.machine.states import Ask

REFUSED = Rejection(Stage.PARSE, "refused", "the model refused")
CUT_OFF = Rejection(Stage.PARSE, "cut off", "the reply was cut off at its greatest length: write less")


@dataclass(frozen=True, slots=True)
class Opening:
    """A request that builds on no completion. It is written when its combination's turn comes, in plan order."""

    name: str  # one in its combination
    seen: Mapping[str, Any] = field(default_factory=dict)  # names bound for it alone
    endpoint: str = ""  # "" for the prompt's own


class Calls(Protocol):
    """How a prompt that makes several calls for one row is worked on. One module a kind; it keeps no state."""

    def openings(self, step: Step, values: Mapping[str, Any]) -> Iterable[Opening]:
        """Its requests that build on no completion, where the prompt needs no other."""
        ...

    def begin(self, turn: RowTurn, step: Step) -> None:
        """Ask, for the first time or after the row went back to it or to before it."""
        ...

    def take(self, turn: RowTurn, step: Step, question: Ask, outcome: Replied | Failed | Stopped) -> None:
        """Take in what became of one of its calls."""
        ...

    def reopen(self, turn: RowTurn, step: Step, rejections: Sequence[Rejection]) -> bool:
        """What it wrote is rejected: have `begin` ask what is to be asked again. False where attempts are used up."""
        ...


@dataclass(frozen=True, slots=True)
class Step:
    """One prompt, ready to be used."""

    prompt: Prompt
    shape: Shape
    when: Any  # compiled condition, or None
    after: frozenset[str]  # prompts that hang on it, through any number of others
    calls: Calls | None = None  # of a prompt that makes several for one row

    def openings(self, values: Mapping[str, Any]) -> Iterable[Opening]:
        """The requests of a prompt that needs no other which build on no completion."""
        return (Opening(self.prompt.name),) if self.calls is None else self.calls.openings(self, values)

    def wanted(self, row: Mapping[str, Any]) -> bool:
        """Whether its `when` lets it run for a row."""
        return self.when is None or bool(self.when(row))


@dataclass(frozen=True, slots=True)
class Read:
    """What a reply came to: rows that keep every rule of their own fields, why others do not, and how many it held."""

    good: tuple[dict[str, Any], ...]
    rejections: tuple[Rejection, ...]
    held: int


class Program:
    """A spec, compiled for the row machine."""

    def __init__(self, spec: Spec, validator: Validator) -> None:
        self.spec = spec
        self.validator = validator
        self.steps = compile_steps(spec)
        self.limit = spec.limits.attempts
        self.spreads = spec.novelty.on_saturation == "spread"
        self.position = {s.prompt.name: i for i, s in enumerate(self.steps)}
        self.writes = {w: s.prompt.name for s in self.steps for w in s.prompt.writes}
        self.batch = next((s for s in self.steps if s.prompt.rows > 1), None)
        self.rows = self.batch.prompt.rows if self.batch is not None else 1
        self.retries = {c: self._retry_target(c) for c in spec.checks}
        self.novel_target = self._novelty_target()

    def step(self, name: str) -> Step:
        """A prompt by its name."""
        return self.steps[self.position[name]]

    def context(self, combination: Mapping[str, Any]) -> dict[str, Any]:
        """What prompts see beside the parameters before anything is written: fields computed from these alone."""
        values: dict[str, Any] = {}
        self.validator.compute(values, combination)
        return values

    def read(self, step: Step, combination: Mapping[str, Any], reply: tuple[str, str, str], rows: int) -> Read:
        """The rows of a reply (key, text and finish) that was asked for so many."""
        parsed = self._parse(step, reply, rows)
        cut = reply[2] == "length"
        if cut and parsed.rows and step.prompt.format != "json":  # a cut-off object is no object; a cut-off text is one
            parsed = Parsed(parsed.rows[:-1], parsed.rejections)
        good, unsound = self._sound(step, combination, parsed, rows)
        rejections = list(parsed.rejections)
        if len(good) < rows or len(parsed.rows) <= rows:
            rejections.extend(unsound)
        if cut and len(parsed.rows) < rows:
            rejections.append(CUT_OFF)
        return Read(tuple(good), tuple(rejections), len(parsed.rows))

    def _parse(self, step: Step, reply: tuple[str, str, str], rows: int) -> Parsed:
        key, text, finish = reply
        if finish == "refused" and not text.strip():
            return Parsed((), (REFUSED,))
        if step.prompt.verbalize > 1:
            text = choose_answer(without_thinking(text), key, cut_off=finish == "length")
        shape = step.shape if rows == step.shape.rows else Shape(step.shape.fields, rows, step.shape.options)
        parsed: Parsed = find_plugin("formats", step.prompt.format).parse(text, shape)
        return parsed

    def _sound(
        self, step: Step, combination: Mapping[str, Any], parsed: Parsed, rows: int
    ) -> tuple[list[dict[str, Any]], list[Rejection]]:
        """All are judged before any is surplus: the first may be an echo of what was asked."""
        validator, names = self.validator, step.prompt.writes
        good: list[dict[str, Any]] = []
        unsound: list[Rejection] = []
        for raw in parsed.rows:
            if len(good) == rows:
                break
            values = validator.clean(raw)
            faults = validator.field_faults(names, values)
            if not faults and rows > 1:  # checks that read its own fields alone, while the rest can be asked for
                row = dict(values)
                validator.compute(row, combination)
                faults = [r for _, r in validator.check_faults(row, combination, frozenset(names))]
            if faults:
                unsound.extend(faults)
            else:
                good.append(values)
        return good, unsound

    def writer_behind(self, rejection: Rejection) -> str | None:
        """The latest prompt that wrote what a computed field at fault is computed from."""
        names = () if rejection.about is None else (rejection.about,)
        writers = [self.position[self.writes[n]] for n in self._behind(names) if n in self.writes]
        return self.steps[max(writers)].prompt.name if writers else None

    def _retry_target(self, check: Check) -> str | None:
        """The prompt retried when a check fails: the latest that wrote what it reads, or what a judge judged."""
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

    def _novelty_target(self) -> str | None:
        rules = self.spec.novelty
        fields = set(rules.unique)
        for rule in (rules.near_duplicates, rules.semantic, rules.no_copies, rules.decontaminate):
            fields |= set(rule.fields) if rule is not None else set()
        writers = [self.position[self.writes[f]] for f in fields if f in self.writes]
        return self.steps[min(writers)].prompt.name if writers else None


def compile_steps(spec: Spec) -> tuple[Step, ...]:
    """Every prompt of a spec, in order."""
    after: dict[str, set[str]] = {p.name: set() for p in spec.prompts}
    needs = {p.name: p.needs for p in spec.prompts}
    fields = {f.name: f for f in spec.fields}
    for prompt in spec.prompts:
        todo = list(prompt.needs)
        while todo:
            need = todo.pop()
            after[need].add(prompt.name)
            todo.extend(needs[need])
    return tuple(
        Step(
            p,
            Shape(tuple(fields[w] for w in p.writes), p.rows, p.format_options),
            compile_row(p.when) if p.when is not None else None,
            frozenset(after[p.name]),
        )
        for p in spec.prompts
    )
