"""What an edit of the spec keeps of its plan, as `docs/language.md` says it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from depth import quarter, rest_slow
from hypothesis import given, settings
from hypothesis import strategies as st

import synthspec
from synthspec.planning.design import Design, Dimension
from synthspec.planning.designs import find_strategy
from synthspec.plugins import plugin_names

STRATEGIES = plugin_names("strategies")
CHEAP = [at for at, name in enumerate(STRATEGIES) if name != "pairwise"]
LISTS = {
    "attitude": "[calm, hostile, anxious, chatty, curt]",
    "length": "[short, medium, long]",
    "problem": "{values: {parcel: 3, charge: 2, password: 2, screen: 1}}",
    "solved": "{values: {'yes': 7, 'no': 3}}",
    "wait": "gamma(4, 5)",
    "many": str(list(range(90))),
    "age": "round(normal(52, 14))",
}


def plan_of(
    folder: Path, parameters: Mapping[str, str], used: Sequence[str], strategy: str, more: str = ""
) -> synthspec.Plan:
    path = folder / "plan.yaml"
    drawn = "".join(f"  {name}: {value}\n" for name, value in parameters.items())
    fields = "".join(f"  f_{name}: {{value: {name}}}\n" for name in used)
    path.write_text(
        f"synthspec: 1\nrows: 300\nparameters:\n{drawn}fields:\n{fields or '  x: {value: 1}'}\n"
        f"plan: {{strategy: {strategy}{more}}}\n",
        encoding="utf-8",
    )
    return synthspec.plan(path)


@pytest.mark.parametrize("strategy", rest_slow(STRATEGIES, CHEAP))
def test_the_order_of_the_parameters_changes_nothing(tmp_path: Path, strategy: str) -> None:
    names = list(LISTS)
    one = plan_of(tmp_path, LISTS, names, strategy)[0:300]
    turned = dict(reversed(LISTS.items()))
    pd.testing.assert_frame_equal(one, plan_of(tmp_path, turned, names, strategy)[0:300][names])


@pytest.mark.parametrize("strategy", rest_slow(STRATEGIES, CHEAP))
@pytest.mark.parametrize("place", rest_slow(["first", "last"], (0,)))
def test_a_parameter_that_nothing_reads_changes_nothing(tmp_path: Path, strategy: str, place: str) -> None:
    names = list(LISTS)
    more = ", exclude: [attitude == 'calm' and solved == 'no']"
    before = plan_of(tmp_path, LISTS, names, strategy, more)[0:300]
    extra = {"a_new": "[x, y]", "a_number": "normal(0, 1)", "aged": "{given: a_new, cases: {x: [1, 2]}, else: [3]}"}
    parameters = {**extra, **LISTS} if place == "first" else {**LISTS, **extra}
    after = plan_of(tmp_path, parameters, names, strategy, more)[0:300]
    pd.testing.assert_frame_equal(before, after[names])
    share = 2 / 3 if strategy == "factorial" else 1 / 2  # x goes with two values of `aged`
    assert set(after["aged"]) == {1, 2, 3} and abs((after["a_new"] == "x").mean() - share) < 0.1


def test_a_source_that_an_unread_parameter_narrows_is_part_of_the_plan(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("""
synthspec: 1
rows: 60
sources: {s: {rows: [{k: a, w: apple}, {k: b, w: berry}, {k: a, w: ant}]}}
parameters: {k: [a, b], w: {from: s, column: w}, v: {from: s, column: k, where: row.k == k}}
fields: {x: {value: w}}
""")
    frame = synthspec.plan(path)[0:60]
    assert (frame["w"].str[0] == frame["k"]).all() and (frame["v"] == frame["k"]).all()
    assert frame["k"].value_counts().tolist() == [30, 30]


def rank(strategy: str, one: Dimension) -> tuple[int, str]:
    """Where a dimension stands in its design: it hangs on those before it."""
    if strategy != "balanced":
        return 0, one.key
    uneven = one.weights is not None and len(set(one.weights)) > 1
    return (2 if one.weights is None else 0 if uneven else 1), one.key


dimensions = st.lists(
    st.sampled_from([(1.0,) * 3, (1.0,) * 5, (7.0, 2.0, 1.0), (8.0, 2.0), (1.0, 1.0), (1.0,) * 80, None]),
    min_size=2,
    max_size=6,
)


@pytest.mark.parametrize("strategy", ["random", "balanced", "factorial"])
@settings(max_examples=quarter(25), deadline=None)
@given(weights=dimensions, left=st.integers(0, 5), order=st.randoms(use_true_random=False), start=st.integers(0, 2000))
def test_a_further_dimension_leaves_those_before_it_alone(
    strategy: str, weights: list[Any], left: int, order: Any, start: int
) -> None:
    every = [Dimension(f"d{place}", each) for place, each in enumerate(weights)]
    new = every[left % len(every)]
    order.shuffle(every)
    after = find_strategy(strategy)(Design(tuple(every), 3)).uniforms(start, start + 200)
    before = find_strategy(strategy)(Design(tuple(d for d in every if d is not new), 3)).uniforms(start, start + 200)
    for one in every:
        if one is new:
            continue
        large = strategy == "balanced" and len(one.weights or ()) > 64
        alone = strategy == "random" or large or (strategy == "factorial" and one.weights is None)
        if alone or rank(strategy, one) < rank(strategy, new):
            np.testing.assert_array_equal(before[one.key], after[one.key])


def test_factorial_is_even_in_every_prefix() -> None:
    weights = [(1.0,) * size for size in (2, 3, 4, 5, 3)]
    design = Design(tuple(Dimension(f"d{place}", each) for place, each in enumerate(weights)), 5)
    found = find_strategy("factorial")(design).uniforms(0, 720)
    levels = [(found[f"d{place}"] * len(each)).astype(int) for place, each in enumerate(weights)]
    for (a, p), (b, q) in itertools.combinations(zip(levels, weights, strict=True), 2):
        for rows in (120, 360):
            table = np.zeros((len(p), len(q)))
            np.add.at(table, (a[:rows], b[:rows]), 1)
            expected = rows / len(p) / len(q)
            assert ((table - expected) ** 2 / expected).sum() < 2.5 * len(p) * len(q)
    assert len(set(zip(*(level[:360].tolist() for level in levels), strict=True))) == 360
    first = levels[0]
    assert 0.15 < (first[1:] == first[:-1]).mean() < 0.35  # permutations of two: a half of the places between them
