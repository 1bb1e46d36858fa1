"""SplitMix64's finalizer (Steele, Lea, Flood 2014): 64-bit words so mixed that every bit depends on every bit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio, odd
MIX = np.uint64(0xBF58476D1CE4E5B9)  # the first multiplier of the finalizer


def finalized(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The words, mixed; a bijection.

    >>> [hex(w) for w in finalized(np.array([0x9E3779B97F4A7C15], np.uint64))]  # the first number of seed 0
    ['0xe220a8397b1dcdaf']
    """
    words = (words ^ (words >> np.uint64(30))) * MIX
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
