"""What `review` does: applying, exporting, importing, taking back, and how far it has come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from synthspec.cli.shared.echo import echo, echo_json
from synthspec.cli.shared.show import compile_or_exit, fail
from synthspec.dataset.manifest import read_manifest
from synthspec.diagnostics.errors import ExitStatus
from synthspec.evaluation.agreement import Agreement
from synthspec.generation.reviewing.progress import ReviewProgress
from synthspec.generation.reviewing.saying import ReviewDesk, RowRemark
from synthspec.generation.reviewing.spec_note import noted_spec
from synthspec.inference.store.reviews import Reviews, read_reviews
from synthspec.sources.kinds import Access

SHOWN = 8  # rows named in a line


def desk_of(folder: Path, spec: Path | None, access: Access) -> ReviewDesk:
    """Where reviews of a folder are taken, with the rules of its spec where that can be found."""
    from synthspec.compiler import compile_spec
    from synthspec.generation.reviewing.editing import open_editor

    note = noted_spec(folder)
    place = spec or (note.path if note is not None else None)
    if place is None or not place.is_file():
        echo("note: the spec of this folder is not known (--spec names it): edits are checked when applied", err=True)
        return ReviewDesk(folder)
    compiled = compile_spec(place, {} if note is None else note.overrides, access=access)
    if compiled.spec is None or not compiled.ok:
        fail(
            f"'{place}' has errors: reviews cannot be checked against its rules",
            f"see `synthspec check {place}`",
            1,
        )
    return ReviewDesk(folder, open_editor(compiled.spec, compiled.tables), compiled.spec.prompts)


def apply_reviews(folder: Path, spec: Path | None, access: Access, *, form: str, quiet: bool, no_color: bool) -> int:
    """Rewrite the files of a dataset as its reviews have it; the exit status."""
    from synthspec.cli.shared.run_build import run_with_signals
    from synthspec.generation.build import Build

    manifest = read_manifest(folder)
    if manifest is None:
        fail(f"'{folder}' contains no dataset", "name the folder that a build wrote to", 1)
    note = noted_spec(folder)
    place = spec or (note.path if note is not None else None)
    if place is None or not place.is_file():
        where = f"it was {place}" if place is not None else "it is not noted in this folder"
        fail(f"the spec of '{folder}' is not there: {where}", "name it with --spec SPEC", 1)
    overrides = dict(note.overrides) if note is not None else {}
    compiled = compile_or_exit(place, overrides, access=access, no_color=no_color, quiet=True, form=form)
    assert compiled.spec is not None
    if compiled.spec.digest != manifest.get("spec", {}).get("digest"):
        help = f"build it: `synthspec build {place}` applies reviews too"
        fail(f"'{place}' has changed since this dataset was built", help, 1)
    here = replace(compiled.spec, limits=replace(compiled.spec.limits, engine="local"))
    build = Build(here, compiled.tables, folder, calls=False)
    asyncio.run(run_with_signals(build, lambda event: None))
    if build.dataset is None:
        return ExitStatus.INTERRUPTED
    facts = build.dataset.manifest.get("reviews", {})
    if form == "json":
        echo_json(build.dataset.manifest)
    elif not quiet:
        for line in applied_lines(facts, folder):
            echo(line)
    return build.dataset.status


def applied_lines(counts: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """What reviews came to in a dataset, as its manifest says."""
    said = ", ".join(f"{counts[name]:,} {name}" for name in COUNTED if counts.get(name))
    yield f"reviews applied: {said or 'none'}"
    if counts.get("rejected") or counts.get("refused"):
        yield f"  rows that left, and why: {folder / 'quarantine.jsonl'}"
    if counts.get("refused"):
        yield "  refused: edits that break a rule of the spec; their rows left with the reason"


COUNTED = ("accepted", "edited", "rejected", "refused", "retried", "flagged", "stale")


def undo_reviews(folder: Path, which: str, who: str, *, everyone: bool) -> None:
    """Take reviews back: one by its number, or all, of one reviewer or of everyone."""
    numbers = []
    with Reviews(folder) as reviews:
        if which == "all":
            open_ones = [r for r in reviews.iterate() if r.undone_by is None]
            numbers = [r.id for r in open_ones if everyone or r.reviewer == who]
        elif which.isdigit():
            numbers = [int(which)]
        else:
            fail(f"'{which}' is not a review", "write the number of one, as `--export` shows it, or `all`", 2)
        done = sum(reviews.undo(number, who) for number in numbers)
    if which != "all" and not done:
        fail(f"there is no review {which}, or it was taken back before", "see `--export FILE`", 1)
    echo(f"{done:,} taken back", err=True)


def export_reviews(folder: Path, path: Path, *, every: bool) -> None:
    """Write the reviews of a folder to a table."""
    from synthspec.cli.shared.written import give
    from synthspec.generation.reviewing.sheet import form_of, is_sheet, sheet_rows, sheet_text

    form = form_of(path)
    if path.is_file() and not is_sheet(path):
        fail(f"'{path}' is not a table of reviews, and would be overwritten", "name another file", 2)
    with Reviews(folder) as reviews:
        held = list(reviews.iterate())
    give(sheet_text(sheet_rows(folder, held, every=every), form), path)


def import_reviews(desk: ReviewDesk, path: Path, who: str) -> None:
    """Take in the reviews of a table, all of them or none; what is wrong is told by line."""
    from synthspec.generation.reviewing.sheet import read_sheet

    held = read_reviews(desk.folder)
    lines = read_sheet(path, desk.folder, desk.editor, who, held)
    faults = [(number, said) for number, said in lines if isinstance(said, str)]
    told = [(number, said) for number, said in lines if isinstance(said, RowRemark)]
    checked = desk.check([said for _, said in told], held)
    faults += [(number, one.fault) for (number, _), one in zip(told, checked, strict=True) if one.fault]
    if faults:
        for number, fault in sorted(faults):
            echo(f"{path}:{number}: {fault}", err=True)
        fail(
            f"{len(faults):,} of {len(lines):,} lines cannot be imported",
            "nothing was; correct them and import it again",
            1,
        )
    noted = desk.say([said for _, said in told])
    new = sum(one.entry is not None for one in noted)
    echo(f"{new:,} reviews imported; the others were already there", err=True)


def progress_lines(progress: ReviewProgress, folder: Path) -> Iterator[str]:
    """How far a review has come, for a person."""
    share = f" ({progress.reviewed / progress.rows:.0%})" if progress.rows else ""
    yield f"{progress.reviewed:,} of {progress.rows:,} rows reviewed{share}"
    if progress.verbs:
        words = {"accept": "accepted", "edit": "edited", "reject": "rejected", "retry": "to be retried"}
        yield "  " + ", ".join(f"{n:,} {words[verb]}" for verb, n in progress.verbs.items())
    if progress.flagged or progress.noted:
        yield f"  {progress.flagged:,} flagged, {progress.noted:,} with a note"
    if progress.stale:
        yield f"  stale, for their rows are others now: {_named(progress.stale)}"
    if progress.reviewers:
        yield "  by " + ", ".join(f"{name} {n:,}" for name, n in progress.reviewers.items())
    for (one, other), found in progress.agreements.items():
        yield f"  {one} and {other}: {agreement_line(found)}"
    if progress.disputed:
        yield f"  they differ on: {_named(progress.disputed)}"
    if progress.waiting:
        yield f"next: build it, which asks again for {_named(progress.waiting)}"
    elif not progress.applied:
        yield f"next: synthspec review {folder} --apply"


def agreement_line(found: Agreement) -> str:
    """The agreement of two reviewers in words."""
    if found.share is None:
        return "no row was judged by both, so their agreement is undefined"
    kappa = "undefined, for each gave one verdict alone" if found.kappa is None else f"{found.kappa:.2f}"
    rows = "1 row" if found.rows == 1 else f"{found.rows:,} rows"
    return f"agree on {found.agreed:,} of {rows} ({found.share:.0%}); Cohen's kappa {kappa}"


def _named(paths: tuple[str, ...]) -> str:
    more = f" and {len(paths) - SHOWN:,} more" if len(paths) > SHOWN else ""
    return ", ".join(paths[:SHOWN]) + more
