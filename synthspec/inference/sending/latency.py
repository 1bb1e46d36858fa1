"""What tells a governor how fast to go: latencies, and so much a minute."""

from __future__ import annotations

import math

_IN_TIME = 0.8  # of the time-out: what a call may take at most if the window is to grow


class LatencyWindow:
    """What the latencies tell: how many calls at once would still be back in time.

    A server that queues what it cannot take answers later the more it is asked, up to the point where every call runs
    into its time-out and nothing comes back at all. How long the longest call of a round trip took bounds that: even
    if every call stood in one queue, twice as many would take twice as long.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._count = 0
        self._mean = 0.0  # latency of late, in seconds; a call that timed out took the time-out
        self._longest = 0.0  # of this round trip
        self._left = 1  # calls to come in this round trip

    def add(self, latency: float, window: float) -> float:
        """Take in the latency of one call. At the end of a round trip, the calls that may be out at once and would be
        back in time; 0 before."""
        self._count += 1
        self._mean += (latency - self._mean) / min(self._count, max(8.0, window / 2))
        self._longest = max(self._longest, latency)
        self._left -= 1
        if self._left > 0:
            return 0.0
        ahead = window if self._count > 1 else 1.0  # of the first to come back, nothing stood in front
        in_time = ahead * _IN_TIME * self._timeout / self._longest if self._longest > 0 else math.inf
        self._longest, self._left = 0.0, int(window)
        return in_time

    def is_in_time(self) -> bool:
        """Whether calls of late are well within the time-out."""
        return self._mean < 0.7 * self._timeout

    def is_late(self) -> bool:
        """Whether calls of late took more than half the time-out."""
        return self._mean > 0.5 * self._timeout


class TokenBucket:
    """So many a minute, evenly: a second's worth at once, and in no minute more than the limit. One call
    larger than a second's worth goes when the bucket is full, and the next ones wait until it is made up
    for."""

    def __init__(self, per_minute: float | None) -> None:
        self._unlimited = per_minute is None
        amount = 1.0 if per_minute is None else per_minute
        self._size = max(1.0, amount / 60)
        self._rate = (amount - self._size if amount > 60 else amount) / 60  # each second
        self._level = self._size
        self._at = -math.inf

    def wait(self, now: float, amount: float) -> float:
        """Seconds until so much may be taken."""
        if self._unlimited:
            return 0.0
        self._level = min(self._size, self._level + max(0.0, now - self._at) * self._rate)
        self._at = now
        lack = min(amount, self._size) - self._level
        return lack / self._rate if lack > 1e-9 * self._size else 0.0

    def take(self, amount: float) -> None:
        """Take so much. Down to less than nothing, where more is taken than a second's worth."""
        if not self._unlimited:
            self._level -= amount

    def give_back(self, amount: float) -> None:
        """So much was not used after all (or, below 0, more than was taken)."""
        if not self._unlimited:
            self._level = min(self._size, self._level + amount)
