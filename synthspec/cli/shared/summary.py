"""The last lines of a build: what came, how long it took, what it cost, and what to do next."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synthspec.generation.built_dataset import Dataset
    from synthspec.inference.accounting.counters import Tally

SHOWN = 8  # files named


def summary_lines(dataset: Dataset, tally: Tally) -> Iterator[str]:
    """How a build went, for a person."""
    wanted, seconds = tally.planned, float(dataset.manifest["run"]["seconds"])
    missing = "" if dataset.complete else f"; {wanted - tally.kept:,} missing"
    yield f"{tally.kept:,} of {wanted:,} rows{missing}, in {_duration(seconds)}"
    if dataset.reason:
        yield f"stopped: {dataset.reason}"
    if tally.calls or tally.reused:
        yield f"  calls: {tally.calls:,} made, {tally.reused:,} cached; {_tokens(tally)}; {_cost(dataset)}"
    lost = ", ".join(f"{n:,} not {stage.value}" for stage, n in tally.missing.items() if n)
    if lost:
        yield f"  missing rows and why: {dataset.folder / 'quarantine.jsonl'} ({lost})"
    if tally.dropped:
        yield "  dropped: " + ", ".join(f"{rule} {n:,}" for rule, n in tally.dropped.most_common(5))
    if tally.rejections:
        yield "  rejected on the way: " + ", ".join(f"{rule} {n:,}" for rule, n in tally.rejections.most_common(5))
    for mark, count in tally.watch.dry.most_common(3) if tally.watch is not None else ():
        yield f"  ran dry: {mark or 'the spec'} gave {count} repeats in a row; vary its prompt or ask for fewer rows"
    for gate in dataset.gates:
        figures = ", ".join(f"{n} = {'unknown' if math.isnan(v) else f'{v:.4g}'}" for n, v in gate.figures.items())
        yield f"  gate {'passed' if gate.holds else 'FAILED'}: {gate.text}  ({figures})"
        yield from (f"    {failure}" for failure in gate.failures)
    for path in dataset.files[:SHOWN]:
        yield f"  {path}"
    if len(dataset.files) > SHOWN:
        yield f"  … and {len(dataset.files) - SHOWN} more files"
    yield from _next(dataset, tally)


def _next(dataset: Dataset, tally: Tally) -> Iterator[str]:
    """What to do now, by how it ended."""
    report = f"synthspec report {dataset.folder}"
    if dataset.kept_instead is not None:
        kept = int(dataset.kept_instead["funnel"]["kept"])
        standing = f"{dataset.folder.parent} still holds the {kept:,} rows of an earlier build"
        yield f"{standing}; the rows of this one are in {dataset.folder}"
        yield "next: build again to have every row, or with --replace to take these"
    elif dataset.reason:
        yield "next: build again to go on; calls that are paid for are cached"
    elif not dataset.complete and not tally.kept:
        yield "next: see why in the quarantine, and try an edit on a few rows: synthspec preview SPEC"
    elif not dataset.complete:
        yield f"next: see why in the quarantine and edit the spec, or keep what there is: {report}"
    elif not all(g.holds for g in dataset.gates):
        yield f"next: see what failed its gate: {report}"
    elif tally.kept:
        yield f"next: {report}"


def _duration(seconds: float) -> str:
    """A time as people say it.

    >>> _duration(0.24), _duration(75), _duration(7300)
    ('0.2 s', '1 min 15 s', '2 h 1 min')
    """
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _tokens(tally: Tally) -> str:
    known = f"{tally.prompt_tokens + tally.completion_tokens:,} tokens"
    if not tally.unmeasured:
        return known
    none = tally.unmeasured == tally.calls + tally.reused
    return "tokens unknown" if none else f"{known} and some that are not known"


def _cost(dataset: Dataset) -> str:
    """What this build spent, and what all its completions cost where some were paid for before."""
    now, whole = dataset.manifest["run"]["cost"], dataset.manifest["cost"]
    if now is None:
        return "cost unknown: set the backend's `prices`"
    if now == 0:
        return "nothing to pay"
    return f"${now:,.4f} spent" + ("" if whole is None or whole <= now else f", ${whole:,.4f} with earlier builds")
