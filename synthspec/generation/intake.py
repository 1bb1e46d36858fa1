"""What happens in a run, taken into its figures and its files."""

from __future__ import annotations

from collections.abc import Mapping

from synthspec.evaluation.call_tally import CallTally
from synthspec.generation.output_folder import DatasetFolder
from synthspec.inference.accounting.counters import Tally
from synthspec.inference.accounting.counting import count_event
from synthspec.inference.events import CallDone, Event, RowDropped, RowEmpty, RowKept, RowMissing
from synthspec.spec.rows import Missing, Row


class Intake:
    """The figures and the files of a run; `files` is None where no dataset is written."""

    def __init__(self, tally: Tally, files: DatasetFolder | None) -> None:
        self.tally, self.files, self.calls = tally, files, CallTally()

    def take(self, event: Event, warned: Mapping[int, list[str]], *, noted: bool = False) -> str:
        """One event; the values of a row as they are in the log of rows.

        `warned` are the warnings of rows that are kept, by slot; `noted`: the log gets the row from an earlier one.
        """
        count_event(self.tally, event)
        match event:
            case CallDone(request, _, completion):
                self.calls.completed(request, completion)
                return ""
            case RowKept(row):
                self.tally.warnings.update(warned[row.slot])
        outcome = outcome_of(event)
        if self.files is None or outcome is None:
            return ""
        take = self.files.take_noted if noted else self.files.take
        return take(outcome, warned[outcome.slot] if isinstance(outcome, Row) else [])


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
