"""What a build shows while it runs, from a recorded sequence of events and a clock of our own."""

from __future__ import annotations

import heapq
import io
import random
from collections.abc import Iterator

import pytest
from rich.console import Console

from synthspec.cli.shared.live import View
from synthspec.cli.shared.watched import Watched
from synthspec.compiler import compile_text
from synthspec.inference.events import (
    CallBegun,
    CallDone,
    CallFailed,
    Event,
    Forecast,
    RowKept,
    RowMissing,
    RowRejected,
    Stop,
)
from synthspec.spec import Spec
from synthspec.spec.messages import Completion, Reply, Request, Usage
from synthspec.spec.rows import Missing, Rejection, Row, Stage

TEXT = """\
synthspec: 1
name: chain
rows: 120
parameters: {tone: [kind, harsh]}
prompts:
  topic: {user: "a {{ tone }} topic", writes: [topic]}
  note: {user: "about {{ topic }}", writes: [note]}
  judge: {user: "rate {{ note }}", writes: [score]}
fields:
  topic: {type: string, words: {min: 1}}
  note: {type: string, words: {min: 4}}
  score: {type: string, words: {min: 1}}
backend: openai:gpt-5-mini
limits: {budget: 2.00}
"""
CHAIN = ("topic", "note", "judge")
Recorded = Iterator[tuple[float, Event]]


def spec_of(rows: int = 120, text: str = TEXT) -> Spec:
    compiled = compile_text(text, {"rows": str(rows)})
    assert compiled.spec is not None and compiled.ok, compiled.diagnostics
    return compiled.spec


def request(prompt: str, row: int, attempt: int = 1) -> Request:
    return Request(f"{prompt}{row}.{attempt}", prompt, row, attempt, (), 1)


def done(prompt: str, row: int, attempt: int = 1, *, cost: float | None = 0.001, reused: bool = False) -> CallDone:
    reply = Reply(f"The {prompt} of row {row}\nis this.", usage=Usage(50, 20))
    asked = request(prompt, row, attempt)
    return CallDone(asked, (row,), Completion(asked.key, reply, cost=cost, reused=reused))


def kept(row: int) -> RowKept:
    return RowKept(Row(row, row, {}, path=(row,)))


def missing(row: int) -> RowMissing:
    return RowMissing(Missing(row, row, Stage.VALID, ("too short",), {}, path=(row,)))


def chain(rows: int, *, at_once: int = 8, seconds: float = 2.0, seed: int = 0, rejected: float = 0.0) -> Recorded:
    """A chain of three prompts, earlier rows first, with so many calls at once; every call takes about as long."""
    luck = random.Random(seed)
    ready = [(row, 0, 1) for row in range(rows)]
    flying: list[tuple[float, int, int, int]] = []
    now, open_rows, next_kept = 0.0, set(range(rows)), 0
    while ready or flying:
        while ready and len(flying) < at_once:
            row, stage, attempt = heapq.heappop(ready)
            yield now, CallBegun(request(CHAIN[stage], row, attempt), (row,))
            heapq.heappush(flying, (now + seconds * luck.uniform(0.8, 1.2), row, stage, attempt))
        now, row, stage, attempt = heapq.heappop(flying)
        yield now, done(CHAIN[stage], row, attempt)
        if stage == 1 and attempt == 1 and luck.random() < rejected:
            yield (
                now,
                RowRejected((row,), (Rejection(Stage.VALID, "words(note)", "at least 4 words wanted, 3 written"),)),
            )
            heapq.heappush(ready, (row, stage, 2))
        elif stage < 2:
            heapq.heappush(ready, (row, stage + 1, 1))
        else:
            open_rows.discard(row)
        while next_kept < rows and next_kept not in open_rows:
            yield now, kept(next_kept)
            next_kept += 1


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def played(view: View, clock: Clock, events: Recorded, until: float) -> None:
    for when, event in events:
        if when > until:
            return
        clock.now = when
        view.take(event)
    clock.now = until


def drawn(view: View, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, force_terminal=False, legacy_windows=False)
    console.print(view)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_chain_on_a_terminal() -> None:
    clock = Clock()
    view = View(spec_of(), clock)
    played(view, clock, chain(120, rejected=0.2), until=12.0)
    wide, narrow = drawn(view, 120), drawn(view, 80)
    assert wide == WIDE, "\n".join(wide)
    assert narrow == NARROW, "\n".join(narrow)


def test_a_chain_in_a_pipe() -> None:
    clock = Clock()
    view = View(spec_of(), clock)
    assert (
        view.line()
        == "0 of 120 rows kept; topic 0/120 calls; note 0/120 calls; judge 0/120 calls; $0.00 of $2.00 spent"
    )
    played(view, clock, chain(120, rejected=0.2), until=12.0)
    assert view.line() == LINE, view.line()


