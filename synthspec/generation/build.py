"""Plan → Dataset: backends opened, every row worked for, files written whole, nothing paid for lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from synthspec.dataset.manifest import read_manifest
from synthspec.dataset.similarity.semantic import ModelFault
from synthspec.dataset.switch import SwitchFault, roll_forward
from synthspec.diagnostics.errors import SynthspecError
from synthspec.evaluation.call_tally import CallTally
from synthspec.generation.machine.program import Program
from synthspec.generation.machine.states import Combination
from synthspec.generation.output_folder import Dataset, DatasetFolder, FinishedRun
from synthspec.generation.passing_plan import PassingPlan
from synthspec.generation.scheduling.driver import INTERRUPTED, Driver
from synthspec.generation.scheduling.request_writer import RequestWriter
from synthspec.generation.settled import CatchingUp, Recorder, SettledRows, program_of
from synthspec.generation.validation.novelty import NoveltyIndex, open_novelty
from synthspec.generation.validation.place import Place
from synthspec.generation.validation.rules import Validator
from synthspec.inference.accounting.budget import Budget
from synthspec.inference.accounting.counters import Tally
from synthspec.inference.accounting.counting import count_event
from synthspec.inference.accounting.ledger import Ledger
from synthspec.inference.engines.local import LocalEngine
from synthspec.inference.events import (
    CallDone,
    Counted,
    Event,
    Forecast,
    RowDropped,
    RowEmpty,
    RowKept,
    RowMissing,
    Started,
)
from synthspec.inference.sending.endpoints import Endpoint, open_endpoints
from synthspec.inference.speaker_requests import open_writer
from synthspec.inference.store import Store, StoreFault
from synthspec.languages.templates.template import TemplateFault
from synthspec.planning.drawing import DrawFault
from synthspec.planning.plan import Plan, build_plan
from synthspec.plugins.guarding import PluginFault
from synthspec.sources import Table
from synthspec.spec import Novelty, Spec
from synthspec.spec.backends_used import backends_used
from synthspec.spec.messages import BackendFault
from synthspec.spec.rows import Missing, Row

KEPT = "every completion is kept: build again to go on; if it stops there again, report it with the spec"
BREATH = 64  # combinations used again before others have a turn of the event loop
FORESEEN = 50_000  # combinations whose first calls are looked up in the store before a build begins


class BuildFault(SynthspecError):
    """The build cannot begin, or cannot go on; `help` says what to do about it."""


_EXPLAINED = (BuildFault, StoreFault, DrawFault, PluginFault, OSError)  # these say of themselves what is wrong


def default_folder(spec: Spec) -> Path:
    """Where a build goes when nothing else is said."""
    return Path("build") / spec.name


class Build:
    """One build of a checked spec into a folder. `events()` runs it; `tally` and `dataset` are what came of it.

    A dataset that stands there and is better stays, and this one is written to `incomplete/` beside it; with `replace`
    this one takes its place all the same. With `writes=False` rows are made and no dataset is written: the completions
    go to the folder's store all the same. With `accept_loss` it goes on with what can be read of a damaged store,
    though completions are lost.
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
    ) -> None:
        self.spec, self.tables, self.folder = spec, tables, folder or default_folder(spec)
        self.tally = Tally(planned=spec.rows)
        self.dataset: Dataset | None = None  # None until it is finished, and where the build was interrupted
        self.notice: str | None = None  # what people should know of how the store was opened
        self.interrupted = False
        self._accept_loss = accept_loss
        self._cache = cache
        self._keep_rows, self._replace, self._writes = keep_rows, replace, writes
        self._driver: Driver | None = None
        self._reason: str | None = None

    def stop(self, reason: str) -> None:
        """Let calls in flight end and begin no other."""
        self._reason = self._reason or reason
        if self._driver is not None:
            self._driver.stop(reason)

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
        async with _opened(self.spec, self.tables, self.folder, self._accept_loss) as (store, endpoints):
            self.notice = store.notice
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
        spec, began, calls = self.spec, time.monotonic(), CallTally()
        plan = build_plan(spec, self.tables)
        passing = PassingPlan(plan)
        if files is not None:
            files.follow(passing)
        validator = Validator(spec, self.tables)
        program = Program(spec, validator, self.tables)
        writers = {
            name: open_writer(spec, prompt, endpoints[name].sender, self.tables, name if name != prompt.name else "")
            for name, (prompt, _) in backends_used(spec).items()
        }
        ledger = open_ledger(spec, store)
        yield Started(plan, ledger.budget)
        judge = _open_judge(spec.novelty, self.tables)
        requests = RequestWriter(program, writers)
        engine = LocalEngine(endpoints, spec.limits.timeout)
        driver = Driver(program, plan, requests, judge, ledger, engine, endpoints)
        self._driver, self.tally.watch = driver, driver.watch
        if self._reason is not None:
            driver.stop(self._reason)
        recorder, reused, firsts = None, 0, 0
        mark = program_of(spec, writers) if files is not None else None
        if files is not None and mark is not None:
            files.log.begin(mark)
            catching_up = CatchingUp(spec, passing, requests, judge, driver.watch)
            earlier, noted = SettledRows(store, files.earlier_rows() if self._cache else (), mark), 0
            for settled in earlier:
                if driver.stopping is not None:
                    break
                for event in settled.events:
                    self._take(event, calls, files, settled.warned, noted=True)
                    if not isinstance(event, CallDone | Counted):
                        yield event
                catching_up.take(settled)
                reused, firsts, noted = reused + 1, firsts + len(settled.marks), noted + settled.rows
                if reused % BREATH == 0:
                    await asyncio.sleep(0)
            catching_up.finish()
            if reused and earlier.path is not None:
                files.log.take_over(earlier.path, reused, noted)
            driver.skip(reused, self.tally.settled, self.tally.dropped.total())
            recorder = Recorder(files.log, requests, reused)
        forecast = _forecast(program, requests, store, plan, reused, firsts)
        if forecast is not None:
            yield forecast
        async with aclosing(driver.run()) as events:
            async for event in events:
                warned: dict[int, list[str]] = {}
                if isinstance(event, RowKept):
                    warned[event.row.slot] = validator.warnings(
                        event.row.values, {}, Place(event.row.path, event.row.combination)
                    )
                values = self._take(event, calls, files, warned)
                if recorder is not None:
                    recorder.note(event, warned[event.row.slot] if isinstance(event, RowKept) else [], values)
                yield event
        if spec.open_ended:  # where every combination is done, these are the rows; else as many as there are at least
            done = driver.stopping is None
            self.tally.planned = self.tally.settled if done else max(self.tally.planned, self.tally.settled)
        if recorder is not None and self.tally.settled == self.tally.planned:
            recorder.finish()
        if files is not None and not self.interrupted:
            choices = tuple({id(endpoint): endpoint.sender.choice for endpoint in endpoints.values()}.values())
            seconds = time.monotonic() - began
            run = FinishedRun(self.tally, calls, len(plan), choices, driver.stopping, seconds)
            self.dataset = files.finish(run)

    def _take(
        self,
        event: Event,
        calls: CallTally,
        files: DatasetFolder | None,
        warned: Mapping[int, list[str]],
        *,
        noted: bool = False,
    ) -> str:
        """One event into the figures and the files; the values of a row as they are in the log of rows.

        `warned` are the warnings of rows that are kept, by slot; `noted`: the log gets the row from an earlier one.
        """
        count_event(self.tally, event)
        match event:
            case CallDone(request, _, completion):
                calls.completed(request, completion)
                return ""
            case RowKept(row):
                self.tally.warnings.update(warned[row.slot])
        outcome = _outcome_of(event)
        if files is None or outcome is None:
            return ""
        take = files.take_noted if noted else files.take
        return take(outcome, warned[outcome.slot] if isinstance(outcome, Row) else [])


