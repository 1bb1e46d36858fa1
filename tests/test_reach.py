"""A random function gives numbers in its range at every uniform number there is, or the check says that it cannot."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from depth import one_in, quarter
from hypothesis import given, settings
from hypothesis import strategies as st

from synthspec.languages.expressions import check_expression, evaluate, parse_expression, random_calls
from synthspec.languages.expressions.random.distributions import DISTRIBUTIONS

ENDS = np.array([2.0**-54, 2.0**-53, 1e-10, 0.01, 0.3, 0.5, 0.9, 1 - 1e-10, 1 - 2.0**-53])
SIZES = [5e-324, 1e-300, 1e-30, 1e-5, 0.003, 0.05, 0.3, 1, 7.5, 200, 1e5, 1e12, 9e15, 1e30, 1e300, 1.7e308]
NUMERIC = [d for d in DISTRIBUTIONS.values() if all(a.kind == "number" for a in d.arguments)]
ends = st.one_of(
    st.sampled_from([0, *SIZES, *(-s for s in SIZES)]), st.integers(-3, 40), st.floats(-1e3, 1e3), st.floats(0, 1)
)


def call_of(name: str, data: st.DataObject) -> str:
    arguments = DISTRIBUTIONS[name].arguments
    return f"{name}({', '.join(repr(data.draw(ends)) for _ in arguments)})"


def drawn(text: str) -> list[Any] | None:
    """The values at all ends; None where the check reports something."""
    tree, faults = parse_expression(text)
    assert tree is not None and not faults
    kind, faults = check_expression(tree, {}, random=True)
    if faults:
        assert {f.code for f in faults} <= {"E307", "E445", "E446"}, faults
        return None
    return evaluate(tree, {}, len(ENDS), {c.ordinal: ENDS for c in random_calls(tree)}, kind).tolist()


def assert_sound(values: list[Any] | None) -> None:
    if values is None:
        return
    assert all(v is not None and math.isfinite(v) for v in values)
    seen = [0.0 if abs(v) < 1e-300 else v for v in values]  # SciPy's beta is in disorder down there
    assert seen == sorted(seen)


@pytest.mark.parametrize("name", one_in(3, [d.name for d in NUMERIC]))
@settings(max_examples=quarter(60), deadline=None)
@given(data=st.data())
def test_values_are_numbers_or_the_check_says_so(name: str, data: st.DataObject) -> None:
    assert_sound(drawn(call_of(name, data)))


@settings(max_examples=quarter(120), deadline=None)
@given(name=st.sampled_from([d.name for d in NUMERIC if d.result != "boolean"]), low=ends, high=ends, data=st.data())
def test_truncated_values_lie_between_their_ends(name: str, low: float, high: float, data: st.DataObject) -> None:
    values = drawn(f"truncated({call_of(name, data)}, {low!r}, {high!r})")
    assert_sound(values)
    assert values is None or all(low <= v <= high for v in values)


@settings(max_examples=quarter(50), deadline=None)
@given(
    data=st.data(), names=st.lists(st.sampled_from(["normal", "lognormal", "gamma", "pareto"]), min_size=2, max_size=3)
)
def test_mixtures_give_numbers(data: st.DataObject, names: list[str]) -> None:
    values = drawn(f"mixture([{', '.join(call_of(n, data) for n in names)}])")
    assert values is None or all(v is not None and math.isfinite(v) for v in values)


@pytest.mark.parametrize("text", [
    "truncated(normal(0, 1), 50, 60)", "lognormal(0, 300)", "pareto(0.01)", "weibull(0.005, 1)", "geometric(1e-18)",
    "negative_binomial(1e20, 0.5)", "student_t(0.01)", "truncated(pareto(0.01), 5)", "mixture([normal(0, 1), lognormal(0, 300)])",
    "normal(0, 1e308)", "triangular(-1.7e308, 0, 1.7e308)", "truncated(uniform(0, 1), 2, 3)",
])  # fmt: skip
def test_what_cannot_be_had_is_said(text: str) -> None:
    assert drawn(text) is None


@pytest.mark.parametrize("text", [
    "normal(52, 14)", "lognormal(10, 2)", "truncated(lognormal(0, 300), 0, 1e9)", "truncated(pareto(0.01), 1, 50)",
    "truncated(normal(0, 1), 30, 36)", "gamma(0.001, 1)", "student_t(1)",
    "uniform(-1.7e308, 1.7e308)", "pareto(0.2)", "negative_binomial(0.1, 0.001)", "beta(1e-3, 1e-3)", "poisson(1e15)",
])  # fmt: skip
def test_what_can_be_had_is_let_through(text: str) -> None:
    values = drawn(text)
    assert values is not None
    assert_sound(values)
