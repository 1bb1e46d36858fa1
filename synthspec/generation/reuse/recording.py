"""Noting, while a build runs, what a later one may use again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from synthspec.generation.scheduling.request_writer import RequestWriter
from synthspec.inference.events import CallDone, CallFailed, Counted, Event, RowDropped, RowEmpty, RowKept, RowMissing
from synthspec.inference.store.derived.noted_rejections import noted_rejections
from synthspec.inference.store.derived.row_log import RowLog
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.rows import Stage, Try

MOST_ROWS = 2_000  # rows of one combination up to which they are noted
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


@dataclass(slots=True)
class _Work:
    """What is noted of a combination that is being worked on."""

    calls: list[tuple[tuple[int, ...], list[Any]]] = field(default_factory=list)
    counted: list[list[Any]] = field(default_factory=list)
    rows: list[list[Any]] = field(default_factory=list)
    values: list[str] = field(default_factory=list)  # of the rows, as they are in the log
    sure: bool = True  # the same completions give the same rows


class Recorder:
    """Notes, from the events of a run, what a later build may use again."""

    def __init__(self, log: RowLog, requests: RequestWriter, first: int) -> None:
        self._log = log
        self._requests = requests
        self._works: dict[int, _Work] = {}
        self._next = first  # the combination whose rows become final now
        self._last: tuple[int, ...] = ()  # row that was told
        requests.keeps_marks = True

    def note(self, event: Event, warned: list[str], values: str) -> None:
        """Take in one event; `warned` are the warnings of a row that is kept, `values` those of a row in the log."""
        match event:
            case CallDone(request, path, completion):
                call = [completion.key, request.prompt, request.attempt, request.rows]
                self._work(path).calls.append((path, call))
            case CallFailed(_, path, _, again):
                self._work(path).sure &= again
            case Counted(path, asked, held, rejections):
                told = [[r.stage.value, r.rule, r.reason] for r in rejections]
                self._work(path).counted.append([asked, held, told])
            case RowKept(row):
                noted = ["kept", row.slot, list(row.path), list(row.keys), warned, _noted_tries(row.tries), row.uses]
                self._add(row.path, noted, row.values, values)
            case RowMissing(missing):
                noted = [missing.stage.value, missing.slot, list(missing.path), list(missing.reasons)]
                self._add(missing.path, [*noted, _noted_tries(missing.tries)], missing.values, values)
                self._work(missing.path).sure &= missing.stage is not Stage.CALL
            case RowDropped(path, _, rule, reason, dropped):
                self._add(path, ["dropped", 0, list(path), rule, reason], dropped, values)
            case RowEmpty(path, empty):
                self._add(path, ["empty", 0, list(path)], empty, values)

    def finish(self, *, whole: bool) -> None:
        """The run came to its end: every combination is final. Where the last is not `whole`, since the dataset has all
        its rows, its calls for further rows are not noted."""
        work = self._works.get(self._next)
        if work is None:
            return
        if not whole:
            work.calls = [call for call in work.calls if call[0] <= self._last]
        self._turn_to(self._next + 1)

    def _work(self, path: tuple[int, ...]) -> _Work:
        return self._works.setdefault(path[0], _Work())

    def _add(self, path: tuple[int, ...], row: list[Any], held: Mapping[str, Any], values: str) -> None:
        self._turn_to(path[0])
        self._last = path
        work = self._work(path)
        if len(work.rows) >= MOST_ROWS:  # it would take too much memory
            work.sure = False
            work.rows, work.values, work.calls, work.counted = [], [], [], []
        elif work.sure:
            work.rows.append(row)
            work.values.append(values)
            work.sure = _reads_as(values, held)

    def _turn_to(self, combination: int) -> None:
        while self._next < combination:
            work = self._works.pop(self._next, None) or _Work()  # nothing comes of an empty list
            marks = self._requests.marks.pop(self._next, [])
            pictures = self._requests.pictures.pop(self._next, {})
            if work.sure:
                self._settle(work, marks, pictures)
            self._next += 1

    def _settle(self, work: _Work, marks: list[int], pictures: dict[str, str]) -> None:
        calls = [call for _, call in sorted(work.calls, key=lambda c: c[0])]
        places = {call[0]: place for place, call in enumerate(calls)}
        for row in work.rows:
            if row[0] == "kept":
                row[3] = [places.get(key, key) for key in row[3]]
        noted = [marks, calls, work.counted, work.rows, *([pictures] if pictures else [])]
        try:
            body = _encode(noted)
        except (TypeError, ValueError):  # a value that JSON has no form for
            return
        if _reads_as(body, noted):
            self._log.settle(self._next, body, work.values)


def _reads_as(text: str, value: Any) -> bool:
    """Whether JSON says a value and no other."""
    return bool(json.loads(text) == value)


def _noted_tries(tries: Sequence[Try]) -> list[list[Any]]:
    return [[t.prompt, t.attempt, t.text, noted_rejections(t.rejections)] for t in tries]
