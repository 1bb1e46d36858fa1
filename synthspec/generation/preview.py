"""A few rows end to end, with all that was said on the way. The completions go to the build's own store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from synthspec.generation.build import Build, default_folder
from synthspec.inference.events import CallDone, Event, RowDropped, RowKept, RowMissing
from synthspec.lazy_dataclass import dataclass
from synthspec.sources import Table
from synthspec.spec import Spec
from synthspec.spec.messages import Completion, Request
from synthspec.spec.players import all_prompts
from synthspec.spec.rows import Missing, path_text


@dataclass(frozen=True, slots=True)
class Preview:
    """Calls in the order they ended, rows kept in plan order, rows that could not be had."""

    calls: tuple[Mapping[str, Any], ...]
    rows: tuple[Mapping[str, Any], ...]
    missing: tuple[Mapping[str, Any], ...]
    dropped: tuple[Mapping[str, Any], ...] = ()  # rows that a check left out

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


async def preview_rows(
    spec: Spec,
    tables: Mapping[str, Table],
    count: int,
    folder: Path | None = None,
    begin: Callable[[Build], Callable[[Event], None]] | None = None,
) -> Preview:
    """Make the first `count` rows of a spec. `begin` is given the build, and gives what is told each event of it.

    Raises:
        BuildFault, StoreFault: as `Build.events`.
    """
    calls: list[tuple[tuple[int, ...], Mapping[str, Any]]] = []
    position = {prompt.name: number for number, prompt in enumerate(all_prompts(spec))}
    rows: list[Mapping[str, Any]] = []
    missing: list[Mapping[str, Any]] = []
    dropped: list[Mapping[str, Any]] = []
    build = Build(
        replace(spec, rows=min(count, spec.rows), open_ended=False, limits=replace(spec.limits, engine="local")),
        tables,
        folder or default_folder(spec),
        writes=False,
    )
    tell = begin(build) if begin is not None else lambda event: None
    async with aclosing(build.events()) as events:
        async for event in events:
            tell(event)
            match event:
                case CallDone(request, path, completion):
                    place = (request.combination, request.attempt, position[request.prompt], *map(abs, path[1:]))
                    calls.append((place, _call(request, completion)))
                case RowKept(row):
                    rows.append({"row": row.slot, "path": path_text(row.path), "values": dict(row.values)})
                case RowMissing(lost):
                    missing.append(_missing(lost))
                case RowDropped(path, _, rule, reason, values):
                    told = {"path": path_text(path), "rule": rule, "reason": reason, "values": dict(values)}
                    dropped.append(told)
    calls.sort(key=lambda c: c[0])
    return Preview(tuple(call for _, call in calls), tuple(rows), tuple(missing), tuple(dropped))


def _call(request: Request, completion: Completion) -> dict[str, Any]:
    return {
        "prompt": request.prompt,
        "combination": request.combination,
        "attempt": request.attempt,
        **({"part": part} if (part := _part(request.variant)) else {}),
        "reused": completion.reused,
        "messages": [{"role": m.role, "content": m.shown} for m in request.messages],
        "completion": completion.reply.text,
    }


def _part(variant: tuple[str | int, ...]) -> str:
    """Which of the samples of one row it is: `sample 4`, as people count; "" for the first and where there are none."""
    return f"sample {variant[1] + 1}" if variant[:1] == ("sample",) and isinstance(variant[1], int) else ""


def _missing(lost: Missing) -> dict[str, Any]:
    return {
        "row": lost.slot,
        "path": path_text(lost.path),
        "lost_at": lost.stage.value,
        "reasons": list(lost.reasons),
    }
