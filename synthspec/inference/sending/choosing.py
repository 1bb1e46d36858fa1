"""Which of several servers a call goes to, as a function of what became of earlier ones: no clock, no tasks.

The one with the least in flight for its speed is chosen: calls that are out, times what a call takes there. A server
that fails is set aside, and one call is tried there after a time that doubles; the first reply brings it back.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Literal

from synthspec.inference.sending.governor import LONGEST_HOLD
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.messages import FAULT_RULES, BackendFault, FaultKind

FIRST_REST = 0.5  # seconds until a server that failed is tried again; doubled each time it fails again
LONGEST_REST = 60.0
PATIENCE = 90.0  # seconds without a reply after which nobody waits for a server
FAILURES = 3  # in a row, of calls that reached the server, before it is set aside
NEVER_THERE = 3  # times set aside in a row, of a server that gave no reply at all, before nobody waits for it
_MEMORY = 0.1  # weight of the last call in what a call takes
_DEARER = 10.0  # times as slow as it is counts a server whose last call failed: what fails fast must not draw calls

OutOrBack = Literal["out", "back"] | None


@dataclass(slots=True)
class ServerRecord:
    """How one server has done so far. Times are seconds on a clock of the caller's."""

    name: str
    in_flight: int = 0
    sent: int = 0
    answered: int = 0
    takes: float = 0.0  # seconds a call takes, of late; 0 where none was answered
    failures: int = 0  # in a row
    rests: int = 0  # times in a row that it was set aside
    out_since: float | None = None  # when it was set aside; None while it is asked
    out_after: int = 0  # calls that were sent before
    out_until: float = 0.0
    trying: int = 0  # the number of the call that finds out whether it is back; 0 for none
    fault: str = ""  # the last one
    refuses: bool = False  # what it said is true of every later call too

    def is_given_up(self, now: float) -> bool:
        """Whether nobody waits for it any more; it is tried all the same while others work."""
        if self.out_since is None:
            return False
        gone = not self.answered and self.rests >= NEVER_THERE
        long = self.rests >= NEVER_THERE and now - self.out_since >= PATIENCE
        return self.refuses or gone or long or self.out_until - now > LONGEST_HOLD


def is_answer(kind: FaultKind) -> bool:
    """Whether a server that says this of a request is well: the request is at fault."""
    rule = FAULT_RULES[kind]
    return not rule.retry and not rule.stop


class ServerRecords:
    """The servers of one backend."""

    def __init__(self, names: Sequence[str]) -> None:
        self.servers = tuple(ServerRecord(name) for name in names)

    def best(self, now: float, free: Sequence[int], failed_at: Collection[str] = ()) -> int | None:
        """The server, of those with a free place, that a call goes to; None where it should wait.

        A call that failed at a server goes to another while there is one that works, though it must wait for it.
        """
        if failed_at and not any(s.out_since is None and s.name not in failed_at for s in self.servers):
            failed_at = ()
        asked = [i for i in free if self.may_go(i, now) and self.servers[i].name not in failed_at]
        return min(asked, key=self._rank) if asked else None

    def may_go(self, at: int, now: float) -> bool:
        """Whether a call may go to a server: it works, or it is time to try whether it is back."""
        server = self.servers[at]
        return server.out_since is None or (server.out_until <= now and not server.trying)

    def _rank(self, at: int) -> tuple[float, int, int]:
        """Lower is better; a server that was set aside and may be tried goes first."""
        server = self.servers[at]
        if server.out_since is not None:
            return -1.0, server.sent, at
        dearer = _DEARER if server.failures else 1.0
        return dearer * (server.in_flight + 1) * (server.takes or self._quickest()), server.sent, at

    def _quickest(self) -> float:
        """What a call takes on the quickest server, for those of which nothing is known."""
        return min((s.takes for s in self.servers if s.takes), default=1.0)

    def next_try(self, now: float) -> float:
        """Seconds until a server that is set aside may be tried; infinite where none waits for that."""
        waits = [s.out_until - now for s in self.servers if s.out_since is not None and not s.trying]
        return max(0.0, min(waits, default=math.inf))

    def began(self, at: int) -> int:
        """A call goes to a server. Its number, by which to tell what became of it."""
        server = self.servers[at]
        server.in_flight += 1
        server.sent += 1
        if server.out_since is not None:
            server.trying = server.sent
        return server.sent

    def left(self, at: int, number: int) -> None:
        """A call is over, whatever came of it. To be told last, and of every call."""
        server = self.servers[at]
        server.in_flight -= 1
        if server.trying == number:
            server.trying = 0

    def succeeded(self, at: int, latency: float) -> OutOrBack:
        """A call was answered after so many seconds; `back` where the server was set aside until then."""
        server = self.servers[at]
        server.answered += 1
        server.failures = 0
        if server.out_since is None:
            server.takes = server.takes + _MEMORY * (latency - server.takes) if server.takes else latency
            return None
        server.takes, server.rests, server.refuses, server.out_since, server.trying = latency, 0, False, None, 0
        return "back"

    def failed(self, at: int, number: int, fault: BackendFault, now: float) -> OutOrBack:
        """A call failed; `out` where the server is set aside for it. Not for what `is_answer` calls an answer."""
        server, rule = self.servers[at], FAULT_RULES[fault.kind]
        if server.out_since is not None and number <= server.out_after:  # one of those that were out when it failed
            return None
        server.fault = fault.message
        server.failures += 1
        asked = fault.retry_after or 0.0
        at_once = rule.stop or fault.kind is FaultKind.UNREACHABLE or asked > LONGEST_HOLD
        if server.out_since is None and not at_once and server.failures < FAILURES:
            return None
        rest = LONGEST_REST if rule.stop else min(LONGEST_REST, FIRST_REST * 2.0 ** min(server.rests, 16))
        server.refuses = rule.stop
        server.rests += 1
        server.out_until = now + max(rest, asked)
        if server.out_since is not None:
            return None
        server.out_since, server.out_after = now, server.sent
        return "out"

    def is_out(self, at: int) -> bool:
        """Whether a server is set aside."""
        return self.servers[at].out_since is not None

    def given_up(self, now: float) -> bool:
        """Whether no server is left that is worth waiting for."""
        return all(s.is_given_up(now) for s in self.servers)

    def faults(self) -> str:
        """Each server with what it said last, for a sentence."""
        return "; ".join(f"{s.name}: {s.fault or 'no reply'}" for s in self.servers)
