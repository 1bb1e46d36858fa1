"""Covering arrays: everything possible is covered, nothing excluded occurs, and the rows are few."""

from __future__ import annotations

import itertools
import random
import resource
import sys
from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import pytest
from depth import rest_slow
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from synthspec.compiler import compile_text
from synthspec.planning.covering.greedy import Tuples, missing_after, single
from synthspec.planning.covering.orthogonal import field_array, fused, hyperoval, prime_power, two_levels, widened
from synthspec.planning.design import Design, Dimension, Requirement
from synthspec.planning.designs import find_strategy
from synthspec.planning.designs.pairwise import Pairwise
from synthspec.planning.drawing import DrawFault
from synthspec.planning.plan import build_plan

Table = NDArray[np.int64]


def design(sizes: Sequence[int], seed: int = 1, **more: Any) -> Design:
    return Design(tuple(Dimension(f"d{place}", (1.0,) * size) for place, size in enumerate(sizes)), seed, **more)


def table(found: Design, rows: int, start: int = 0) -> Table:
    numbers = Pairwise(found).uniforms(start, rows)
    columns = []
    for one in found.dimensions:
        marks = np.cumsum(one.weights or (1,)) / np.sum(one.weights or (1,))
        columns.append(np.searchsorted(marks, numbers[one.key], side="right"))
    return np.stack(columns, axis=1).astype(np.int64)


def tuples_in(rows: Table, strength: int, columns: Sequence[int] | None = None) -> set[tuple[Any, ...]]:
    chosen = range(rows.shape[1]) if columns is None else columns
    return {
        (subset, *levels)
        for subset in itertools.combinations(chosen, strength)
        for levels in map(tuple, np.unique(rows[:, subset], axis=0).tolist())
    }


def covers(rows: Table, sizes: Sequence[int], strength: int) -> bool:
    units = [single(place, size) for place, size in enumerate(sizes)]
    return missing_after(Tuples(sizes, range(len(sizes)), strength, units), rows) == 0


@pytest.mark.parametrize("order", rest_slow([2, 3, 4, 5, 7, 8, 9, 11, 16], range(5)))
def test_field_arrays(order: int) -> None:
    for strength in (2, 3) if 3 <= order < 9 else (2,):
        array = field_array(order, strength)
        assert array.shape == (order**strength, order + 1)
        assert covers(array, [order] * (order + 1), strength)
    wide = widened(order, order * (order + 1) + 1)
    assert wide.shape == (2 * order**2 - order, order * (order + 1) + 1)
    assert covers(wide, [order] * wide.shape[1], 2)
    if order > 3:
        assert len(fused(order)) == order**2 - 2
        assert covers(fused(order), [order - 1] * (order + 1), 2)


@pytest.mark.parametrize(("columns", "rows"), [(3, 4), (4, 5), (10, 6), (15, 7), (35, 8), (56, 9)])
def test_two_levels(columns: int, rows: int) -> None:
    assert len(two_levels(columns)) == rows and covers(two_levels(columns), [2] * columns, 2)


@pytest.mark.parametrize("order", [2, 4, 8])
def test_hyperovals(order: int) -> None:
    found = hyperoval(order)
    assert found.shape == (order**3, order + 2)
    for columns in itertools.combinations(range(order + 2), 3):
        assert len(tuples_in(found, 3, columns)) == order**3


def test_prime_powers() -> None:
    found = [order for order in range(1, 33) if prime_power(order)]
    assert found == [2, 3, 4, 5, 7, 8, 9, 11, 13, 16, 17, 19, 23, 25, 27, 29, 31, 32]


@pytest.mark.parametrize(
    ("sizes", "strength", "rows"),
    [
        pytest.param([10] * 10, 2, 119, marks=pytest.mark.slow),  # allpairspy 172
        ([3] * 13, 2, 15),  # 17
        ([4] * 10, 2, 28),  # 31
        pytest.param([6] * 10, 2, 60, marks=pytest.mark.slow),  # 65
        ([4] * 6, 3, 64),
        ([2] * 10, 2, 6),  # 8
        ([5] * 6, 2, 25),  # 31
        ([6] * 3, 2, 36),
        pytest.param([9, 8, 7, 6, 5, 4, 3, 2], 2, 74, marks=pytest.mark.slow),  # 74
        pytest.param([5, 4, 4, 3, 3, 3, 3, 2, 2, 2, 2, 2], 2, 23, marks=pytest.mark.slow),
        pytest.param([3] * 6, 3, 42, marks=pytest.mark.slow),
        ([4] * 5, 3, 64),
        pytest.param([2] * 10, 4, 38, marks=pytest.mark.slow),
    ],
)
def test_rows_are_few(sizes: list[int], strength: int, rows: int) -> None:
    found = design(sizes, strength=strength)
    coverage = Pairwise(found).coverage()
    assert coverage.rows <= rows
    assert coverage.covered == coverage.possible and coverage.impossible == 0
    assert covers(table(found, coverage.rows), sizes, strength)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(1, 3), st.integers(0, 99))
