"""Plan → Dataset: backends opened, every row worked for, files written whole, nothing paid for lost."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthspec.backends import BackendContext
from synthspec.card import build_card, column_facts
from synthspec.engines.calls import Caller, Line
from synthspec.engines.combination import compile_steps
from synthspec.engines.frontier import Missing
from synthspec.engines.local import Job, run_job
from synthspec.gates import GateResult, GateWatch
from synthspec.governor import Governor
from synthspec.limits import Budget
from synthspec.manifest import BuildFacts, RunFacts, build_manifest, manifest_text
from synthspec.novelty import open_novelty
from synthspec.output import DatasetFiles, open_output
from synthspec.planner import Plan, build_plan
from synthspec.plugins import find_plugin
from synthspec.prompting import DEFAULT_MAX_TOKENS, PromptWriter, Sender
from synthspec.records import BackendFault, Completion, Request, Row
from synthspec.spec import BackendChoice, Limits, Novelty, Spec
from synthspec.split_groups import open_split_groups
from synthspec.store import Store
from synthspec.tables import Table
from synthspec.tally import Tally
from synthspec.validate import Validator
from synthspec.writers import Column

if TYPE_CHECKING:
    import pandas as pd

BATCH = 256  # rows handed to the writers at once


class BuildFault(Exception):
    """The build cannot begin; `help` says how to mend that."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.message, self.help = message, help


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is missing from the dataset, and why."""

    slot: int
    combination: int
    stage: str
    reasons: tuple[str, ...]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A finished build. `complete` is false where rows are missing; `reason` says why it stopped early, if it did."""

    name: str
    folder: Path
    files: tuple[Path, ...]
    manifest: Mapping[str, Any]
    complete: bool
    reason: str | None
    gates: tuple[GateResult, ...]
    rejections: tuple[Rejected, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[Mapping[str, Any], ...] = ()  # only where asked to be kept

    @property
    def status(self) -> int:
        """The exit status of the build: 0, 3 incomplete, 4 a gate failed."""
        if not self.complete:
            return 3
        return 0 if all(g.holds for g in self.gates) else 4

    @property
    def frame(self) -> pd.DataFrame:
        """The rows in plan order, one column a field."""
        import pandas as pd

        return pd.DataFrame([{c: r.get(c) for c in self.columns} for r in self.rows], columns=list(self.columns))


@dataclass(slots=True)
class BuildControl:
    """What a face may do while a build runs: look at the tally, be told of calls, ask it to stop."""

    tally: Tally = field(default_factory=Tally)
    stop: Callable[[str], None] = lambda reason: None
    on_call: Callable[[Request, Completion], None] | None = None
    on_start: Callable[[Plan, Budget], None] | None = None
    on_row: Callable[[Row | Missing], None] | None = None
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
) -> Dataset | None:
    """Build a checked spec into a folder. None when it was interrupted: what was paid for is in the store.

    Raises:
        BuildFault: a backend cannot be used, or there is nothing to build.
        StoreFault: the folder's store is in use, damaged, or cannot be written.
        OSError: the output cannot be written; the completions are in the store.
    """
    control = control or BuildControl()
    folder = folder or default_folder(spec)
    started = time.monotonic()
    async with _opened(spec, tables, folder) as (store, lines):
        files = _Files(spec, folder, keep_rows)
        run = _Run(spec, tables, store, lines, control, files.take)
        try:
            await run.work()
            if control.interrupted:
                files.abandon()
                return None
            return files.finish(run, time.monotonic() - started)
        except BaseException:
            files.abandon()
            raise


async def run_rows(spec: Spec, tables: Mapping[str, Table], folder: Path, control: BuildControl) -> None:
    """Make the rows of a spec without writing a dataset; completions go to the folder's store all the same.

    Raises:
        BuildFault, StoreFault: as `build_dataset`.
    """
    async with _opened(spec, tables, folder) as (store, lines):
        await _Run(spec, tables, store, lines, control, lambda outcome, warned: None).work()


