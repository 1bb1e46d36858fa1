"""Bringing a run to where it would be after the combinations that are used again.

Where these cover all there is to make, nothing will be judged and nothing asked: what the rules between rows and the
keys of requests would know by then is left out, and made up for where the earlier rows turn out to end sooner.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from synthspec.generation.intake import Intake, outcome_of
from synthspec.generation.output_folder import note_in
from synthspec.generation.passing_plan import PassingPlan
from synthspec.generation.reuse.reading import Settled, SettledRows
from synthspec.generation.scheduling.driver import Driver
from synthspec.generation.scheduling.request_writer import RequestWriter
from synthspec.generation.scheduling.variety import Watch, listed_names, mark_of
from synthspec.generation.validation.novelty import NoveltyIndex
from synthspec.inference.events import Event, RowKept
from synthspec.inference.store import StoreFault
from synthspec.inference.store.derived.row_log import RowLog
from synthspec.spec import Spec
from synthspec.spec.rows import Stage

BREATH = 64  # combinations used again before others have a turn of the event loop
_TAKEN = 1024  # rows taken in by the rules between rows at once


class Reuse:
    """The combinations that are used again. `events()` hands them on; the figures say how far they went."""

    def __init__(self, earlier: SettledRows, catching_up: CatchingUp, intake: Intake) -> None:
        self._earlier, self._catching_up, self._intake = earlier, catching_up, intake

    @property
    def combinations(self) -> int:
        return self._catching_up.combinations

    @property
    def firsts(self) -> int:
        """First requests of those combinations."""
        return self._catching_up.firsts

    async def events(self, driver: Driver) -> AsyncGenerator[Event, None]:
        """What they came to: rows and losses are told again, calls and what was counted of them are not. The driver
        goes on after them; it ends them where it is stopped."""
        earlier, learning, intake = self._earlier, self._catching_up, self._intake
        learning.waits = earlier.covers(*driver.wanted)
        for settled in earlier:
            if driver.stopping is not None:
                break
            settled.count(intake.tally, intake.calls)
            for event in settled.outcomes:
                intake.take(event, settled.warned, noted=True)
                yield event
            learning.take(settled)
            if learning.combinations % BREATH == 0:
                await asyncio.sleep(0)
        tally = intake.tally
        driver.skip(learning.combinations, tally.settled, tally.dropped.total())
        learning.finish(earlier, more=not driver.has_all)
        if learning.combinations and intake.files is not None:
            self._note_in(intake.files.log)

    def _note_in(self, log: RowLog) -> None:
        """Have the log of this build hold what was used again."""
        combinations, earlier = self.combinations, self._earlier
        assert earlier.path is not None
        try:
            log.take_over(earlier.path, combinations, self._catching_up.noted)
        except StoreFault:  # what was read of it is sound, and all else in it can be made again
            log.clear()
            for index, (noted, outcomes) in enumerate(earlier.again(combinations)):
                for event in outcomes:
                    if (outcome := outcome_of(event)) is not None:
                        note_in(log, outcome)
                log.settle(index, noted.body, noted.values)


class CatchingUp:
    """Brings what a driver works with to where it would be after the combinations that are used again.

    Where it `waits`, the keys of requests and the rules between rows are left as they are until `finish` is told that
    there is more to make.
    """

    def __init__(
        self,
        spec: Spec,
        plan: PassingPlan,
        requests: RequestWriter,
        rules: NoveltyIndex | None,
        watch: Watch,
    ) -> None:
        self._plan, self._requests, self._rules, self._watch = plan, requests, rules, watch
        self._listed = listed_names(spec)
        self._taken: list[Mapping[str, Any]] = []
        self._repeated = False  # whether a row was like one before it: until then nothing is counted by combination
        self.waits = False
        self.combinations = 0
        self.firsts = 0
        self.noted = 0  # rows of the log

    def take(self, settled: Settled) -> None:
        """One combination more."""
        repeats = sum(said[0] == Stage.NOVEL for _, _, told in settled.counted if told for said in told)
        self._repeated = self._repeated or repeats > 0
        mark = mark_of(self._listed, self._plan.at(self.combinations)) if self._repeated else ""
        for _ in range(repeats):
            self._watch.repeated(mark)
        kept = [outcome.row.values for outcome in settled.outcomes if isinstance(outcome, RowKept)]
        for values in kept:
            self._watch.kept(mark, values, looks=False)
        self.combinations += 1
        self.firsts += len(settled.marks)
        self.noted += len(settled.outcomes)
        if not self.waits:
            self._learn(settled.marks, kept)

    def finish(self, earlier: SettledRows, *, more: bool) -> None:
        """All that can be used was taken; whether there is `more` to make."""
        if self.waits and more:
            for marks, kept in earlier.kept(self.combinations):
                self._learn(marks, kept)
        self._tell_taken()

    def _learn(self, marks: Sequence[int], kept: Sequence[Mapping[str, Any]]) -> None:
        self._requests.skip(marks)
        if self._rules is not None:
            self._taken += kept
            if len(self._taken) >= _TAKEN:
                self._tell_taken()

    def _tell_taken(self) -> None:
        """Have the rules between rows know all that was taken."""
        if self._rules is not None and self._taken:
            self._rules.keep_all(self._taken)
        self._taken = []
