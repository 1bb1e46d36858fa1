"""Which of several servers a call goes to. No clock: time is a number that the tests count."""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from depth import quarter
from hypothesis import given, settings
from hypothesis import strategies as st

from synthspec.inference.sending.choosing import (
    FAILURES,
    FIRST_REST,
    LONGEST_REST,
    NEVER_THERE,
    PATIENCE,
    ServerRecords,
    is_answer,
)
from synthspec.spec.messages import BackendFault, FaultKind

GONE = BackendFault(FaultKind.UNREACHABLE, "no server answers", sent="no")
BUSY = BackendFault(FaultKind.OVERLOADED, "busy")
WRONG = BackendFault(FaultKind.BAD_REQUEST, "no such model")


@dataclass
class World:
    """Servers that take a call for so long, and are dead from time to time; calls that come as there is room."""

    takes: list[float]
    dead: list[list[tuple[float, float]]]  # when each is away
    places: int = 8
    now: float = 0.0
    sent: list[int] = field(default_factory=list)
    tries: list[float] = field(default_factory=list)  # times at which a server that is set aside was tried

    def run(self, calls: int, at_once: int) -> int:
        """Make so many calls; how many of them were answered. Each is sent until it is."""
        standings = ServerRecords([f"s{i}" for i in range(len(self.takes))])
        self.standings = standings
        self.sent = [0] * len(self.takes)
        waiting: list[tuple[str, ...]] = [()] * calls
        ends: list[tuple[float, int, int, int, tuple[str, ...]]] = []
        answered = out = turn = 0
        while answered < calls:
            while waiting and out < at_once:
                free = [i for i, s in enumerate(standings.servers) if s.in_flight < self.places]
                at = standings.best(self.now, free, waiting[-1])
                if at is None:
                    break
                if standings.is_out(at):
                    assert standings.servers[at].trying == 0, "one call at a time finds out"
                    self.tries.append(self.now)
                number = standings.began(at)
                self.sent[at] += 1
                out, turn = out + 1, turn + 1
                end = self.now + (0.001 if self.is_dead(at) else self.takes[at])
                heapq.heappush(ends, (end, turn, at, number, waiting.pop()))
            if not ends:
                wait = standings.next_try(self.now)
                assert wait < float("inf"), "nothing is out, and nothing is waited for"
                self.now += max(wait, 1e-6)
                continue
            end, _, at, number, failed_at = heapq.heappop(ends)
            seconds = self.takes[at]
            self.now, out = max(self.now, end), out - 1
            if self.is_dead(at):
                standings.failed(at, number, GONE, self.now)
                waiting.append(tuple({*failed_at, f"s{at}"}))
            else:
                standings.succeeded(at, seconds)
                answered += 1
            standings.left(at, number)
        return answered

    def is_dead(self, at: int) -> bool:
        return any(start <= self.now < end for start, end in self.dead[at])


@st.composite
def worlds(draw: st.DrawFn) -> World:
    count = draw(st.integers(2, 5))
    takes = [draw(st.floats(0.01, 5.0)) for _ in range(count)]
    dead = []
    for _ in range(count):
        starts = [draw(st.floats(0, 60)) for _ in range(draw(st.integers(0, 3)))]
        dead.append([(start, start + draw(st.floats(0.1, 40))) for start in starts])
    return World(takes, dead, places=draw(st.integers(1, 12)))


@given(worlds(), st.integers(1, 300), st.integers(1, 60))
@settings(max_examples=quarter(60), deadline=None)
def test_every_call_is_answered_whatever_dies(world: World, calls: int, at_once: int) -> None:
    assert world.run(calls, at_once) == calls
    assert all(s.in_flight == 0 for s in world.standings.servers)
    assert sum(world.sent) >= calls


@given(st.integers(0, 10_000))
@settings(max_examples=quarter(25), deadline=None)
def test_a_dead_server_is_tried_ever_more_rarely(seed: int) -> None:
    """Of one that is away all along, the calls are those that were out when it died, then one at a time."""
    takes = [random.Random(seed).uniform(0.05, 0.3) for _ in range(3)]
    world = World(takes, [[(0.0, 1e9)], [], []], places=4)
    world.run(400, 12)
    gaps = [b - a for a, b in pairwise(world.tries)]
    assert all(b > 1.5 * a or b >= LONGEST_REST for a, b in pairwise(gaps))
    assert all(gap >= FIRST_REST for gap in gaps)
    assert world.sent[0] <= 4 + len(world.tries)


