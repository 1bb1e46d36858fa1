"""What the studio notes of a run it started: enough for another studio to find the process and its events."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Literal

from synthspec.dataset.atomic_files import write_whole
from synthspec.lazy_dataclass import dataclass

RunKind = Literal["build", "preview"]
KEPT = 12  # runs of a spec whose files stay


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run: what was asked, and its process. `born` is when that process began, as the system counts."""

    id: str
    kind: RunKind
    spec: str  # its path below the studio's folder
    dataset: str
    rows: int | None  # None where the spec leaves it open
    backend: str  # as chosen, "" for the spec's own
    budget: float | None
    command: tuple[str, ...]
    begun: float  # Unix time
    pid: int = 0
    born: str = ""
    status: int | None = None  # the exit status, where the studio that started it saw its end


class RunFiles:
    """The files of one run, in the folder of all of them."""

    def __init__(self, folder: Path, id: str) -> None:
        self.record, self.events = folder / f"{id}.json", folder / f"{id}.events.jsonl"
        self.control, self.log = folder / f"{id}.control", folder / f"{id}.log"

    def write(self, record: RunRecord) -> None:
        """Note the run."""
        write_whole(self.record, json.dumps(asdict(record), indent=1))

    def remove(self) -> None:
        """Forget the run."""
        for path in (self.record, self.events, self.control, self.log):
            with suppress(OSError):
                path.unlink(missing_ok=True)


def new_id(now: float | None = None) -> str:
    """The name of a run; later ones sort behind earlier ones."""
    return f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime(now))}-{secrets.token_hex(3)}"


def read_records(folder: Path) -> Iterator[RunRecord]:
    """Every run that is noted, the latest first. What cannot be read is left out."""
    for path in sorted(folder.glob("*.json"), reverse=True):
        record = read_record(path)
        if record is not None:
            yield record


def read_record(path: Path) -> RunRecord | None:
    """One run as it is noted; None where it is not, or not as we note it."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        known = {f.name: value[f.name] for f in fields(RunRecord)}
        record = RunRecord(**known)
        sound = isinstance(record.pid, int) and isinstance(record.begun, int | float) and record.id == path.stem
        return replace(record, command=tuple(map(str, record.command))) if sound else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
