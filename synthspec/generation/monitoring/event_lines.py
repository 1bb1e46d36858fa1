"""The events of a build as lines of JSON: one object a line, ASCII, with a version, a number and a time.

What rows hold, and reasons that quote it, is left out unless asked for: lines go to logs, and rows are in the dataset.
`docs/operations.md` lists every event; `EVENTS` is what it is tested against.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from synthspec import __version__
from synthspec.dataset.cells import plain
from synthspec.generation.build import Build
from synthspec.generation.monitoring.build_summary import BuildSummary, summary_json
from synthspec.generation.monitoring.endpoint_names import is_priced, names_of_endpoints
from synthspec.generation.monitoring.line_file import LineFile
from synthspec.inference import events as told
from synthspec.inference.events import Event
from synthspec.spec.messages import Request
from synthspec.spec.rows import Rejection, path_text

VERSION = 1  # raised where a key goes or changes its meaning; keys and events may be added
MARK = b'{"v":'  # how every line begins
_CALL = ("path", "prompt", "attempt", "backend")
EVENTS: Mapping[str, tuple[str, ...]] = {  # each event, and its keys beside `v`, `n`, `t` and `event`
    "started": ("dataset", "folder", "rows", "version", "pid"),
    "planned": ("combinations", "cost", "tokens"),
    "forecast": ("stored", "to_make"),
    "call_begun": _CALL,
    "call_unsent": _CALL,
    "call_done": (
        *_CALL,
        "key",
        "cached",
        "finish",
        "model",
        "prompt_tokens",
        "completion_tokens",
        "cost",
        "latency",
        "server",
    ),
    "call_failed": (*_CALL, "kind", "again", "server", "message", "cost_at_most"),
    "server_change": ("server", "fault"),
    "counted": ("path", "asked", "held", "rejections"),
    "row_ready": ("path",),
    "row_rejected": ("path", "rejections"),
    "row_kept": ("path", "row", "combination"),
    "row_missing": ("path", "row", "combination", "stage"),
    "row_empty": ("path",),
    "row_dropped": ("path", "combination", "rule"),
    "spend": ("cost", "tokens"),
    "batch_moved": ("batch", "provider", "state", "count", "done", "strange", "fault"),
    "paused": (),
    "resumed": (),
    "stop": ("reason",),
    "ended": ("status", "summary"),
}
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"), check_circular=False).encode


class EventLines:
    """Writes the events of one build to a file of lines. With `rows` they hold the values of rows, and reasons."""

    def __init__(self, file: LineFile, build: Build, *, rows: bool, clock: Callable[[], float] = time.time) -> None:
        self._file, self._build, self._rows, self._clock = file, build, rows, clock
        self._count = 0
        self._backends = names_of_endpoints(build.spec)
        self._priced = is_priced(build.spec)
        spec = build.spec
        self._tell(
            "started",
            {
                "dataset": spec.name,
                "folder": str(build.folder),
                "rows": None if spec.open_ended else spec.rows,
                "version": __version__,
                "pid": os.getpid(),
            },
        )

    def take(self, event: Event) -> None:
        """One event of the build."""
        self._tell(*self._told(event))

    def end(self, summary: BuildSummary) -> None:
        """The last line of a run."""
        self._tell("ended", {"status": summary.status, "summary": summary_json(summary)})

    def _tell(self, name: str, facts: Mapping[str, Any]) -> None:
        record = {"v": VERSION, "n": self._count, "t": round(self._clock(), 3), "event": name, **facts}
        self._count += 1
        self._file.put(_encode(record).encode("ascii") + b"\n")

    def _told(self, event: Event) -> tuple[str, dict[str, Any]]:
        match event:
            case told.CallBegun(request, path):
                return "call_begun", self._call(request, path)
            case told.CallUnsent(request, path):
                return "call_unsent", self._call(request, path)
            case told.CallDone(request, path, completion, server):
                reply = completion.reply
                return "call_done", {
                    **self._call(request, path),
                    "key": completion.key,
                    "cached": completion.reused,
                    "finish": reply.finish,
                    "model": reply.model,
                    "prompt_tokens": reply.usage.prompt_tokens,
                    "completion_tokens": reply.usage.completion_tokens,
                    "cost": completion.cost,
                    "latency": round(completion.latency, 4),
                    "server": server or None,
                    **({"text": reply.text} if self._rows else {}),
                }
            case told.CallFailed(request, path, kind, again, server, message, charged):
                facts = {"kind": kind, "again": again, "server": server or None, "message": message}
                facts["cost_at_most"] = charged
                return "call_failed", {**self._call(request, path), **facts}
            case told.Counted(path, asked, held, rejections):
                facts = {"path": path_text(path), "asked": asked, "held": held}
                return "counted", {**facts, "rejections": self._rejections(rejections)}
            case told.RowReady(path, values):
                return "row_ready", {"path": path_text(path), **self._values(values)}
            case told.RowRejected(path, rejections):
                return "row_rejected", {"path": path_text(path), "rejections": self._rejections(rejections)}
            case _:
                return self._told_of_row(event)

    def _told_of_row(self, event: Event) -> tuple[str, dict[str, Any]]:
        match event:
            case told.RowKept(row):
                facts = {"path": path_text(row.path), "row": row.slot, "combination": row.combination}
                return "row_kept", {**facts, **self._values(row.values)}
            case told.RowMissing(missing):
                facts = {"path": path_text(missing.path), "row": missing.slot, "combination": missing.combination}
                reasons = {"reasons": list(missing.reasons)} if self._rows else {}
                return "row_missing", {
                    **facts,
                    "stage": missing.stage.value,
                    **reasons,
                    **self._values(missing.values),
                }
            case told.RowEmpty(path, values):
                return "row_empty", {"path": path_text(path), **self._values(values)}
            case told.RowDropped(path, combination, rule, reason, values):
                facts = {"path": path_text(path), "combination": combination, "rule": rule}
                return "row_dropped", {**facts, **({"reason": reason} if self._rows else {}), **self._values(values)}
            case _:
                return self._told_of_run(event)

    def _told_of_run(self, event: Event) -> tuple[str, dict[str, Any]]:
        match event:
            case told.Started(plan, budget):
                return "planned", {"combinations": len(plan), **self._used(budget.cost, budget.tokens)}
            case told.Forecast(stored, to_make):
                return "forecast", {"stored": stored, "to_make": to_make}
            case told.Spend(cost, tokens):
                return "spend", self._used(cost, tokens)
            case told.ServerChange(server, fault):
                return "server_change", {"server": server, "fault": fault or None}
            case told.BatchMoved(intent, provider, state, count, done, _, strange, fault):
                facts = {"batch": intent, "provider": provider, "state": state, "count": count}
                return "batch_moved", {**facts, "done": done, "strange": strange, "fault": fault or None}
            case told.Paused():
                return "paused", {}
            case told.Resumed():
                return "resumed", {}
            case told.Stop(reason):
                return "stop", {"reason": reason}
        return type(event).__name__.lower(), {}  # never to harm a build; the tests see to it that each is known

    def _call(self, request: Request, path: tuple[int, ...]) -> dict[str, Any]:
        return {
            "path": path_text(path),
            "prompt": request.prompt,
            "attempt": request.attempt,
            "backend": self._backends.get(request.endpoint or request.prompt, ""),
        }

    def _used(self, cost: float, tokens: int) -> dict[str, Any]:
        """What all runs of the folder used; null where the cost or the tokens of a completion are not known."""
        seen = self._build.tally.seen
        known = self._priced and not seen.unpriced
        return {"cost": round(cost, 9) if known else None, "tokens": None if seen.unmeasured else tokens}

    def _rejections(self, rejections: Sequence[Rejection]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = [{"stage": r.stage.value, "rule": r.rule, "field": r.about} for r in rejections]
        if self._rows:
            for one, rejection in zip(found, rejections, strict=True):
                one["reason"] = rejection.reason
        return found

    def _values(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {"values": {name: plain(value) for name, value in values.items()}} if self._rows else {}
