"""A run's file of events, read on from where it was read to. A byte offset in it stays good for ever."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from synthspec.studio.runs.figures import RunFigures

AT_ONCE = 1 << 20  # bytes


class EventFile:
    """The events of one run as far as they are written, folded. Several readers share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self.offset = 0  # of the first byte that was not read
        self.figures = RunFigures()

    def read_on(self) -> bool:
        """Take whole lines that are new, so many at once; whether there may be more."""
        with self._lock:
            try:
                with self._path.open("rb") as file:
                    file.seek(self.offset)
                    new = file.read(AT_ONCE)
            except OSError:
                return False
            end = new.rfind(b"\n") + 1
            for line in new[:end].splitlines():
                try:
                    event = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if isinstance(event, dict):
                    self.figures.take(event)
            if not end and len(new) == AT_ONCE:  # a line longer than that: whole, however long
                end = self._long_line()
            self.offset += end
            return len(new) == AT_ONCE

    def _long_line(self) -> int:
        with self._path.open("rb") as file:
            file.seek(self.offset)
            line = file.readline()
        if not line.endswith(b"\n"):
            return 0
        event: Any = json.loads(line)
        if isinstance(event, dict):
            self.figures.take(event)
        return len(line)

    def read_all(self) -> None:
        """Take all that is there."""
        while self.read_on():
            pass

    def snapshot(self) -> tuple[int, dict[str, Any], list[dict[str, Any]], int]:
        """Offset, figures, rows and the number of the last change, of one moment."""
        with self._lock:
            rows = self.figures.rows
            return self.offset, self.figures.as_json(), rows.since(0), rows.change

    def news(self, change: int) -> tuple[int, dict[str, Any], list[dict[str, Any]], int]:
        """The same with those rows only of which something is new since a change."""
        with self._lock:
            rows = self.figures.rows
            return self.offset, self.figures.as_json(), rows.since(change), rows.change
