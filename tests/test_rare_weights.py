"""Lists of very unequal weights: within about one of every share, at any row, for bounded work."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from fractions import Fraction
from heapq import heappop, heappush
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from depth import quarter, rest_slow
from hypothesis import given, settings
from hypothesis import strategies as st

from synthspec.planning.balancing import deadlines, pfair
from synthspec.planning.balancing.deadlines import schedule
from synthspec.planning.balancing.large import LONGEST, common_levels, large
from synthspec.planning.balancing.many_levels import boundary_of_many
from synthspec.planning.balancing.pfair import boundary, whole_shares
from synthspec.planning.design import Design, Dimension
from synthspec.planning.designs import find_strategy

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


MANY = 100_000
LONG: dict[str, Callable[[int, random.Random], float]] = {
    "a long tail": lambda k, chance: 1 / k,
    "any number": lambda k, chance: chance.random(),
    "every size": lambda k, chance: chance.expovariate(1) ** 4 + 1e-12,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_a_list_of_a_hundred_thousand(name: str) -> None:
    chance = random.Random(1)
    weights = tuple(LONG[name](k, chance) for k in range(1, MANY + 1))
    list_of_one = Design((Dimension("a", weights),), 3)
    find_strategy("balanced")(Design((Dimension("a", (1.0, 2.0)),), 3)).uniforms(0, 9)  # loads what it takes
    tracemalloc.start()
    strategy = find_strategy("balanced")(list_of_one)
    strategy.uniforms(0, 300)
    strategy.uniforms(10**9, 10**9 + 300)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000_000


@pytest.mark.parametrize("name", rest_slow(list(LISTS), [at for at, n in enumerate(LISTS) if n != "a long tail"]))
def test_work_and_memory_are_bounded(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scheduled: list[int] = []
    plain = schedule

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


@settings(max_examples=quarter(40), deadline=None)
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


def earliest_deadlines(parts: Any, start: int, first: Any, stop: int, last: Any) -> list[tuple[int, int, int]]:
    """Level, release and deadline of each row, as the rule says it: one row after another."""
    total = sum(parts)
    jobs = []
    for level, w in enumerate(parts):
        for number in range(start * w // total + first[level], stop * w // total + last[level]):
            release, deadline = number * total // w - start, -(-(number + 1) * total // w) - start
            jobs.append((max(release, 0), min(deadline, stop - start), level))
    jobs.sort()
    ready: list[tuple[int, int, int]] = []
    taken = []
    for row in range(stop - start):
        while jobs and jobs[0][0] <= row:
            release, deadline, level = jobs.pop(0)
            heappush(ready, (deadline, level, release))
        deadline, level, release = heappop(ready)
        taken.append((level, release, deadline))
    return taken


@settings(max_examples=quarter(60), deadline=None)
@given(
    each=weights,
    at=st.integers(0, 10**13),
    draws=st.lists(st.floats(0, 1, exclude_max=True), max_size=3),
    exact=st.booleans(),
)
def test_rows_between_boundaries_are_those_of_the_rule(
    each: list[float], at: int, draws: list[float], exact: bool
) -> None:
    parts = [p for p in whole_shares(each) if p]
    wide = sum(parts) // min(parts) + 3
    if wide > 3000:
        parts = [max(p, sum(parts) // 2000) for p in parts]
        wide = sum(parts) // min(parts) + 3
    first, last = boundary(parts, at, draws), boundary(parts, at + wide, draws)
    with pytest.MonkeyPatch.context() as patch:
        if not exact:
            patch.setattr(deadlines, "_EXACT", 0)  # floats, as for whole numbers beyond 64 bits
        found = schedule(parts, at, first, at + wide, last)
    taken = list(zip(found.level.tolist(), found.release.tolist(), found.deadline.tolist(), strict=True))
    assert taken == earliest_deadlines(parts, at, first, at + wide, last)


@settings(max_examples=quarter(150), deadline=None)
@given(
    each=st.one_of(weights, st.lists(st.integers(1, 40), min_size=1, max_size=pfair._FEW)),
    row=st.integers(0, 10**13),
    draws=st.lists(st.one_of(st.floats(0, 1, exclude_max=True), st.just(0.0)), max_size=4),
    exact=st.booleans(),
)
def test_many_levels_are_ahead_as_few_are(each: list[float], row: int, draws: list[float], exact: bool) -> None:
    parts = [p for p in whole_shares(each) if p][: pfair._FEW]
    with pytest.MonkeyPatch.context() as patch:
        if not exact:
            patch.setattr("synthspec.planning.balancing.many_levels._EXACT", 0)
        assert boundary_of_many(parts, row, draws) == boundary(parts, row, draws)


@pytest.mark.parametrize("sizes", [(3, 30), (40, 2000), (2, 9, 60)])
def test_pools_lie_in_pools(sizes: tuple[int, ...]) -> None:
    parts = [10 ** (7 * depth) for depth, size in enumerate(reversed(sizes)) for _ in range(size)]
    assert [len(common_levels(parts)), len(parts)] == [sizes[0], sum(sizes)]
    rows = large(parts, 4).levels(0, 5000)
    assert set(rows.tolist()) <= set(range(sum(sizes)))
    for level, part in enumerate(parts):
        counts = np.cumsum(rows == level)
        assert all(abs(int(counts[n - 1]) - Fraction(n * part, sum(parts))) < 2 for n in (1, 77, 5000))


def test_weights_are_read_as_the_decimals_they_print_as() -> None:
    for one, other in pairwise([[0.1, 0.2], [1, 2], [1e22, 2e22], [1.5e-300, 3e-300], [1000, 2e3]]):
        assert whole_shares(one) == whole_shares(other) == (1, 2)
    assert whole_shares([1e-7, 0.25, 3]) == (1, 2_500_000, 30_000_000)


@pytest.mark.parametrize(
    "each",
    [
        pytest.param([0.4, 0.6, *[1e-6] * 30], id="even", marks=pytest.mark.slow),
        pytest.param([0.5, 0.5, *[2e-6, 4e-6] * 4], id="uneven"),
    ],
)
def test_rows_of_rare_values_are_the_same_in_any_stretch(each: list[float]) -> None:
    """Where a stretch begins between the turn of a rare value and its row, too."""
    parts = whole_shares(each)
    sequence = large(parts, 7)
    assert common_levels(parts) == [0, 1]
    rows = sequence.levels(0, 300_000)
    rare = np.flatnonzero(rows > 1).tolist()
    assert len(rare) >= 5
    for row in rare[:5]:
        for start in (row - 9_000, row + 1, row + 9_000):
            start = min(max(start, 0), 280_000)
            np.testing.assert_array_equal(large(parts, 7).levels(start, start + 12_000), rows[start : start + 12_000])
