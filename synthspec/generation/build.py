"""Plan → Dataset: backends opened, every row worked for, files written whole, nothing paid for lost."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path

from synthspec.generation.build_facts import FinishedRun
from synthspec.generation.built_dataset import Dataset
from synthspec.generation.forecast import forecast_calls
from synthspec.generation.intake import Intake
from synthspec.generation.machine.program import Program
from synthspec.generation.opening import (
    BuildFault,
    open_cross_row_rules,
    open_engine_of,
    open_folder,
    open_ledger,
    open_writers,
)
from synthspec.generation.output_folder import DatasetFolder
from synthspec.generation.passing_plan import PassingPlan
from synthspec.generation.reuse.catching_up import CatchingUp, Reuse
from synthspec.generation.reuse.program import program_of
from synthspec.generation.reuse.reading import SettledRows
from synthspec.generation.reuse.recording import Recorder
from synthspec.generation.reviewing.editing import RowEditor
from synthspec.generation.reviewing.overlay import ReviewOverlay
from synthspec.generation.reviewing.retries import read_retries
from synthspec.generation.reviewing.spec_note import note_spec
from synthspec.generation.scheduling.driver import INTERRUPTED, Driver
from synthspec.generation.scheduling.request_writer import RequestWriter
from synthspec.generation.validation.place import RowPlace
from synthspec.generation.validation.rules import Validator
from synthspec.inference.accounting.counters import Tally
from synthspec.inference.accounting.counting import count_event
from synthspec.inference.events import Event, RowKept, Started
from synthspec.inference.sending.endpoints import Endpoint, servers_of
from synthspec.inference.store import Store, StoreFault
from synthspec.inference.store.reviews import read_reviews
from synthspec.planning.drawing import DrawFault
from synthspec.planning.plan import build_plan
from synthspec.plugins.guarding import PluginFault
from synthspec.sources import Table
from synthspec.spec import Spec

__all__ = ["Build", "BuildFault", "Dataset", "default_folder", "finish_build"]

NO_CALLS = "no call is made to apply reviews"  # the reason of a build without calls that would need one
KEPT = "every completion is kept: build again to resume; if it stops there again, report it with the spec"

_EXPLAINED = (BuildFault, StoreFault, DrawFault, PluginFault, OSError)  # these say of themselves what is wrong


def default_folder(spec: Spec) -> Path:
    """Where a build goes when nothing else is said."""
    return Path("build") / spec.name


class Build:
    """One build of a checked spec into a folder. `events()` runs it; `tally` and `dataset` are what came of it.

    A dataset that stands there and is better stays, and this one is written to `incomplete/` beside it; with `replace`
    this one takes its place all the same. With `writes=False` rows are made and no dataset is written: the completions
    go to the folder's store all the same. With `accept_loss` it goes on with what can be read of a damaged store,
    though completions are lost. Without `waits`, a build whose calls outlive it ends once all that is ready is sent;
    without `calls` it makes none, and stops where the dataset would be poorer for that. `overrides` are what options
    set in the spec's file: they are noted, for whoever applies reviews.
    """

    def __init__(
        self,
        spec: Spec,
        tables: Mapping[str, Table],
        folder: Path | None = None,
        *,
        keep_rows: bool = False,
        replace: bool = False,
        writes: bool = True,
        accept_loss: bool = False,
        cache: bool = True,
        waits: bool = True,
        calls: bool = True,
        overrides: Mapping[str, str] | None = None,
    ) -> None:
        self.spec, self.tables, self.folder = spec, tables, folder or default_folder(spec)
        self.tally = Tally(planned=spec.rows)
        self.dataset: Dataset | None = None  # None until it is finished, and where the build was interrupted
        self.notice: str | None = None  # what people should know of how the store was opened
        self.interrupted = False
        self.left: str | None = None  # why calls that outlive the process go on without it: no dataset is written
        self._accept_loss = accept_loss
        self._cache = cache
        self._waits = waits
        self._calls = calls
        self._overrides = overrides
        self._keep_rows, self._replace, self._writes = keep_rows, replace, writes
        self._driver: Driver | None = None
        self._reason: str | None = None
        self._paused = False

    @property
    def stopping(self) -> str | None:
        """Why no further call is begun; None while calls are."""
        return self._reason if self._driver is None else self._driver.stopping

    def stop(self, reason: str) -> None:
        """Let calls in flight end and begin no other."""
        self._reason = self._reason or reason
        if self._driver is not None:
            self._driver.stop(reason)

    def pause(self, held: bool) -> None:
        """While `held` no call is sent; those in flight end, and what is stored goes on being used."""
        self._paused = held
        if self._driver is not None:
            self._driver.pause(held)

    def interrupt(self) -> None:
        """The same, and write no dataset."""
        self.interrupted = True
        self.stop(INTERRUPTED)

    async def events(self) -> AsyncGenerator[Event, None]:
        """Run the build, telling all that happens. Stopping to read it (`aclose`) ends the build, everything kept.

        Raises:
            BuildFault: a backend cannot be used, there is nothing to build, or something unforeseen went wrong.
            StoreFault: the folder's store is in use, damaged, or cannot be written.
            DrawFault: a combination cannot be drawn.
            PluginFault: the code of a package failed; every completion is kept.
            OSError: the output cannot be written; the completions are in the store.
        """
        async with open_folder(
            self.spec, self.tables, self.folder, accept_loss=self._accept_loss, calls=self._calls
        ) as (store, endpoints):
            self.notice = store.notice
            if self._overrides is not None and self._writes:
                note_spec(store, self.folder, self.spec.path, self._overrides)
            files = DatasetFolder(self.spec, self.folder, self._keep_rows, self._replace) if self._writes else None
            try:
                async with aclosing(self._run(store, endpoints, files)) as events:
                    async for event in events:
                        yield event
            except _EXPLAINED:
                raise
            except Exception as e:
                raise _explained(e) from e
            finally:
                if files is not None and self.dataset is None:
                    files.abandon()

    async def _run(
        self, store: Store, endpoints: Mapping[str, Endpoint], files: DatasetFolder | None
    ) -> AsyncGenerator[Event, None]:
        """The stages in their order, each with what those before it gave."""
        spec, began = self.spec, time.monotonic()
        plan = build_plan(spec, self.tables)
        passing = PassingPlan(plan)
        if files is not None:
            files.follow(passing)
        validator = Validator(spec, self.tables)
        program = Program(spec, validator, self.tables)
        writers = open_writers(spec, self.tables, endpoints)
        ledger = open_ledger(spec, store)
        started = Started(plan, ledger.budget, servers_of(endpoints))
        count_event(self.tally, started)
        yield started
        rules = open_cross_row_rules(spec.novelty, self.tables, self.folder)
        reviews = read_reviews(self.folder)
        retries = read_retries(reviews, store, made=not self._calls)
        requests = RequestWriter(program, writers, retries)
        if files is not None and reviews:
            said = {key: remark.said for key, remark in retries.items()}
            files.review(ReviewOverlay(reviews, RowEditor(program, PassingPlan(plan)), said))
        engine = open_engine_of(spec, self.tables, store, endpoints, self.folder, waits=self._waits, tell=self._tell)
        driver = Driver(program, plan, requests, rules, ledger, engine, endpoints)
        self._drive(driver)
        intake = Intake(self.tally, files, driver.is_after_stop)
        reuse = recorder = None
        if files is not None and (mark := program_of(spec, writers, retries)) is not None:
            files.log.begin(mark)
            earlier = SettledRows(store, files.earlier_rows() if self._cache else (), mark, spec.path.parent)
            reuse = Reuse(earlier, CatchingUp(spec, passing, requests, rules, driver.watch), intake)
            async with aclosing(reuse.events(driver)) as settled:
                async for event in settled:
                    yield event
            recorder = Recorder(files.log, requests, reuse.combinations)
        done, known = (reuse.combinations, reuse.firsts) if reuse is not None else (0, 0)
        if not self._calls and not driver.has_all:
            driver.stop(NO_CALLS)
        forecast = forecast_calls(program, requests, store, plan, len(plan) if driver.has_all else done, known)
        if forecast is not None:
            yield forecast
        async with aclosing(driver.run()) as events:
            async for event in events:
                warned = _warned(validator, event)
                values = intake.take(event, warned)
                if recorder is not None:
                    recorder.note(event, warned[event.row.slot] if isinstance(event, RowKept) else [], values)
                yield event
        if spec.open_ended:  # where every combination is done, these are the rows; else as many as there are at least
            done = driver.stopping is None
            self.tally.planned = self.tally.settled if done else max(self.tally.planned, self.tally.settled)
        if spec.open_ended or self.tally.settled < self.tally.planned:
            intake.finish()
        if recorder is not None and self.tally.settled == self.tally.planned:
            recorder.finish(whole=spec.open_ended)
        self.left = driver.stopping if driver.left and not self.interrupted else None
        if files is not None and not self.interrupted and self.left is None:
            choices = tuple({id(endpoint): endpoint.sender.choice for endpoint in endpoints.values()}.values())
            stopped, seconds = self._stopped(driver), time.monotonic() - began
            early = None if stopped is None else driver.early_stop
            self._finish(files, FinishedRun(self.tally, intake.calls, len(plan), choices, stopped, early, seconds))

    def _stopped(self, driver: Driver) -> str | None:
        """Why the rows are not all there; None too where the calls that were not made are not needed."""
        needless = driver.stopping == NO_CALLS and self.tally.kept >= self.tally.planned
        return None if needless else driver.stopping

    def _finish(self, files: DatasetFolder, run: FinishedRun) -> None:
        """Write the dataset."""
        if not self._calls and files.is_poorer(self.tally):
            raise BuildFault("rows that the dataset has cannot be made again without a call", "build it")
        self.dataset = files.finish(run)

    def _tell(self, event: Event) -> None:
        """What an engine tells of itself, into the stream of the driver."""
        if self._driver is not None:
            self._driver.tell(event)

    def _drive(self, driver: Driver) -> None:
        """From here on the build is stopped by stopping this driver."""
        self._driver, self.tally.watch = driver, driver.watch
        if self._reason is not None:
            driver.stop(self._reason)
        elif self._paused:
            driver.pause(True)


def _warned(validator: Validator, event: Event) -> dict[int, list[str]]:
    """The warnings of a row that is kept, by slot."""
    if not isinstance(event, RowKept):
        return {}
    row = event.row
    return {row.slot: validator.warnings(row.values, {}, RowPlace(row.path, row.combination))}


async def finish_build(build: Build, listen: Callable[[Event], None] | None = None) -> Dataset:
    """Run a build to its end; `listen` is told each of its events.

    Raises:
        BuildFault: as `Build.events`, and where calls go on without it, so that there is no dataset yet.
        StoreFault, DrawFault, OSError: as `Build.events`.
    """
    async with aclosing(build.events()) as events:
        async for event in events:
            if listen is not None:
                listen(event)
    if build.left is not None:
        raise BuildFault(build.left, f"every completion is kept in '{build.folder}': build again to resume")
    assert build.dataset is not None
    return build.dataset


def _explained(error: Exception) -> BuildFault:
    """An error of ours that nobody foresaw, as one sentence."""
    said = " ".join(str(error).split())[:300]
    what = "out of memory" if isinstance(error, MemoryError) else f"{type(error).__name__}{f': {said}' if said else ''}"
    return BuildFault(f"the build stopped at an internal error ({what})", KEPT)
