"""What lies beside a dataset: its store and its quarantine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MOST_LOST = 5_000  # quarantined rows read in full


def read_quarantine(folder: Path, most: int = MOST_LOST) -> tuple[list[Mapping[str, Any]], int]:
    """Rows that are missing, at most so many in full, and how many there are in all."""
    path = folder / "quarantine.jsonl"
    entries: list[Mapping[str, Any]] = []
    count = 0
    if path.is_file():
        with path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                count += bool(line.strip())
                if len(entries) >= most or not line.strip():
                    continue
                try:
                    entry = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if isinstance(entry, dict):
                    entries.append(entry)
    return entries, count