@pytest.mark.parametrize("seed", range(12))
def test_the_time_left_is_honest(seed: int) -> None:
    """Once told, it is near what is really left, and from one second to the next it does not jump."""
    luck = random.Random(seed)
    rows, at_once = luck.choice([40, 120, 300]), luck.choice([1, 4, 8, 16])
    recorded = list(
        chain(rows, at_once=at_once, seconds=luck.uniform(0.5, 6), seed=seed, rejected=luck.choice([0, 0.3]))
    )
    end = recorded[-1][0]
    watched, at, told = Watched(spec_of(rows)), 0, list[tuple[float, float]]()
    for second in map(float, range(int(end))):
        while recorded[at][0] <= second:
            watched.take(recorded[at][1], recorded[at][0])
            at += 1
        left = watched.seconds_left(second)
        if left is not None:
            told.append((second, left))
    assert told and told[0][0] <= max(5, 0.25 * end), "it is told early"
    for second, left in told[len(told) // 5 :]:
        assert abs(left - (end - second)) <= 0.2 * (end - second) + 0.05 * end + 3, (second, left, end)
    for (_, before), (_, after) in zip(told[len(told) // 10 :], told[len(told) // 10 + 1 :], strict=False):
        assert abs(after - (before - 1)) <= 2 + 0.06 * end, (before, after, end)


def test_nothing_is_told_before_it_can_be_known() -> None:
    clock = Clock()
    view = View(spec_of(), clock)
    for row in range(60):
        view.take(CallBegun(request("topic", row), (row,)))
        clock.now += 1
        view.take(done("topic", row))
    assert "left" not in view.line(), "how long a note takes is not known"


def test_calls_of_an_earlier_build_are_counted_apart() -> None:
    clock = Clock()
    view = View(spec_of(10), clock)
    view.take(Forecast(6, 4))
    for row in range(6):
        for prompt in CHAIN:
            view.take(done(prompt, row, reused=True))
    assert "topic 6/10 calls (6 from an earlier build)" in view.line() and "left" not in view.line()


def test_rows_that_an_earlier_build_settled_need_no_calls() -> None:
    view = View(spec_of(10), Clock())
    for row in range(8):
        view.take(kept(row))
    assert view.line().startswith("8 of 10 rows kept; topic 0/2 calls; note 0/2 calls; judge 0/2 calls")


def test_lost_rows_need_no_later_calls() -> None:
    clock = Clock()
    view = View(spec_of(4), clock)
    for row in range(4):
        view.take(done("topic", row))
    for row in range(3):
        view.take(missing(row))
    assert view.line().startswith("0 of 4 rows kept, 3 missing; topic 4/4 calls; note 0/1 calls; judge 0/1 calls")


def test_retries_and_unknown_prices() -> None:
    view = View(spec_of(4), Clock())
    view.take(CallBegun(request("topic", 0), (0,)))
    view.take(CallFailed(request("topic", 0), (0,), "rate limited", True))
    view.take(CallBegun(request("topic", 0), (0,)))
    view.take(done("topic", 1, cost=None))
    assert "topic 1/4 calls (1 in flight, 1 retry)" in view.line() and "cost unknown" in view.line()
    assert "$" not in view.line()
    assert any("failed calls: rate limited 1" in text for text, _ in view.lines())


def test_texts_of_settled_rows_are_let_go() -> None:
    watched = Watched(spec_of())
    for when, event in chain(120):
        watched.take(event, when)
    assert not watched._texts and watched.in_flight == 0 and watched.share == 1.0


WIDE = [
    "chain: 9 of 120 rows kept; 1 min 30 s left",
    "  ━━━━╸",
    "  topic  16/120 calls (2 in flight)",
    "  note   17/128 calls (1 in flight)",
    "  judge  10/120 calls (5 in flight)",
    "  3,010 tokens; $0.0430 of $2.00 spent",
    "  2 rejected: words(note): at least 4 words wanted, 3 written",
    "    in: The note of row 10 is this.",
]
NARROW = [
    "chain: 9 of 120 rows kept; 1 min 30 s left",
    "  ━━━━╸",
    "  topic  16/120 calls (2 in flight)",
    "  note   17/128 calls (1 in flight)",
    "  judge  10/120 calls (5 in flight)",
    "  3,010 tokens; $0.0430 of $2.00 spent",
    "  2 rejected: words(note): at least 4 words wanted, 3 written",
    "    in: The note of row 10 is this.",
]
LINE = (
    "9 of 120 rows kept; topic 16/120 calls (2 in flight); note 17/128 calls (1 in flight); "
    "judge 10/120 calls (5 in flight); 3,010 tokens; $0.0430 of $2.00 spent; 2 rejected: "
    "words(note): at least 4 words wanted, 3 written; 1 min 30 s left"
)


def test_a_stop_is_said_once_and_only_where_calls_are_waited_for(capsys: pytest.CaptureFixture[str]) -> None:
    view = View(spec_of(4), Clock())
    view.take(CallBegun(request("topic", 0), (0,)))
    view.take(Stop("interrupted", by_hand=True))
    view.take(Stop("interrupted", by_hand=True))
    assert capsys.readouterr().err.count("stopping: waiting for the calls in flight") == 1
    idle = View(spec_of(4), Clock())
    idle.take(Stop("the budget is reached"))
    assert capsys.readouterr().err == ""