def test_any_sizes(sizes: list[int], strength: int, seed: int) -> None:
    found = design(sizes, seed, strength=strength)
    rows = Pairwise(found).coverage().rows
    assert covers(table(found, rows), sizes, min(strength, len(sizes)))


@settings(max_examples=6, deadline=None)
@given(st.lists(st.integers(2, 5), min_size=3, max_size=5), st.integers(0, 10**6), st.integers(2, 3))
def test_exclusions_are_honoured_and_counted(sizes: list[int], seed: int, strength: int) -> None:
    """Against brute force: any exclusion of combinations of the first three dimensions."""
    rng = np.random.default_rng(seed)
    allowed = rng.random(sizes[:3]) < 0.6
    allowed.flat[rng.integers(allowed.size)] = True

    def permitted(levels: Mapping[str, Table]) -> NDArray[np.bool_]:
        return np.asarray(allowed[levels["d0"], levels["d1"], levels["d2"]])

    found = design(
        sizes, seed, strength=strength, permitted=permitted, permitted_reads=(frozenset({"d0", "d1", "d2"}),)
    )
    every = np.array(list(itertools.product(*map(range, sizes))))
    possible = tuples_in(every[allowed[every[:, 0], every[:, 1], every[:, 2]]], strength)
    coverage = Pairwise(found).coverage()
    rows = table(found, coverage.rows)
    assert allowed[rows[:, 0], rows[:, 1], rows[:, 2]].all()
    assert tuples_in(rows, strength) == possible
    assert (coverage.possible, coverage.covered) == (len(possible), len(possible))
    assert coverage.impossible == len(tuples_in(every, strength)) - len(possible)


def test_two_exclusions_apart() -> None:
    def permitted(levels: Mapping[str, Table]) -> NDArray[np.bool_]:
        return np.asarray((levels["d0"] != levels["d1"]) & (levels["d2"] + levels["d3"] > 1))

    reads = (frozenset({"d0", "d1"}), frozenset({"d2", "d3"}))
    found = design([3, 3, 3, 3, 4], permitted=permitted, permitted_reads=reads)
    coverage = Pairwise(found).coverage()
    rows = table(found, coverage.rows)
    assert coverage.impossible == 6 and coverage.covered == coverage.possible == 54 + 48 - 6
    assert (rows[:, 0] != rows[:, 1]).all() and (rows[:, 2] + rows[:, 3] > 1).all()


def test_inactive_dimensions_have_no_levels() -> None:
    dimensions = (
        Dimension("a", (1, 1)),
        Dimension("b", (1, 1, 1), (Requirement("a", frozenset({0})),)),
        Dimension("c", (1,) * 4, (Requirement("a", frozenset({1})),)),
        Dimension("d", (1, 1, 1)),
    )
    found = Design(dimensions, 1)
    coverage = Pairwise(found).coverage()
    # a-b 3 of 6, a-c 4 of 8, a-d 6, b-c none of 12, b-d 9, c-d 12
    assert (coverage.possible, coverage.impossible) == (34, 3 + 4 + 12)
    rows = table(found, coverage.rows)
    assert coverage.covered == 34 and coverage.rows <= 24
    for here, column, size in ((0, 1, 3), (1, 2, 4)):
        part = rows[rows[:, 0] == here]
        assert len(np.unique(part[:, [column, 3]], axis=0)) == size * 3


def test_over_some_dimensions() -> None:
    found = design([4, 4, 9, 9], over=frozenset({"d0", "d1"}))
    assert Pairwise(found).coverage().rows == 16
    assert Pairwise(design([4, 4], over=frozenset())).coverage().rows == 0
    assert Pairwise(Design((Dimension("x", None),), 1)).uniforms(0, 5)["x"].shape == (5,)


def test_balanced_after_the_array() -> None:
    found = design([3, 3, 3])
    rows = Pairwise(found).coverage().rows
    late = Pairwise(found).uniforms(rows, rows + 300)
    for name, column in find_strategy("balanced")(found).uniforms(0, 300).items():
        np.testing.assert_array_equal(late[name], column)


def test_a_sample_of_too_many_combinations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("synthspec.planning.covering.ties.LISTED", 10)

    def permitted(levels: Mapping[str, Table]) -> NDArray[np.bool_]:
        return np.asarray((levels["d0"] + levels["d1"] + levels["d2"]) % 4 == 0)

    found = design([4, 4, 4], permitted=permitted, permitted_reads=(frozenset({"d0", "d1", "d2"}),))
    coverage = Pairwise(found).coverage()
    assert not coverage.proved and coverage.covered == coverage.possible == 48


