"""How often each text was seen: the same as a plain count, in a tenth of the memory."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from synthspec.generation.scheduling.occurrences import Occurrences


def _even(dice: random.Random) -> int:
    return dice.getrandbits(60)


def _crowded(dice: random.Random) -> int:
    """Few places to begin at, some of them the last there is."""
    return dice.choice((0, 1, 1 << 40, (1 << 60) - 1)) ^ dice.getrandbits(11)


def _repeated(dice: random.Random) -> int:
    return dice.randrange(300) << 50


@pytest.mark.parametrize("draw", [_even, _crowded, _repeated])
def test_it_counts_as_a_plain_count_does(draw: object) -> None:
    assert callable(draw)
    dice, seen, plain = random.Random(5), Occurrences(), Counter[int]()
    for _ in range(9_000):
        digest = draw(dice)
        assert seen.add(digest) == plain[digest or 1]
        plain[digest or 1] += 1


def test_a_text_takes_thirteen_bytes_at_most() -> None:
    dice, seen = random.Random(6), Occurrences()
    for number in range(1, 60_001):
        seen.add(dice.getrandbits(60))
        if number >= 20_000 and number % 500 == 0:
            assert len(seen._table) * seen._table.itemsize <= 13.2 * number
