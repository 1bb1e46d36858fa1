"""`metrics.csv`: one line a stored call."""

from __future__ import annotations

import csv
from pathlib import Path

from synthspec.dataset.atomic_files import replacing
from synthspec.inference.store import Store

COLUMNS = ("prompt", "combination", "attempt", "model", "finish", "prompt_tokens", "completion_tokens", "latency",
           "cost", "created", "key")  # fmt: skip


def write_call_metrics(folder: Path) -> Path:
    """Write every call of a build folder's store: tokens, latency in seconds, cost in US dollars."""
    path = folder / "metrics.csv"
    with (
        Store.open_readonly(folder) as store,
        replacing(path) as beside,
        beside.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for call in store.iterate_calls():
            writer.writerow([getattr(call, c) for c in COLUMNS])
    return path
