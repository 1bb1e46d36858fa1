"""How a build ended, as one value: what the last lines, `--summary` and the last event of `--events` all say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthspec.diagnostics.errors import ExitStatus
from synthspec.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from synthspec.evaluation.gates import GateResult
    from synthspec.generation.build import Build
    from synthspec.inference.accounting.counters import Tally

SCHEMA = 1  # raised where a key goes or changes its meaning; keys may be added
OUTCOMES: Mapping[int, str] = {
    ExitStatus.DONE: "complete",
    ExitStatus.FAILED: "incomplete",
    ExitStatus.GATE_FAILED: "gate failed",
    ExitStatus.INTERRUPTED: "interrupted",
}


@dataclass(frozen=True, slots=True)
class EarlyEnd:
    """What a command said as it ended early."""

    message: str
    help: str = ""


@dataclass(frozen=True, slots=True)
class BuildSummary:
    """The figures of a build that came to its end, or was ended. Costs are US dollars; None is not known."""

    dataset: str
    folder: Path
    status: int  # the exit status
    failure: EarlyEnd | None  # where there is no dataset and it was not interrupted
    reason: str | None  # why it stopped early
    planned: int
    kept: int
    missing: Mapping[str, int]  # by the stage that rows did not pass
    dropped: Mapping[str, int]  # by rule
    calls: int  # made in this run
    cached: int
    retries: int
    faults: Mapping[str, int]  # of calls that were retried, by kind
    last_fault: str  # what the last call that failed came to; "" where none did
    prompt_tokens: int  # of what is known
    completion_tokens: int
    unmeasured: int  # completions whose tokens are not known
    untold: int  # calls of this run whose cost is not known because the provider does not tell their tokens
    unpriced: int  # the same because they have no price
    cost_of_run: float | None
    cost_of_dataset: float | None  # of every completion that it is made of
    lost_calls: int  # without a reply that can be used, which the provider may charge for
    lost_at_most: float | None  # what it may charge for them
    rejections: Mapping[str, int]  # by rule
    warnings: Mapping[str, int]
    gates: tuple[GateResult, ...]
    files: tuple[Path, ...]
    seconds: float
    servers: Mapping[str, Mapping[str, int]]  # calls answered and failed in this run, where a backend has several

    @property
    def completions(self) -> int:
        return self.calls + self.cached

    @property
    def tokens_known(self) -> bool:
        """Whether the tokens of any completion are known, or there was none."""
        return not self.completions or self.unmeasured < self.completions

    @property
    def outcome(self) -> str:
        """`complete`, `incomplete`, `gate failed`, `interrupted` or `error`."""
        return "error" if self.failure is not None else OUTCOMES.get(self.status, "error")


def summarise(build: Build, status: int, seconds: float, failure: EarlyEnd | None = None) -> BuildSummary:
    """How a build ended. `seconds` is how long it took, where no dataset says that."""
    tally, dataset = build.tally, build.dataset
    return BuildSummary(
        dataset=build.spec.name,
        folder=build.folder if dataset is None else dataset.folder,
        status=status,
        failure=failure,
        reason=build.stopping if dataset is None else dataset.reason,
        planned=tally.planned,
        kept=tally.kept,
        missing={stage.value: n for stage, n in tally.missing.items() if n},
        dropped=_commonest(tally.dropped),
        **_calls(tally, dataset is not None),
        rejections=_commonest(tally.rejections),
        warnings=_commonest(tally.warnings),
        gates=() if dataset is None else dataset.gates,
        files=() if dataset is None else dataset.files,
        seconds=round(seconds, 3) if dataset is None else float(dataset.manifest["run"]["seconds"]),
    )


def _calls(tally: Tally, written: bool) -> dict[str, Any]:
    return {
        "calls": tally.calls,
        "cached": tally.reused,
        "retries": tally.retries,
        "faults": _commonest(tally.faults),
        "last_fault": tally.last_fault,
        "prompt_tokens": tally.seen.prompt_tokens,
        "completion_tokens": tally.seen.completion_tokens,
        "unmeasured": tally.seen.unmeasured,
        "untold": tally.untold_now,
        "unpriced": tally.unpriced_now - tally.untold_now,
        "cost_of_run": _rounded(tally.spent),
        "cost_of_dataset": _rounded((tally.counted if written else tally.seen).whole_cost),
        "lost_calls": tally.lost_calls,
        "lost_at_most": _rounded(tally.lost_at_most),
        "servers": {name: {"answered": s.answered, "failed": s.failed} for name, s in tally.servers.items()},
    }


def _commonest(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: -item[1]))


def _rounded(cost: float | None) -> float | None:
    return None if cost is None else round(cost, 9)


def summary_json(summary: BuildSummary) -> dict[str, Any]:
    """The summary as plain values for a program; null is not known."""
    known = summary.tokens_known
    return {
        "schema": SCHEMA,
        "dataset": summary.dataset,
        "folder": str(summary.folder),
        "status": summary.status,
        "outcome": summary.outcome,
        "reason": summary.reason,
        "error": None if summary.failure is None else _failure_json(summary.failure),
        "seconds": summary.seconds,
        "rows": {
            "planned": summary.planned,
            "kept": summary.kept,
            "missing": sum(summary.missing.values()),
            "missing_by_stage": dict(summary.missing),
            "dropped": dict(summary.dropped),
        },
        "calls": {
            "made": summary.calls,
            "cached": summary.cached,
            "retries": summary.retries,
            "faults": dict(summary.faults),
            "last_fault": summary.last_fault or None,
            "lost": summary.lost_calls,
            **({"servers": {name: dict(s) for name, s in summary.servers.items()}} if summary.servers else {}),
        },
        "tokens": {
            "prompt": summary.prompt_tokens if known else None,
            "completion": summary.completion_tokens if known else None,
            "calls_of_unknown_tokens": summary.unmeasured,
        },
        "cost": {
            "run": summary.cost_of_run,
            "dataset": summary.cost_of_dataset,
            "lost_at_most": summary.lost_at_most,
        },
        "rejections": dict(summary.rejections),
        "warnings": dict(summary.warnings),
        "gates": [_gate_json(g) for g in summary.gates],
        "files": [str(path) for path in summary.files],
        "quarantine": str(summary.folder / "quarantine.jsonl") if summary.missing and summary.files else None,
    }


def failed_json(status: int, failure: EarlyEnd) -> dict[str, Any]:
    """The summary of a command that ended before any build began."""
    outcome = OUTCOMES[ExitStatus.INTERRUPTED] if status == ExitStatus.INTERRUPTED else "error"
    return {"schema": SCHEMA, "status": status, "outcome": outcome, "error": _failure_json(failure)}


def _failure_json(failure: EarlyEnd) -> dict[str, str]:
    return {"message": failure.message, "help": failure.help}


def _gate_json(gate: GateResult) -> dict[str, Any]:
    figures = {name: value if math.isfinite(value) else None for name, value in gate.figures.items()}
    return {"gate": gate.text, "passed": gate.holds, "figures": figures, "failures": list(gate.failures)}
