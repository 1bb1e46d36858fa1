"""Rows whose turn has come, told in path order: each kept one with its slot, and how many completions are new by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from synthspec.generation.scheduling.open_combination import OpenCombination
from synthspec.generation.scheduling.reorder_buffer import BufferedRow, Unwanted
from synthspec.inference.events import Counted, Event, RowDropped, RowEmpty, RowKept, RowMissing
from synthspec.spec.rows import Missing, Row, RowPath


class RowsInOrder:
    """Counts the rows of the dataset that are final, and those that its spec drops."""

    def __init__(self) -> None:
        self.count = 0  # of the dataset
        self.dropped = 0
        self._last: RowPath = ()  # of the row that was kept last

    def tell(
        self, work: OpenCombination, path: RowPath, outcome: BufferedRow | None, after_stop: bool
    ) -> Iterator[Event]:
        """What became of a row; nothing is counted of one `after_stop`."""
        for note in work.notes.pop(path, ()):
            if not after_stop:
                yield Counted(path, note.asked, note.held, note.rejections)
        match outcome:
            case Row():
                yield RowKept(replace(outcome, slot=self.count, uses=self._newly_used(outcome)))
                self._last = path
                self.count += 1
            case Missing():
                yield RowMissing(replace(outcome, slot=self.count))
                self.count += 1
            case Unwanted(path, combination, rule, reason, values):
                yield RowDropped(path, combination, rule, reason, values)
                self.dropped += 1
            case None if path in work.empty:
                yield RowEmpty(path, work.empty.pop(path))

    def _newly_used(self, row: Row) -> int:
        """How many of a row's completions no row before it was made of: it may share those above a fan-out."""
        shared = 0
        for length, inherited in enumerate(row.line, 1):
            if row.path[:length] != self._last[:length]:
                break
            shared = inherited
        return sum(1 for key in row.keys[shared:] if key)