@pytest.mark.parametrize("slower", [3, 10, 30])
def test_a_slow_server_is_given_less(slower: int) -> None:
    """With more places than calls, calls go where they are answered soonest; a server ten times as slow gets a few."""
    world = World([0.1, 0.1 * slower, 0.1], [[], [], []], places=32)
    world.run(3000, 32)
    fast, slow, other = world.sent
    assert abs(fast - other) < 0.05 * fast
    assert 0 < slow < 1.6 * fast / slower


def test_equal_servers_are_asked_equally() -> None:
    world = World([0.2] * 4, [[]] * 4, places=16)
    world.run(1000, 40)
    assert max(world.sent) - min(world.sent) <= 16


def test_a_server_that_fails_fast_does_not_draw_calls() -> None:
    standings = ServerRecords(["a", "b"])
    for _ in range(FAILURES - 1):
        number = standings.began(0)
        assert standings.failed(0, number, BUSY, 0.0) is None
        standings.left(0, number)
    for _ in range(5):  # b has five calls out, a none
        assert standings.best(0.0, [0, 1]) == 1
        standings.began(1)


def test_when_a_server_is_set_aside() -> None:
    for fault, calls in ((GONE, 1), (WRONG, 1), (BUSY, FAILURES), (BackendFault(FaultKind.TIMED_OUT, ""), FAILURES)):
        standings = ServerRecords(["a", "b"])
        numbers = [standings.began(0) for _ in range(calls)]
        changes = [standings.failed(0, number, fault, 1.0) for number in numbers]
        assert changes == [None] * (calls - 1) + ["out"], fault.kind
        assert standings.is_out(0) and standings.best(1.0, [0]) is None
    standings = ServerRecords(["a"])
    long = BackendFault(FaultKind.RATE_LIMITED, "tomorrow", retry_after=7200.0)
    assert standings.failed(0, standings.began(0), long, 1.0) == "out"
    assert standings.given_up(1.0) and not standings.given_up(7000.0)


def test_what_is_an_answer() -> None:
    assert [kind for kind in FaultKind if is_answer(kind)] == [FaultKind.REFUSED, FaultKind.TOO_LONG]


def test_calls_that_were_out_when_a_server_died_are_no_news() -> None:
    standings = ServerRecords(["a", "b"])
    numbers = [standings.began(0) for _ in range(20)]
    assert standings.failed(0, numbers[7], GONE, 1.0) == "out"
    until = standings.servers[0].out_until
    assert [standings.failed(0, n, GONE, 2.0) for n in numbers if n != 8] == [None] * 19
    assert standings.servers[0].out_until == until
    assert standings.succeeded(0, 0.3) == "back", "one of them was answered all the same"


def test_a_request_that_failed_goes_elsewhere_while_there_is_an_elsewhere() -> None:
    standings = ServerRecords(["a", "b"])
    standings.began(1)
    assert standings.best(0.0, [0], ("a",)) is None, "b works: it is waited for"
    assert standings.best(0.0, [0, 1], ("a",)) == 1
    assert standings.best(0.0, [0], ("a", "b")) == 0
    standings.failed(1, 1, GONE, 0.0)
    assert standings.best(0.0, [0], ("a",)) == 0, "b is away"


def test_hope_ends_when_no_server_is_left() -> None:
    standings = ServerRecords(["a", "b"])
    assert standings.failed(0, standings.began(0), WRONG, 0.0) == "out"
    assert not standings.given_up(0.0)
    now = 0.0
    for _ in range(NEVER_THERE):  # b never gave a reply
        assert not standings.given_up(now)
        number = standings.began(1)
        standings.failed(1, number, GONE, now)
        standings.left(1, number)
        now = standings.servers[1].out_until
    assert standings.given_up(now)
    assert standings.faults() == "a: no such model; b: no server answers"
    assert standings.succeeded(1, 0.1) == "back"
    assert not standings.given_up(now)
    for _ in range(3):  # one that did is waited for
        number = standings.began(1)
        standings.failed(1, number, GONE, now)
        standings.left(1, number)
        assert not standings.given_up(now)
        now = standings.servers[1].out_until
    assert standings.given_up(now + PATIENCE)
