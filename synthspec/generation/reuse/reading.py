"""Reading what an earlier build noted: each combination with what it used and what came of it, verified against the
store."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

from synthspec.evaluation.call_tally import CallTally, rows_given
from synthspec.inference.accounting.counters import CallFigures, Tally
from synthspec.inference.events import RowDropped, RowEmpty, RowKept, RowMissing
from synthspec.inference.images import is_same_picture
from synthspec.inference.store import Store
from synthspec.inference.store.derived.noted_rejections import noted_rejection, read_rejections
from synthspec.inference.store.derived.rows import StoredRow, read_completion
from synthspec.inference.store.derived.settled_log import NotedCombination, count_rows, count_settled, read_settled
from synthspec.inference.store.reading_ahead import ReadingAhead
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.rows import Missing, Row, Stage, Try

_AT_ONCE = 64  # combinations read at once
RowEvent = RowKept | RowMissing | RowDropped | RowEmpty


@dataclass(frozen=True, slots=True)
class UsedCall:
    """A completion that was stored before, and what was asked for by it."""

    prompt: str
    attempt: int
    rows: int
    stored: StoredRow

    def figures(self) -> CallFigures:
        """What is counted of it."""
        model, finish, taken, made, cost, latency = self.stored[4:10]
        given = rows_given(read_completion(self.stored).reply.text) if self.rows > 1 else None
        return CallFigures(self.prompt, self.attempt, model, finish, taken, made, cost, latency, self.rows, given)


@dataclass(frozen=True, slots=True)
class Settled:
    """One combination of an earlier build: what it used, what was counted, and its rows in order."""

    calls: list[UsedCall]
    counted: list[tuple[int, int, list[list[str]]]]  # rows asked for, rows that came, rejections
    outcomes: list[RowEvent]
    warned: dict[int, list[str]]  # by slot
    marks: list[int]  # of its first requests

    def count(self, tally: Tally, calls: CallTally) -> None:
        """Take what it used into the figures of a run."""
        for used in self.calls:
            call = used.figures()
            tally.reused_call(call)
            calls.count(call)
        for asked, held, told in self.counted:
            if asked:
                tally.held(asked, held)
            if told:
                tally.rejected([noted_rejection(*said) for said in told])


class SettledRows:
    """The rows that can be used again, read combination by combination while each is verified.

    Pictures are in `folder`, the spec's.
    """

    def __init__(self, store: Store, files: Iterable[Path], program: str, folder: Path) -> None:
        self._completions = ReadingAhead(store)
        self._is_same = lru_cache(maxsize=4096)(partial(is_same_picture, folder=folder))
        counts = {path: count_settled(path, program) for path in files}
        self.path = max(counts, key=lambda p: counts[p], default=None)  # of the log that they are read from
        self.count = counts[self.path] if self.path is not None else 0  # of combinations that are noted

    def covers(self, rows: float, combinations: int) -> bool:
        """Whether it notes as many rows of the dataset, or as many combinations."""
        return self.path is not None and (self.count >= combinations or count_rows(self.path) >= rows)

    def __iter__(self) -> Iterator[Settled]:
        """Up to the first that is damaged, of which a completion is not in the store, or a picture has changed."""
        for first, some, noted in self._noted(self.count):
            keys = [call[0] for _, calls, *_ in noted for call in calls]
            stored = iter(self._completions.get_many(keys))
            values = iter(_read_all([text for one in some for text in one.values]))
            for index, (one, made) in enumerate(zip(some, noted, strict=True), first):
                used = list(islice(stored, len(made[1])))
                found = self._read(index, made, used, list(islice(values, len(one.values))))
                if found is None:
                    return
                yield found

    def kept(self, count: int) -> Iterator[tuple[list[int], list[Mapping[str, Any]]]]:
        """Of the first combinations, the marks of their first requests and the values of the rows that are kept."""
        for _, some, noted in self._noted(count):
            for one, (marks, _, _, rows, *_) in zip(some, noted, strict=True):
                texts = [text for row, text in zip(rows, one.values, strict=True) if row[0] == "kept"]
                yield marks, _read_all(texts)

    def again(self, count: int) -> Iterator[tuple[NotedCombination, list[RowEvent]]]:
        """The first combinations once more: as they are noted, and their rows."""
        for first, some, noted in self._noted(count):
            for index, (one, (_, calls, _, rows, *_)) in enumerate(zip(some, noted, strict=True), first):
                yield one, _outcomes(index, calls, rows, _read_all(one.values))[0]

    def _noted(self, count: int) -> Iterator[tuple[int, list[NotedCombination], list[Any]]]:
        """Some combinations at once: the number of the first, as they are noted, and what that says."""
        if self.path is None:
            return
        combinations, first = read_settled(self.path, count), 0
        while some := list(islice(combinations, _AT_ONCE)):
            yield first, some, _read_all([one.body for one in some])
            first += len(some)

    def _read(
        self, index: int, noted: Any, stored: Sequence[StoredRow | None], values: Sequence[Mapping[str, Any]]
    ) -> Settled | None:
        marks, calls, counted, rows, *pictures = noted
        if pictures and not all(self._is_same(path, digest) for path, digest in pictures[0].items()):
            return None
        used: list[UsedCall] = []
        for (_, prompt, attempt, asked), row in zip(calls, stored, strict=True):
            if row is None:
                return None
            used.append(UsedCall(prompt, attempt, asked, row))
        return Settled(used, counted, *_outcomes(index, calls, rows, values), marks)


def _outcomes(
    index: int, calls: Sequence[Sequence[Any]], rows: Sequence[Sequence[Any]], values: Sequence[Mapping[str, Any]]
) -> tuple[list[RowEvent], dict[int, list[str]]]:
    """The rows of a combination in order, and the warnings of those that are kept, by slot."""
    warned: dict[int, list[str]] = {}
    outcomes: list[RowEvent] = []
    for (state, slot, path, *more), held in zip(rows, values, strict=True):
        if state == "kept":
            keys, warned[slot], tries, uses = more
            made = tuple([calls[key][0] if isinstance(key, int) else key for key in keys])
            outcomes.append(RowKept(Row(index, slot, held, made, tuple(path), _read_tries(tries), uses=uses)))
        elif state == "dropped":
            rule, reason = more
            outcomes.append(RowDropped(tuple(path), index, rule, reason, held))
        elif state == "empty":
            outcomes.append(RowEmpty(tuple(path), held))
        else:
            reasons, tries = more
            place = (held, _read_tries(tries), tuple(path))
            outcomes.append(RowMissing(Missing(index, slot, Stage(state), tuple(reasons), *place)))
    return outcomes, warned


def _read_all(texts: Sequence[str]) -> list[Any]:
    """JSON values, read in one pass."""
    try:
        found: list[Any] = json.loads(f"[{','.join(texts)}]")
    except RecursionError:  # one is as deep as can be read
        return [json.loads(text) for text in texts]
    return found


def _read_tries(noted: Sequence[Sequence[Any]]) -> tuple[Try, ...]:
    return tuple([Try(prompt, attempt, text, read_rejections(told)) for prompt, attempt, text, told in noted])