def _outcome_of(event: Event) -> Row | Missing | RowDropped | RowEmpty | None:
    """What became of a row, where an event tells that."""
    match event:
        case RowKept(row):
            return row
        case RowMissing(missing):
            return missing
        case RowDropped() | RowEmpty():
            return event
    return None


async def finish_build(build: Build, listen: Callable[[Event], None] | None = None) -> Dataset:
    """Run a build to its end; `listen` is told each of its events.

    Raises:
        BuildFault, StoreFault, DrawFault, OSError: as `Build.events`.
    """
    async with aclosing(build.events()) as events:
        async for event in events:
            if listen is not None:
                listen(event)
    assert build.dataset is not None
    return build.dataset


def _explained(error: Exception) -> BuildFault:
    """An error of ours that nobody foresaw, as one sentence."""
    said = " ".join(str(error).split())[:300]
    what = "out of memory" if isinstance(error, MemoryError) else f"{type(error).__name__}{f': {said}' if said else ''}"
    return BuildFault(f"the build stopped at an internal error ({what})", KEPT)


@asynccontextmanager
async def _opened(
    spec: Spec, tables: Mapping[str, Table], folder: Path, accept_loss: bool
) -> AsyncIterator[tuple[Store, Mapping[str, Endpoint]]]:
    """The store of a folder and the backends of a spec, closed again whatever happens."""
    if not spec.fields:
        raise BuildFault("this spec declares no fields: it is a fragment to be extended", "add `fields:`", 1)
    folder.mkdir(parents=True, exist_ok=True)
    _refuse_foreign(folder)
    with Store.open(folder, accept_loss=accept_loss) as store:
        try:
            roll_forward(folder)  # a build was cut off while it put its files in place
        except SwitchFault as e:
            raise BuildFault(e.message, e.help) from None
        endpoints = _open_endpoints(spec, tables, store)
        try:
            yield store, endpoints
        finally:
            await asyncio.gather(*(endpoint.backend.close() for endpoint in endpoints.values()), return_exceptions=True)
            await store.close()


