"""Which split each row goes to: exact shares for every number of rows, and never a move.

After any n rows every split holds its share of n to within one row. The row's place decides, never its
content, so adding rows moves none that is there. Inside these bounds the order is drawn from the seed: were
every tenth row the test row, a plan with a period of ten would put one kind of row in it.

A row of a group goes where the group's first row went, due or not. Shares are off by what groups take too
much, and rows that come later make up for it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from hashlib import sha256
from itertools import accumulate

LONGEST_BLOCK = 10_000


class Splitter:
    """Hands out splits. With a `stratum` the shares are exact among the rows of each one.

    >>> splitter = Splitter({"train": 0.75, "test": 0.25}, seed=1)
    >>> names = [splitter.assign() for _ in range(8)]
    >>> [names[:n].count("test") for n in (4, 8)]
    [1, 2]
    """

    def __init__(self, shares: Mapping[str, float], seed: int) -> None:
        self._names = tuple(shares)
        self._parts = whole_parts(shares)
        self._seed = seed
        self._strata: dict[str | None, _Sequence] = {}
        self._groups: dict[Hashable, int] = {}

    def assign(self, stratum: str | None = None, group: Hashable | None = None) -> str:
        """The split of the next row. Rows of one `group` go where its first row went."""
        if stratum not in self._strata:
            key = sha256(repr((self._seed, "split", stratum)).encode()).digest()
            self._strata[stratum] = _Sequence(self._parts, int.from_bytes(key[:8], "little"))
        sequence = self._strata[stratum]
        if group is None:
            return self._names[sequence.draw()]
        if group in self._groups:
            sequence.take(self._groups[group])
        else:
            self._groups[group] = sequence.draw()
        return self._names[self._groups[group]]


def whole_parts(shares: Mapping[str, float]) -> tuple[int, ...]:
    """The shares as whole numbers without a common divisor.

    >>> whole_parts({"train": 0.8, "validation": 0.1, "test": 0.1})
    (8, 1, 1)
    """
    exact = [Fraction(str(s)) for s in shares.values()]
    denominator = math.lcm(*(f.denominator for f in exact))
    whole = [int(f * denominator) for f in exact]
    divisor = math.gcd(*whole) or 1
    return tuple(w // divisor for w in whole)


def _at(point: float, widths: Sequence[float]) -> int:
    """Which of the stretches laid end to end holds the point."""
    last = len(widths) - 1
    return next((i for i, end in enumerate(accumulate(widths)) if point < end), last)


class _Sequence:
    """An endless order of splits in which every prefix holds each split's share, rounded down or up.

    That is a schedule of jobs with deadlines: the j-th row of a split with share s is due by row j / s and
    not before row (j - 1) / s. One is free to choose any split that is not early as long as all that falls
    due later can still be met (Tijdeman, "The chairman assignment problem", 1980, shows that there always is
    one). Choices are drawn in proportion to what each split still lacks in its block.
    """

    def __init__(self, parts: tuple[int, ...], seed: int) -> None:
        self._parts, self._whole = parts, sum(parts)
        self._block = min(self._whole, LONGEST_BLOCK)
        self._held = [0] * len(parts)
        self._count = 0
        self._random = random.Random(seed).random

    def take(self, split: int) -> None:
        """Give the next row to a split, due or not."""
        self._count += 1
        self._held[split] += 1

    def draw(self) -> int:
        self._count += 1
        end = -(-self._count // self._block) * self._block
        free = [
            i for i, (p, h) in enumerate(zip(self._parts, self._held, strict=True)) if h * self._whole < self._count * p
        ]
        while True:
            lacks = [max(end * self._parts[i] / self._whole - self._held[i], 1e-6) for i in free]
            chosen = free[_at(self._random() * sum(lacks), lacks)]
            self._held[chosen] += 1
            if len(free) == 1 or self._can_go_on():
                return chosen
            self._held[chosen] -= 1
            free.remove(chosen)

    def _can_go_on(self) -> bool:
        """Whether every row that falls due by row d still has room, for every d from here on.

        A split is ahead when its last row is not due yet. Of the d rows, those due fill all but a few; those
        few are what the splits that are ahead have taken in advance.
        """
        parts, whole, count = self._parts, self._whole, self._count
        due = [-(-h * whole // p) for h, p in zip(self._held, parts, strict=True) if h > count * p // whole]
        due.sort()
        if len(due) < 2:
            return True
        return all(sum(at > d for at in due) <= d - sum(d * p // whole for p in parts) for d in range(count, due[-2]))
