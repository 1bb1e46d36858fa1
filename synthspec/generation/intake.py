"""What happens in a run, taken into its figures and its files."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping

from synthspec.evaluation.call_tally import CallTally, figures_of
from synthspec.generation.output_folder import DatasetFolder
from synthspec.inference.accounting.counters import CallFigures, Tally
from synthspec.inference.accounting.counting import count_event
from synthspec.inference.events import (
    CallBegun,
    CallDone,
    Counted,
    Event,
    RowDropped,
    RowEmpty,
    RowKept,
    RowMissing,
    RowReady,
)
from synthspec.spec.rows import Missing, Row, RowPath


class Intake:
    """The figures and the files of a run; `files` is None where no dataset is written.

    A completion is counted for the dataset when the turn of its row has come: of calls for rows after the last one, and
    after the row at which a saturation stop begins (`is_after_stop`), there are as many as were in flight by chance.
    """

    def __init__(self, tally: Tally, files: DatasetFolder | None, is_after_stop: Callable[[RowPath], bool]) -> None:
        self.tally, self.files, self.calls = tally, files, CallTally()
        self._is_after_stop = is_after_stop
        self._front: RowPath = ()  # the last row whose turn has come
        self._ahead: list[tuple[RowPath, int, CallFigures]] = []  # completions of rows after it: a heap
        self._held = 0

    def take(self, event: Event, warned: Mapping[int, list[str]], *, noted: bool = False) -> str:
        """One event; the values of a row as they are in the log of rows.

        `warned` are the warnings of rows that are kept, by slot; `noted`: the log gets the row from an earlier one.
        """
        if isinstance(event, RowReady):
            return ""  # it is not known yet whether it is kept
        count_event(self.tally, event)
        if isinstance(event, CallBegun | Counted):
            return ""
        match event:
            case CallDone(request, path, completion):
                self._held += 1
                heapq.heappush(self._ahead, (path, self._held, figures_of(request, completion)))
                self._count_to(self._front)
                return ""
            case RowKept(row):
                self.tally.warnings.update(warned[row.slot])
        outcome = outcome_of(event)
        if outcome is None:
            return ""
        self._front = outcome.path
        self._count_to(self._front)
        if self.files is None:
            return ""
        take = self.files.take_noted if noted else self.files.take
        return take(outcome, warned[outcome.slot] if isinstance(outcome, Row) else [])

    def finish(self) -> None:
        """The run came to its end, and the dataset has room for more rows: all that was made is of it."""
        self._count_to(None)

    def _count_to(self, last: RowPath | None) -> None:
        """Count the completions of the rows up to this one, of all where it is None."""
        while self._ahead and (last is None or self._ahead[0][0] <= last):
            path, _, call = heapq.heappop(self._ahead)
            if not self._is_after_stop(path):
                self.tally.count(call)
                self.calls.count(call)


def outcome_of(event: Event) -> Row | Missing | RowDropped | RowEmpty | None:
    """What became of a row, where an event tells that."""
    match event:
        case RowKept(row):
            return row
        case RowMissing(missing):
            return missing
        case RowDropped() | RowEmpty():
            return event
    return None
