"""A few different ones of many, as a pure function of a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def draw_some(candidates: Sequence[int], count: int, seed: str) -> list[int]:
    """`count` different candidates, a function of the seed alone (a partial Fisher-Yates shuffle)."""
    pool: dict[int, int] = {}
    size = len(candidates)
    stream = hashlib.shake_128(seed.encode()).digest(8 * min(count, size))
    drawn: list[int] = []
    for step in range(min(count, size)):
        number = int.from_bytes(stream[8 * step : 8 * step + 8], "big")
        at = step + number % (size - step)
        drawn.append(candidates[pool.get(at, at)])
        pool[at] = pool.get(step, step)
    return drawn
