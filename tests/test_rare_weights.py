"""Lists of very unequal weights: within about one of every share, at any row, for bounded work."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthspec.planning.balancing import pfair
from synthspec.planning.balancing.large import LONGEST, common_levels, large
from synthspec.planning.balancing.pfair import whole_shares
from synthspec.planning.designs import Design, Dimension, find_strategy

LISTS: dict[str, list[float]] = {
    "one in a hundred thousand beside 65": [1e-5, *[1.0] * 65],
    "one beside a million million": [1e-6, 1e6],
    "three": [1e-6, 0.5, 0.5],
    "every size": [1e-12, 1e-9, 1e-7, 1e-5, 1e-3, 1, 2, 3],
    "just common enough": [4e-5, 0.3, 0.69996],
    "a long tail": [1 / k for k in range(1, 3001)],
}
weights = st.lists(
    st.one_of(st.integers(1, 9), st.floats(1e-9, 1), st.sampled_from([1e-4, 1e-6, 1e-12])), min_size=1, max_size=80
)


def levels_of(strategy: Any, start: int, stop: int, parts: list[float]) -> np.ndarray:
    marks = np.cumsum(parts) / np.sum(parts)
    return np.searchsorted(marks, strategy.uniforms(start, stop)["a"], side="right")


@pytest.mark.parametrize("name", LISTS)
def test_work_and_memory_are_bounded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduled: list[int] = []
    plain = pfair.schedule

    def counted(parts: Any, start: int, first: Any, stop: int, last: Any) -> Any:
        scheduled.append(stop - start)
        return plain(parts, start, first, stop, last)

    monkeypatch.setattr(pfair, "schedule", counted)
    tracemalloc.start()
    strategy = find_strategy("balanced")(Design((Dimension("a", tuple(LISTS[name])),), 3))
    strategy.uniforms(0, 300)
    strategy.uniforms(10**9, 10**9 + 300)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(scheduled) <= 12 * LONGEST and peak < 50_000_000


@settings(max_examples=40, deadline=None)
@given(each=weights, seed=st.integers(0, 99), start=st.integers(0, 10**7))
def test_every_prefix_is_near_its_shares(each: list[float], seed: int, start: int) -> None:
    parts = whole_shares(each)
    sequence = large(parts, seed)
    rows = sequence.levels(0, 3000)
    total = sum(parts)
    off = 1 if len(common_levels(parts)) == len(parts) else 2
    for level, part in enumerate(parts):
        counts = np.cumsum(rows == level)
        for row in (1, 7, 100, 999, 3000):
            assert abs(int(counts[row - 1]) - Fraction(row * part, total)) < off
    some = large(parts, seed).levels(start, start + 200)
    np.testing.assert_array_equal(some[50:], large(parts, seed).levels(start + 50, start + 200))
    assert set(some.tolist()) <= set(range(len(parts)))


def test_a_rare_value_comes_when_it_is_due() -> None:
    parts = whole_shares([1e-5, 0.4, 0.6])
    counts = np.bincount(large(parts, 5).levels(0, 300_000), minlength=3)
    assert abs(counts[0] - 3) <= 1 and abs(counts[1] - 119_998.8) < 2


def test_levels_in_a_plan_are_those_of_the_weights() -> None:
    each = [1e-3, 1e-6, 1.0, 2.0, 1e-9]
    strategy = find_strategy("balanced")(Design((Dimension("a", tuple(each)), Dimension("b", (1, 1))), 3))
    counts = np.bincount(levels_of(strategy, 0, 30_000, each), minlength=5)
    assert abs(counts - np.array(each) / sum(each) * 30_000).max() < 2