@asynccontextmanager
async def _opened(
    spec: Spec, tables: Mapping[str, Table], folder: Path
) -> AsyncIterator[tuple[Store, Mapping[str, Line]]]:
    """The store of a folder and the backends of a spec, closed again whatever happens."""
    if not spec.fields:
        raise BuildFault("this spec declares no fields: it is a fragment to be extended", "add `fields:`")
    folder.mkdir(parents=True, exist_ok=True)
    with Store.open(folder) as store:
        lines = _open_lines(spec, tables)
        try:
            yield store, lines
        finally:
            await asyncio.gather(*(line.backend.close() for line in lines.values()), return_exceptions=True)
            await store.close()


def _open_lines(spec: Spec, tables: Mapping[str, Table]) -> dict[str, Line]:
    """For each prompt the backend it runs on; prompts with the same choice share one."""
    opened: dict[str, Line] = {}
    lines: dict[str, Line] = {}
    for prompt in spec.prompts:
        choice = _with_limits(prompt.backend or spec.backend, spec.limits)
        mark = repr((choice.provider, choice.model, sorted(choice.options.items(), key=str), choice.settings))
        if mark not in opened:
            opened[mark] = _open_line(choice, spec, tables)
        lines[prompt.name] = opened[mark]
    return lines


def _with_limits(choice: BackendChoice, limits: Limits) -> BackendChoice:
    """Where a limit is set, a reply must not be longer than what is set aside for it."""
    limited = limits.budget is not None or limits.tokens is not None
    if limited and "max_tokens" not in choice.settings:
        return replace(choice, settings={**choice.settings, "max_tokens": DEFAULT_MAX_TOKENS})
    return choice


def _open_line(choice: BackendChoice, spec: Spec, tables: Mapping[str, Table]) -> Line:
    module = find_plugin("backends", choice.provider)
    try:
        backend = module.open_backend(choice, BackendContext(spec, tables, spec.limits.timeout))
    except BackendFault as e:
        raise BuildFault(f"the backend '{choice.provider}' cannot be used: {e.message}") from None
    sender = Sender(choice, backend.fingerprint, backend.seeded)
    return Line(sender, backend, Governor(spec.limits, local=getattr(module, "IN_PROCESS", False)))


def _has_rules(novelty: Novelty) -> bool:
    return bool(novelty.unique or novelty.near_duplicates or novelty.no_copies or novelty.decontaminate)


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
        metered = spec.limits.budget is not None or spec.limits.tokens is not None
        self.caller = Caller(store, self.budget, self.tally, metered, spec.limits.timeout)
        self.caller.notify = control.on_call
        control.stop = self.caller.stop

    async def work(self) -> None:
        spec = self.spec
        writers = {p.name: PromptWriter(spec, p, self.lines[p.name].sender, self.tables) for p in spec.prompts}
        if self.control.on_start is not None:
            self.control.on_start(self.plan, self.budget)
        await run_job(
            Job(
                spec=spec,
                plan=self.plan,
                steps=compile_steps(spec, writers, self.lines),
                validator=self.validator,
                judge=open_novelty(spec.novelty, self.tables) if _has_rules(spec.novelty) else None,
                caller=self.caller,
                tally=self.tally,
                sink=self.take,
            )
        )

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