def _refuse_foreign(folder: Path) -> None:
    """Keep out of a folder whose files a build would write over though no build made them."""
    if (folder / "run.sqlite").exists():
        return
    theirs = [n for n in ("README.md", "manifest.json", "quarantine.jsonl") if (folder / n).exists()]
    manifest = read_manifest(folder)
    if theirs and (manifest is None or "manifest" not in manifest):
        message = f"'{folder}' holds a {theirs[0]} that no build made, which this one would write over"
        raise BuildFault(message, "name another folder with --out", 1)


def _open_endpoints(spec: Spec, tables: Mapping[str, Table], store: Store) -> dict[str, Endpoint]:
    try:
        return open_endpoints(spec, tables, store)
    except BackendFault as e:
        raise BuildFault(e.message) from None


def _has_rules(novelty: Novelty) -> bool:
    rules = (novelty.near_duplicates, novelty.semantic, novelty.no_copies, novelty.decontaminate)
    return bool(novelty.unique or any(rules))


def _open_judge(novelty: Novelty, tables: Mapping[str, Table]) -> NoveltyIndex | None:
    if not _has_rules(novelty):
        return None
    try:
        return open_novelty(novelty, tables)
    except ModelFault as e:
        help = "name a folder that holds the model, or one that can be downloaded"
        raise BuildFault(f"novelty.semantic: {e}", help) from None


def open_ledger(spec: Spec, store: Store) -> Ledger:
    """The account of a run: what earlier runs of the folder used counts too."""
    limits = (spec.limits.budget, spec.limits.tokens, spec.limits.requests)
    return Ledger(store, Budget(spec.limits, store.spent()), metered=any(limit is not None for limit in limits))


def _forecast(
    program: Program, requests: RequestWriter, store: Store, plan: Plan, first: int, known: int
) -> Forecast | None:
    """Of the first calls of every combination, how many are stored already and how many are to be made. Those of the
    combinations before the `first` are stored.

    None for a new folder, and where that cannot be told quickly or beforehand.
    """
    spec = program.spec
    slow = len(plan) > FORESEEN or any(p.images for p in spec.prompts)  # every picture would be read twice
    if store.spent().requests == 0 or slow or spec.novelty.avoid is not None:
        return None
    requests = requests.twin()
    stored = count = known
    for index, values in enumerate(plan.combinations(first, len(plan)), first):
        try:
            firsts = requests.open(Combination(index, values, program.context(values)))
        except TemplateFault:
            continue
        count += len(firsts)
        stored += sum(store.get(o.key) is not None for o in firsts.values())
    return Forecast(stored, count - stored)
