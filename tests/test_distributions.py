"""Every random function against SciPy's own distributions, which the package itself never imports."""

from __future__ import annotations

import datetime
import math
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from depth import one_in
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from synthspec.languages.expressions.random.argument_checks import check_arguments, range_of
from synthspec.languages.expressions.random.distributions import DISTRIBUTIONS, Argument, Relation
from synthspec.languages.expressions.random.quantiles import (
    cumulative,
    edges,
    interval_of,
    level_of,
    mixture,
    quantile,
    truncated,
)

CONTINUOUS = [
    ("uniform", (), stats.uniform()),
    ("uniform", (-3, 5), stats.uniform(-3, 8)),
    ("normal", (), stats.norm()),
    ("normal", (52, 14), stats.norm(52, 14)),
    ("lognormal", (1, 0.5), stats.lognorm(0.5, scale=math.e)),
    ("exponential", (4,), stats.expon(scale=4)),
    ("gamma", (2, 3), stats.gamma(2, scale=3)),
    ("gamma", (0.3, 1), stats.gamma(0.3)),
    ("beta", (2, 5), stats.beta(2, 5)),
    ("beta", (0.5, 0.5), stats.beta(0.5, 0.5)),
    ("triangular", (1, 2, 5), stats.triang(0.25, 1, 4)),
    ("triangular", (0, 0, 1), stats.triang(0)),
    ("triangular", (0, 1, 1), stats.triang(1)),
    ("weibull", (1.5, 2), stats.weibull_min(1.5, scale=2)),
    ("pareto", (3,), stats.pareto(3)),
    ("pareto", (2, 10), stats.pareto(2, scale=10)),
    ("loguniform", (1, 1000), stats.loguniform(1, 1000)),
    ("student_t", (4,), stats.t(4)),
    ("student_t", (2.5, 10, 3), stats.t(2.5, 10, 3)),
]
DISCRETE = [
    ("poisson", (0,), stats.poisson(0)),
    ("poisson", (3.7,), stats.poisson(3.7)),
    ("poisson", (1e6,), stats.poisson(1e6)),
    ("binomial", (12, 0.3), stats.binom(12, 0.3)),
    ("binomial", (5, 0), stats.binom(5, 0)),
    ("binomial", (5, 1), stats.binom(5, 1)),
    ("binomial", (1_000_000, 0.001), stats.binom(1_000_000, 0.001)),
    ("negative_binomial", (3, 0.2), stats.nbinom(3, 0.2)),
    ("negative_binomial", (0.7, 0.9), stats.nbinom(0.7, 0.9)),
    ("geometric", (0.15,), stats.geom(0.15)),
    ("zipf", (1, 10), stats.zipfian(1, 10)),
    ("zipf", (1.3, 5000), stats.zipfian(1.3, 5000)),
    ("zipf", (0, 30), stats.randint(1, 31)),
    ("zipf", (8, 100), stats.zipfian(8, 100)),
    ("integer", (1, 6), stats.randint(1, 7)),
    ("integer", (-2, -2), stats.randint(-2, -1)),
    ("bernoulli", (0.3,), stats.bernoulli(0.3)),
]
DRAWS = np.random.default_rng(7).random(100_000)
POINTS = np.concatenate([[1e-12, 1e-6, 1 - 1e-12, 1 - 1e-6], np.linspace(0.001, 0.999, 97)])
NEAREST = np.array([2.0**-60, 2.0**-53, 1 - 2.0**-53])
CASES = [pytest.param(*case, id=f"{case[0]}{case[1]}") for case in CONTINUOUS]
COUNTS = [pytest.param(*case, id=f"{case[0]}{case[1]}") for case in DISCRETE]


