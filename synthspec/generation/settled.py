"""What an earlier build of the same program settled is used again, up to the first row that may differ.

The rows of a combination are final once every row before is: they are a function of the program and of the completions
of the rows up to there. So a prefix of them stands for as long as the program is the same and its completions are in
the store. Everything that the work on a combination changes elsewhere is noted with it: the completions it used, what
was counted, the digests of its first requests, its verdicts.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from synthspec.generation.passing_plan import PassingPlan
from synthspec.generation.scheduling.request_writer import RequestWriter
from synthspec.generation.scheduling.variety import Watch, listed_names, mark_of
from synthspec.generation.validation.novelty import NoveltyIndex
from synthspec.inference.events import CallDone, CallFailed, Counted, Event, RowDropped, RowEmpty, RowKept, RowMissing
from synthspec.inference.requests import PromptWriter
from synthspec.inference.store import Store
from synthspec.inference.store.derived.row_log import RowLog
from synthspec.inference.store.derived.settled_log import NotedCombination, count_settled, read_settled
from synthspec.inference.store.reading_ahead import ReadingAhead
from synthspec.plugins import is_built_in
from synthspec.sources import TableFault
from synthspec.sources.fingerprints import file_digest
from synthspec.spec import Spec
from synthspec.spec.fan_outs import judged_above
from synthspec.spec.messages import Completion, Request
from synthspec.spec.players import all_prompts
from synthspec.spec.rows import Missing, Rejection, Row, Stage, Try

MOST_ROWS = 2_000  # rows of one combination up to which they are noted
_AT_ONCE = 64  # combinations read at once
_TAKEN = 1024  # rows taken in by the rules between rows at once
_encode = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def program_of(spec: Spec, writers: Mapping[str, PromptWriter]) -> str | None:
    """A digest of all that the rows of a build hang on, its completions aside; None where that cannot be told.

    It covers the spec but for its output, gates and limits, the contents of its sources, how requests are made, and
    the versions of this package, of Python, of Unicode and of the libraries that rules are made of.
    """
    novelty = spec.novelty
    formats = {p.format for p in all_prompts(spec)}
    if judged_above(spec):
        return None  # what the rules between rows know is not told by the rows of the dataset
    foreign = not is_built_in("strategies", spec.plan.strategy) or not all(is_built_in("formats", f) for f in formats)
    pictures = any(p.images for p in all_prompts(spec))  # files that no source names, perhaps named by a model
    if (
        foreign
        or pictures
        or novelty.semantic is not None
        or novelty.avoid is not None
        or novelty.on_saturation != "continue"
    ):
        return None
    try:
        contents = [s.digest() for s in spec.sources.values() if s.digest is not None]
        if novelty.decontaminate is not None and isinstance(novelty.decontaminate.against, Path):
            contents.append(file_digest(novelty.decontaminate.against))
    except (OSError, TableFault):
        return None
    made = [spec.program_digest, [w.fixed for w in writers.values()], contents, _versions()]
    return hashlib.blake2b(_encode(made).encode(), digest_size=16).hexdigest()


@cache
def _versions() -> list[str]:
    """Of what rows are made with: this package by its files, for a rule may change between two releases."""
    package = Path(__file__).parent.parent
    mark = hashlib.blake2b(digest_size=16)
    for path in sorted(package.rglob("*.py")):
        about = path.stat()
        mark.update(f"{path.relative_to(package)} {about.st_size} {about.st_mtime_ns}\n".encode())
    libraries = [f"{n} {getattr(sys.modules.get(n), '__version__', '')}" for n in ("jinja2", "numpy", "scipy")]
    return [mark.hexdigest(), platform.python_version(), unicodedata.unidata_version, *libraries]


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

    def finish(self) -> None:
        """The run came to its end: every combination is final."""
        if self._next in self._works:
            self._turn_to(self._next + 1)

    def _work(self, path: tuple[int, ...]) -> _Work:
        return self._works.setdefault(path[0], _Work())

    def _add(self, path: tuple[int, ...], row: list[Any], held: Mapping[str, Any], values: str) -> None:
        self._turn_to(path[0])
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
            if work.sure:
                self._settle(work, marks)
            self._next += 1

    def _settle(self, work: _Work, marks: list[int]) -> None:
        calls = [call for _, call in sorted(work.calls, key=lambda c: c[0])]
        places = {call[0]: place for place, call in enumerate(calls)}
        for row in work.rows:
            if row[0] == "kept":
                row[3] = [places.get(key, key) for key in row[3]]
        noted = [marks, calls, work.counted, work.rows]
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
    return [[t.prompt, t.attempt, t.text, list(t.reasons)] for t in tries]


def _read_tries(noted: Sequence[Sequence[Any]]) -> tuple[Try, ...]:
    return tuple(Try(prompt, attempt, text, tuple(reasons)) for prompt, attempt, text, reasons in noted)


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


class CatchingUp:
    """Brings what a driver works with to where it would be after the combinations that are used again."""

    def __init__(
        self, spec: Spec, plan: PassingPlan, requests: RequestWriter, judge: NoveltyIndex | None, watch: Watch
    ) -> None:
        self._plan, self._requests, self._judge, self._watch = plan, requests, judge, watch
        self._listed = listed_names(spec)
        self._taken: list[Mapping[str, Any]] = []
        self._count = 0
        self._repeated = False  # whether a row was like one before it: until then nothing is counted by combination

    def take(self, settled: Settled) -> None:
        """One combination more."""
        self._requests.skip(settled.marks)
        counted = (e for e in settled.events if isinstance(e, Counted) and e.rejections)
        repeats = sum(r.stage is Stage.NOVEL for e in counted for r in e.rejections)
        self._repeated = self._repeated or repeats > 0
        mark = mark_of(self._listed, self._plan.at(self._count)) if self._repeated else ""
        for _ in range(repeats):
            self._watch.repeated(mark)
        for event in settled.events:
            if isinstance(event, RowKept):
                self._watch.kept(mark, event.row.values, looks=False)
                self._taken.append(event.row.values)
        self._count += 1
        if len(self._taken) >= _TAKEN:
            self.finish()

    def finish(self) -> None:
        """Have the rules between rows know all that was taken."""
        if self._judge is not None and self._taken:
            self._judge.keep_all(self._taken)
        self._taken = []
