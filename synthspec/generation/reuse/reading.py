"""Reading what an earlier build noted: each combination as the events that it came to, verified against the store."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from synthspec.inference.events import CallDone, Counted, Event, RowDropped, RowEmpty, RowKept, RowMissing
from synthspec.inference.store import Store
from synthspec.inference.store.derived.settled_log import NotedCombination, count_settled, read_settled
from synthspec.inference.store.reading_ahead import ReadingAhead
from synthspec.spec.messages import Completion, Request
from synthspec.spec.rows import Missing, Rejection, Row, Stage, Try

_AT_ONCE = 64  # combinations read at once


@dataclass(frozen=True, slots=True)
class Settled:
    """One combination of an earlier build: the events that it came to, in order."""

    events: list[Event]
    warned: dict[int, list[str]]  # by slot
    marks: list[int]
    rows: int  # of the log


class SettledRows:
    """The rows that can be used again, read combination by combination while each is verified."""

    def __init__(self, store: Store, files: Iterable[Path], program: str) -> None:
        self._completions = ReadingAhead(store)
        counts = {path: count_settled(path, program) for path in files}
        self.path = max(counts, key=lambda p: counts[p], default=None)  # of the log that they are read from
        self._count = counts[self.path] if self.path is not None else 0

    def __iter__(self) -> Iterator[Settled]:
        """Up to the first combination that is damaged, or a completion of which is not in the store."""
        if self.path is None or not self._count:
            return
        combinations = enumerate(read_settled(self.path, self._count))
        while some := list(islice(combinations, _AT_ONCE)):
            noted = [json.loads(one.body) for _, one in some]
            stored = self._completions.get_many([call[0] for _, calls, _, _ in noted for call in calls])
            for (index, combination), one in zip(some, noted, strict=True):
                found = self._read(index, combination, one, stored)
                if found is None:
                    return
                yield found

    def _read(
        self, index: int, combination: NotedCombination, noted: Any, stored: Mapping[str, Completion]
    ) -> Settled | None:
        marks, calls, counted, rows = noted
        events: list[Event] = []
        for key, prompt, attempt, asked in calls:
            completion = stored.get(key)
            if completion is None:
                return None
            events.append(CallDone(_request(prompt, attempt, asked), (index,), completion))
        for asked, held, told in counted:
            events.append(_counted(asked, held, told))
        warned: dict[int, list[str]] = {}
        for (state, slot, path, *more), text in zip(rows, combination.values, strict=True):
            values = json.loads(text)
            if state == "kept":
                keys, warned[slot], tries, uses = more
                made = tuple([calls[key][0] if isinstance(key, int) else key for key in keys])
                events.append(RowKept(Row(index, slot, values, made, tuple(path), _read_tries(tries), uses=uses)))
            elif state == "dropped":
                rule, reason = more
                events.append(RowDropped(tuple(path), index, rule, reason, values))
            elif state == "empty":
                events.append(RowEmpty(tuple(path), values))
            else:
                reasons, tries = more
                place = (values, _read_tries(tries), tuple(path))
                events.append(RowMissing(Missing(index, slot, Stage(state), tuple(reasons), *place)))
        return Settled(events, warned, marks, len(rows))


def _counted(asked: int, held: int, told: Sequence[Sequence[str]]) -> Counted:
    """What is counted of a reply, whichever row it was for."""
    if not told:
        return _nothing_rejected(asked, held)
    return Counted((), asked, held, tuple([Rejection(Stage(stage), rule, reason) for stage, rule, reason in told]))


@lru_cache(maxsize=1024)
def _nothing_rejected(asked: int, held: int) -> Counted:
    return Counted((), asked, held, ())


@lru_cache(maxsize=1024)
def _request(prompt: str, attempt: int, rows: int) -> Request:
    """What is counted of a call that was made before: of which prompt it was, and what was asked for."""
    return Request("", prompt, 0, attempt, (), rows)


def _read_tries(noted: Sequence[Sequence[Any]]) -> tuple[Try, ...]:
    return tuple(Try(prompt, attempt, text, tuple(reasons)) for prompt, attempt, text, reasons in noted)