@pytest.mark.parametrize(("name", "arguments", "expected"), one_in(3, CASES))
def test_continuous_agrees_with_scipy(name, arguments, expected):
    assert stats.kstest(quantile(name, DRAWS, *arguments), expected.cdf).pvalue > 1e-4
    values = quantile(name, POINTS, *arguments)
    np.testing.assert_allclose(values, expected.ppf(POINTS), rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(cumulative(name, values, *arguments), expected.cdf(values), rtol=1e-8, atol=1e-12)
    assert np.isfinite(quantile(name, NEAREST, *arguments)).all()
    assert (np.diff(quantile(name, np.sort(DRAWS), *arguments)) >= 0).all()


@pytest.mark.parametrize(
    ("name", "arguments", "expected"), one_in(3, sorted(COUNTS, key=lambda c: "1000000" in str(c.id)))
)
def test_discrete_is_the_exact_inverse(name, arguments, expected):
    values = quantile(name, DRAWS, *arguments)
    assert (values == np.floor(values)).all()
    k = values.astype(float)
    assert (expected.cdf(k) >= DRAWS - 1e-12).all()
    assert (expected.cdf(k - 1) <= DRAWS + 1e-12).all()
    assert (cumulative(name, k, *arguments) >= DRAWS).all()
    assert (cumulative(name, k - 1, *arguments) < DRAWS).all()
    np.testing.assert_allclose(cumulative(name, k, *arguments), expected.cdf(k), atol=1e-9)
    assert np.isfinite(quantile(name, NEAREST, *arguments)).all()


@pytest.mark.parametrize(("name", "arguments", "expected"), COUNTS)
def test_discrete_fits_by_chi_square(name, arguments, expected):
    cuts = np.unique(expected.ppf(np.linspace(0.05, 0.95, 10)))
    bins = np.searchsorted(cuts, quantile(name, DRAWS, *arguments).astype(float), side="left")
    observed = np.bincount(bins, minlength=len(cuts) + 1)
    shares = np.diff(np.concatenate([[0.0], expected.cdf(cuts), [1.0]]))
    kept = shares * len(DRAWS) > 5
    assert observed[~kept].sum() <= 20
    if kept.sum() > 1:
        wanted = shares[kept] / shares[kept].sum() * observed[kept].sum()
        assert stats.chisquare(observed[kept], wanted).pvalue > 1e-4


@pytest.mark.parametrize(("name", "arguments", "expected"), CASES + COUNTS)
def test_arguments_may_be_columns(name, arguments, expected):
    columns = [np.full(500, float(argument)) for argument in arguments]
    np.testing.assert_array_equal(quantile(name, DRAWS[:500], *columns), quantile(name, DRAWS[:500], *arguments))


def test_a_large_mean_is_exact_also_in_columns():
    means = np.array([1e6, 1e6 + 0.5, 3.0, 1e9, 1e12])
    for u in (1e-9, 0.3, 0.5, 1 - 1e-9):
        k = quantile("poisson", np.full(5, u), means)
        assert (cumulative("poisson", k, means) >= u).all()
        assert (cumulative("poisson", k - 1, means) < u).all()


def test_geometric_of_a_certain_success():
    assert (quantile("geometric", POINTS, 1) == 1).all()
    assert cumulative("geometric", [0, 1, 2], 1).tolist() == [0, 1, 1]


def test_zipf_of_many_ranks_needs_no_table():
    k = quantile("zipf", POINTS, 1.0, 10**12)
    assert (cumulative("zipf", k, 1.0, 10**12) >= POINTS).all()
    harmonic = math.log(10**12) + 0.5772156649015329 + 0.5e-12
    assert cumulative("zipf", 1, 1.0, 10**12) == pytest.approx(1 / harmonic, rel=1e-12)


@pytest.mark.parametrize("u", [0.2, np.array([0.2, 0.7])])
def test_a_result_has_the_shape_of_u(u):
    for name, arguments, _ in CONTINUOUS + DISCRETE:
        assert quantile(name, u, *arguments).shape == np.shape(u)


# --- arguments out of range


BAD = [
    ("normal", (0, -1)),
    ("normal", (0, 0)),
    ("normal", (math.nan, 1)),
    ("uniform", (2, 2)),
    ("uniform", (3, 2)),
    ("uniform", (0, math.inf)),
    ("lognormal", (0, 0)),
    ("exponential", (0,)),
    ("gamma", (-1, 1)),
    ("beta", (0, 1)),
    ("triangular", (0, 5, 3)),
    ("triangular", (1, 1, 1)),
    ("weibull", (0, 1)),
    ("pareto", (0,)),
    ("loguniform", (0, 1)),
    ("student_t", (0,)),
    ("poisson", (-1,)),
    ("binomial", (2.5, 0.5)),
    ("binomial", (5, 1.5)),
    ("negative_binomial", (1, 0)),
    ("geometric", (0,)),
    ("zipf", (-1, 5)),
    ("zipf", (1, 0)),
    ("zipf", (1, 1e300)),
    ("bernoulli", (-0.1,)),
    ("integer", (5, 1)),
    ("integer", (0.5, 2)),
]


@pytest.mark.parametrize(("name", "arguments"), BAD)
def test_an_argument_out_of_range_gives_nan_and_no_warning(name, arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(quantile(name, DRAWS[:3], *arguments)).all()
        columns = [np.full(3, argument) for argument in arguments]
        assert np.isnan(quantile(name, DRAWS[:3], *columns)).all()
    names = [argument.name for argument in DISTRIBUTIONS[name].arguments]
    faults = list(check_arguments(name, dict(zip(names, arguments, strict=False))))
    assert faults, "the compiler must see what the arithmetic cannot do"
    assert all(fault.message.startswith(fault.argument) for fault in faults)


def test_only_the_rows_at_fault_are_nan():
    values = quantile("poisson", DRAWS[:4], np.array([1.0, -1.0, math.nan, 4.0]))
    assert np.isnan(values).tolist() == [False, True, True, False]
    assert np.isnan(quantile("bernoulli", [0.5, 0.5], [0.5, 7])).tolist() == [False, True]


@pytest.mark.parametrize(("name", "arguments", "expected"), CASES + COUNTS)
def test_sound_arguments_raise_no_fault(name, arguments, expected):
    names = [argument.name for argument in DISTRIBUTIONS[name].arguments]
    assert list(check_arguments(name, dict(zip(names, arguments, strict=False)))) == []


@pytest.mark.parametrize(
    ("name", "values", "faults"),
    [
        ("uniform", {"low": 5}, [("low", "low must be below high, which is 1 unless given, not 5")]),
        ("uniform", {"low": 5, "high": 2}, [("high", "high must be above low, which is 5, not 2")]),
        ("normal", {"mean": None, "sd": -1}, [("sd", "sd must be above 0, not -1")]),
        ("normal", {"mean": "x"}, [("mean", "mean must be a number, not 'x'")]),
        ("normal", {"mean": True}, [("mean", "mean must be a number, not True")]),
        (
            "triangular",
            {"low": 0, "mode": 9, "high": 3},
            [("high", "high must be at least mode, which is 9, not 3")],
        ),
        ("triangular", {"low": 0, "mode": None, "high": 3}, []),
        (
            "binomial",
            {"n": 1.5, "p": 0.5},
            [("n", "n must be a whole number, at least 0 and at most 2^53, not 1.5")],
        ),
        ("choice", {"values": []}, [("values", "values must not be empty")]),
        (
            "choice",
            {"values": [1, 2], "weights": [1]},
            [("weights", "weights must be as many as values: 2, not 1")],
        ),
        ("choice", {"values": [1, 2], "weights": [0, 0]}, [("weights", "weights must not all be 0")]),
        ("choice", {"values": [1, 2], "weights": [0, None]}, []),
        (
            "choice",
            {"values": [1, 2], "weights": [3, -1]},
            [("weights", "weights must be 0 or more, not -1")],
        ),
        (
            "choice",
            {"values": [1, 2], "weights": [3, "x"]},
            [("weights", "weights must be numbers, not 'x'")],
        ),
        (
            "choice",
            {"values": [1, 2], "weights": 3},
            [("weights", "weights must be a list of numbers, not 3")],
        ),
        ("choice", {"values": "ab"}, [("values", "values must be a list, not 'ab'")]),
        (
            "date",
            {"start": "2024-02-30", "end": None},
            [("start", "start must be a date such as 2024-12-31, not '2024-02-30'")],
        ),
        (
            "date",
            {"start": datetime.date(2024, 3, 1), "end": "2024-02-01"},
            [("end", "end must be at least start, which is 2024-03-01, not 2024-02-01")],
        ),
        ("date", {"start": "2024-03-01", "end": "2024-03-01"}, []),
        ("datetime", {"start": "2024-03-01", "end": datetime.datetime(2024, 3, 1, 5)}, []),
        ("time", {"start": "22:00", "end": datetime.time(6)}, []),
        (
            "time",
            {"start": "25:00", "end": "06:00"},
            [("start", "start must be a time such as 18:30:00, not '25:00'")],
        ),
        (
            "truncated",
            {"distribution": None, "low": 5, "high": 3},
            [("high", "high must be at least low, which is 5, not 3")],
        ),
        ("truncated", {"distribution": None, "low": 5}, []),
        (
            "mixture",
            {"distributions": [None, None], "weights": [1]},
            [("weights", "weights must be as many as distributions: 2, not 1")],
        ),
    ],
)
def test_faults_name_the_argument_and_the_remedy(name, values, faults):
    assert [(fault.argument, fault.message) for fault in check_arguments(name, values)] == faults


def test_an_unknown_function_is_a_key_error():
    with pytest.raises(KeyError):
        list(check_arguments("nomral", {}))
    with pytest.raises(TypeError, match="gamma takes 2 arguments, not 1"):
        quantile("gamma", 0.5, 2)


# --- properties over argument ranges

patient = settings(deadline=None)  # the first call loads SciPy
unit = st.floats(1e-300, 1 - 2.0**-53)
size = st.floats(1e-3, 1e4)


@patient
@given(st.sampled_from(["poisson"]), unit, st.floats(0, 1e12))
def test_poisson_is_exact_everywhere(name, u, mean):
    k = quantile(name, u, mean)
    assert cumulative(name, k, mean) >= u > cumulative(name, k - 1, mean)


@patient
@given(unit, st.integers(0, 10**9), st.floats(0, 1))
def test_binomial_is_exact_everywhere(u, n, p):
    k = quantile("binomial", u, n, p)
    assert 0 <= k <= n
    assert cumulative("binomial", k, n, p) >= u > cumulative("binomial", k - 1, n, p)


@patient
@given(unit, st.floats(0.01, 1e3), st.floats(1e-3, 1))
def test_negative_binomial_is_exact_everywhere(u, n, p):
    k = quantile("negative_binomial", u, n, p)
    assert cumulative("negative_binomial", k, n, p) >= u > cumulative("negative_binomial", k - 1, n, p)


@patient
@given(unit, st.floats(1e-9, 1))
def test_geometric_is_exact_everywhere(u, p):
    k = quantile("geometric", u, p)
    assert k >= 1
    assert cumulative("geometric", k, p) >= u > cumulative("geometric", k - 1, p)


@patient
@given(unit, st.floats(0, 50), st.integers(1, 10**15))
def test_zipf_is_exact_everywhere(u, exponent, n):
    k = quantile("zipf", u, np.array([exponent]), n)
    assert 1 <= k[0] <= n
    assert cumulative("zipf", k, exponent, n)[0] >= u > cumulative("zipf", k - 1, exponent, n)[0]


@patient
@given(st.floats(0, 60), st.integers(1, 400))
def test_zipf_sums_are_the_sums(exponent, n):
    weights = np.arange(1, n + 1, dtype=float) ** -exponent
    expected = np.array([math.fsum(weights[: k + 1]) for k in range(n)]) / math.fsum(weights)
    np.testing.assert_allclose(cumulative("zipf", np.arange(1, n + 1), exponent, n), expected, rtol=1e-12)


@patient
@given(unit, st.integers(-(10**15), 10**15), st.integers(0, 10**15))
def test_integer_is_exact_everywhere(u, low, span):
    k = quantile("integer", u, low, low + span)
    assert low <= k <= low + span
    assert cumulative("integer", k, low, low + span) >= u > cumulative("integer", k - 1, low, low + span)


@patient
@given(unit, size, size, st.sampled_from(["gamma", "weibull", "pareto", "lognormal", "beta", "student_t"]))
def test_continuous_values_keep_to_their_support(u, a, b, name):
    value = float(quantile(name, u, a, b))
    assert not math.isnan(value)
    if name == "beta":
        assert 0 <= value <= 1
    elif name != "student_t":
        assert value >= (b if name == "pareto" else 0)


# --- choices


def test_choice_follows_its_weights():
    values = quantile("choice", DRAWS, ["solved", "escalated", "dropped"], [7, 2, 1])
    counts = [int((values == v).sum()) for v in ("solved", "escalated", "dropped")]
    assert stats.chisquare(counts, [70_000, 20_000, 10_000]).pvalue > 1e-4
    assert quantile("choice", [0.1, 0.9], [1, 2]).tolist() == [1, 2]
    assert quantile("choice", [0.1, 0.9], [True, False]).dtype == bool
    assert quantile("choice", [0.1, 0.9], [None, {"job": "nurse"}]).tolist() == [None, {"job": "nurse"}]


def test_weights_may_be_columns():
    u, p = DRAWS[:1000], DRAWS[1000:2000]
    np.testing.assert_array_equal(level_of(u, [p, 1 - p]), (u >= p).astype(int))
    levels = level_of([0.5, 0.5, 0.5], [np.array([1.0, -1.0, 0.0]), np.array([3.0, 1.0, 0.0])])
    assert levels.tolist() == [1, -1, -1]
    assert quantile("choice", [0.5, 0.5], ["a", "b"], [np.array([1, 0]), np.array([3, 0])]).tolist() == [
        "b",
        None,
    ]


weight_lists = st.lists(
    st.one_of(st.just(0.0), st.integers(1, 9), st.floats(0, 1e300, allow_subnormal=False), st.floats(0.01, 1)),
    min_size=1,
    max_size=40,
).filter(any)


@patient
@given(weight_lists, st.floats(0, 1, exclude_max=True))
def test_every_u_lies_in_the_interval_of_its_level(weights, u):
    level = int(level_of(u, weights))
    low, high = interval_of(level, weights)
    assert low <= u < high
    assert weights[level] > 0


@pytest.mark.parametrize("levels", [1, 2, 22, 23, 24, 25, 60])
def test_a_short_list_is_cut_as_a_long_one(levels):
    chance = np.random.default_rng(levels)
    weights = np.append(chance.integers(0, 3, levels - 1), 1).tolist()
    cuts = edges(weights)
    u = np.concatenate([cuts[:-1], np.nextafter(cuts[1:], 0), chance.random(500)])
    assert level_of(u, weights).tolist() == np.searchsorted(cuts[1:-1], u, side="right").tolist()
    assert level_of(u, weights).dtype == np.int64


@patient
@given(weight_lists)
def test_interval_edges_map_back_to_their_level(weights):
    cuts = edges(weights)
    assert cuts[0] == 0 and cuts[-1] == 1 and (np.diff(cuts) >= 0).all()
    for level in range(len(weights)):
        low, high = interval_of(level, weights)
        if low < high:
            inside = np.array([low, np.nextafter(high, 0), low + (high - low) / 2])
            inside = inside[inside < high]
            assert (level_of(inside, weights) == level).all()
            assert high == 1 or level_of(high, weights) > level
    levels = np.arange(len(weights))
    lows, highs = interval_of(levels, weights)
    assert lows.tolist() == cuts[:-1].tolist() and highs.tolist() == cuts[1:].tolist()


def test_cuts_do_not_drift():
    assert edges([0.1] * 10).tolist() == pytest.approx([k / 10 for k in range(11)], abs=2e-16)
    assert np.abs(edges([1] * 100_000) - np.arange(100_001) / 100_000).max() <= 2.3e-16
    with pytest.raises(IndexError):
        interval_of(3, [1, 2, 3])


# --- dates and times


def test_dates_include_both_ends():
    days = quantile("date", DRAWS, "2024-02-01", datetime.date(2024, 2, 29))
    assert days.dtype == np.dtype("datetime64[D]")
    assert [str(days.min()), str(days.max())] == ["2024-02-01", "2024-02-29"]
    counts = np.unique(days, return_counts=True)[1]
    assert len(counts) == 29 and stats.chisquare(counts).pvalue > 1e-4
    assert str(quantile("date", 0.5, "2024-02-01", "2024-02-01")) == "2024-02-01"
    starts = np.array(["2024-01-01", "2025-01-01", "NaT"], "datetime64[D]")
    drawn = quantile("date", [0.9] * 3, starts, "2024-12-31")
    assert np.isnat(drawn).tolist() == [False, True, True]


def test_moments_and_times():
    moments = quantile("datetime", DRAWS, "2024-01-01T10:00:00", datetime.datetime(2024, 1, 1, 10, 0, 9))
    assert moments.dtype == np.dtype("datetime64[s]") and len(np.unique(moments)) == 10
    night = quantile("time", DRAWS, "22:00", datetime.time(6))
    assert night.dtype == np.dtype("timedelta64[s]")
    hours = night.astype(int) // 3600
    assert set(hours.tolist()) == {22, 23, 0, 1, 2, 3, 4, 5, 6}
    assert str(quantile("time", 1e-9, "22:00", "06:00")) == "79200 seconds"
    assert float(cumulative("time", "02:00", "22:00", "06:00")) == pytest.approx(0.5, abs=1e-4)
    assert float(cumulative("date", "2024-01-10", "2024-01-01", "2024-01-20")) == 0.5


# --- truncated and mixture


def test_truncated_normal():
    values = truncated(DRAWS, "normal", (52, 14), 18, 95)
    expected = stats.truncnorm((18 - 52) / 14, (95 - 52) / 14, 52, 14)
    assert stats.kstest(values, expected.cdf).pvalue > 1e-4
    np.testing.assert_allclose(truncated(POINTS, "normal", (52, 14), 18, 95), expected.ppf(POINTS), rtol=1e-9)
    np.testing.assert_allclose(
        cumulative("truncated", values[:99], "normal", (52, 14), 18, 95), expected.cdf(values[:99]), rtol=1e-9
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_truncation_far_in_either_tail_keeps_its_digits(sign):
    low, high = sorted((sign * 12, sign * 14))
    values = truncated(DRAWS[:5000], "normal", (), low, high)
    assert stats.kstest(values, stats.truncnorm(low, high).cdf).pvalue > 1e-4
    np.testing.assert_allclose(
        truncated(DRAWS, "exponential", (1,), 100), 100 + quantile("exponential", DRAWS, 1), rtol=1e-12
    )


@pytest.mark.parametrize(("name", "arguments", "expected"), one_in(3, CASES + COUNTS))
def test_truncation_to_the_middle_half(name, arguments, expected):
    low, high = expected.ppf(0.25), expected.ppf(0.75)
    if low == high and name not in {row[0] for row in DISCRETE}:
        pytest.skip("a point")
    values = truncated(DRAWS, name, arguments, low, high)
    assert values.min() >= low and values.max() <= high
    discrete = name in {row[0] for row in DISCRETE}
    floor = expected.cdf(low - 1) if discrete else expected.cdf(low)
    shares = (expected.cdf(np.unique(values)) - floor) / (expected.cdf(high) - floor)
    counted = np.searchsorted(np.sort(values), np.unique(values), side="right") / len(DRAWS)
    assert np.abs(shares - counted).max() < 0.01
    assert np.isfinite(truncated(DRAWS[:9], name, arguments, low)).all()
    assert np.isfinite(truncated(DRAWS[:9], name, arguments, -math.inf, high)).all()


def test_truncation_to_nothing_is_nan():
    assert np.isnan(truncated(0.5, "normal", (0, 1), 3, 2))
    assert np.isnan(truncated(0.5, "uniform", (0, 1), 2, 3))
    assert np.isnan(truncated(0.5, "poisson", (4,), 2.2, 2.8))
    assert truncated(0.5, "poisson", (4,), 2, 2) == 2


def test_mixture_shares_and_components():
    components = [("normal", (0, 1)), ("uniform", (10, 20))]
    values = mixture(DRAWS, components, [3, 1])
    first = values[DRAWS < 0.75]
    assert stats.kstest(first, stats.norm.cdf).pvalue > 1e-4
    assert stats.kstest(values[DRAWS >= 0.75], stats.uniform(10, 10).cdf).pvalue > 1e-4
    x = np.array([-1.0, 0.5, 12.0])
    expected = 0.75 * stats.norm.cdf(x) + 0.25 * stats.uniform(10, 10).cdf(x)
    np.testing.assert_allclose(cumulative("mixture", x, components, [3, 1]), expected)
    np.testing.assert_array_equal(quantile("mixture", DRAWS, components, [3, 1]), values)
    assert np.isfinite(mixture(np.array([1e-300, 0.75, 1 - 2.0**-53]), components, [3, 1])).all()


def test_compounds_nest():
    components = [("normal", (0, 1)), ("truncated", ("exponential", (5,), 2))]
    values = truncated(DRAWS, "mixture", (components, [1, 1]), 0, 4)
    below, above = stats.norm.cdf(4) - 0.5, 1 - math.exp(-2 / 5)
    assert values.min() >= 0 and values.max() <= 4
    expected = (stats.norm.cdf(1) - 0.5) / (below + above)
    assert (values <= 1).mean() == pytest.approx(expected, abs=0.01)
    assert float(cumulative("truncated", 1, "mixture", (components, [1, 1]), 0, 4)) == pytest.approx(expected)
    twice = truncated(DRAWS, "truncated", ("normal", (0, 1), -2, 1), -1, 5)
    np.testing.assert_allclose(twice, truncated(DRAWS, "normal", (0, 1), -1, 1))


def test_mixtures_of_dates_and_booleans():
    days = mixture([0.1, 0.9], [("date", ("2024-01-01", "2024-01-31")), ("date", ("2020-01-01", "2020-01-31"))])
    assert [str(day)[:4] for day in days] == ["2024", "2020"]
    assert mixture([0.1, 0.9], [("bernoulli", (0.5,)), ("bernoulli", (1,))]).tolist() == [False, True]


# --- house rules


def test_checking_a_spec_loads_neither_numpy_nor_scipy():
    code = (
        "import sys, synthspec.languages.expressions.random.distributions; print({'numpy', 'scipy'} & set(sys.modules))"
    )
    root = Path(__file__).parent.parent
    found = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


def test_every_function_is_tested_here():
    tested = {name for name, _, _ in CONTINUOUS + DISCRETE}
    assert set(DISTRIBUTIONS) - tested == {"choice", "date", "datetime", "time", "truncated", "mixture"}
    assert all(key == entry.name and entry.summary and entry.source for key, entry in DISTRIBUTIONS.items())


def test_the_documentation_lists_every_function():
    page = Path(__file__).parent.parent / "docs" / "distributions.md"
    introduction, _, table = page.read_text("utf-8").partition("| function |")
    assert "| function |" + table == describe(), f"to rewrite {page.name}: python {Path(__file__).name}"
    assert introduction.startswith("# Random functions")


def describe() -> str:
    """The table of `docs/distributions.md`, one line for each random function."""
    lines = ["| function | draws | arguments | mean | value at u | source |", "|---|---|---|---|---|---|"]
    for entry in DISTRIBUTIONS.values():
        call = ", ".join(a.name if a.default is None else f"{a.name}={_default(a.default)}" for a in entry.arguments)
        texts = [_argument(a) for a in entry.arguments] + [_relation(r) for r in entry.relations]
        cells = (
            f"`{entry.name}({call})`",
            f"{entry.summary} ({entry.result})",
            "; ".join(texts),
            entry.mean,
            entry.formula,
            entry.source,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _default(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"


def _argument(argument: Argument) -> str:
    bounded = argument.low is not None or argument.integer
    return f"`{argument.name}` {argument.summary}" + (f", {range_of(argument)}" if bounded else "")


def _relation(relation: Relation) -> str:
    signs = {"below": " < ", "at most": " ≤ ", "same length": " as many as "}
    return "`" + signs[relation.rule].join(relation.names) + "`"


if __name__ == "__main__":
    target = Path(__file__).parent.parent / "docs" / "distributions.md"
    target.write_text(target.read_text("utf-8").partition("| function |")[0] + describe(), "utf-8")
