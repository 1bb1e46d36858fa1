"""Plan → Dataset: backends opened, every row worked for, files written whole, nothing paid for lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthspec.call_tally import CallTally
from synthspec.dataset import Dataset, DatasetFolder, FinishedRun
from synthspec.draws import DrawFault
from synthspec.engines.calls import INTERRUPTED, Caller, Line
from synthspec.engines.frontier import Missing
from synthspec.engines.lines import open_lines
from synthspec.engines.local import Job, run_job
from synthspec.engines.workshop import OpeningKeys, Step, compile_steps
from synthspec.limits import Budget
from synthspec.manifest import read_manifest
from synthspec.novelty import NoveltyIndex, open_novelty
from synthspec.planner import Plan, build_plan
from synthspec.prompting import PromptWriter
from synthspec.records import BackendFault, Completion, Request, Row
from synthspec.semantic import ModelFault
from synthspec.spec import Novelty, Spec
from synthspec.store import Store, StoreFault
from synthspec.switch import SwitchFault, roll_forward
from synthspec.tables import Table
from synthspec.tally import Tally
from synthspec.template import TemplateFault
from synthspec.validate import Validator

if TYPE_CHECKING:
    pass


KEPT = "every completion is kept: build again to go on; if it stops there again, report it with the spec"
FORESEEN = 50_000  # combinations whose first calls are looked up in the store before a build begins


class BuildFault(Exception):
    """The build cannot begin; `help` says how to mend that."""

    def __init__(self, message: str, help: str = "", status: int = 3) -> None:
        super().__init__(message)
        self.message, self.help, self.status = message, help, status


@dataclass(slots=True)
class BuildControl:
    """What a face may do while a build runs: look at the tally, be told of calls, ask it to stop."""

    tally: Tally = field(default_factory=Tally)
    stop: Callable[[str], None] = lambda reason: None
    on_call: Callable[[Request, Completion], None] | None = None
    on_start: Callable[[Plan, Budget], None] | None = None
    on_forecast: Callable[[int, int], None] | None = None  # first calls stored already, and to be made
    on_row: Callable[[Row | Missing], None] | None = None
    accept_loss: bool = False  # go on with what can be read of a damaged store, though completions are lost
    notice: str | None = None  # what people should know of how the store was opened
    interrupted: bool = False


def default_folder(spec: Spec) -> Path:
    """Where a build goes when nothing else is said."""
    return Path("build") / spec.name


async def build_dataset(
    spec: Spec,
    tables: Mapping[str, Table],
    folder: Path | None = None,
    control: BuildControl | None = None,
    keep_rows: bool = False,
    replace: bool = False,
) -> Dataset | None:
    """Build a checked spec into a folder. None when it was interrupted: what was paid for is in the store.

    A dataset that stands there and is better stays, and this one is written to `incomplete/` beside it; with
    `replace` this one takes its place all the same.

    Raises:
        BuildFault: a backend cannot be used, or there is nothing to build.
        StoreFault: the folder's store is in use, damaged, or cannot be written.
        OSError: the output cannot be written; the completions are in the store.
    """
    control = control or BuildControl()
    folder = folder or default_folder(spec)
    started = time.monotonic()
    async with _opened(spec, tables, folder, control) as (store, lines):
        files = DatasetFolder(spec, folder, keep_rows, replace)
        run = _Run(spec, tables, store, lines, control, files.take)
        try:
            await run.work()
            if control.interrupted:
                files.abandon()
                return None
            return files.finish(run.finished(time.monotonic() - started))
        except _EXPLAINED:
            files.abandon()
            raise
        except Exception as e:
            files.abandon()
            raise _explained(e) from e
        except BaseException:
            files.abandon()
            raise


async def run_rows(spec: Spec, tables: Mapping[str, Table], folder: Path, control: BuildControl) -> None:
    """Make the rows of a spec without writing a dataset; completions go to the folder's store all the same.

    Raises:
        BuildFault, StoreFault: as `build_dataset`.
    """
    async with _opened(spec, tables, folder, control) as (store, lines):
        try:
            await _Run(spec, tables, store, lines, control, lambda outcome, warned: None).work()
        except _EXPLAINED:
            raise
        except Exception as e:
            raise _explained(e) from e


_EXPLAINED = (BuildFault, StoreFault, DrawFault, OSError)  # these say of themselves what is wrong


def _explained(error: Exception) -> BuildFault:
    """An error of ours that nobody foresaw, as one sentence."""
    said = " ".join(str(error).split())[:300]
    what = "out of memory" if isinstance(error, MemoryError) else f"{type(error).__name__}{f': {said}' if said else ''}"
    return BuildFault(f"the build stopped at an internal error ({what})", KEPT)


@asynccontextmanager
async def _opened(
    spec: Spec, tables: Mapping[str, Table], folder: Path, control: BuildControl
) -> AsyncIterator[tuple[Store, Mapping[str, Line]]]:
    """The store of a folder and the backends of a spec, closed again whatever happens."""
    if not spec.fields:
        raise BuildFault("this spec declares no fields: it is a fragment to be extended", "add `fields:`", 1)
    folder.mkdir(parents=True, exist_ok=True)
    _refuse_foreign(folder)
    with Store.open(folder, accept_loss=control.accept_loss) as store:
        control.notice = store.notice
        try:
            roll_forward(folder)  # a build was cut off while it put its files in place
        except SwitchFault as e:
            raise BuildFault(e.message, e.help) from None
        lines = _open_lines(spec, tables, store)
        try:
            yield store, lines
        finally:
            await asyncio.gather(*(line.backend.close() for line in lines.values()), return_exceptions=True)
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


def _open_lines(spec: Spec, tables: Mapping[str, Table], store: Store) -> dict[str, Line]:
    try:
        return open_lines(spec, tables, store)
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


class _Run:
    """One run over the rows of a spec. `sink` gets every outcome in plan order."""

    def __init__(
        self,
        spec: Spec,
        tables: Mapping[str, Table],
        store: Store,
        lines: Mapping[str, Line],
        control: BuildControl,
        sink: Callable[[Row | Missing, list[str]], None],
    ) -> None:
        self.spec, self.tables, self.lines, self.control, self.sink = spec, tables, lines, control, sink
        self.plan = build_plan(spec, tables)
        self.tally = control.tally
        self.tally.planned = spec.rows
        self.validator = Validator(spec)
        self.budget = Budget(spec.limits, store.spent())
        limits = (spec.limits.budget, spec.limits.tokens, spec.limits.requests)
        metered = any(limit is not None for limit in limits)
        self.caller = Caller(store, self.budget, self.tally, metered, spec.limits.timeout)
        self.calls = CallTally()
        self.caller.notify = self.called
        control.stop = self.caller.stop
        if control.interrupted:
            self.caller.stop(INTERRUPTED)

    async def work(self) -> None:
        spec = self.spec
        writers = {p.name: PromptWriter(spec, p, self.lines[p.name].sender, self.tables) for p in spec.prompts}
        steps = compile_steps(spec, writers, self.lines)
        if self.control.on_start is not None:
            self.control.on_start(self.plan, self.budget)
        if self.control.on_forecast is not None and (stored := self._stored(steps)) is not None:
            self.control.on_forecast(*stored)
        await run_job(
            Job(
                spec=spec,
                plan=self.plan,
                steps=steps,
                validator=self.validator,
                judge=_open_judge(spec.novelty, self.tables),
                caller=self.caller,
                tally=self.tally,
                sink=self.take,
            )
        )

    def _stored(self, steps: tuple[Step, ...]) -> tuple[int, int] | None:
        """Of the first calls of every combination, how many are stored already and how many are to be made.

        None for a new folder, and where that cannot be told quickly or beforehand.
        """
        store = self.caller.store
        if store.spent().requests == 0 or len(self.plan) > FORESEEN or self.spec.novelty.avoid is not None:
            return None
        keys = OpeningKeys(steps)
        stored = count = 0
        for index, combination in enumerate(self.plan.combinations(0, len(self.plan))):
            try:
                known: dict[str, Any] = {}
                self.validator.compute(known, combination)
                openings = keys.open(index, combination, known)
            except TemplateFault:
                continue
            count += len(openings)
            stored += sum(store.get(o.key) is not None for o in openings.values())
        return stored, count - stored

    def finished(self, seconds: float) -> FinishedRun:
        """What came of it."""
        choices = tuple({id(line): line.sender.choice for line in self.lines.values()}.values())
        return FinishedRun(self.tally, self.calls, len(self.plan), choices, self.caller.stopping, seconds)

    def called(self, request: Request, completion: Completion) -> None:
        """A completion is used, from the store or paid for now."""
        self.calls.completed(request, completion)
        if self.control.on_call is not None:
            self.control.on_call(request, completion)

    def take(self, outcome: Row | Missing) -> None:
        """A row, or the reason for its absence, in plan order."""
        warned: list[str] = []
        if isinstance(outcome, Missing):
            self.tally.missing[outcome.stage] += 1
        else:
            self.tally.kept += 1
            warned = self.validator.warnings(outcome.values, {})
            self.tally.warnings.update(warned)
        if self.control.on_row is not None:
            self.control.on_row(outcome)
        self.sink(outcome, warned)
