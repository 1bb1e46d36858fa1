"""A few rows end to end, with all that was said on the way. The completions go to the build's own store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from synthspec.builder import BuildControl, default_folder, run_rows
from synthspec.engines.frontier import Missing
from synthspec.records import Completion, Request, Row
from synthspec.spec import Spec
from synthspec.tables import Table


@dataclass(frozen=True, slots=True)
class Preview:
    """Calls in the order they ended, rows kept in plan order, rows that could not be had."""

    calls: tuple[Mapping[str, Any], ...]
    rows: tuple[Mapping[str, Any], ...]
    missing: tuple[Mapping[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


async def preview_rows(spec: Spec, tables: Mapping[str, Table], count: int, folder: Path | None = None) -> Preview:
    """Make the first `count` rows of a spec.

    Raises:
        BuildFault, StoreFault: as `build_dataset`.
    """
    control = BuildControl()
    calls: list[Mapping[str, Any]] = []
    rows: list[Mapping[str, Any]] = []
    missing: list[Mapping[str, Any]] = []

    def called(request: Request, completion: Completion) -> None:
        calls.append(
            {
                "prompt": request.prompt,
                "combination": request.combination,
                "attempt": request.attempt,
                "reused": completion.reused,
                "messages": [{"role": m.role, "content": m.content} for m in request.messages],
                "completion": completion.reply.text,
            }
        )

    def taken(outcome: Row | Missing) -> None:
        if isinstance(outcome, Row):
            rows.append({"row": outcome.slot, "values": dict(outcome.values)})
        else:
            missing.append({"row": outcome.slot, "lost_at": outcome.stage.value, "reasons": list(outcome.reasons)})

    control.on_call, control.on_row = called, taken
    await run_rows(replace(spec, rows=min(count, spec.rows)), tables, folder or default_folder(spec), control)
    calls.sort(key=lambda c: (c["combination"], c["attempt"]))
    return Preview(tuple(calls), tuple(rows), tuple(missing))
