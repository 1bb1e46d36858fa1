"""What a build's events come to while it runs: work done, time left, the commonest rejection. A fold over events with
the time handed in, so that it can be tested without a clock.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import field
from typing import TYPE_CHECKING

from synthspec.generation.estimates.several import calls_foretold, is_asked_otherwise
from synthspec.generation.estimates.talks import calls_of_a_talk
from synthspec.inference.events import (
    CallBegun,
    CallDone,
    CallFailed,
    CallUnsent,
    Event,
    Forecast,
    RowKept,
    RowMissing,
    RowRejected,
    ServerChange,
    Started,
)
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.fan_outs import asked_at, rows_of_level, rows_per_combination

if TYPE_CHECKING:
    from synthspec.inference.accounting.budget import Budget
    from synthspec.spec import Prompt, Spec
    from synthspec.spec.messages import Request
    from synthspec.spec.rows import RowPath

ENOUGH = 3  # calls of a prompt, before it is said how long one takes
TEXTS = 4_096  # completions remembered, for examples of what is rejected
SMOOTHING = 8.0  # seconds over which the time left settles


@dataclass(slots=True)
class PromptWork:
    """The calls of one prompt."""

    base: float  # calls where nothing is rejected
    needs_rows: bool  # whether it is asked once for each row that earlier prompts made
    per_call: float  # rows one call is asked for; below 1 where one row takes several calls
    made: int = 0  # completions made in this run
    reused: int = 0  # completions of earlier runs
    repairs: int = 0  # of both, those that were second or later attempts
    retries: int = 0  # calls sent again after the provider failed
    seconds: float = 0.0  # that the calls made took, all together
    begun: dict[tuple[RowPath, int], float] = field(default_factory=dict)  # calls in flight: when each was sent

    @property
    def done(self) -> int:
        return self.made + self.reused

    def expected(self, lost: int) -> int:
        """Calls in all, as far as can be told: repairs go on as they did, and lost rows need no more."""
        base = max(0.0, self.base - lost / self.per_call) if self.needs_rows else self.base
        first = self.done - self.repairs
        share = self.repairs / first if first else 0.0
        return max(self.done + len(self.begun), math.ceil(base * (1 + share)))

    @property
    def typical(self) -> float | None:
        """Seconds of a call; None while too few are done to tell."""
        if not self.made or self.made < min(ENOUGH, self.base):
            return None
        return self.seconds / self.made


@dataclass(frozen=True, slots=True)
class MostRejected:
    """The rule that rejected most, how often, and what it said of the last one."""

    rule: str
    count: int
    reason: str
    text: str  # the completion


class Watched:
    """The figures of a build so far."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.rows = spec.rows
        self.kept = self.lost = self.tokens = 0
        self.unmeasured = self.unpriced = 0
        self.cost = 0.0
        self.budget: Budget | None = None
        self.prompts = {p.name: _work_of(spec, p) for p in spec.asked}
        self.prompts |= {p.prompt.name: PromptWork(0, True, 1) for p in spec.players.values()}
        self.faults: Counter[str] = Counter()
        self.answered: dict[str, int] = {}  # calls, by server, of backends that have several
        self.failed: Counter[str] = Counter()
        self.away: dict[str, str] = {}  # servers that are set aside, and why
        self._stored_ahead = 0  # completions of an earlier build that are still to come
        self._stored_share = 0.0  # of all first calls, those that were stored
        self._first_call: float | None = None
        self._begun = False  # whether a completion or a call was seen
        self._rules: Counter[str] = Counter()
        self._examples: dict[str, tuple[str, str]] = {}  # reason and text, by rule
        self._texts: dict[RowPath, str] = {}  # the last completion of each row that is open
        self._left: tuple[float, float] | None = None  # when it was told, seconds left

    def take(self, event: Event, now: float) -> None:
        """One event, which came at this time."""
        match event:
            case Started():
                self.budget = event.budget
                self.answered = dict.fromkeys(event.servers, 0)
            case Forecast(stored, to_make):
                self._stored_ahead, self._stored_share = stored, stored / max(1, stored + to_make)
            case CallBegun(request, path):
                self._begin(request, path, now)
            case CallDone(request, path, completion, server):
                if server:
                    self.answered[server] += 1
                self._note_text(path, completion.reply.text)
                self._done(request, path, completion.reused, now)
                usage = completion.reply.usage
                self.tokens += (usage.prompt_tokens or 0) + (usage.completion_tokens or 0)
                self.unmeasured += not usage.known
                self.unpriced += completion.cost is None
                self.cost += 0.0 if completion.reused else completion.cost or 0.0
            case ServerChange(server, fault):
                self.away.pop(server, None)
                if fault:
                    self.away[server] = fault
            case CallUnsent(request, path):
                self.prompts[request.prompt].begun.pop((path, request.attempt), None)
            case CallFailed(request, path, kind, again, server):
                self.failed[server] += 1
                work = self.prompts[request.prompt]
                work.begun.pop((path, request.attempt), None)
                work.retries += again
                self.faults[kind] += 1
            case RowRejected(path, rejections):
                text = self._texts.get(path) or self._texts.get(path[:1], "")
                for rejection in rejections:
                    self._rules[rejection.rule] += 1
                    self._examples[rejection.rule] = rejection.reason, text
            case RowKept(row):
                self.kept += 1
                self._settled(row.path)
            case RowMissing(missing):
                self.lost += 1
                self._settled(missing.path)

    def _note_text(self, path: RowPath, text: str) -> None:
        if len(self._texts) >= TEXTS:
            self._texts.pop(next(iter(self._texts)))
        self._texts[path if path[-1] >= 0 else path[:-1]] = text  # of a row that waits for several: the last

    def _begin(self, request: Request, path: RowPath, now: float) -> None:
        self._begun = True
        self._first_call = now if self._first_call is None else self._first_call
        self.prompts[request.prompt].begun[path, request.attempt] = now

    def _done(self, request: Request, path: RowPath, reused: bool, now: float) -> None:
        self._begun = True
        work = self.prompts[request.prompt]
        sent = work.begun.pop((path, request.attempt), None)
        work.repairs += request.attempt > 1
        if reused:
            work.reused += 1
            self._stored_ahead = max(0, self._stored_ahead - 1)
            return
        work.made += 1
        work.seconds += 0.0 if sent is None else now - sent

    def _settled(self, path: RowPath) -> None:
        self._texts.pop(path, None)
        if not self._begun:  # settled by an earlier build: no call is made for it, and none is told of
            for work in self.prompts.values():
                work.base -= 1 / work.per_call

    @property
    def in_flight(self) -> int:
        return sum(len(w.begun) for w in self.prompts.values())

    @property
    def retries(self) -> int:
        return sum(w.retries for w in self.prompts.values())

    @property
    def rejected(self) -> int:
        return sum(self._rules.values())

    @property
    def commonest(self) -> MostRejected | None:
        """Why most was rejected, with an example."""
        if not self._rules:
            return None
        rule, count = self._rules.most_common(1)[0]
        return MostRejected(rule, count, *self._examples[rule])

    @property
    def share(self) -> float:
        """Of all work, the part that is done: 0 to 1, by calls."""
        if not self.prompts:
            return (self.kept + self.lost) / max(1, self.rows)
        done = sum(w.done for w in self.prompts.values())
        return done / max(1, sum(w.expected(self.lost) for w in self.prompts.values()))

    def seconds_left(self, now: float) -> float | None:
        """How long it will take, from what calls of each prompt took; None while that cannot be known."""
        raw = self._raw_left(now)
        if raw is None:
            return None
        if self._left is not None:
            then, before = self._left
            passed = now - then
            share = 1 - math.exp(-passed / SMOOTHING)
            raw = max(0.0, before - passed) * (1 - share) + raw * share
        self._left = now, raw
        return raw

    def _raw_left(self, now: float) -> float | None:
        """The call-seconds to come, at the rate of call-seconds so far."""
        if self._first_call is None or now - self._first_call < 1:
            return None
        spent = ahead = 0.0
        base = sum(w.base for w in self.prompts.values()) or 1.0
        for work in self.prompts.values():
            stored = self._stored_ahead * work.base / base
            left = max(0.0, work.expected(self.lost) - work.done - stored)
            typical = work.typical
            if typical is None:
                if left > 0:
                    return None
                continue
            part = sum(min(now - sent, typical) for sent in work.begun.values())
            spent += work.seconds + part
            ahead += max(0.0, left * typical - part)
        return (now - self._first_call) * ahead / spent if spent else None


def _work_of(spec: Spec, prompt: Prompt) -> PromptWork:
    """A prompt is asked once for each row of its level: for one of the dataset, or for several that come of it."""
    combinations = math.ceil(spec.rows / rows_per_combination(spec))
    rows = max(1, rows_of_level(spec, asked_at(prompt), combinations)[1])
    per_call = max(1, spec.rows // rows)
    if prompt.dialogue is not None:
        return PromptWork(rows * sum(calls_of_a_talk(prompt.dialogue, {})) / 2, bool(prompt.needs), 1)
    if is_asked_otherwise(prompt):
        calls = max(0.1, calls_foretold(spec, prompt))
        return PromptWork(rows * calls, bool(prompt.needs), per_call / calls)
    return PromptWork(rows, bool(prompt.needs), per_call)
