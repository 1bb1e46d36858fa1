"""Bringing a run to where it would be after the combinations that are used again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from synthspec.generation.intake import Intake
from synthspec.generation.passing_plan import PassingPlan
from synthspec.generation.reuse.reading import Settled, SettledRows
from synthspec.generation.scheduling.driver import Driver
from synthspec.generation.scheduling.request_writer import RequestWriter
from synthspec.generation.scheduling.variety import Watch, listed_names, mark_of
from synthspec.generation.validation.novelty import NoveltyIndex
from synthspec.inference.events import CallDone, Counted, Event, RowKept
from synthspec.spec import Spec
from synthspec.spec.rows import Stage

BREATH = 64  # combinations used again before others have a turn of the event loop
_TAKEN = 1024  # rows taken in by the rules between rows at once


class Reuse:
    """The combinations that are used again. `events()` hands them on; the figures say how far they went."""

    def __init__(self, earlier: SettledRows, catching_up: CatchingUp, intake: Intake) -> None:
        self.combinations = 0
        self.firsts = 0  # first requests of theirs
        self._earlier, self._catching_up, self._intake = earlier, catching_up, intake

    async def events(self, driver: Driver) -> AsyncGenerator[Event, None]:
        """What they came to: rows and losses are told again, calls and what was counted of them are not. The driver
        goes on after them; it ends them where it is stopped."""
        rows = 0  # of the log
        for settled in self._earlier:
            if driver.stopping is not None:
                break
            for event in settled.events:
                self._intake.take(event, settled.warned, noted=True)
                if not isinstance(event, CallDone | Counted):
                    yield event
            self._catching_up.take(settled)
            self.combinations += 1
            self.firsts += len(settled.marks)
            rows += settled.rows
            if self.combinations % BREATH == 0:
                await asyncio.sleep(0)
        self._catching_up.finish()
        files, tally = self._intake.files, self._intake.tally
        if self.combinations and files is not None and self._earlier.path is not None:
            files.log.take_over(self._earlier.path, self.combinations, rows)
        driver.skip(self.combinations, tally.settled, tally.dropped.total())


class CatchingUp:
    """Brings what a driver works with to where it would be after the combinations that are used again."""

    def __init__(
        self, spec: Spec, plan: PassingPlan, requests: RequestWriter, judge: NoveltyIndex | None, watch: Watch
    ) -> None:
        self._plan, self._requests, self._judge, self._watch = plan, requests, judge, watch
        self._listed = listed_names(spec)
        self._taken: list[Mapping[str, Any]] = []
        self._count = 0
        self._repeated = False  # whether a row was like one before it: until then nothing is counted by combination

    def take(self, settled: Settled) -> None:
        """One combination more."""
        self._requests.skip(settled.marks)
        counted = (e for e in settled.events if isinstance(e, Counted) and e.rejections)
        repeats = sum(r.stage is Stage.NOVEL for e in counted for r in e.rejections)
        self._repeated = self._repeated or repeats > 0
        mark = mark_of(self._listed, self._plan.at(self._count)) if self._repeated else ""
        for _ in range(repeats):
            self._watch.repeated(mark)
        for event in settled.events:
            if isinstance(event, RowKept):
                self._watch.kept(mark, event.row.values, looks=False)
                self._taken.append(event.row.values)
        self._count += 1
        if len(self._taken) >= _TAKEN:
            self.finish()

    def finish(self) -> None:
        """Have the rules between rows know all that was taken."""
        if self._judge is not None and self._taken:
            self._judge.keep_all(self._taken)
        self._taken = []