class _Files:
    """The files of a build: rows and quarantine as they come, manifest and card at the end."""

    def __init__(self, spec: Spec, folder: Path, keep_rows: bool) -> None:
        self.spec, self.folder, self.keep_rows = spec, folder, keep_rows
        self.watch = GateWatch(spec)
        self.columns = tuple(spec.output.columns) or tuple(f.name for f in spec.fields)
        types = {f.name: f.type for f in spec.fields}
        self.output: DatasetFiles = open_output(
            folder, spec.name, spec.output, tuple(Column(n, t) for n, t in types.items()), seed=spec.seed
        )
        self.groups = open_split_groups(spec)
        self.quarantine = _Quarantine(folder / "quarantine.jsonl")
        self.pending: list[Mapping[str, Any]] = []
        self.rows: list[Mapping[str, Any]] = []
        self.missing: list[Missing] = []

    def take(self, outcome: Row | Missing, warned: list[str]) -> None:
        if isinstance(outcome, Missing):
            self.quarantine.write(outcome)
            if self.keep_rows:
                self.missing.append(outcome)
            return
        self.watch.passed(outcome, bool(warned))
        self.pending.append(outcome.values)
        if self.keep_rows:
            self.rows.append(outcome.values)
        if len(self.pending) >= BATCH:
            self.flush()

    def flush(self) -> None:
        if self.pending:
            self.output.write(self.pending, self.groups.of(self.pending) if self.groups is not None else None)
            self.pending = []

    def abandon(self) -> None:
        """Leave the folder's finished files as they were."""
        self.output.abandon()
        self.quarantine.abandon()

    def finish(self, run: _Run, seconds: float) -> Dataset:
        """Put every file in its place."""
        self.flush()
        tally = run.tally
        gates = self.watch.judge(tally, len(run.plan))
        files = self.output.finish()
        self.quarantine.finish()
        facts = self._facts(run, gates, files, seconds)
        manifest = build_manifest(facts)
        write_whole(self.folder / "manifest.json", manifest_text(manifest))
        write_whole(self.folder / "README.md", build_card(facts, column_facts(self.spec.fields, self.output.columns)))
        return Dataset(
            name=self.spec.name,
            folder=self.folder,
            files=tuple(self.folder / f.path for f in files),
            manifest=manifest,
            complete=tally.kept >= self.spec.rows,
            reason=run.caller.stopping,
            gates=gates,
            rejections=tuple(Rejected(m.slot, m.combination, m.stage.value, m.reasons, m.values) for m in self.missing),
            columns=self.columns,
            rows=tuple(self.rows),
        )

    def _facts(self, run: _Run, gates: tuple[GateResult, ...], files: Any, seconds: float) -> BuildFacts:
        spec, tally = self.spec, run.tally
        choices = list({id(line): line.sender.choice for line in run.lines.values()}.values())
        return BuildFacts(
            name=spec.name,
            spec_digest=spec.digest,
            seed=spec.seed,
            rows=spec.rows,
            strategy=spec.plan.strategy,
            backend=", ".join(c.provider for c in choices) if spec.prompts else "",
            model=", ".join(c.model for c in choices) if spec.prompts else "",
            description=spec.description,
            license=spec.license,
            tags=spec.tags,
            models_reported=tuple(tally.models),
            funnel=tally.funnel(),
            rejections=dict(sorted(tally.rejections.items())),
            warnings=dict(sorted(tally.warnings.items())),
            prompt_tokens=tally.prompt_tokens,
            completion_tokens=tally.completion_tokens,
            completions=tally.calls + tally.reused,
            cost=tally.cost,
            partition_by=spec.output.partition_by,
            splits=self.groups.facts if self.groups is not None else {},
            files=tuple(files),
            quarantined=tally.lost,
            gates={g.text: g.holds for g in gates},
            metrics={n: v for g in gates for n, v in g.figures.items()},
            run=RunFacts(tally.calls, tally.reused, tally.cost_now, seconds),
        )


class _Quarantine:
    """`quarantine.jsonl`: every missing row with all that was tried. Appears whole when the build ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.temporary = path.with_name(f".{path.name}.part")
        self._file = self.temporary.open("w", encoding="utf-8", newline="\n")

    def write(self, missing: Missing) -> None:
        entry = {
            "row": missing.slot,
            "combination": missing.combination,
            "lost_at": missing.stage.value,
            "reasons": list(missing.reasons),
            "values": dict(missing.values),
            "tries": [
                {"prompt": t.prompt, "attempt": t.attempt, "reasons": list(t.reasons), "completion": t.text}
                for t in missing.tries
            ],
        }
        self._file.write(json.dumps(entry, ensure_ascii=False, default=str).encode("utf-8", "replace").decode() + "\n")

    def finish(self) -> None:
        self._file.close()
        self.temporary.replace(self.path)

    def abandon(self) -> None:
        self._file.close()
        self.temporary.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that it appears whole or not at all."""
    temporary = path.with_name(f".{path.name}.part")
    try:
        temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
