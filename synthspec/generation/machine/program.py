"""What all combinations of a run share: prompts ready to be used, replies read into rows, and which prompt is asked
again when a rule fails. Pure: a function of the spec."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from synthspec.formats import Parsed, Shape, find_format
from synthspec.formats.recovery.thinking import without_thinking
from synthspec.formats.recovery.verbalized import choose_answer
from synthspec.generation.machine.errands import PlayedTool
from synthspec.generation.machine.gather import Gathering
from synthspec.generation.machine.levels import compile_levels, expected_below, makers
from synthspec.generation.machine.rounds import Repeating
from synthspec.generation.machine.steps import ENDED_EARLY, REFUSED, Calls, Step
from synthspec.generation.machine.talk import Talking, Talks
from synthspec.generation.machine.toolbox import Toolbox
from synthspec.generation.validation.rules import Validator
from synthspec.inference.outcomes import Replied
from synthspec.languages.expressions import compile_row, names_of
from synthspec.lazy_dataclass import dataclass
from synthspec.sources import Table
from synthspec.spec import Check, Field, Prompt, Spec
from synthspec.spec.asked import checked_one_by_one, fields_asked, lists_of_replies
from synthspec.spec.fan_outs import asked_at, novelty_fields
from synthspec.spec.players import spec_of_player
from synthspec.spec.rows import Rejection, RowPath, Stage, missing_rule


@dataclass(frozen=True, slots=True)
class ReadReply:
    """What a reply came to: rows that keep every rule of their own fields, why others do not, and how many it held."""

    good: tuple[dict[str, Any], ...]
    rejections: tuple[Rejection, ...]
    held: int

    @property
    def faults(self) -> tuple[Rejection, ...]:
        """Why it holds no row that can be kept."""
        return self.rejections or (NO_ROW,)


NO_ROW = Rejection(Stage.PARSE, "no row", "the reply held no row")


class Program:
    """A spec, compiled for the row machine."""

    def __init__(self, spec: Spec, validator: Validator, tables: Mapping[str, Table] | None = None) -> None:
        self.spec = spec
        self.validator = validator
        self._lists = frozenset[str]().union(*map(lists_of_replies, spec.prompts))
        whole = replace(spec, fields=checked_one_by_one(spec), checks=(), prompts=())
        self.by_reply = Validator(whole) if self._lists else validator  # rules of what one reply gives
        self._types = {f.name: f.type for f in spec.fields}
        steps = compile_steps(spec, Toolbox(spec, tables or {}), _players_of(spec))
        self.steps = tuple(step for step in steps if step.prompt.is_asked)
        self.limit = spec.limits.attempts
        self.replaces = spec.on_missing == "replace"
        self.spreads = spec.novelty.on_saturation == "spread"
        self.position = {s.prompt.name: i for i, s in enumerate(self.steps)}
        self.writes = {w: s.prompt.name for s in self.steps for w in s.prompt.writes}
        self.steps_by_level = tuple(sorted(self.steps, key=lambda step: step.prompt.level))
        self.levels = compile_levels(spec, steps)
        self.last = len(self.levels) - 1
        self.fewest = expected_below(self.levels, lambda level: level.fewest)
        self.most = expected_below(self.levels, lambda level: level.most)
        self.rows = self.fewest[0]
        self.makers = makers(
            self.levels, lambda names: {self.writes[n] for n in self._behind(names) if n in self.writes}
        )
        self.exact = all(level.items is None for level in self.levels)  # a row's place tells its number in the dataset
        self.is_settled_by_plan = self.exact and not validator.drops  # the combinations of the plan are all it takes
        self.level_of = self._field_levels()
        self.retries = {c: self._retry_target(c) for c in spec.checks}
        self.novel_level = self._novelty_level()
        self.novel_target = self._novelty_target()

    def step(self, name: str) -> Step:
        """A prompt by its name."""
        return self.steps[self.position[name]]

    def opens(self, step: Step) -> bool:
        """Whether a prompt builds on no completion, so that its first request is known with its combination."""
        return not step.prompt.needs and not self.makers[asked_at(step.prompt)]

    def lineage_of(self, step: Step) -> tuple[str, ...]:
        """The prompts whose completions tell one request of a prompt from others of the same words."""
        return step.prompt.needs or self.makers[asked_at(step.prompt)]

    def number_of(self, path: RowPath) -> int:
        """The number of a row, or of the first that comes of it, in the dataset's order, where all is as expected."""
        return sum(place * below for place, below in zip(path, self.fewest, strict=False))

    def rows_of(self, path: RowPath) -> int:
        """How many rows of the next level replies are to make for a row: no more than the dataset has room for."""
        level = self.levels[len(path) - 1]
        if not self.is_settled_by_plan:
            return level.fewest
        room = self.spec.rows - self.number_of(path)
        return max(0, min(level.fewest, -(-room // self.fewest[len(path)])))

    def context(self, combination: Mapping[str, Any]) -> dict[str, Any]:
        """What prompts see beside the parameters before anything is written: fields computed from these alone."""
        values: dict[str, Any] = {}
        self.validator.compute(values, combination)
        return values

    def read(self, step: Step, combination: Mapping[str, Any], reply: Replied, rows: int) -> ReadReply:
        """The rows of a reply that was asked for so many."""
        parsed = self._parse(step, reply, rows)
        if step.prompt.reasoning is not None:
            thought = {step.prompt.reasoning: reply.reasoning or None}
            parsed = Parsed(tuple({**row, **thought} for row in parsed.rows), parsed.rejections)
        cut = reply.finish in ENDED_EARLY
        if cut and parsed.rows and step.prompt.format != "json":  # a cut-off object is no object; a cut-off text is one
            parsed = Parsed(parsed.rows[:-1], parsed.rejections)
        good, unsound = self._sound(step, combination, parsed, rows)
        rejections = list(parsed.rejections)
        if len(good) < rows or len(parsed.rows) <= rows:
            rejections.extend(unsound)
        if cut and len(parsed.rows) < rows and ENDED_EARLY[reply.finish] not in rejections:
            rejections.append(ENDED_EARLY[reply.finish])
        return ReadReply(tuple(good), tuple(rejections), len(parsed.rows))

    def read_one(self, reply: Replied) -> tuple[dict[str, Any] | None, tuple[Rejection, ...]]:
        """What a reply of the one prompt that there is holds, or why not."""
        found = self.read(self.steps[0], {}, reply, 1)
        rejections = found.rejections or (Rejection(Stage.PARSE, "no row", "the reply held nothing"),)
        return (found.good[0], found.rejections) if found.good else (None, rejections)

    def _parse(self, step: Step, reply: Replied, rows: int) -> Parsed:
        key, text, finish = reply.key, reply.text, reply.finish
        if finish == "refused" and not text.strip():
            return Parsed((), (REFUSED,))
        if step.prompt.verbalize > 1:
            text = choose_answer(without_thinking(text), key, cut_off=finish in ENDED_EARLY)
        shape = step.shape if rows == step.shape.rows else Shape(step.shape.fields, rows, step.shape.options)
        parsed: Parsed = find_format(step.prompt.format).parse(text, shape)
        return parsed

    def _sound(
        self, step: Step, combination: Mapping[str, Any], parsed: Parsed, rows: int
    ) -> tuple[list[dict[str, Any]], list[Rejection]]:
        """All are checked before any is surplus: the first may be an echo of what was asked."""
        validator, names = self.by_reply, _checked(step)
        good: list[dict[str, Any]] = []
        unsound: list[Rejection] = []
        for raw in parsed.rows:
            if len(good) == rows:
                break
            values = validator.clean(raw)
            faults = [_told(step.prompt, r) for r in validator.field_faults(names, values)]
            if not faults and rows > 1:  # checks that read its own fields alone, while the rest can be asked for
                row = dict(values)
                self.validator.compute(row, combination)
                faults = [r for _, r in self.validator.check_faults(row, combination, frozenset(names))]
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
        level = max((self.level_of.get(n, 0) for n in names), default=0)
        writers = sorted({self.position[self.writes[n]] for n in names if n in self.writes})
        own = [at for at in writers if self.steps[at].prompt.level == level]
        if not own:
            return None  # nothing that was written for such a row alone
        last = self.steps[own[-1]].prompt
        verdicts = all(self._is_verdict(n) for n in names if self.writes.get(n) == last.name)
        if len(writers) == 1 and last.needs and verdicts:
            judged = max(last.needs, key=lambda n: self.position[n])
            return judged if self.step(judged).prompt.level == level else last.name
        return last.name

    def _field_levels(self) -> dict[str, int]:
        """The level at which each field, and each item of a list, is known: the deepest of what it hangs on."""
        found = {name: self.step(writer).prompt.level for name, writer in self.writes.items()}
        found |= {level.name: level.number + 1 for level in self.levels if level.items is not None}
        for name in (f.name for f in self.spec.fields if f.value is not None):
            if name not in found:
                found[name] = max((found.get(n, 0) for n in self._behind([name])), default=0)
        return found

    def _novelty_level(self) -> int:
        """The level whose rows are checked beside each other: that of the deepest field that a rule reads."""
        read = novelty_fields(self.spec.novelty)
        return max((self.level_of[f] for f in read if f in self.writes), default=self.last)

    def _is_verdict(self, name: str) -> bool:
        """Whether a field, or each item of a list of replies, is a value and no text."""
        kind = self._types[name]
        if name in self._lists and kind.item is not None:
            kind = kind.item
        return kind.kind != "text" or bool(kind.values)

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
        """The first prompt that wrote what the rules between rows read, of those that are asked for such a row."""
        writers = [self.position[self.writes[f]] for f in novelty_fields(self.spec.novelty) if f in self.writes]
        own = [at for at in writers if self.steps[at].prompt.level == self.novel_level]
        return self.steps[min(own)].prompt.name if own else None


def _checked(step: Step) -> tuple[str, ...]:
    """The fields that a reply gives, what its model thought with them."""
    names = tuple(f.name for f in step.shape.fields)
    return names if step.prompt.reasoning is None else (*names, step.prompt.reasoning)


def _told(prompt: Prompt, rejection: Rejection) -> Rejection:
    """A rejection in words that fit what a model thought: it is not asked for as other fields are."""
    if prompt.reasoning is None or rejection.rule != missing_rule(prompt.reasoning):
        return rejection
    return replace(rejection, reason=f"{prompt.reasoning}: no reasoning came with the reply; reason first, then answer")


def compile_steps(spec: Spec, toolbox: Toolbox, players: Mapping[str, PlayedTool]) -> tuple[Step, ...]:
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
    gathered_by = {w: p.name for p in spec.prompts if p.samples is not None or p.map is not None for w in p.writes}
    return tuple(
        Step(
            p,
            Shape(fields_asked(p, fields), p.rows, p.format_options),
            compile_row(p.when) if p.when is not None else None,
            frozenset(after[p.name]),
            _calls(p, fields, gathered_by, Talks(toolbox, players, spec.limits.tool_rounds)),
            compile_row(p.choose.expression) if p.choose is not None else None,
        )
        for p in spec.prompts
    )


def _players_of(spec: Spec) -> dict[str, PlayedTool]:
    """Every prompt that plays a tool, by its endpoint: the one prompt of a program of its own."""
    alone = {name: spec_of_player(spec, name) for name in spec.players}
    return {n: PlayedTool(Program(own, Validator(own)), spec.players[n].shaped) for n, own in alone.items()}


def _calls(prompt: Prompt, fields: Mapping[str, Field], gathered_by: Mapping[str, str], talks: Talks) -> Calls | None:
    """How a prompt that makes several calls for one row is worked on; None for one that makes one."""
    if prompt.dialogue is not None:
        return Talking(prompt, fields[prompt.writes[0]], talks)
    if prompt.samples is not None or prompt.map is not None:
        return Gathering(prompt, fields, gathered_by)
    return Repeating(prompt) if prompt.repeat is not None else None
