"""What a run's events come to: a fold, one event after the other, that a page shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthspec.studio.runs.rows_seen import RowsSeen, shortened

RULES = 12  # shown, the commonest
EventLine = Mapping[str, Any]


class RunFigures:
    """The figures and rows of one run so far. Costs are US dollars, None where one is not known."""

    def __init__(self) -> None:
        self.rows = RowsSeen()
        self.planned: int | None = None
        self.kept = self.missing = self.dropped = 0
        self.stored = self.to_make = 0
        self.paused = False
        self.stopping: str | None = None
        self.ended: dict[str, Any] | None = None
        self.spent: float | None = None  # by all runs of the folder
        self.run_cost: float | None = 0.0
        self.first = self.last = 0.0  # Unix time of the first event, and of the last
        self.prompts: dict[str, dict[str, Any]] = {}
        self.rules: dict[str, dict[str, Any]] = {}
        self.faults: dict[str, int] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self._flying: set[tuple[str, str, Any]] = set()

    def take(self, event: EventLine) -> None:
        """The next event."""
        at = event.get("t")
        if isinstance(at, int | float):
            self.first = self.first or float(at)
            self.last = float(at)
        take = getattr(self, f"_take_{event.get('event')}", None)
        if take is not None:
            take(event)

    def as_json(self) -> dict[str, Any]:
        """The figures, without rows."""
        rules = sorted(self.rules.values(), key=lambda r: -int(r["count"]))
        return {
            "planned": self.planned,
            "kept": self.kept,
            "missing": self.missing,
            "dropped": self.dropped,
            "stored": self.stored,
            "to_make": self.to_make,
            "paused": self.paused,
            "stopping": self.stopping,
            "ended": self.ended,
            "spent": self.spent,
            "run_cost": self.run_cost,
            "seconds": round(self.last - self.first, 3),
            "prompts": [{"name": name, **work} for name, work in self.prompts.items()],
            "in_flight": len(self._flying),
            "rules": rules[:RULES],
            "rejected": sum(int(r["count"]) for r in rules),
            "faults": dict(self.faults),
            "batches": list(self.batches.values()),
        }

    def _work(self, event: EventLine) -> dict[str, Any]:
        empty = {"made": 0, "cached": 0, "failed": 0, "retries": 0, "in_flight": 0, "cost": 0.0, "tokens": 0}
        return self.prompts.setdefault(str(event.get("prompt")), {**empty, "backend": event.get("backend")})

    def _take_started(self, event: EventLine) -> None:
        self.planned = event.get("rows")

    def _take_planned(self, event: EventLine) -> None:
        self.spent = event.get("cost")

    def _take_forecast(self, event: EventLine) -> None:
        self.stored, self.to_make = event.get("stored") or 0, event.get("to_make") or 0

    def _take_call_begun(self, event: EventLine) -> None:
        self._flying.add((str(event.get("path")), str(event.get("prompt")), event.get("attempt")))
        self._work(event)["in_flight"] += 1
        row = self.rows.at(event.get("path"))
        row.state = "asked" if row.state == "rejected" else row.state

    def _landed(self, event: EventLine) -> dict[str, Any]:
        key = str(event.get("path")), str(event.get("prompt")), event.get("attempt")
        work = self._work(event)
        if key in self._flying:
            self._flying.discard(key)
            work["in_flight"] = max(0, work["in_flight"] - 1)
        return work

    def _take_call_done(self, event: EventLine) -> None:
        work, cost = self._landed(event), event.get("cost")
        tokens = [event.get("prompt_tokens"), event.get("completion_tokens")]
        if event.get("cached"):
            work["cached"] += 1
        else:
            work["made"] += 1
            work["cost"] = None if work["cost"] is None or cost is None else work["cost"] + cost
            self.run_cost = None if self.run_cost is None or cost is None else self.run_cost + cost
        unknown = work["tokens"] is None or None in tokens
        work["tokens"] = None if unknown else work["tokens"] + sum(t for t in tokens if t is not None)
        work["retries"] += (event.get("attempt") or 1) > 1
        self.rows.at(event.get("path")).called(event)

    def _take_call_unsent(self, event: EventLine) -> None:
        self._landed(event)

    def _take_call_failed(self, event: EventLine) -> None:
        self._landed(event)["failed"] += 1
        kind = str(event.get("kind"))
        self.faults[kind] = self.faults.get(kind, 0) + 1

    def _take_row_rejected(self, event: EventLine) -> None:
        path, rejections = event.get("path"), event.get("rejections") or []
        text = self.rows.text_of(path)
        self.rows.at(path).rejected(rejections)
        for one in rejections:
            rule = self.rules.setdefault(str(one.get("rule")), {"rule": str(one.get("rule")), "count": 0})
            rule["count"] += 1
            rule |= {"field": one.get("field"), "reason": shortened(one.get("reason")), "text": text, "path": str(path)}

    def _settle(self, event: EventLine, state: str) -> None:
        self.rows.fan(event.get("path"))
        row = self.rows.at(event.get("path"))
        row.state = state
        if event.get("values") is not None:
            row.values = shortened(event["values"])
        reasons = event.get("reasons") or ([event["reason"]] if event.get("reason") else [])
        row.reasons = [str(shortened(r)) for r in reasons]

    def _take_row_ready(self, event: EventLine) -> None:
        self._settle(event, "ready")

    def _take_row_kept(self, event: EventLine) -> None:
        self.kept += 1
        self._settle(event, "kept")

    def _take_row_missing(self, event: EventLine) -> None:
        self.missing += 1
        self._settle(event, "missing")

    def _take_row_dropped(self, event: EventLine) -> None:
        self.dropped += 1
        self._settle(event, "dropped")

    def _take_row_empty(self, event: EventLine) -> None:
        self._settle(event, "empty")

    def _take_spend(self, event: EventLine) -> None:
        self.spent = event.get("cost")

    def _take_batch_moved(self, event: EventLine) -> None:
        keys = ("batch", "provider", "state", "count", "done")
        self.batches[str(event.get("batch"))] = {key: event.get(key) for key in keys}

    def _take_paused(self, event: EventLine) -> None:
        self.paused = True

    def _take_resumed(self, event: EventLine) -> None:
        self.paused = False

    def _take_stop(self, event: EventLine) -> None:
        self.stopping = event.get("reason")

    def _take_ended(self, event: EventLine) -> None:
        self._flying.clear()
        for work in self.prompts.values():
            work["in_flight"] = 0
        self.paused = False
        self.ended = {"status": event.get("status"), "summary": event.get("summary")}
