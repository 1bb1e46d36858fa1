"""What the manifest and the card of a dataset say of the build that made it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from synthspec.dataset.manifest import BuildFacts, RunFacts, WrittenFile
from synthspec.document.source import NO_FILE
from synthspec.evaluation.call_tally import CallTally
from synthspec.evaluation.gates import GateResult, acceptance_of, text_fields
from synthspec.generation.scheduling.early_stop import EarlyStop
from synthspec.inference.accounting.counters import Tally
from synthspec.lazy_dataclass import dataclass
from synthspec.sources import TableFault
from synthspec.spec import BackendChoice, SourceTable, Spec


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """What the folder is told of the run that filled it."""

    tally: Tally
    calls: CallTally
    combinations: int
    backends: tuple[BackendChoice, ...]  # that its prompts ran on
    stopped: str | None  # why it ended early
    early: EarlyStop | None
    seconds: float


def facts_of_build(
    spec: Spec,
    run: FinishedRun,
    gates: tuple[GateResult, ...],
    files: Sequence[WrittenFile],
    splits: Mapping[str, Any],
    *,
    reviews: Mapping[str, Any],
    left: int,
    asked: Mapping[str, Any],
) -> BuildFacts:
    """All that the manifest and the card say. `reviews` are the figures of those laid over the rows, `left` the
    rows that left by them."""
    tally, choices = run.tally, run.backends
    return BuildFacts(
        name=spec.name,
        spec_digest=spec.digest,
        spec_file="" if spec.path.name == NO_FILE else spec.path.name,
        seed=spec.seed,
        rows=tally.planned,
        strategy=spec.plan.strategy,
        backend=", ".join(c.provider for c in choices),
        model=", ".join(c.model for c in choices),
        description=spec.description,
        license=spec.license,
        tags=spec.tags,
        models_reported=tuple(tally.counted.models),
        funnel=tally.funnel(),
        rejections=dict(sorted(tally.rejections.items())),
        warnings=dict(sorted(tally.warnings.items())),
        dropped=dict(sorted(tally.dropped.items())),
        prompt_tokens=tally.counted.prompt_tokens,
        completion_tokens=tally.counted.completion_tokens,
        completions=tally.counted.completions,
        unmeasured=tally.counted.unmeasured,
        cost=tally.counted.whole_cost,
        prompts=run.calls.figures(),
        sources={s.name: _contents(s) for s in spec.sources.values() if s.kind != "rows"},
        texts=text_fields(spec),
        asked=asked,
        partition_by=spec.output.partition_by,
        tables=tuple(t.name for t in spec.output.tables),
        splits=splits,
        files=tuple(files),
        quarantined=tally.lost + left,
        reviews=reviews,
        gates={g.text: g.holds for g in gates},
        metrics=_measured(tally, gates),
        run=_facts_of_run(run),
    )


def _measured(tally: Tally, gates: Sequence[GateResult]) -> dict[str, float]:
    """The acceptance, and the metrics that gates read, where they are known."""
    figures = [("acceptance", acceptance_of(tally)), *(item for gate in gates for item in gate.figures.items())]
    return {name: value for name, value in figures if math.isfinite(value)}


def _facts_of_run(run: FinishedRun) -> RunFacts:
    tally = run.tally
    servers = [{"answered": s.answered, "failed": s.failed} for s in tally.servers.values()]
    return RunFacts(
        tally.calls,
        tally.reused,
        tally.spent,
        run.seconds,
        run.calls.latencies(),
        stopped=run.stopped,
        servers=servers,
        surplus=tally.seen.completions - tally.counted.completions,
    )


def _contents(source: SourceTable) -> dict[str, Any]:
    """What a dataset says of a source that it was drawn from; without a digest where the data is gone or changed."""
    about = {"kind": source.kind, **source.origin}
    try:
        return {**about, "digest": source.digest()} if source.digest is not None else about
    except (OSError, TableFault):
        return about
