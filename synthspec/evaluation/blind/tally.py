"""What votes between two datasets come to: a share and its interval, ties apart.

The interval is Wilson's score interval (Wilson, "Probable inference, the law of succession, and statistical inference",
1927), which keeps to 0 and 1 and covers near 95 in a hundred also for few votes (Brown, Cai & DasGupta 2001). Ties are
no votes for either, and are told beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal

from synthspec.lazy_dataclass import dataclass

PreferredSide = Literal["first", "second", "tie"]
CHOICES: tuple[PreferredSide, ...] = ("first", "second", "tie")
_Z = 1.959963984540054  # of 95 in a hundred


@dataclass(frozen=True, slots=True)
class VoteTally:
    """Votes for the first dataset, for the second, and ties."""

    first: int
    second: int
    ties: int

    @property
    def decided(self) -> int:
        return self.first + self.second

    @property
    def share(self) -> float | None:
        """Of the votes that are no ties, those for the first; None where there is none."""
        return self.first / self.decided if self.decided else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Where that share lies, with 95% confidence; None where there is no vote."""
        return wilson(self.first, self.decided) if self.decided else None

    @property
    def preferred(self) -> Literal["first", "second"] | None:
        """The dataset that people prefer, where the interval leaves out one half."""
        if self.interval is None:
            return None
        low, high = self.interval
        return "first" if low > 0.5 else "second" if high < 0.5 else None

    def as_dict(self) -> dict[str, Any]:
        low, high = self.interval or (None, None)
        return {
            "first": self.first,
            "second": self.second,
            "ties": self.ties,
            "share": self.share,
            "low": low,
            "high": high,
            "preferred": self.preferred,
        }


def tally_of(choices: Iterable[str]) -> VoteTally:
    """Count votes; anything that is none is left out."""
    listed = [*choices]
    return VoteTally(*(listed.count(choice) for choice in CHOICES))


def wilson(successes: int, count: int) -> tuple[float, float]:
    """Wilson's score interval of a share, 95%.

    >>> tuple(round(v, 3) for v in wilson(8, 10)), tuple(round(v, 3) for v in wilson(0, 5))
    ((0.49, 0.943), (0.0, 0.434))
    """
    share, z2 = successes / count, _Z * _Z
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    reach = _Z / (1 + z2 / count) * math.sqrt(share * (1 - share) / count + z2 / (4 * count * count))
    low = 0.0 if successes == 0 else max(0.0, middle - reach)
    high = 1.0 if successes == count else min(1.0, middle + reach)
    return low, high
