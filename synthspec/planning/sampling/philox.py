"""Uniform numbers by counter: any index, in any order, without the ones before it.

Philox of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011): runs of
consecutive indices come from NumPy's Philox 4x64 with its counter set; scattered ones from Philox 4x32,
written out over whole columns.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from synthspec.planning.design import Floats, Levels

LEAST = 2.0**-54
_LOW = np.uint64(0xFFFFFFFF)
_WORD = np.uint64(32)


def key_of(seed: int, name: str, purpose: str = "") -> int:
    """A 128-bit generator key from the plan's seed, a dimension's key and what the numbers are for."""
    text = f"{seed}\x00{purpose}\x00{name}".encode()
    return int.from_bytes(blake2b(text, digest_size=16).digest(), "little")


def stream(key: int, start: int, stop: int) -> Floats:
    """Numbers start..stop-1 of the sequence of `key`: float64 in the open (0, 1), shape (stop - start,).

    Takes the same time at any `start` below 2**256. NumPy draws four numbers from each counter.
    """
    first, skip = divmod(start, 4)
    generator = np.random.Generator(np.random.Philox(key=key, counter=first))
    out = generator.random(skip + max(stop - start, 0))
    np.maximum(out, LEAST, out=out)
    return out[skip:]


def scattered(key: int, rows: Levels) -> Floats:
    """One number in the open (0, 1) for each of `rows` (non-negative, any order): Philox 4x32-10."""
    counter = rows.astype(np.uint64)
    a, b = counter & _LOW, counter >> _WORD
    c = np.full_like(a, (key >> 64) & 0xFFFFFFFF)
    d = np.full_like(a, (key >> 96) & 0xFFFFFFFF)
    low, high = key & 0xFFFFFFFF, (key >> 32) & 0xFFFFFFFF
    for _ in range(10):
        left, right = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)
        a, b, c, d = (
            (right >> _WORD) ^ b ^ np.uint64(low),
            right & _LOW,
            (left >> _WORD) ^ d ^ np.uint64(high),
            left & _LOW,
        )
        low, high = (low + 0x9E3779B9) & 0xFFFFFFFF, (high + 0xBB67AE85) & 0xFFFFFFFF
    return to_unit((a << _WORD) | b)


def to_unit(bits: NDArray[np.uint64]) -> Floats:
    """64 random bits to a float64 of the open (0, 1), from the upper 53."""
    unit: Floats = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return np.maximum(unit, LEAST)
