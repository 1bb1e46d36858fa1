"""`quarantine.jsonl`: every row that is missing from a dataset, with all that was tried."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from synthspec.dataset.writers.jsonl import line_of
from synthspec.spec.rows import Missing, path_text


class Quarantine:
    """The file, open from the first row of a build to its end."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8", newline="\n")

    def write(self, missing: Missing) -> None:
        entry = {
            "row": missing.slot,
            "path": path_text(missing.path),
            "combination": missing.combination,
            "lost_at": missing.stage.value,
            "reasons": list(missing.reasons),
            "values": dict(missing.values),
            "tries": [
                {"prompt": t.prompt, "attempt": t.attempt, "reasons": list(t.reasons), "completion": t.text}
                for t in missing.tries
            ],
        }
        self._file.write(line_of(entry, list(entry)) + "\n")

    def finish(self) -> None:
        self._file.close()

    def abandon(self) -> None:
        with suppress(OSError):  # what is left to write no longer matters
            self._file.close()
