"""A seeded order of 0..size-1 in which any place is found at once, without the others."""

from __future__ import annotations

from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from synthspec.languages.expressions.random.splitmix64 import GOLDEN, finalized
from synthspec.planning.design import Levels
from synthspec.planning.sampling.philox import stream

MOST = 1 << 62
_SHUFFLED = 4096
_ROUNDS = 6
_TABLED = 1 << 16
_ODD = 0xD1B54A32D192ED03


class Permutation:
    """Permutations of 0..size-1, one for each pass; 1 <= size <= MOST.

    Small sizes are shuffled. Larger ones go through a Feistel network on the least number of bits that holds
    them, whose results outside are fed back until they fall inside (cycle walking, Black and Rogaway,
    "Ciphers with arbitrary finite domains", 2002): twice on average at most.
    """

    def __init__(self, size: int, key: int) -> None:
        if not 1 <= size <= MOST:
            raise ValueError(f"size {size} is not between 1 and 2**62")
        self.size = size
        self._key = key
        bits = max((size - 1).bit_length(), 2)
        self._low, self._high = bits // 2, bits - bits // 2

    def at(self, start: int, stop: int) -> Levels:
        """Places start..stop-1 of the passes laid end to end: numbers of 0..size-1."""
        if start >= stop:
            return np.empty(0, dtype=np.int64)
        first, last = start // self.size, -(-stop // self.size)
        if self.size <= _SHUFFLED:
            draws = stream(self._key, first * self.size, last * self.size)
            every = draws.reshape(-1, self.size).argsort(axis=1).reshape(-1)
            return every[start - first * self.size : stop - first * self.size]
        pieces = []
        for turn in range(first, last):
            begin, end = max(start - turn * self.size, 0), min(stop - turn * self.size, self.size)
            pieces.append(self._walk(np.arange(begin, end, dtype=np.uint64), turn))
        return np.concatenate(pieces)

    def of(self, numbers: NDArray[np.uint64]) -> Levels:
        """What stands at `numbers` of the first pass."""
        return self._walk(numbers, 0)

    def _walk(self, numbers: NDArray[np.uint64], turn: int) -> Levels:
        keys = self._round_keys(turn)
        numbers = self._feistel(numbers, keys)
        outside = np.flatnonzero(numbers >= self.size)
        while len(outside):
            numbers[outside] = self._feistel(numbers[outside], keys)
            outside = outside[numbers[outside] >= self.size]
        return numbers.astype(np.int64)

    def _round_keys(self, turn: int) -> list[np.uint64]:
        text = f"{self._key} {turn}".encode()
        digest = blake2b(text, digest_size=8 * _ROUNDS).digest()
        return [np.uint64(int.from_bytes(digest[8 * r : 8 * r + 8], "little")) for r in range(_ROUNDS)]

    def _feistel(self, numbers: NDArray[np.uint64], keys: list[np.uint64]) -> NDArray[np.uint64]:
        """Alternately the high and the low part is changed by a hash of the other: undone in reverse, so one
        to one.
        """
        low, high = np.uint64(self._low), np.uint64(self._high)
        low_mask, high_mask = (np.uint64((1 << width) - 1) for width in (self._low, self._high))
        left, right = numbers >> low, numbers & low_mask
        for number, key in enumerate(keys):
            if number % 2:
                right = right ^ (_mix(left, key) & low_mask)
            else:
                left = left ^ (_mix(right, key) & high_mask)
        return (left << low) | right if high else right


class Shuffles:
    """Many orders of 0..size-1, told apart by a number each; 1 <= size <= MOST.

    Up to `_TABLED`, a place goes through two fixed shuffles, with a random affine step before each; above, through
    one fixed `Order` after a random rotation.
    """

    def __init__(self, size: int, key: int) -> None:
        self.size = size
        self._key = np.uint64(key & (2**64 - 1))
        if size <= _TABLED:
            draws = stream(key, 0, 2 * size).reshape(2, size)
            self._first, self._second = draws.argsort(axis=1)
            numbers = np.arange(1, max(size, 2), dtype=np.int64)
            self._units = numbers[np.gcd(numbers, size) == 1] if size > 1 else numbers
        else:
            self._order = Permutation(size, key)

    def at(self, places: Levels, which: NDArray[np.uint64]) -> Levels:
        """What stands at each of `places` (0..size-1) of the order number `which`."""
        if self.size == 1:
            return np.zeros_like(places)
        word = _mix(which, self._key)
        if self.size > _TABLED:
            turned = (places.astype(np.uint64) + word % np.uint64(self.size)) % np.uint64(self.size)
            return self._order.of(turned)
        inner = self._first[self._affine(places, word)]
        found: Levels = self._second[self._affine(inner, _mix(word, self._key))]
        return found

    def _affine(self, places: Levels, word: NDArray[np.uint64]) -> Levels:
        factor = self._units[((word >> np.uint64(32)) % np.uint64(len(self._units))).astype(np.int64)]
        offset = ((word & np.uint64(0xFFFFFFFF)) % np.uint64(self.size)).astype(np.int64)
        moved: Levels = (places * factor + offset) % self.size
        return moved


def mixed(before: NDArray[np.uint64], number: Levels) -> NDArray[np.uint64]:
    """One number of 64 bits out of two, as a hash."""
    return _mix(before ^ _mix(number.astype(np.uint64), np.uint64(_ODD)), np.uint64(_ODD))


def _mix(word: NDArray[np.uint64], key: np.uint64) -> NDArray[np.uint64]:
    """The finalizer of SplitMix64 (Steele, Lea, Flood 2014), keyed."""
    return finalized((word + key) * GOLDEN)
