"""The rows of a run as they are on their way: each with its attempts, and what was said of them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any

SHOWN = 240  # rows, those of which something was told last
ATTEMPTS = 12  # of a row, the last
LONGEST = 4_000  # characters of a text
STATES = ("asked", "rejected", "ready", "kept", "missing", "dropped", "empty", "fanned")


def shortened(value: Any) -> Any:
    """A value with texts that a page can show whole."""
    if isinstance(value, str):
        return value if len(value) <= LONGEST else value[: LONGEST - 1] + "…"
    if isinstance(value, Mapping):
        return {str(k): shortened(v) for k, v in list(value.items())[:200]}
    if isinstance(value, list):
        return [shortened(v) for v in value[:200]]
    return value


class RowSeen:
    """One row so far."""

    __slots__ = ("attempts", "change", "path", "reasons", "state", "values")

    def __init__(self, path: str) -> None:
        self.path, self.state, self.change = path, "asked", 0
        self.values: dict[str, Any] | None = None
        self.reasons: list[str] = []
        self.attempts: list[dict[str, Any]] = []

    def as_json(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "state": self.state,
            "values": self.values,
            "reasons": self.reasons,
            "attempts": self.attempts[-ATTEMPTS:],
            "earlier": max(0, len(self.attempts) - ATTEMPTS),
        }

    def called(self, event: Mapping[str, Any]) -> None:
        """A completion came."""
        self.attempts.append(
            {
                "prompt": event.get("prompt"),
                "attempt": event.get("attempt"),
                "text": shortened(event.get("text")),
                "cached": bool(event.get("cached")),
                "finish": event.get("finish"),
                "rejections": [],
            }
        )

    def rejected(self, rejections: Iterable[Any]) -> None:
        """The last completion, or the row, was not kept as it is."""
        told = [
            {"rule": str(r.get("rule")), "field": r.get("field"), "reason": shortened(r.get("reason"))}
            for r in rejections
            if isinstance(r, Mapping)
        ]
        if not self.attempts:
            self.attempts.append({"prompt": None, "attempt": None, "text": None, "cached": False, "finish": None})
        self.attempts[-1].setdefault("rejections", []).extend(told)
        self.state = "rejected"


class RowsSeen:
    """The rows of which something was told last. `change` numbers what is told, so that a reader takes what is new."""

    def __init__(self) -> None:
        self._rows: OrderedDict[str, RowSeen] = OrderedDict()
        self.change = 0

    def at(self, path: Any) -> RowSeen:
        """The row of this path, of which something is told now."""
        key = str(path)
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = RowSeen(key)
            if len(self._rows) > SHOWN:
                self._rows.popitem(last=False)
        else:
            self._rows.move_to_end(key)
        self.change += 1
        row.change = self.change
        return row

    def text_of(self, path: Any) -> str | None:
        """The last completion of a row, or of the one that it came of."""
        parts = str(path).split(".")
        for end in range(len(parts), 0, -1):
            row = self._rows.get(".".join(parts[:end]))
            if row is not None and row.attempts:
                return row.attempts[-1].get("text")
        return None

    def fan(self, path: Any) -> None:
        """Rows came of those above this one, which are rows of the dataset no more."""
        for row in self._above(path):
            if row.state != "fanned":
                row.state = "fanned"
                self.change += 1
                row.change = self.change
                self._rows.move_to_end(row.path)

    def since(self, change: int) -> list[dict[str, Any]]:
        """What is new of rows after a change, the oldest first; each with the attempts of the row that it came of."""
        found = []
        for row in reversed(self._rows.values()):
            if row.change <= change:
                break
            above = [a for r in self._above(row.path) for a in r.attempts[-ATTEMPTS:]]
            found.append({**row.as_json(), "above": above[-ATTEMPTS:]})
        return found[::-1]

    def _above(self, path: Any) -> list[RowSeen]:
        """The rows that a row came of, the first one first, as far as they are known."""
        parts = str(path).split(".")
        known = (self._rows.get(".".join(parts[:end])) for end in range(1, len(parts)))
        return [row for row in known if row is not None]
