"""Plan → Dataset: backends opened, every row worked for, files written whole, nothing paid for lost."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthspec.backends import BackendContext
from synthspec.engines.calls import Caller, Line
from synthspec.engines.combination import compile_steps
from synthspec.engines.frontier import Missing
from synthspec.engines.local import Job, run_job
from synthspec.gates import GateResult, GateWatch
from synthspec.limits import Budget, Governor
from synthspec.manifest import BuildFacts, build_manifest, write_manifest
from synthspec.novelty import open_novelty
from synthspec.output import DatasetFiles, open_output
from synthspec.plan import Plan, build_plan
from synthspec.plugins import find_plugin
from synthspec.prompting import DEFAULT_MAX_TOKENS, PromptWriter, Sender
from synthspec.records import BackendFault, Completion, Request, Row
from synthspec.spec import BackendChoice, Limits, Spec
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
    if not spec.fields:
        raise BuildFault("this spec declares no fields: it is a fragment to be extended", "add `fields:`")
    started = time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    with Store.open(folder) as store:
        lines = _open_lines(spec, tables)
        run = _Run(spec, tables, folder, store, lines, control, keep_rows)
        try:
            await run.work()
            if control.interrupted:
                run.abandon()
                return None
            return run.finish(time.monotonic() - started)
        except BaseException:
            run.abandon()
            raise
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
    return Line(sender, backend, Governor(spec.limits))


class _Run:
    """One run of a build."""

    def __init__(
        self,
        spec: Spec,
        tables: Mapping[str, Table],
        folder: Path,
        store: Store,
        lines: Mapping[str, Line],
        control: BuildControl,
        keep_rows: bool,
    ) -> None:
        self.spec, self.folder, self.store, self.control, self.tables = spec, folder, store, control, tables
        self.plan = build_plan(spec, tables)
        self.tally = control.tally
        self.tally.planned = spec.rows
        self.validator = Validator(spec)
        self.budget = Budget(spec.limits, store.spent())
        metered = spec.limits.budget is not None or spec.limits.tokens is not None
        self.caller = Caller(store, self.budget, self.tally, metered, spec.limits.timeout)
        self.caller.notify = control.on_call
        control.stop = self.caller.stop
        self.lines = lines
        self.watch = GateWatch(spec)
        self.columns = tuple(spec.output.columns) or tuple(f.name for f in spec.fields)
        types = {f.name: f.type for f in spec.fields}
        self.output: DatasetFiles = open_output(
            folder, spec.name, tuple(Column(c, types[c]) for c in self.columns), spec.output, seed=spec.seed
        )
        self.quarantine = _Quarantine(folder / "quarantine.jsonl")
        self.pending: list[Mapping[str, Any]] = []
        self.keep_rows = keep_rows
        self.rows: list[Mapping[str, Any]] = []
        self.missing: list[Missing] = []

    async def work(self) -> None:
        spec = self.spec
        writers = {
            p.name: PromptWriter(spec, p, self.lines[p.name].sender, self.tables) for p in spec.prompts
        }
        judge = open_novelty(spec.novelty, self.tables)
        if self.control.on_start is not None:
            self.control.on_start(self.plan, self.budget)
        await run_job(
            Job(
                spec=spec,
                plan=self.plan,
                steps=compile_steps(spec, writers, self.lines),
                validator=self.validator,
                judge=judge if judge else None,
                caller=self.caller,
                tally=self.tally,
                sink=self.take,
            )
        )

    def take(self, outcome: Row | Missing) -> None:
        """A row, or the reason for its absence, in plan order."""
        if self.control.on_row is not None:
            self.control.on_row(outcome)
        if isinstance(outcome, Missing):
            self.tally.missing[outcome.stage] += 1
            self.quarantine.write(outcome)
            if self.keep_rows:
                self.missing.append(outcome)
            return
        self.tally.kept += 1
        warned = self.validator.warnings(outcome.values, {})
        for label in warned:
            self.tally.warnings[label] += 1
        self.watch.passed(outcome, bool(warned))
        self.pending.append(outcome.values)
        if self.keep_rows:
            self.rows.append(outcome.values)
        if len(self.pending) >= BATCH:
            self.flush()

    def flush(self) -> None:
        if self.pending:
            self.output.write(self.pending)
            self.pending = []

    def abandon(self) -> None:
        """Leave the folder's finished files as they were."""
        self.output.abandon()
        self.quarantine.abandon()

    def finish(self, seconds: float) -> Dataset:
        """Put every file in its place."""
        self.flush()
        gates = self.watch.judge(self.tally, len(self.plan))
        files = self.output.finish()
        self.quarantine.finish()
        complete = self.tally.kept >= self.spec.rows
        facts = BuildFacts(
            spec=self.spec,
            strategy=self.spec.plan.strategy,
            models=dict(sorted(self.tally.models.items())),
            funnel=self.tally.funnel(),
            missing={s.value: n for s, n in self.tally.missing.items() if n},
            rejections=dict(self.tally.rejections.most_common()),
            warnings=dict(self.tally.warnings.most_common()),
            usage={
                "calls": self.tally.calls + self.tally.reused,
                "prompt_tokens": self.tally.prompt_tokens,
                "completion_tokens": self.tally.completion_tokens,
            },
            cost=self.tally.cost,
            files=files,
            complete=complete,
            reason=self.caller.stopping,
            gates=tuple(g.as_dict() for g in gates),
            run={
                "seconds": round(seconds, 3),
                "calls_made": self.tally.calls,
                "calls_reused": self.tally.reused,
                "retries": self.tally.retries,
                "spent": self.tally.cost_now,
            },
        )
        manifest = build_manifest(facts)
        write_manifest(self.folder, facts, manifest)
        rejections = tuple(
            Rejected(m.slot, m.combination, m.stage.value, m.reasons, m.values) for m in self.missing
        )
        return Dataset(
            name=self.spec.name,
            folder=self.folder,
            files=tuple(self.folder / f.path for f in files),
            manifest=manifest,
            complete=complete,
            reason=self.caller.stopping,
            gates=gates,
            rejections=rejections,
            columns=self.columns,
            rows=tuple(self.rows),
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
