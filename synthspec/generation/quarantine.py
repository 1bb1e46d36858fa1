"""`quarantine.jsonl`: every row that is missing from a dataset, with all that was tried."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from synthspec.dataset.writers.jsonl import line_of
from synthspec.generation.reviewing.overlay import Leaving
from synthspec.spec.rows import Missing, path_text

REVIEW = "review"  # where a row was lost that a reviewer rejected


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

    def leave(self, leaving: Leaving) -> None:
        """A row that a review took out of the dataset."""
        row = leaving.row
        entry = {
            "row": row.slot,
            "path": path_text(row.path),
            "combination": row.combination,
            "lost_at": REVIEW,
            "reasons": list(leaving.reasons),
            "values": dict(row.values),
            "reviewer": leaving.reviewer,
            **({"edit": dict(leaving.patch)} if leaving.patch else {}),
            "tries": [],
        }
        self._file.write(line_of(entry, list(entry)) + "\n")

    def finish(self) -> None:
        self._file.close()

    def abandon(self) -> None:
        with suppress(OSError):  # what is left to write no longer matters
            self._file.close()
