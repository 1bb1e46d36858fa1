"""What every strategy promises, and what each promises besides."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from depth import quarter, rest_slow
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthspec.planning.balancing.pfair import boundary, schedule, whole_shares
from synthspec.planning.design import Design, Dimension, Requirement, Strategy
from synthspec.planning.designs import find_strategy
from synthspec.planning.designs.balanced import Balanced
from synthspec.planning.drawing import DrawFault
from synthspec.planning.sampling.bijection import Permutation
from synthspec.plugins import plugin_names

Weights = tuple[float, ...] | None
FIVE: tuple[Weights, ...] = ((1, 1), (1, 1, 1), (1, 1, 1, 1), (7, 2, 1), (1,) * 9)
SEVEN: tuple[Weights, ...] = (*FIVE, None, None)


def design(weights: Sequence[Weights], seed: int = 1) -> Design:
    return Design(tuple(Dimension(f"d{place}", each) for place, each in enumerate(weights)), seed)


def make(name: str, weights: Sequence[Weights], seed: int = 1) -> Strategy:
    return find_strategy(name)(design(weights, seed))


def levels_of(numbers: NDArray[np.float64], weights: Sequence[float]) -> NDArray[np.int64]:
    marks = np.cumsum(weights) / np.sum(weights)
    return np.searchsorted(marks, numbers, side="right").astype(np.int64)


def columns(found: Mapping[str, NDArray[np.float64]], weights: Sequence[Weights]) -> list[NDArray[np.int64]]:
    """Level indices; tenths for a continuous dimension."""
    return [
        (found[f"d{place}"] * 10).astype(np.int64) if each is None else levels_of(found[f"d{place}"], each)
        for place, each in enumerate(weights)
    ]


def assert_fair(column: NDArray[np.int64], weights: Sequence[float], start: int = 0) -> None:
    """Every prefix of rows start.. keeps each level within one of its share, in whole numbers."""
    parts = whole_shares(weights)
    total = sum(parts)
    rows = range(start + 1, start + len(column) + 1)
    for level, part in enumerate(parts):
        counts = np.cumsum(column == level).tolist()
        assert all(abs(count * total - row * part) < total for count, row in zip(counts, rows, strict=True))


def evenness(table: Sequence[NDArray[np.int64]], shares: Sequence[NDArray[np.float64]]) -> tuple[float, float]:
    """Mean chi-square over pairs, over that of independent draws: against margins, against shares."""
    own, fixed = [], []
    rows = len(table[0])
    for (a, p), (b, q) in itertools.combinations(list(zip(table, shares, strict=True)), 2):
        joint = np.zeros((len(p), len(q)))
        np.add.at(joint, (a, b), 1)
        expected = np.outer(joint.sum(1), joint.sum(0)) / rows
        own.append(((joint - expected) ** 2 / expected).sum() / ((len(p) - 1) * (len(q) - 1)))
        expected = rows * np.outer(p, q)
        fixed.append(((joint - expected) ** 2 / expected).sum() / (len(p) * len(q) - 1))
    return float(np.mean(own)), float(np.mean(fixed))


@pytest.mark.parametrize("name", plugin_names("strategies"))
def test_contract(name: str) -> None:
    weights: tuple[Weights, ...] = ((1, 1), (7, 2, 1), (3, 0, 1), None)
    strategy = make(name, weights)
    whole = strategy.uniforms(0, 1000)
    assert set(whole) == {"d0", "d1", "d2", "d3"}
    for key, numbers in whole.items():
        assert numbers.shape == (1000,) and numbers.dtype == np.float64
        assert numbers.min() > 0 and numbers.max() < 1, key
    for start, stop in ((0, 0), (0, 1), (37, 400), (128, 256), (999, 1000)):
        again = make(name, weights).uniforms(start, stop)
        for key in whole:
            np.testing.assert_array_equal(again[key], whole[key][start:stop])
    assert not (levels_of(whole["d2"], (3, 0, 1)) == 1).any(), "a level of no weight"
    other = make(name, weights, seed=2).uniforms(0, 1000)
    assert all((other[key] != whole[key]).any() for key in whole)


@given(st.lists(st.tuples(st.integers(0, 6_000), st.integers(1, 3_000)), min_size=1, max_size=6), st.booleans())
@settings(max_examples=quarter(20), deadline=None)
def test_balanced_rows_do_not_hang_on_what_was_read_before(reads: list[tuple[int, int]], goes_on: bool) -> None:
    weights: tuple[Weights, ...] = ((1, 1, 1), (7, 2, 1), (3, 1), None)
    strategy, at = make("balanced", weights), 0
    for start, rows in reads:
        start = at if goes_on else start
        at = start + rows
        found, fresh = strategy.uniforms(start, at), make("balanced", weights).uniforms(start, at)
        for key in fresh:
            np.testing.assert_array_equal(found[key], fresh[key])


def test_balanced_rows_read_one_after_another_are_filled_together(monkeypatch: pytest.MonkeyPatch) -> None:
    filled: list[tuple[int, int]] = []
    fill = Balanced._superblocks

    def noted(self: Balanced, first: int, last: int) -> Any:
        filled.append((first, last))
        return fill(self, first, last)

    monkeypatch.setattr(Balanced, "_superblocks", noted)
    strategy = make("balanced", [(1, 1, 1), None])
    for _ in range(2):
        for start in range(0, 16 * 256, 256):
            strategy.uniforms(start, start + 256)
    assert filled == [(0, 2), (2, 34)]


@pytest.mark.parametrize("name", plugin_names("strategies"))
def test_redraw(name: str) -> None:
    strategy = make(name, FIVE)
    rows = np.array([5, 3, 10**12], dtype=np.int64)
    first, second = strategy.redraw(rows, 1, ["d0", "d3"]), strategy.redraw(rows, 2, ["d0", "d3"])
    assert set(first) == {"d0", "d3"}
    assert (first["d0"] != second["d0"]).all() and (first["d0"] != first["d3"]).all()
    np.testing.assert_array_equal(strategy.redraw(rows[1:], 1, ["d0"])["d0"], first["d0"][1:])
    many = strategy.redraw(np.arange(100_000), 1, ["d0", "d1"])
    assert abs(np.corrcoef(many["d0"], many["d1"])[0, 1]) < 0.015
    assert abs(many["d0"].mean() - 0.5) < 0.005 and many["d0"].min() > 0 and many["d0"].max() < 1


@pytest.mark.parametrize("name", ["random", "balanced", "factorial"])
def test_far_rows_at_once(name: str) -> None:
    started = time.process_time()
    strategy = make(name, SEVEN)
    one = strategy.uniforms(10**9, 10**9 + 1)
    assert time.process_time() - started < 10  # milliseconds; the rows before would be hours
    some = strategy.uniforms(10**9 - 5, 10**9 + 5)
    assert all(some[key][5] == one[key][0] for key in one)


def test_random_is_independent_of_other_dimensions() -> None:
    few, many = make("random", [None]), make("random", [None, (1, 2), None])
    np.testing.assert_array_equal(few.uniforms(3, 99)["d0"], many.uniforms(3, 99)["d0"])


fractions = st.floats(2**-8, 10, width=32)
weight_lists = st.one_of(
    st.lists(st.integers(0, 12), min_size=1, max_size=9).filter(any),
    st.lists(fractions, min_size=1, max_size=12),
    st.integers(1, 200).map(lambda many: [1] * many),
    st.lists(st.integers(1, 50), min_size=20, max_size=200),
)


@settings(max_examples=quarter(60), deadline=None)
@given(st.lists(weight_lists, min_size=1, max_size=3), st.integers(0, 2**32), st.integers(1, 3000))
def test_balanced_keeps_every_prefix(weights: list[list[float]], seed: int, rows: int) -> None:
    found = make("balanced", [tuple(each) for each in weights], seed).uniforms(0, rows)
    for place, each in enumerate(weights):
        assert_fair(levels_of(found[f"d{place}"], each), each)


@settings(max_examples=quarter(100), deadline=None)
@given(
    st.lists(st.integers(1, 10**6), min_size=1, max_size=30).filter(lambda p: sum(p) < 2000 * min(p)),
    st.integers(0, 10**12),
    st.lists(st.floats(0, 0.999), max_size=4),
)
def test_boundaries_can_be_joined(parts: list[int], start: int, draws: list[float]) -> None:
    total, stop = sum(parts), start + sum(parts) // min(parts) + 3
    first, last = boundary(parts, start, draws), boundary(parts, stop, draws[::-1])
    found = schedule(parts, start, first, stop, last)
    counts = [start * part // total + ahead for part, ahead in zip(parts, first, strict=True)]
    assert sum(counts) == start
    for row, level in enumerate(found.level.tolist(), start + 1):
        counts[level] += 1
        assert all(abs(c * total - row * part) < total for c, part in zip(counts, parts, strict=True))


def test_balanced_exact_counts() -> None:
    found = levels_of(make("balanced", [(2, 8)]).uniforms(0, 10)["d0"], (2, 8))
    assert np.bincount(found).tolist() == [2, 8]


def test_balanced_far_away_keeps_its_shares() -> None:
    weights = (0.123, 0.5, 0.377)
    rows = 10**9 + np.arange(5000)
    column = levels_of(make("balanced", [weights]).uniforms(10**9, 10**9 + 5000)["d0"], weights)
    for level, share in enumerate(weights):
        off = np.cumsum(column == level) - (rows - 10**9 + 1) * share
        assert off.max() - off.min() < 2


@pytest.mark.parametrize("rows", rest_slow([100, 400, 2000], (1,)))
@pytest.mark.parametrize(
    "weights",
    [
        ((1, 1),) * 4,
        ((1,) * 4,) * 4,
        ((8, 2),) * 5,
        ((7, 2, 1), (5, 3, 1, 1), (6, 4), (1,) * 5),
        ((1,) * 9,) * 4,
        SEVEN,
        (None,) * 4,
    ],
)
def test_balanced_pairs_are_no_less_even_than_independent(weights: tuple[Weights, ...], rows: int) -> None:
    shares = [np.full(10, 0.1) if each is None else np.array(each) / sum(each) for each in weights]
    found = []
    for seed in range(6):
        table = columns(make("balanced", weights, seed).uniforms(0, rows), weights)
        found.append(evenness(table, shares))
    own, fixed = np.mean(found, axis=0)
    assert own < 1 and fixed < 1


def test_balanced_pairs_do_not_drift() -> None:
    weights: tuple[Weights, ...] = ((7, 2, 1), (8, 2), (9, 1), (1, 1, 1), None)
    shares = [np.full(10, 0.1) if each is None else np.array(each) / sum(each) for each in weights]
    own, fixed = evenness(columns(make("balanced", weights).uniforms(0, 120_000), weights), shares)
    assert own < 1 and fixed < 1


def test_balanced_continuous_is_stratified() -> None:
    numbers = make("balanced", [None, None]).uniforms(0, 4096)["d1"]
    rows = np.arange(1, 4097)
    for width in (1 / 2, 1 / 4, 1 / 8, 1 / 16):
        for low in np.arange(0, 1, width):
            inside = np.cumsum((numbers >= low) & (numbers < low + width))
            assert (np.abs(inside - rows * width) < 1).all()
    assert np.histogram(numbers, 4096 // 16, (0, 1))[0].tolist() == [16] * 256


def test_unknown_strategy() -> None:
    with pytest.raises(LookupError):
        find_strategy("nonesuch")


def test_weights_as_whole_shares() -> None:
    assert whole_shares([0.1, 0.2, 0.7]) == (1, 2, 7)
    assert whole_shares([1 / 3, 1 / 6, 0.5]) == (2, 1, 3)
    assert whole_shares([4, 0, 4]) == (1, 0, 1)
    for bad in ([], [0.0, 0], [1, -1], [float("inf"), 1], [float("nan")]):
        with pytest.raises(ValueError):
            whole_shares(bad)


def test_requirement_is_plain_data() -> None:
    need = Requirement("d0", frozenset({1}))
    assert Dimension("d1", (1, 1), (need,)).requires == (need,)


def combinations(strategy: Strategy, weights: Sequence[Weights], start: int, stop: int) -> list[tuple[int, ...]]:
    table = columns(strategy.uniforms(start, stop), weights)
    return list(zip(*(column.tolist() for column in table), strict=True))


def test_factorial_covers_before_it_repeats() -> None:
    weights = ((1, 1, 1), (5, 0, 1), (1,) * 7)
    strategy = make("factorial", weights)
    first = combinations(strategy, weights, 0, 42)
    assert len(set(first)) == 42
    second = combinations(strategy, weights, 42, 84)
    assert set(second) == set(first) and second != first


def test_factorial_beyond_any_integer() -> None:
    weights = ((1,) * 10,) * 40
    strategy = make("factorial", weights)
    rows = combinations(strategy, weights, 0, 2000)
    assert len(set(rows)) == 2000
    counts = np.bincount(np.array(rows).ravel(), minlength=10)
    assert (abs(counts - 8000) < 450).all()
    assert len(combinations(strategy, weights, 10**15, 10**15 + 2)) == 2


def needing(seed: int = 1, **more: object) -> Design:
    """a of 2; b of 3 under a = 1; c of 4 under a = 1 and b = 2; d of 2: (1 + 1 + 1 + 4) * 2 combinations."""
    under_a = Requirement("a", frozenset({1}))
    dimensions = (
        Dimension("a", (1, 1)),
        Dimension("b", (1, 1, 1), (under_a,)),
        Dimension("c", (1,) * 4, (under_a, Requirement("b", frozenset({2})))),
        Dimension("d", (1, 1)),
    )
    return Design(dimensions, seed, **more)  # type: ignore[arg-type]


def told_apart(design: Design, start: int, stop: int, name: str = "factorial") -> list[tuple[int, ...]]:
    found = find_strategy(name)(design).uniforms(start, stop)
    a, b, c, d = (levels_of(found[one.key], one.weights or ()) for one in design.dimensions)
    b = np.where(a == 1, b, -1)
    c = np.where(b == 2, c, -1)
    return list(zip(a.tolist(), b.tolist(), c.tolist(), d.tolist(), strict=True))


def test_factorial_counts_inactive_dimensions_once() -> None:
    rows = told_apart(needing(), 0, 14)
    assert len(set(rows)) == 14
    assert set(told_apart(needing(), 14, 28)) == set(rows)


def test_factorial_with_requirements_that_make_no_tree() -> None:
    dimensions = (
        Dimension("a", (1, 1)),
        Dimension("b", (1, 1, 1)),
        Dimension("c", (1,) * 4, (Requirement("a", frozenset({1})), Requirement("b", frozenset({2})))),
        Dimension("d", (1, 1)),
    )
    found = find_strategy("factorial")(Design(dimensions, 1)).uniforms(0, 18)
    a, b, c, d = (levels_of(found[one.key], one.weights or ()) for one in dimensions)
    c = np.where((a == 1) & (b == 2), c, -1)
    assert len(set(zip(a.tolist(), b.tolist(), c.tolist(), d.tolist(), strict=True))) == 18


@pytest.mark.parametrize("listed", [1 << 20, 1])
def test_factorial_leaves_out_what_is_excluded(listed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthspec.planning.designs.factorial.LISTED", listed)
    weights = ((1,) * 30, (1,) * 40, (1,) * 50, (1, 1))

    def permitted(levels: Mapping[str, NDArray[np.int64]]) -> NDArray[np.bool_]:
        return np.asarray((levels["d0"] + levels["d1"]) % 3 != 0)

    plain = design(weights)
    limited = Design(plain.dimensions, 1, permitted=permitted, permitted_reads=(frozenset({"d0", "d1"}),))
    strategy = find_strategy("factorial")(limited)
    kept = 800 * 100
    late = combinations(strategy, weights, kept - 50, kept + 50)
    rows = combinations(strategy, weights, 0, kept)
    assert len(set(rows)) == kept and all((row[0] + row[1]) % 3 for row in rows)
    assert late[:50] == rows[-50:] and set(late[50:]) <= set(rows)
    assert combinations(find_strategy("factorial")(limited), weights, 70_000, 70_010) == rows[70_000:70_010]


@pytest.mark.parametrize("listed", [1 << 20, 1])
def test_factorial_of_nothing(listed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthspec.planning.designs.factorial.LISTED", listed)
    none = needing(permitted=lambda c: np.zeros(len(c["a"]), dtype=bool), permitted_reads=(frozenset({"a"}),))
    with pytest.raises(DrawFault, match="no combination"):
        find_strategy("factorial")(none).uniforms(0, 1)


@settings(max_examples=quarter(60), deadline=None)
@given(st.integers(1, 2**62), st.integers(0, 2**32), st.integers(0, 10**6))
def test_orders_are_one_to_one(size: int, key: int, start: int) -> None:
    start %= size
    numbers = Permutation(size, key).at(start, min(start + 3000, size))
    assert len(np.unique(numbers)) == len(numbers) and numbers.min() >= 0 and numbers.max() < size


def test_orders_are_permutations() -> None:
    for size in (1, 2, 3, 4096, 4097, 10_000):
        order = Permutation(size, 7)
        assert sorted(order.at(size, 2 * size).tolist()) == list(range(size))
        np.testing.assert_array_equal(
            order.at(size - 1, size + 1), np.r_[order.at(0, size)[-1], order.at(size, 2 * size)[0]]
        )
