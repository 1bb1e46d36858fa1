"""`samples` and `map`: a prompt asked several times for one row, whose replies become the items of lists.

All calls of a row are open at once. What they come to is put together once none is open, in the order of the items, so
that the order in which they came changes nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from synthspec.generation.machine.states import Ask, ReplyNote, Work
from synthspec.generation.machine.steps import Opening, Step
from synthspec.inference.outcomes import Failed, Replied, Stopped
from synthspec.inference.requests import Feedback
from synthspec.languages.expressions import compile_row
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Field, Prompt
from synthspec.spec.backends_used import endpoint_of_sample
from synthspec.spec.rows import Rejection, Stage, Try

if TYPE_CHECKING:
    from synthspec.generation.machine.row_turn import RowTurn

UNIQUE = "uniqueItems"


@dataclass(frozen=True, slots=True)
class GatheredItem:
    """One item: what it was asked, and what it came to."""

    attempt: int = 0  # calls made for it
    values: Mapping[str, Any] | None = None  # None: it is still to be asked
    key: str = ""
    text: str = ""
    feedback: Feedback | None = None
    lost: tuple[Stage, tuple[str, ...]] | None = None  # it cannot be had, for these reasons
    notes: tuple[ReplyNote, ...] = ()  # not told yet
    tries: tuple[Try, ...] = ()


@dataclass(frozen=True, slots=True)
class Gathered(Work):
    """The items of a row, those that are there and those that are asked for."""

    parts: tuple[GatheredItem, ...] = ()

    def restarted(self) -> Gathered:
        return Gathered(tuple(GatheredItem(p.attempt) for p in self.parts))


@dataclass(frozen=True, slots=True)
class _Call:
    """What is asked for one item."""

    seen: Mapping[str, Any]
    variant: tuple[str | int, ...]
    opening: str
    endpoint: str | None  # None: `choose` gives what `of` does not list
    lineage: str | None = None  # the completion that the item itself was written by, where that is known


class Gathering:
    """How a prompt with `samples` or `map` is worked on."""

    def __init__(self, prompt: Prompt, fields: Mapping[str, Field], gathered_by: Mapping[str, str]) -> None:
        """`gathered_by`: the prompt that gathered each list there is."""
        self._prompt = prompt
        schemas = {w: fields[w].schema for w in prompt.writes}
        self._unique = tuple(w for w, schema in schemas.items() if schema.get("uniqueItems"))
        self._fewest = max((int(s.get("minItems", 0)) for s in schemas.values()), default=0)
        self._most = min((int(s["maxItems"]) for s in schemas.values() if "maxItems" in s), default=None)
        self._items = compile_row(prompt.map.items) if prompt.map is not None else None
        name = getattr(prompt.map.items, "name", None) if prompt.map is not None else None
        self._from = gathered_by.get(name) if isinstance(name, str) else None

    # --- what is asked

    def openings(self, step: Step, index: int, values: Mapping[str, Any]) -> Iterator[Opening]:
        """One for each backend or item: what is the same for all is written once."""
        told = set[str]()
        for call in self._calls(step, values, None) or ():
            if call.opening not in told and call.endpoint is not None:
                told.add(call.opening)
                yield Opening(call.opening, call.seen, call.endpoint)

    def _calls(self, step: Step, values: Mapping[str, Any], turn: RowTurn | None) -> list[_Call] | None:
        """The call for each item; None where there is no list."""
        if self._items is None:
            return list(self._sampled(step, values))
        items = self._items(values)
        return None if items is None else list(self._mapped(step, values, items, turn))

    def _sampled(self, step: Step, values: Mapping[str, Any]) -> Iterator[_Call]:
        name, chosen = self._prompt.name, step.endpoint(values)
        for sample in range(self._prompt.samples or 0):
            endpoint = chosen
            if self._prompt.backends:
                at = endpoint_of_sample(self._prompt, sample)
                endpoint = at if at != name else ""
            variant = ("sample", sample) if sample else ()
            yield _Call({}, variant, f"{name}@{endpoint or ''}", endpoint)

    def _mapped(
        self, step: Step, values: Mapping[str, Any], items: Sequence[Any], turn: RowTurn | None
    ) -> Iterator[_Call]:
        assert self._prompt.map is not None
        bound, name = self._prompt.map.name, self._prompt.name
        keys = turn.made.get(self._from, ()) if turn is not None and self._from is not None else ()
        seen_before = Counter[str]()
        for place, item in enumerate(items):
            mark = _mark(item)
            occurrence = seen_before[mark]
            seen_before[mark] += 1
            seen = {bound: item}
            lineage = keys[place] if len(keys) == len(items) else None
            endpoint = step.endpoint({**values, **seen}) if step.prompt.choose is not None else ""
            yield _Call(seen, ("item", mark, occurrence), f"{name}[{mark}]", endpoint, lineage)

    # --- the row's turn

    def begin(self, turn: RowTurn, step: Step) -> None:
        values = {**turn.values, **turn.combination.values}
        calls = self._calls(step, values, turn)
        if calls is None:
            turn.finish_step(step, dict.fromkeys(step.prompt.writes), (), "")
            return
        work = turn.work.get(step.prompt.name)
        parts = list(work.parts) if isinstance(work, Gathered) else []
        parts = [*parts[: len(calls)], *(GatheredItem() for _ in calls[len(parts) :])]
        spent = next((p for p in parts if p.values is None and p.attempt >= turn.program.limit), None)
        unknown = next((c for c in calls if c.endpoint is None), None)
        if spent is not None or unknown is not None:
            name = step.prompt.name
            why = f"'{name}' was asked {turn.program.limit} times, as `limits.attempts` allows"
            if unknown is not None:
                turn.give_up(Stage.CALL, (step.not_listed({**values, **unknown.seen}),))
            else:
                turn.give_up(turn.last[0], (*turn.last[1], why))
            return
        for place, (part, call) in enumerate(zip(parts, calls, strict=True)):
            if part.values is None:
                parts[place] = replace(part, attempt=part.attempt + 1)
                opening = call.opening if not step.prompt.needs else ""
                turn.ask(
                    step,
                    part.attempt + 1,
                    item=place,
                    feedback=part.feedback,
                    lineage=self._lineage(turn, step, call),
                    opening=opening,
                    variant=call.variant,
                    seen=call.seen,
                    endpoint=call.endpoint or "",
                )
        turn.work[step.prompt.name] = Gathered(tuple(parts))
        if not turn.calls:
            self._complete(turn, step)

    def _lineage(self, turn: RowTurn, step: Step, call: _Call) -> tuple[str, ...]:
        """What the item builds on: of a list that was gathered itself, the one completion that wrote the item."""
        if call.lineage is None:
            return turn.lineage(step)
        return tuple(call.lineage if n == self._from else turn.keys[n] for n in turn.program.lineage_of(step))

    def take(self, turn: RowTurn, step: Step, question: Ask, outcome: Replied | Failed | Stopped) -> None:
        work = turn.work[step.prompt.name]
        assert isinstance(work, Gathered)
        place = -1 - question.id[0][-1]
        part, again = self._taken(turn, step, work.parts[place], question, outcome)
        if again and part.attempt < turn.program.limit:
            part = replace(part, attempt=part.attempt + 1, lost=None)
            turn.ask(
                step,
                part.attempt,
                item=place,
                feedback=part.feedback,
                lineage=question.lineage,
                opening=question.opening,
                variant=question.variant,
                seen=question.seen,
                endpoint=question.endpoint,
            )
        turn.work[step.prompt.name] = Gathered((*work.parts[:place], part, *work.parts[place + 1 :]))
        if not turn.calls:
            self._complete(turn, step)

    def _taken(
        self, turn: RowTurn, step: Step, part: GatheredItem, question: Ask, outcome: Replied | Failed | Stopped
    ) -> tuple[GatheredItem, bool]:
        """The item after an outcome, and whether it may be asked for again."""
        match outcome:
            case Stopped(reason):
                return replace(part, lost=(Stage.CALL, (reason,))), False
            case Failed(rejection):
                note = ReplyNote(rejections=(rejection,))
                return replace(part, notes=(*part.notes, note), lost=(Stage.CALL, (rejection.reason,))), True
            case Replied(key, text):
                read = turn.read(step, outcome)
                notes = (*part.notes, ReplyNote(1, read.held, read.rejections))
                if read.good:
                    return replace(part, values=read.good[0], key=key, text=text, notes=notes, lost=None), False
                attempt = Try(step.prompt.name, question.attempt, text, read.faults)
                feedback = Feedback(text, read.rejections, 1)
                lost = (read.faults[0].stage, attempt.reasons)
                part = replace(part, text=text, notes=notes, feedback=feedback, lost=lost)
                return replace(part, tries=(*part.tries, attempt)), True

    # --- once nothing is open

    def _complete(self, turn: RowTurn, step: Step) -> None:
        """Put the items together, or ask again for those that cannot stand beside others."""
        parts = self._told(turn, step)
        name = step.prompt.name
        lost = next((p.lost for p in parts if p.lost is not None), None)
        if lost is not None:
            turn.give_up(*lost)
            return
        values = {w: [p.values[w] for p in parts if p.values is not None] for w in step.prompt.writes}
        repeats = dict(self._repeats(parts))
        if repeats:
            turn.notes.append(ReplyNote(rejections=tuple(repeats.values())))
            turn.last = (Stage.VALID, tuple(dict.fromkeys(r.reason for r in repeats.values())))
            turn.work[name] = Gathered(_reopened(turn, step, parts, {p: (r,) for p, r in repeats.items()}))
            self.begin(turn, step)
            return
        turn.asked[name] = max((p.attempt for p in parts), default=0)
        faults = turn.program.validator.field_faults(step.prompt.writes, values)
        if faults:
            self._against(turn, step, faults, len(parts))
            return
        turn.finish_step(step, values, tuple(p.key for p in parts), "\n\n".join(p.text for p in parts))

    def _told(self, turn: RowTurn, step: Step) -> tuple[GatheredItem, ...]:
        """The items, with what was noted of them told in their order."""
        work = turn.work[step.prompt.name]
        assert isinstance(work, Gathered)
        for part in work.parts:
            turn.notes.extend(part.notes)
            for attempt in part.tries:
                turn.tried(attempt)
        parts = tuple(replace(p, notes=(), tries=()) for p in work.parts)
        turn.work[step.prompt.name] = Gathered(parts)
        return parts

    def _repeats(self, parts: Sequence[GatheredItem]) -> Iterator[tuple[int, Rejection]]:
        """The items that are the same as one before them in a list whose items differ."""
        for name in self._unique:
            known = set[str]()
            for place, part in enumerate(parts):
                assert part.values is not None
                mark = _mark(_plain(part.values[name]))
                if mark in known:
                    reason = f"{name}: this is the same as another one: write one that differs"
                    yield place, Rejection(Stage.VALID, f"{UNIQUE}({name})", reason, name)
                known.add(mark)

    def _against(self, turn: RowTurn, step: Step, faults: Sequence[Rejection], count: int) -> None:
        """The lists break a rule of their own."""
        turn.notes.append(ReplyNote(rejections=tuple(faults)))
        turn.last = (Stage.VALID, tuple(r.reason for r in faults))
        fixed = count < self._fewest or (self._most is not None and count > self._most)
        if fixed or not self.reopen(turn, step, faults):  # asking again changes no number of items
            turn.give_up(*turn.last)
            return
        self.begin(turn, step)

    def reopen(self, turn: RowTurn, step: Step, rejections: Sequence[Rejection]) -> bool:
        work = turn.work.get(step.prompt.name)
        if not isinstance(work, Gathered) or not work.parts:
            return False
        rejected = {place: tuple(rejections) for place in range(len(work.parts))}
        turn.work[step.prompt.name] = Gathered(_reopened(turn, step, work.parts, rejected))
        return all(p.attempt < turn.program.limit for p in work.parts)


def _reopened(
    turn: RowTurn, step: Step, parts: Sequence[GatheredItem], rejected: Mapping[int, tuple[Rejection, ...]]
) -> tuple[GatheredItem, ...]:
    """The items, those rejected to be asked for again."""
    found = list(parts)
    for place, rejections in rejected.items():
        part = parts[place]
        turn.tried(Try(step.prompt.name, part.attempt, part.text, rejections))
        found[place] = GatheredItem(part.attempt, text=part.text, feedback=Feedback(part.text, rejections, 1))
    return tuple(found)


def _mark(item: Any) -> str:
    """A digest of a value."""
    text = json.dumps(item, sort_keys=True, ensure_ascii=False, default=str)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _plain(value: Any) -> Any:
    """A value as JSON Schema compares it: 1 and 1.0 are one number."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return {k: _plain(v) for k, v in value.items()} if isinstance(value, dict) else value
