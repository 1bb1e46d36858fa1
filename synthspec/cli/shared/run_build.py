"""What `build` does: every spec checked before any is built, progress shown, Ctrl-C taken well."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import KW_ONLY
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthspec.analysis.compiled import Compiled
from synthspec.cli.shared.echo import echo, echo_json
from synthspec.cli.shared.errors import ending_on_errors
from synthspec.cli.shared.monitors import STANDARD_OUTPUT, MonitorOptions, Monitors, monitoring
from synthspec.cli.shared.show import Ended, fail, show_diagnostics, show_faults_as_json
from synthspec.compiler import compile_spec
from synthspec.diagnostics.errors import ExitStatus
from synthspec.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from synthspec.generation.build import Build
    from synthspec.generation.built_dataset import Dataset
    from synthspec.generation.monitoring.build_summary import BuildSummary
    from synthspec.inference.accounting.counters import Tally
    from synthspec.inference.events import Event
    from synthspec.sources.kinds import Access


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks of a build besides its specs."""

    out: Path | None
    _: KW_ONLY
    access: Access
    replace: bool
    accept_loss: bool
    cache: bool
    waits: bool  # for batches at a provider
    metrics: bool  # the table of calls
    control: Path | None  # the file that says whether to pause
    told: MonitorOptions
    form: str
    quiet: bool
    no_color: bool


def build_all(paths: tuple[Path, ...], overrides: dict[str, str], asked: Asked) -> int:
    """Check every spec, then build each. The exit status of the worst."""
    with monitoring(asked.told, quiet=asked.quiet) as monitors:
        return _built_all(paths, overrides, asked, monitors)


def _built_all(paths: tuple[Path, ...], overrides: dict[str, str], asked: Asked, monitors: Monitors) -> int:
    compiled = [compile_spec(p, overrides, access=asked.access) for p in paths]
    found = list(dict.fromkeys(d for c in compiled for d in c.diagnostics))
    show_diagnostics(found, no_color=asked.no_color, quiet=asked.quiet)
    if not all(c.ok for c in compiled):
        show_faults_as_json(found, asked.form)
        return 1
    twins = _same_folder(compiled)
    if twins is not None:
        fail(f"two specs are named '{twins}': they would be built into one folder", "give each its own `name:`", 1)
    monitors.open()
    worst = 0
    results = []
    for each in compiled:
        status, manifest = _build_one(each, overrides, asked, monitors)
        if manifest is not None:
            results.append(manifest)
        if status == ExitStatus.INTERRUPTED:
            return status
        worst = max(worst, status)
    if asked.form == "json":
        echo_json(results[0] if len(results) == 1 else results)
    return worst


def _same_folder(compiled: list[Compiled]) -> str | None:
    """A name that two of the specs share."""
    names = [c.spec.name for c in compiled if c.spec is not None]
    return next((n for n in names if names.count(n) > 1), None)


def _build_one(compiled: Compiled, overrides: dict[str, str], asked: Asked, monitors: Monitors) -> tuple[int, Any]:
    from synthspec.generation.build import Build, default_folder

    spec = compiled.spec
    assert spec is not None
    folder = asked.out or default_folder(spec)
    how = {"replace": asked.replace, "accept_loss": asked.accept_loss, "cache": asked.cache, "waits": asked.waits}
    build = Build(spec, compiled.tables, folder, overrides=overrides, **how)
    monitors.begin(build)
    try:
        dataset = _dataset_of(build, asked, monitors)
    except Ended as ended:
        monitors.end(int(ended.code or 0), ended)
        raise
    left = build.left if dataset is None else None
    summary = monitors.end(ExitStatus.FAILED if left else ExitStatus.INTERRUPTED if dataset is None else dataset.status)
    if left is not None:
        if not asked.quiet:
            echo(f"{left}; `synthspec status {folder}` says how they stand", err=True)
        return ExitStatus.FAILED, None
    if dataset is None:
        if not asked.quiet:
            echo(f"interrupted; every completion is kept in {folder}: run it again to resume", err=True)
        return ExitStatus.INTERRUPTED, None
    if build.notice:
        echo(build.notice, err=True)
    _report(summary, dataset, build.tally, asked)
    return dataset.status, dataset.manifest


def _dataset_of(build: Build, asked: Asked, monitors: Monitors) -> Dataset | None:
    """Run a build, shown and told of; None where it was interrupted."""
    from synthspec.cli.shared.live import watch

    folder, interrupted = build.folder, lambda: build.interrupted
    with ending_on_errors(folder, interrupted=interrupted), contextlib.suppress(KeyboardInterrupt):
        with watch(build, quiet=asked.quiet, no_color=asked.no_color) as show:

            def take(event: Event) -> None:
                monitors.take(event)
                show(event)

            asyncio.run(run_with_signals(build, take, asked.control))
        if asked.metrics:
            from synthspec.evaluation.call_log import write_call_metrics

            write_call_metrics(folder)
        return build.dataset
    return None


async def run_with_signals(build: Build, take: Callable[[Event], None], control: Path | None = None) -> None:
    """Run a build; the first signal stops it, the second ends it at once. While `control` says so it is paused."""
    from synthspec.cli.shared.control import following
    from synthspec.inference.events import Stop

    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    def interrupt() -> None:
        if build.interrupted and task is not None:
            task.cancel()
            return
        build.interrupt()
        take(Stop("interrupted", by_hand=True))  # told at once, not only when the next call ends

    for name in ("SIGINT", "SIGTERM"):
        if hasattr(signal, name) and os.name != "nt":
            loop.add_signal_handler(getattr(signal, name), interrupt)
    with contextlib.suppress(asyncio.CancelledError):
        async with following(control, build), contextlib.aclosing(build.events()) as events:
            async for event in events:
                take(event)


def _report(summary: BuildSummary, dataset: Dataset, tally: Tally, asked: Asked) -> None:
    """How it went, for a person; where it is, for a program."""
    from synthspec.cli.shared.summary import summary_lines

    for line in () if asked.quiet else summary_lines(summary, dataset, tally.watch):
        echo(line, err=True)
    if asked.form == "text" and asked.told.summary != STANDARD_OUTPUT and not sys.stdout.isatty():
        echo(str(dataset.folder))
