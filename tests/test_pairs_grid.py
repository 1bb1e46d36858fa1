"""Pairs of parameters as a grid: counted as a plain loop counts them, and impossible pairs as brute force finds them."""

from __future__ import annotations

import itertools
import random
from typing import Any

import pytest
from depth import one_in

import synthspec
from synthspec.planning.pairs import pair_grid


def drawn_spec(rng: random.Random) -> dict[str, Any]:
    sizes = [rng.randint(1, 5) for _ in range(3)]
    parameters: dict[str, Any] = {n: [f"{n}{i}" for i in range(k)] for n, k in zip("abc", sizes, strict=True)}
    if rng.random() < 0.5:
        parameters["a"] = {"values": parameters["a"], "weights": [rng.choice([1, 2, 5]) for _ in parameters["a"]]}
    if rng.random() < 0.4:
        parameters["b"] = [1, 2.5, 3]
    rules = []
    for _ in range(rng.randint(0, 3)):
        one, other = rng.sample("abc", 2)
        rules.append(f"{one} == {value_of(rng, parameters[one])} and {other} == {value_of(rng, parameters[other])}")
    return {
        "synthspec": 1,
        "name": "grid",
        "rows": rng.choice([1, 7, 40]),
        "seed": rng.randint(0, 99),
        "parameters": parameters,
        "plan": {"exclude": rules, "strategy": rng.choice(["balanced", "random"])},
        "fields": {n: {"value": n} for n in "abc"},
    }


def value_of(rng: random.Random, draw: Any) -> str:
    value = rng.choice(draw["values"] if isinstance(draw, dict) else draw)
    return f"'{value}'" if isinstance(value, str) else str(value)


@pytest.mark.parametrize("number", one_in(3, range(25)))
def test_a_grid_counts_what_the_plan_has(number: int) -> None:
    rng = random.Random(number)
    spec = drawn_spec(rng)
    while not synthspec.check(spec).ok:  # rules that leave nothing
        spec = drawn_spec(rng)
    plan = synthspec.plan(spec)
    rows = list(plan)
    for one, other in itertools.permutations("abc", 2):
        grid = pair_grid(plan, one, other, 1_000)
        assert grid is not None and grid.counted == len(rows)
        for i, first in enumerate(grid.values[0]):
            for j, second in enumerate(grid.values[1]):
                count = sum(row[one] == first and row[other] == second for row in rows)
                assert grid.counts[i][j] == count
                assert not (count and grid.never[i][j])
        assert sum(map(sum, grid.counts)) == len(rows)


def test_impossible_pairs_are_told_from_missing_ones() -> None:
    spec = {
        "synthspec": 1,
        "name": "grid",
        "rows": 2,
        "parameters": {"a": ["x", "y"], "b": [1, 2, 3], "c": ["u", "v"]},
        "plan": {"exclude": ["a == 'x' and b == 2", "a == 'y' and b == 3 and c == 'u'"]},
        "fields": {"a": {"value": "a"}},
    }
    grid = pair_grid(synthspec.plan(spec), "a", "b", 10)
    assert grid is not None
    assert grid.never == ((False, True, False), (False, False, False))
    turned = pair_grid(synthspec.plan(spec), "b", "a", 10)
    assert turned is not None and turned.never == ((False, False), (True, False), (False, False))
    assert grid.empty == 6 - 1 - 2


def test_values_listed_twice_and_never_are_no_empty_cells() -> None:
    a = {"values": ["x", "x", "y"], "weights": [1, 1, 0]}
    spec = {
        "synthspec": 1,
        "name": "grid",
        "rows": 9,
        "parameters": {"a": a, "b": [1, 2]},
        "fields": {"a": {"value": "a"}},
    }
    grid = pair_grid(synthspec.plan(spec), "a", "b", 10)
    assert grid is not None and grid.values[0] == ("x",) and sum(grid.counts[0]) == 9


def test_numbers_without_end_have_no_grid_and_long_lists_are_cut() -> None:
    spec = {
        "synthspec": 1,
        "name": "grid",
        "rows": 200,
        "parameters": {"a": {"value": "uniform(0, 1)"}, "b": list(range(60)), "c": {"value": "b % 3"}},
        "fields": {"a": {"value": "a"}, "c": {"value": "c"}},
    }
    plan = synthspec.plan(spec)
    assert pair_grid(plan, "a", "b", 200) is None
    grid = pair_grid(plan, "b", "c", 200)
    assert grid is not None and grid.cut == (20, 0) and len(grid.values[0]) == 40
    assert sorted(grid.values[1]) == [0, 1, 2]
