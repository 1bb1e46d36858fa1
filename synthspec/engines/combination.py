"""The work on one combination: its prompts in order, rows that fail asked for again, each row offered when sound.

What is asked depends on completions alone, never on time or order of arrival, so a resumed or a faster
run asks the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from synthspec.engines.calls import CallFailed, Stopped
from synthspec.engines.frontier import Missing, Poisoned, Try
from synthspec.engines.variety import elsewhere, mark_of
from synthspec.engines.workshop import Opening, Step, Workshop
from synthspec.formats import Parsed
from synthspec.formats._thinking import without_thinking
from synthspec.plugins import find_plugin
from synthspec.prompting import Feedback, Identity, request_key
from synthspec.records import Completion, Rejection, Row, Stage
from synthspec.template import TemplateFault
from synthspec.verbalized import choose_answer

MAX_TRIES_KEPT = 12
MAX_MOVES = 2  # how often a row may be moved to another combination
BATCH = -1  # the place of a request for all rows of a combination


class Lost(Exception):
    """A row that cannot be had."""

    def __init__(self, stage: Stage, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.stage = stage
        self.reasons = tuple(reasons)


@dataclass(slots=True)
class Attempted:
    """The history of one row."""

    slot: int
    place: int  # among the rows of its combination
    values: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)  # calls made for it, by prompt
    keys: dict[str, str] = field(default_factory=dict)  # the completion that wrote each prompt's fields
    feedback: dict[str, Feedback] = field(default_factory=dict)
    tries: list[Try] = field(default_factory=list)
    last: tuple[Stage, tuple[str, ...]] = (Stage.CALL, ())  # what it was last sent back for


class CombinationWork:
    """One combination being worked on."""

    def __init__(
        self,
        shop: Workshop,
        index: int,
        combination: Mapping[str, Any],
        openings: Mapping[str, Opening],
        context: Mapping[str, Any],
        moves: int = 0,
    ):
        self.shop = shop
        self.index = index
        self.combination = combination
        self.openings = openings
        self.context = context
        self.moves = moves  # how often its row came here from another combination
        self.limit = shop.spec.limits.attempts
        self.mark = mark_of(shop.listed, combination)
        self.kept: dict[int, Mapping[str, Any]] = {}  # by place

    def slots(self) -> range:
        """The dataset rows this combination stands for."""
        first = self.index * self.shop.rows
        return range(first, min(first + self.shop.rows, self.shop.spec.rows))

    async def run(self) -> None:
        """Work until every row is offered or given up."""
        rows = [Attempted(slot, place) for place, slot in enumerate(self.slots())]
        known = {n: v for n, v in self.context.items() if n in self.shop.validator.computed}
        hopeless = self.shop.validator.computed_faults(known, {**known, **self.combination}, ())
        if hopeless:  # no call can mend what follows from the parameters alone
            self.shop.tally.rejected([r for r in hopeless for _ in rows])
            for row in rows:
                self._give_up(row, Stage.VALID, [r.reason for r in hopeless], ())
            return
        batch = next((s for s in self.shop.steps if s.prompt.rows > 1), None)
        if batch is None:
            await self._finish_row(rows[0], None)
            return
        await self._write_batch(batch, rows)
        live = [r for r in rows if batch.prompt.name in r.keys]
        if len(live) == 1:
            await self._finish_row(live[0], batch)
        elif live:
            await asyncio.gather(*(self._finish_row(r, batch) for r in live))

    async def _write_batch(self, step: Step, rows: list[Attempted]) -> None:
        """Ask one prompt for all rows of the combination, and for the rest until they are there."""
        prompt, name = step.prompt, step.prompt.name
        open_rows, tries = list(rows), list[Try]()
        attempt, stage, reasons = 0, Stage.CALL, list[str]()
        wanted, feedback = prompt.rows, None
        while open_rows and attempt < self.limit:
            attempt += 1
            try:
                completion = await self._call(step, self.combination, Identity((), BATCH, attempt), wanted, feedback)
            except CallFailed as e:
                reasons = [e.rejection.reason]
                self.shop.tally.rejected([e.rejection])
                continue
            except (Stopped, TemplateFault) as e:
                reasons = [str(e)]
                break
            good, rejections, parsed = self._sound_rows(step, completion, wanted, self.combination)
            for values in good[:wanted]:
                if open_rows:
                    row = open_rows.pop(0)
                    row.values, row.keys[name], row.asked[name] = values, completion.key, attempt
                    row.tries.extend(tries)
            wanted -= min(len(good), wanted)
            stage = Stage.VALID if any(r.stage is Stage.VALID for r in rejections) else Stage.PARSE
            reasons = [r.reason for r in rejections] or [f"the reply held {parsed} row(s) of those asked for"]
            tries.append(Try(name, attempt, completion.reply.text, tuple(reasons)))
            feedback = Feedback(completion.reply.text, tuple(rejections), wanted)
        for row in open_rows:
            self._give_up(row, stage, reasons, tries)

    async def _finish_row(self, row: Attempted, batch: Step | None) -> None:
        """All prompts after the first for one row, then its turn among the others."""
        shop = self.shop
        position = shop.position[batch.prompt.name] + 1 if batch is not None else 0
        position = self._skip_done(position, row)
        try:
            while True:
                position = await self._write_rest(row, position)
                shop.validator.compute(row.values, self.combination)
                made = Row(self.index, row.slot, row.values, tuple(row.keys.values()))
                rejection = await shop.frontier.offer(made, self.mark)
                if rejection is None:
                    self.kept[row.place] = made.values
                    return
                position = self._go_back(row, shop.novel_target, [rejection])
        except Lost as e:
            if e.stage is Stage.NOVEL and await self._moved(row):
                return
            self._give_up(row, e.stage, e.reasons, row.tries)
        except (Stopped, TemplateFault) as e:
            self._give_up(row, Stage.CALL, [str(e)], row.tries)
        except Poisoned:
            return

    async def _moved(self, row: Attempted) -> bool:
        """Under `on_saturation: spread`, work on the row under another combination; whether there was one."""
        shop = self.shop
        if shop.spec.novelty.on_saturation != "spread" or self.moves >= MAX_MOVES or self.index == 0:
            return False
        for attempt in range(8):
            index = elsewhere(shop.spec.seed, row.slot, self.index, attempt + 8 * self.moves)
            combination = shop.plan[index]
            if mark_of(shop.listed, combination) == self.mark:
                continue
            try:
                context = {**self.context, **shop.context(combination)}
                openings = shop.openings.open(index, combination, context, moved=row.slot)
            except TemplateFault:
                return False
            work = CombinationWork(shop, index, combination, openings, context, self.moves + 1)
            moved = Attempted(row.slot, row.place, tries=row.tries[-2:])
            await work._finish_row(moved, None)
            self.kept.update(work.kept)
            return True
        return False

    def _skip_done(self, position: int, row: Attempted) -> int:
        """A batch prompt need not be the first in order: those before it are still to be written."""
        names = [s.prompt.name for s in self.shop.steps[:position]]
        return next((i for i, n in enumerate(names) if n not in row.keys), position)

    async def _write_rest(self, row: Attempted, position: int) -> int:
        """Every prompt from a position on, going back where a check says so."""
        shop = self.shop
        fresh = frozenset(row.values)
        sound = set(self.context)  # computed fields that are known to keep their rules
        while True:
            shop.validator.compute(row.values, self.combination)
            unsound = shop.validator.computed_faults(row.values, {**row.values, **self.combination}, sound)
            if unsound:
                writer = shop.writer_behind(unsound[0])
                position = self._go_back(row, writer, unsound)
                fresh, sound = frozenset(), set(self.context)
                continue
            sound.update(n for n in row.values if n in shop.validator.computed)
            faults = shop.validator.check_faults(row.values, self.combination, fresh)
            if faults:
                target = shop.retries[faults[0][0]]
                told = [r for c, r in faults if shop.retries[c] == target]
                position = self._go_back(row, target, told)
                fresh, sound = frozenset(), set(self.context)
                continue
            if position >= len(shop.steps):
                return position
            step = shop.steps[position]
            if step.prompt.name not in row.keys:
                before = frozenset(row.values)
                await self._write_fields(step, row)
                shop.validator.compute(row.values, self.combination)
                fresh = (frozenset(row.values) - before) | frozenset(step.prompt.writes)
            position += 1

    def _go_back(self, row: Attempted, target: str | None, rejections: list[Rejection]) -> int:
        """Undo what a prompt wrote and all that hangs on it; the position to go on from."""
        shop = self.shop
        shop.tally.rejected(rejections)
        reasons = [r.reason for r in rejections]
        stage = rejections[0].stage
        if target is None or target not in row.keys:
            raise Lost(stage, [*reasons, "no prompt can be asked again for it"])
        row.last = (stage, tuple(reasons))
        text = self._text_of(row.keys[target])
        row.tries.append(Try(target, row.asked.get(target, 0), text, tuple(reasons)))
        del row.tries[:-MAX_TRIES_KEPT]
        if row.asked.get(target, 0) >= self.limit:
            raise Lost(stage, reasons)
        row.feedback[target] = Feedback(text, tuple(rejections), 1)
        position = shop.position[target]
        for name in (target, *shop.steps[position].after):
            row.keys.pop(name, None)
            if name != target:
                row.feedback.pop(name, None)
            for written in shop.steps[shop.position[name]].prompt.writes:
                row.values.pop(written, None)
        for computed in shop.validator.computed:
            row.values.pop(computed, None)
        return position

    def _text_of(self, key: str) -> str:
        stored = self.shop.caller.store.get(key)
        return stored.reply.text if stored is not None else ""

    async def _write_fields(self, step: Step, row: Attempted) -> None:
        """Ask one prompt for one row until its fields are sound.

        Raises:
            Lost: the attempts are used up.
        """
        prompt, name = step.prompt, step.prompt.name
        seen = {**row.values, **self.combination}
        if not step.wanted(seen):
            row.keys[name] = ""
            row.values.update(dict.fromkeys(prompt.writes))
            return
        spent = f"'{name}' was asked {self.limit} times, as often as `limits.attempts` allows"
        stage, reasons = row.last[0], [*row.last[1], spent]
        while row.asked.get(name, 0) < self.limit:
            row.asked[name] = attempt = row.asked.get(name, 0) + 1
            lineage = tuple(row.keys[n] for n in prompt.needs)
            identity = Identity(lineage, row.place, attempt)
            try:
                completion = await self._call(step, seen, identity, 1, row.feedback.get(name))
            except CallFailed as e:
                self.shop.tally.rejected([e.rejection])
                stage, reasons = Stage.CALL, [e.rejection.reason]
                continue
            good, rejections, _ = self._sound_rows(step, completion, 1, seen)
            if good:
                row.values.update(good[0])
                row.keys[name] = completion.key
                return
            stage = rejections[0].stage if rejections else Stage.PARSE
            reasons = [r.reason for r in rejections] or ["the reply held no row"]
            row.tries.append(Try(name, attempt, completion.reply.text, tuple(reasons)))
            del row.tries[:-MAX_TRIES_KEPT]
            row.feedback[name] = Feedback(completion.reply.text, tuple(rejections), 1)
        raise Lost(stage, reasons)

    async def _call(
        self, step: Step, seen: Mapping[str, Any], identity: Identity, rows: int, feedback: Feedback | None
    ) -> Completion:
        """Send a prompt, under a key that depends on what it says and on the row's history alone."""
        writer, opening = step.writer, self.openings.get(step.prompt.name)
        if opening is not None:
            base, key = opening.base, opening.key
            if identity.attempt > 1 or rows != step.prompt.rows:
                key = request_key(key, identity.slot, identity.attempt)
                if not self.shop.spec.repair and "rows" in step.prompt.reads:
                    base = writer.base(self.index, {**self.context, **seen}, rows)
        else:
            base = writer.base(self.index, {**self.context, **seen}, rows)
            content = writer.content(base, self.index)
            key = request_key(content, *identity.lineage, identity.slot, identity.attempt)
        request = writer.request(self.index, seen, base, key, identity, rows, feedback)
        return await self.shop.caller.ask(step.line, request)

    def _sound_rows(
        self, step: Step, completion: Completion, rows: int, seen: Mapping[str, Any]
    ) -> tuple[list[dict[str, Any]], list[Rejection], int]:
        """The rows of a reply that keep every rule of their own fields, why others do not, and how many there were."""
        shop, names = self.shop, step.prompt.writes
        parsed = self._parse(step, completion, rows)
        cut = completion.reply.finish == "length"
        if cut and parsed.rows and step.prompt.format != "json":  # a cut-off object is no object; a cut-off text is one
            parsed = Parsed(parsed.rows[:-1], parsed.rejections)
        shop.tally.held(rows, len(parsed.rows))
        rejections = list(parsed.rejections)
        good: list[dict[str, Any]] = []
        unsound: list[Rejection] = []
        for raw in parsed.rows:  # all are judged before any is surplus: the first may be an echo of what was asked
            if len(good) == rows:
                break
            values = shop.validator.clean(raw)
            faults = shop.validator.field_faults(names, values)
            if not faults and rows > 1:
                faults = self._batch_checks(values, frozenset(names))
            if faults:
                unsound.extend(faults)
            else:
                good.append(values)
        if len(good) < rows or len(parsed.rows) <= rows:
            rejections.extend(unsound)
        if cut and len(parsed.rows) < rows:
            reason = "the reply was cut off at its greatest length: write less"
            rejections.append(Rejection(Stage.PARSE, "cut off", reason))
        shop.tally.rejected(rejections)
        return good, rejections, len(parsed.rows)

    def _batch_checks(self, values: dict[str, Any], names: frozenset[str]) -> list[Rejection]:
        """Checks over one row of several that read nothing but its own fields, while the rest can be asked for."""
        row = dict(values)
        self.shop.validator.compute(row, self.combination)
        return [r for _, r in self.shop.validator.check_faults(row, self.combination, names)]

    def _parse(self, step: Step, completion: Completion, rows: int) -> Parsed:
        if completion.reply.finish == "refused" and not completion.reply.text.strip():
            return Parsed((), (Rejection(Stage.PARSE, "refused", "the model refused"),))
        text = completion.reply.text
        if step.prompt.verbalize > 1:
            text = choose_answer(without_thinking(text), completion.key, cut_off=completion.reply.finish == "length")
        module = find_plugin("formats", step.prompt.format)
        parsed: Parsed = module.parse(text, step.writer.asks_for(rows))
        return parsed

    def _give_up(self, row: Attempted, stage: Stage, reasons: Sequence[str], tries: Sequence[Try]) -> None:
        values = {**self.combination, **row.values}
        self.shop.frontier.give_up(
            Missing(self.index, row.slot, stage, tuple(reasons), values, tuple(tries[-MAX_TRIES_KEPT:]))
        )
