"""What became of the rows asked for: how many are there, and why the rest are not."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from synthspec.dataset.manifest import FUNNEL, rows_taken_out
from synthspec.lazy_dataclass import dataclass

_LOST = {
    "called": "the call for them failed",
    "parsed": "no reply could be read",
    "valid": "every try broke a rule",
    "novel": "every try was too much like another row",
}


@dataclass(frozen=True, slots=True)
class MissingRows:
    """Rows that are missing for one reason."""

    count: int
    why: str


@dataclass(frozen=True, slots=True)
class RowsAccount:
    """`asked` is `kept` and all of `missing`. `dropped` are rows that the spec did not want, beside those."""

    asked: int
    kept: int
    missing: tuple[MissingRows, ...]
    dropped: int = 0
    stopped: str = ""  # why the build ended early

    @property
    def complete(self) -> bool:
        return self.kept >= self.asked

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def rows_account(manifest: Mapping[str, Any] | None) -> RowsAccount | None:
    """The account of a build, from its manifest; None where that does not tell of rows."""
    funnel = (manifest or {}).get("funnel")
    if manifest is None or not isinstance(funnel, Mapping) or not {"planned", "kept"} <= funnel.keys():
        return None
    counts: dict[str, int] = {step: funnel[step] for step in FUNNEL if _is_count(funnel.get(step))}
    if not {"planned", "kept"} <= counts.keys():
        return None
    run, dropped = manifest.get("run"), manifest.get("dropped")
    stopped = str(run.get("stopped") or "") if isinstance(run, Mapping) else ""
    quarantined = manifest.get("quarantined")
    lost = quarantined if _is_count(quarantined) else None
    taken = min(rows_taken_out(manifest), counts["kept"])
    missing = [*_missing(counts, None if lost is None else max(lost - taken, 0), stopped)]
    return RowsAccount(
        counts["planned"],
        counts["kept"] - taken,
        (*missing, *([MissingRows(taken, "taken out by a review")] if taken else [])),
        sum(_counts(dropped)),
        stopped,
    )


def _counts(told: Any) -> Iterator[int]:
    """The counts of a map."""
    if isinstance(told, Mapping):
        yield from (n for n in told.values() if _is_count(n))


def _missing(counts: Mapping[str, int], lost: int | None, stopped: str) -> Iterator[MissingRows]:
    """By stage as far as the stages say it; what they leave was not asked for."""
    short = max(counts["planned"] - counts["kept"], 0)
    never = max(short - lost, 0) if lost is not None else 0
    if never:
        yield MissingRows(never, f"not asked for: {stopped}" if stopped else "not asked for before the build ended")
    left = short - never
    steps = [s for s in FUNNEL if s in counts]
    found = []
    for before, step in itertools.pairwise(steps):
        gone = counts[before] - counts[step] - (never if step == "called" else 0)
        if gone > 0 and left > 0 and step in _LOST:
            found.append(MissingRows(min(gone, left), _LOST[step]))
            left -= min(gone, left)
    yield from sorted(found, key=lambda m: -m.count)
    if left:
        yield MissingRows(left, "lost; the build does not say at which step")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