def test_refusals() -> None:
    none = design([2, 2], permitted=lambda c: np.zeros(len(c["d0"]), bool), permitted_reads=(frozenset({"d0"}),))
    with pytest.raises(DrawFault, match="leave nothing"):
        Pairwise(none).coverage()
    with pytest.raises(DrawFault, match="too many tuples"):
        Pairwise(design([50] * 40, strength=4)).coverage()
    with pytest.raises(DrawFault, match="strength"):
        Pairwise(design([2, 2], strength=5)).coverage()


@pytest.mark.parametrize(
    "sizes, strength, refused",
    [
        ([2_000, 2_000, 2_000], 2, "too many tuples"),
        ([2_000] * 12, 2, "too many tuples"),
        ([100_000, 3, 2], 2, "too many tuples"),
        ([60] * 6, 4, "too many tuples"),
        ([500] * 6, 2, "too long"),
        ([300, 350, 360, 370, 3], 2, "too long"),
    ],
)
def test_what_would_take_too_long_or_too_much_is_refused_at_once(sizes: list[int], strength: int, refused: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF)
    with pytest.raises(DrawFault, match=refused) as caught:
        Pairwise(design(sizes, strength=strength)).uniforms(0, 5)
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert after.ru_utime - before.ru_utime < 20
    assert after.ru_maxrss - before.ru_maxrss < 200 << (20 if sys.platform == "darwin" else 10)
    assert "shorten the lists" in caught.value.help


def test_exclusions_over_long_lists_are_refused_at_once() -> None:
    def permitted(levels: Mapping[str, Table]) -> NDArray[np.bool_]:
        return np.asarray((levels["d0"] != 3) | (levels["d1"] != 4))

    found = design([400, 400, 130], permitted=permitted, permitted_reads=(frozenset({"d0", "d1", "d2"}),))
    with pytest.raises(DrawFault, match="tie together too many"):
        Pairwise(found).coverage()


@pytest.mark.parametrize("sizes", [[600, 400], [150_000], [2_000, 100]])
def test_long_lists_of_which_every_combination_is_a_row_are_listed(sizes: list[int]) -> None:
    found = design(sizes)
    rows = table(found, int(np.prod(sizes)))
    assert len(np.unique(rows, axis=0)) == len(rows)
    assert not np.array_equal(rows, rows[np.lexsort(rows.T[::-1])]), "in an order of the seed's own"
    assert Pairwise(found).coverage().rows == len(rows)


@pytest.mark.parametrize(
    "sizes, strength, rows",
    [pytest.param([100] * 60, 2, 101**2, marks=pytest.mark.slow), ([40, 39, 41, 43, 37], 3, 43**3)],
)
def test_a_known_array_stands_where_no_search_can_be_made_in_time(sizes: list[int], strength: int, rows: int) -> None:
    coverage = Pairwise(design(sizes, strength=strength)).coverage()
    assert coverage.covered == coverage.possible == sum(map(prod, itertools.combinations(sizes, strength)))
    assert coverage.rows <= rows


def test_only_the_wanted_columns_of_a_wide_array_are_made() -> None:
    whole = widened(5, 31)
    for columns in (7, 12, 25, 30):
        assert np.array_equal(widened(5, columns)[:, :columns], whole[:, :columns])
    assert whole.shape[1] == 31


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200))
def test_never_more_rows_than_allpairspy(seed: int) -> None:
    pairs = pytest.importorskip("allpairspy").AllPairs
    draw = random.Random(seed)
    sizes = [draw.randint(2, draw.choice([3, 5, 8, 12])) for _ in range(draw.randint(2, 14))]
    if seed % 3 == 0:
        sizes = sizes[:1] * len(sizes)
    coverage = Pairwise(design(sizes)).coverage()
    assert coverage.covered == coverage.possible
    assert coverage.rows <= len(list(pairs([list(range(size)) for size in sizes])))


def test_a_parameter_beside_the_design_takes_nothing_from_what_is_covered() -> None:
    """`c`, which nothing reads, has a design of its own; the report is that of the one that counts."""
    text = """\
synthspec: 1
name: beside
rows: 30
plan: {strategy: pairwise}
parameters: {a: [1, 2, 3], b: [1, 2, 3], c: [1, 2]}
fields: {a: {value: a}, b: {value: b}}
"""
    compiled = compile_text(text)
    assert compiled.spec is not None
    found = build_plan(compiled.spec, compiled.tables).coverage()
    assert (found.rows, found.possible, found.covered) == (9, 9, 9)
