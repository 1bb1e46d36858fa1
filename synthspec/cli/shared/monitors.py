"""What `build` tells others while it runs and as it ends: `--events`, `--metrics PORT|FILE` and `--summary`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthspec.cli.shared.echo import echo, echo_json
from synthspec.cli.shared.errors import ending_on_errors
from synthspec.cli.shared.show import Ended, fail
from synthspec.diagnostics.errors import ExitStatus, system_reason
from synthspec.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from synthspec.generation.build import Build
    from synthspec.generation.monitoring.build_summary import BuildSummary
    from synthspec.generation.monitoring.event_lines import EventLines
    from synthspec.generation.monitoring.line_file import LineFile
    from synthspec.generation.monitoring.metrics_outlets import Outlet
    from synthspec.generation.monitoring.prometheus import PrometheusMetrics
    from synthspec.inference.events import Event

STANDARD_OUTPUT = "-"


@dataclass(frozen=True, slots=True)
class MonitorOptions:
    """What the command line asks to be told, and where."""

    metrics: str | None = None  # a port, an address or a file; "" is the table of calls, which is no business of ours
    events: Path | None = None
    rows: bool = False  # whether events hold the values of rows
    summary: str | None = None


class Monitors:
    """What is told of the builds of one command."""

    def __init__(self, told: MonitorOptions, *, quiet: bool) -> None:
        self._told, self._quiet = told, quiet
        self._metrics: list[PrometheusMetrics] = []
        self._summaries: list[dict[str, Any]] = []
        self._file: LineFile | None = None
        self._outlet: Outlet | None = None
        self._lines: EventLines | None = None
        self._build: Build | None = None
        self._began = 0.0

    def open(self) -> None:
        """Open what is told to, before anything is spent; what cannot be opened ends the command."""
        with ending_on_errors():
            if self._told.events is not None:
                from synthspec.generation.monitoring.event_lines import MARK
                from synthspec.generation.monitoring.line_file import LineFile

                self._file = LineFile(self._told.events, MARK, _warn)
            if self._told.metrics:
                from synthspec.generation.monitoring.metrics_outlets import MetricsServer, open_outlet

                self._outlet = open_outlet(self._told.metrics, self._exposition, _warn)
                if isinstance(self._outlet, MetricsServer) and not self._quiet:
                    echo(f"metrics: {self._outlet.url}", err=True)

    def begin(self, build: Build) -> None:
        """A build begins."""
        self._build, self._began = build, time.monotonic()
        if self._file is not None:
            from synthspec.generation.monitoring.event_lines import EventLines

            self._lines = EventLines(self._file, build, rows=self._told.rows)
        if self._outlet is not None:
            from synthspec.generation.monitoring.prometheus import PrometheusMetrics

            self._metrics.append(PrometheusMetrics(build))

    def take(self, event: Event) -> None:
        """One event of the build."""
        if self._lines is not None:
            self._lines.take(event)
        if self._metrics:
            self._metrics[-1].take(event)

    def end(self, status: int, ended: Ended | None = None) -> BuildSummary:
        """The build came to its end, or the command is `ended`."""
        from synthspec.generation.monitoring.build_summary import EarlyEnd, summarise, summary_json

        assert self._build is not None
        failure = None if ended is None or status == ExitStatus.INTERRUPTED else EarlyEnd(ended.message, ended.help)
        summary = summarise(self._build, status, time.monotonic() - self._began, failure)
        self._summaries.append(summary_json(summary))
        if self._lines is not None:
            self._lines.end(summary)
        if self._metrics:
            self._metrics[-1].end(status)
        return summary

    def close(self, ended: BaseException | None = None) -> None:
        """Give out the last figures, and say how it all ended; `ended` is what ended the command early."""
        if self._file is not None:
            self._file.close()
        if self._outlet is not None:
            self._outlet.close()
        if self._told.summary is None:
            return
        if not self._summaries:
            from synthspec.generation.monitoring.build_summary import EarlyEnd, failed_json

            self._summaries.append(failed_json(*_status_of(ended, EarlyEnd)))
        several = self._summaries if len(self._summaries) > 1 else self._summaries[0]
        _write_summary(self._told.summary, several)

    def _exposition(self) -> str:
        from synthspec.generation.monitoring.exposition import exposition

        return exposition(family for metrics in list(self._metrics) for family in metrics.families())


@contextmanager
def monitoring(told: MonitorOptions, *, quiet: bool) -> Iterator[Monitors]:
    """The monitors of a command, which say how it ended whichever way that is."""
    _refuse_same(told)
    if told.summary is not None:
        _refuse_unfit(told.summary)
    monitors = Monitors(told, quiet=quiet)
    try:
        yield monitors
    except BaseException as e:
        monitors.close(e)
        raise
    monitors.close()


def _status_of(ended: BaseException | None, failure: Any) -> tuple[int, Any]:
    match ended:
        case Ended():
            return int(ended.code or 0), failure(ended.message, ended.help)
        case SystemExit(code=int(code)):
            return code, failure("the spec has errors")
        case KeyboardInterrupt():
            return ExitStatus.INTERRUPTED, failure("interrupted")
    return 1, failure("the spec has errors" if ended is None else "the command failed")


def _warn(message: str) -> None:
    echo(f"warning: {message}", err=True)


def _refuse_same(told: MonitorOptions) -> None:
    files = [Path(p).absolute() for p in (told.metrics or None, told.events, told.summary) if p is not None]
    if len(set(files)) < len(files):
        fail("--events, --metrics and --summary name one file", "give each a file of its own", 2)


def _refuse_unfit(place: str) -> None:
    """End the command where the summary would be written over something else, or cannot be written."""
    path = Path(place)
    if place == STANDARD_OUTPUT:
        return
    if path.is_dir():
        fail(f"the summary cannot be written to {path}: it is a folder", "name a file in it", 2)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            pass
        if not path.is_file():
            return  # a device, or a pipe
        begun = path.read_bytes()
    except OSError as e:
        fail(f"the summary cannot be written to {path}: {system_reason(e)}", "name another file", 3)
    if begun and not _is_summary(begun):
        fail(f"{path} is not a build summary, and would be overwritten", "name another file", 2)
    path.unlink()  # an earlier one says nothing of this build


def _is_summary(text: bytes) -> bool:
    try:
        value = json.loads(text)
    except ValueError:
        return False
    first = value[0] if isinstance(value, list) and value else value
    return isinstance(first, dict) and {"schema", "status", "outcome"} <= set(first)


def _write_summary(place: str, value: Any) -> None:
    if place == STANDARD_OUTPUT:
        echo_json(value)
        return
    from synthspec.dataset.atomic_files import write_whole

    try:
        write_whole(Path(place), json.dumps(value, indent=2, allow_nan=False) + "\n")
    except OSError as e:
        _warn(f"the summary cannot be written to {place}: {system_reason(e)}")
