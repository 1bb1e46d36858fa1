"""One dataset for each backend, on the same combinations."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from synthspec.cli.shared.echo import echo
from synthspec.cli.shared.errors import ending_on_errors
from synthspec.cli.shared.show import compile_or_exit, fail
from synthspec.cli.shared.written import read_or_exit
from synthspec.diagnostics.errors import ExitStatus

if TYPE_CHECKING:
    from synthspec.analysis.compiled import Compiled
    from synthspec.evaluation.corpus.corpus import Corpus


def build_each(
    spec: Path,
    backends: tuple[str, ...],
    rows: int | None,
    budget: float | None,
    vary: str | None,
    *,
    quiet: bool,
    no_color: bool,
) -> list[Corpus]:
    """Check the spec for every backend, then build it on each; with none named, on its own. `vary` is a column."""
    chosen: list[str | None] = [*dict.fromkeys(backends)] or [None]
    compiled: list[Compiled] = []
    for backend in chosen:
        overrides = {"backend": backend} if backend is not None else {}
        overrides |= {"rows": str(rows)} if rows is not None else {}
        overrides |= {"limits.budget": str(budget)} if budget is not None else {}
        compiled.append(compile_or_exit(spec, overrides, no_color=no_color, quiet=quiet or len(compiled) > 0))
    _refuse_unknown(vary, compiled[0])
    found = []
    for backend, each in zip(chosen, compiled, strict=True):
        if not quiet:
            echo(f"building on {backend or 'the backend of the spec'}", err=True)
        found.append(read_or_exit(_build(each, backend, quiet=quiet, no_color=no_color)))
    return found


def _refuse_unknown(column: str | None, compiled: Compiled) -> None:
    """End the command where the rows cannot have the column, before they are paid for."""
    assert compiled.spec is not None
    names = {*compiled.spec.output.columns, *(f.name for f in compiled.spec.fields)}
    if column is not None and column.partition(".")[0] not in names and compiled.spec.output.shape == "table":
        from synthspec.diagnostics import did_you_mean

        fail(f"the rows of {compiled.spec.name} have no column '{column}'", did_you_mean(column, sorted(names)), 1)


def _build(compiled: Compiled, backend: str | None, *, quiet: bool, no_color: bool) -> Path:
    from synthspec.cli.shared.live import watch
    from synthspec.cli.shared.run_build import run_with_signals
    from synthspec.generation.build import Build, default_folder

    assert compiled.spec is not None
    own = compiled.spec.backend
    name = backend or ":".join(n for n in (own.provider, own.model) if n)
    folder = default_folder(compiled.spec) / f"compare-{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}"
    build = Build(compiled.spec, compiled.tables, folder)
    dataset = None
    with ending_on_errors(folder, interrupted=lambda: build.interrupted), suppress(KeyboardInterrupt):
        with watch(build, quiet=quiet, no_color=no_color) as take:
            asyncio.run(run_with_signals(build, take))
        dataset = build.dataset
    if build.left is not None:
        fail(build.left, f"`synthspec status {folder}` says how they stand")
    if dataset is None:
        echo(f"interrupted; every completion is kept in {folder}: run it again to resume", err=True)
        raise SystemExit(ExitStatus.INTERRUPTED)
    if not dataset.complete and not quiet:
        kept, asked = build.tally.kept, compiled.spec.rows
        echo(f"note: {kept:,} of {asked:,} rows{f': {dataset.reason}' if dataset.reason else ''}", err=True)
    if not build.tally.kept:
        fail(f"{backend or 'the backend'} gave no rows", f"see {dataset.folder / 'quarantine.jsonl'}")
    return dataset.folder  # `incomplete` inside the folder, where a better dataset stands
