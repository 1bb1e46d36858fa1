"""The last lines of a build: what came, how long it took, what it cost, and what to do next."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from synthspec.cli.shared.servers import server_line
from synthspec.generation.scheduling.early_stop import EarlyStop
from synthspec.spec.rows import Stage

if TYPE_CHECKING:
    from synthspec.generation.built_dataset import Dataset
    from synthspec.generation.monitoring.build_summary import BuildSummary
    from synthspec.inference.accounting.counters import Repetition

SHOWN = 8  # files named
_UNANSWERED = "without a reply"  # rows of which a call was not made, or failed


def summary_lines(summary: BuildSummary, dataset: Dataset, watch: Repetition | None) -> Iterator[str]:
    """How a build went, for a person."""
    wanted, kept = summary.planned, summary.kept
    missing = "" if dataset.complete else f"; {wanted - kept:,} missing"
    yield f"{kept:,} of {wanted:,} rows{missing}, in {_duration(summary.seconds)}"
    if summary.reason:
        yield f"stopped: {summary.reason}"
    if summary.completions:
        yield f"  calls: {summary.calls:,} made, {summary.cached:,} cached; {_tokens(summary)}; {_cost(summary)}"
    if summary.lost_calls:
        yield f"  {_lost(summary)}"
    if summary.servers:
        answered, failed = ({s: n[what] for s, n in summary.servers.items()} for what in ("answered", "failed"))
        yield "  " + server_line(answered, failed, {})
    if summary.missing and summary.faults and summary.last_fault not in (summary.reason or ""):
        yield f"  failed calls: {_commonest(summary.faults)}; the last: {summary.last_fault}"
    lost = ", ".join(
        f"{n:,} {_UNANSWERED if stage == Stage.CALL else f'not {stage}'}" for stage, n in summary.missing.items()
    )
    if lost:
        yield f"  missing rows and why: {summary.folder / 'quarantine.jsonl'} ({lost})"
    if summary.dropped:
        yield f"  dropped: {_commonest(summary.dropped)}"
    if summary.rejections:
        yield f"  rejected on the way: {_commonest(summary.rejections)}"
    if reviews := dataset.manifest.get("reviews"):
        said = ", ".join(f"{n:,} {name}" for name, n in reviews.items() if name != "digest")
        yield f"  reviews: {said or 'none that changes a row'}"
    for mark, count in watch.dry.most_common(3) if watch is not None else ():
        yield f"  ran dry: {mark or 'the spec'} gave {count} repeats in a row; vary its prompt or ask for fewer rows"
    for gate in summary.gates:
        figures = ", ".join(f"{n} = {'unknown' if math.isnan(v) else f'{v:.4g}'}" for n, v in gate.figures.items())
        yield f"  gate {'passed' if gate.holds else 'FAILED'}: {gate.text}  ({figures})"
        yield from (f"    {failure}" for failure in gate.failures)
    for path in summary.files[:SHOWN]:
        yield f"  {path}"
    if len(summary.files) > SHOWN:
        yield f"  … and {len(summary.files) - SHOWN} more files"
    yield from _next(dataset, kept)


def _commonest(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{rule} {n:,}" for rule, n in islice(counts.items(), 5))


def _next(dataset: Dataset, rows: int) -> Iterator[str]:
    """What to do now, by how it ended."""
    report = f"synthspec report {dataset.folder}"
    if dataset.kept_instead is not None:
        kept = int(dataset.kept_instead["funnel"]["kept"])
        standing = f"{dataset.folder.parent} still contains the {kept:,} rows of an earlier build"
        yield f"{standing}; the rows of this one are in {dataset.folder}"
        yield "next: build again to have every row, or with --replace to take these"
    elif dataset.early is EarlyStop.ALL_TRIED:
        yield "next: raise `limits.combinations`, or edit the lists and checks that leave so few rows"
    elif dataset.early is EarlyStop.SATURATED:
        yield f"next: give the prompts more that varies (parameters, `novelty.avoid`), or keep what there is: {report}"
    elif dataset.reason:
        yield "next: build again to resume; calls that are paid for are cached"
    elif not dataset.complete and not rows:
        yield "next: see why in the quarantine, and try an edit on a few rows: synthspec preview SPEC"
    elif not dataset.complete:
        yield f"next: see why in the quarantine and edit the spec, or keep what there is: {report}"
    elif not all(g.holds for g in dataset.gates):
        yield f"next: see what failed its gate: {report}"
    elif rows:
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


def _lost(summary: BuildSummary) -> str:
    """Calls that may be paid for, though nothing came of them."""
    calls = "1 more call" if summary.lost_calls == 1 else f"{summary.lost_calls:,} more calls"
    most = summary.lost_at_most
    return f"{calls} without a usable reply, which may be charged for: " + (
        "at a price that is not known" if most is None else f"${most:,.4f} at most"
    )


def _tokens(summary: BuildSummary) -> str:
    known = f"{summary.prompt_tokens + summary.completion_tokens:,} tokens"
    if not summary.unmeasured:
        return known
    return f"{known} and some that are not known" if summary.tokens_known else "tokens unknown"


def _cost(summary: BuildSummary) -> str:
    """What this build spent, and what all its completions cost where some were paid for before."""
    now, whole = summary.cost_of_run, summary.cost_of_dataset
    if now is None and not summary.unpriced:
        calls = "1 call" if summary.untold == 1 else f"{summary.untold:,} calls"
        return f"cost unknown: the server does not tell the tokens of {calls}"
    if now is None:
        return "cost unknown: set the backend's `prices`"
    if now == 0:
        return "nothing to pay"
    if whole is None:
        return f"${now:,.4f} spent, unknown what earlier builds spent"
    return f"${now:,.4f} spent" + (f", ${whole:,.4f} with earlier builds" if whole > now else "")
