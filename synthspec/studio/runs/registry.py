"""The runs of a studio: started, found again, paused and stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from synthspec.dataset.manifest import read_manifest, rows_in_dataset
from synthspec.diagnostics.errors import ExitStatus
from synthspec.lazy_dataclass import dataclass
from synthspec.studio.context import RequestRefused, Studio
from synthspec.studio.runs.following import EventFile
from synthspec.studio.runs.process import birth_of, interrupt, is_running, start, status_of
from synthspec.studio.runs.record import KEPT, RunFiles, RunKind, RunRecord, new_id, read_record, read_records

TAIL = 4_000  # bytes of what a command printed


@dataclass(frozen=True, slots=True)
class RunWanted:
    """What a person asks to be run."""

    kind: RunKind
    spec: str  # its path below the studio's folder
    dataset: str
    rows: int | None
    backend: str = ""
    budget: float | None = None
    trust: bool = False
    asked_rows: int | None = None  # where they are not the spec's
    limit: float | None = None  # of what may be spent, the spec's where no budget was asked for

    def command(self, files: RunFiles, spec: str) -> tuple[str, ...]:
        """The command line, as a person would type it."""
        given = [self.kind, spec, "--events", str(files.events), "--quiet"]
        if self.kind == "build":
            given += ["--events-rows", "--control", str(files.control)]
            given += ["--rows", str(self.asked_rows)] if self.asked_rows is not None else []
        else:
            given += ["-n", str(self.asked_rows or 3), "--format", "json"]
        given += ["--backend", self.backend] if self.backend else []
        given += ["--budget", f"{self.budget:g}"] if self.budget is not None else []
        return (*given, "--trust") if self.trust else tuple(given)


class Runs:
    """The runs of a studio's specs, whichever studio of this folder started them."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._folder = studio.state_folder("runs")
        self._files: dict[str, EventFile] = {}
        self._lock = threading.RLock()

    def start(self, wanted: RunWanted) -> RunRecord:
        """Start a run.

        Raises:
            RequestRefused: another run works on the same dataset.
        """
        with self._lock:
            for other in self._of(dataset=wanted.dataset):
                if self.is_running(other):
                    message = f"a {other.kind} of '{wanted.dataset}' is running"
                    raise RequestRefused(409, message, "wait for it, or stop it", run=other.id)
            self._forget(wanted.spec)
            id = new_id()
            files = RunFiles(self._folder, id)
            command = wanted.command(files, self._as_typed(wanted.spec))
            record = RunRecord(
                id, wanted.kind, wanted.spec, wanted.dataset, wanted.asked_rows or wanted.rows, wanted.backend,
                wanted.limit, command, round(time.time(), 3),
            )  # fmt: skip
            files.write(record)  # before the process, so that none is lost
            pid = start(command, self._studio.home, files.log)
            record = replace(record, pid=pid, born=birth_of(pid))
            files.write(record)
            return record

    def find(self, id: str) -> RunRecord:
        """A run by its name.

        Raises:
            RequestRefused: there is none.
        """
        named = id.replace("-", "").isalnum() and id.isascii()
        record = read_record(self._folder / f"{id}.json") if named else None
        if record is None:
            raise RequestRefused(404, f"there is no run '{id[:60]}'", "only the last runs of a spec are kept")
        return record

    def of_spec(self, spec: str) -> list[RunRecord]:
        """The runs of a spec that are noted, the latest first."""
        return self._of(spec=spec)

    def is_running(self, record: RunRecord) -> bool:
        """Whether its process is there."""
        if record.status is not None:
            return False
        if is_running(record.pid, record.born):
            return True
        status = status_of(record.pid, record.born)
        if status is not None:
            RunFiles(self._folder, record.id).write(replace(record, status=status))
        return False

    def events(self, record: RunRecord) -> EventFile:
        """Its events, read as far as somebody read them."""
        with self._lock:
            if record.id not in self._files:
                self._files[record.id] = EventFile(RunFiles(self._folder, record.id).events)
            return self._files[record.id]

    def state(self, record: RunRecord) -> dict[str, Any]:
        """How a run stands, in words for a page."""
        running = self.is_running(record)  # before its events, so that none of the last is missed
        file = self.events(record)
        file.read_all()
        figures = file.figures
        state = "running" if running else "ended"
        if running and figures.paused:
            state = "paused"
        elif running and figures.stopping:
            state = "stopping"
        return {
            "id": record.id, "kind": record.kind, "spec": record.spec, "dataset": record.dataset, "rows": record.rows,
            "backend": record.backend, "budget": record.budget, "begun": record.begun, "state": state,
            "pausing": running and self._says_pause(record),
            "command": " ".join(("synthspec", *_shown(record.command))),
            "outcome": None if running else self._outcome(record, figures.ended),
        }  # fmt: skip

    def pause(self, record: RunRecord, held: bool) -> None:
        """Ask a build to hold, or to go on."""
        if record.kind != "build" or not self.is_running(record):
            raise RequestRefused(409, "it is not running any more", "reload the page")
        RunFiles(self._folder, record.id).control.write_text("pause\n" if held else "run\n", encoding="utf-8")

    def stop(self, record: RunRecord) -> None:
        """Interrupt a run: the first time it waits for the calls in flight, the second it does not."""
        if not self.is_running(record) or not interrupt(record.pid, record.born):
            raise RequestRefused(409, "it is not running any more", "reload the page")

    def printed(self, record: RunRecord) -> str:
        """The last that the command printed."""
        with suppress(OSError):
            return RunFiles(self._folder, record.id).log.read_bytes()[-TAIL:].decode(errors="replace").strip()
        return ""

    def _outcome(self, record: RunRecord, ended: Mapping[str, Any] | None) -> dict[str, Any]:
        if ended is not None:
            summary = ended.get("summary") or {}
            outcome = summary.get("outcome") or "ended"
            said = self.printed(record) if outcome == "error" else ""
            left = self._left(record, summary) if outcome == "complete" else None
            return {"outcome": outcome, "status": ended.get("status"), "said": said, "in_dataset": left}
        status = self.find(record.id).status
        said = self.printed(record)
        wrong = (ExitStatus.WRONG_SPEC, ExitStatus.WRONG_USE, ExitStatus.FAILED)
        outcome = "error" if status in wrong else "interrupted" if status == ExitStatus.INTERRUPTED else "lost"
        return {"outcome": outcome, "status": status, "said": said}

    def _left(self, record: RunRecord, summary: Mapping[str, Any]) -> int | None:
        """Rows of the dataset that a build wrote, without those that reviews took out; None where it was built anew."""
        manifest = read_manifest(self._studio.dataset_folder(record.dataset)) if record.kind == "build" else None
        kept, funnel = (summary.get("rows") or {}).get("kept"), (manifest or {}).get("funnel")
        same = isinstance(funnel, Mapping) and kept is not None and funnel.get("kept") == kept
        return rows_in_dataset(manifest) if same else None

    def _says_pause(self, record: RunRecord) -> bool:
        with suppress(OSError):
            return RunFiles(self._folder, record.id).control.read_text(encoding="utf-8").startswith("pause")
        return False

    def _of(self, *, spec: str | None = None, dataset: str | None = None) -> list[RunRecord]:
        found = read_records(self._folder)
        return [r for r in found if spec in (None, r.spec) and dataset in (None, r.dataset)]

    def _forget(self, spec: str) -> None:
        """Remove the files of old runs of a spec, and those of preview runs before the last."""
        for record in self._of(spec=spec)[KEPT - 1 :]:
            if not self.is_running(record):
                RunFiles(self._folder, record.id).remove()
                self._files.pop(record.id, None)

    def _as_typed(self, spec: str) -> str:
        path = self._studio.folder / spec
        home = self._studio.home
        return str(path.relative_to(home)) if path.is_relative_to(home) else str(path)


def _shown(command: tuple[str, ...]) -> tuple[str, ...]:
    """A command as a person would type it, without what the studio watches it by."""
    found, skip = [], False
    for word in command:
        if skip or word in ("--events-rows", "--quiet"):
            skip = False
        elif word in ("--events", "--control", "--format"):
            skip = True
        else:
            found.append(word)
    return tuple(found)
