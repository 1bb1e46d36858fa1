"""Drawn and computed numbers are the same bits on every processor, whichever vector units it has."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from depth import one_in, quarter
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from synthspec.languages.expressions import transcendental
from synthspec.languages.expressions.random.quantiles import bell, elementary, quantile, rounded_quantile
from synthspec.languages.expressions.random.quantiles.digits import rounded

ROOT = Path(__file__).parent.parent
SPEC = """
synthspec: 1
rows: 5000
parameters:
  a: normal(52, 14)
  b: lognormal(1, 0.5)
  c: exponential(4)
  d: gamma(2.5, 3)
  e: beta(2, 5)
  f: triangular(1, 2, 5)
  g: weibull(1.5, 2)
  h: pareto(3)
  i: loguniform(1, 1000)
  j: student_t(4)
  k: truncated(normal(52, 14), 18, 95)
  l: mixture([normal(0, 1), gamma(2, 3)], [3, 1])
  m: truncated(lognormal(1, 0.5), 1, 9)
  n: uniform(-3, 5)
  o: exp(a / 20) + log(c) * b ** 1.37 - log10(d)
  p: normal(a, c)
  q: gamma(b, e)
  r: round(a * 1.1, 2)
  s: poisson(b)
  t: {values: {u: 0.1, v: 0.3, w: 0.55, x: 0.05}}
  u: [1, 2, 3]
plan: {strategy: STRATEGY}
fields: {x: {value: "[a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u]"}}
"""
SCRIPT = """
import hashlib, sys, numpy, synthspec
columns = synthspec.plan(sys.argv[1]).columns(0, int(sys.argv[2]))
for name, column in columns.items():
    text = repr(column.tolist()).encode()
    print(name, hashlib.sha256(text).hexdigest())
"""


def printed(spec: Path, rows: int, **environment: str) -> list[str]:
    found = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(spec), str(rows)],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip
    return found.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "rows"), [("balanced", 200), ("balanced", 5_000), ("random", 5_000)])
def test_vector_units_change_nothing(tmp_path: Path, strategy: str, rows: int) -> None:
    from numpy._core import _multiarray_umath as units

    names = [n for n in units.__cpu_dispatch__ if units.__cpu_features__.get(n)]
    if not names:
        pytest.skip("NumPy has no other loops for this processor")
    spec = tmp_path / "spec.yaml"
    spec.write_text(SPEC.replace("STRATEGY", strategy), encoding="utf-8")
    tunables = "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F,-AVX"
    assert printed(spec, rows) == printed(spec, rows, NPY_DISABLE_CPU_FEATURES=" ".join(names), GLIBC_TUNABLES=tunables)


@settings(max_examples=quarter(200), deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_rounding_is_that_of_decimal_writing(x: float) -> None:
    assert float(rounded(np.array(x))) == float(f"{x:.11e}")
    assert float(rounded(rounded(np.array([x])))[0]) == float(f"{x:.11e}")


def test_rounding_leaves_what_is_not_finite() -> None:
    assert str(rounded(np.array([np.inf, -np.inf, np.nan, -0.0])).tolist()) == "[inf, -inf, nan, -0.0]"


@pytest.mark.parametrize(
    ("name", "arguments"),
    one_in(3, [("gamma", (4, 5)), ("gamma", (0.5, 2)), ("gamma", (300, 1)), ("gamma", (0.01, 1)), ("gamma", (1e6, 1e-9)),
     ("beta", (2, 5)), ("beta", (0.5, 0.5)), ("beta", (80, 3)), ("beta", (1e-3, 1e3))]),
)  # fmt: skip
def test_a_table_changes_no_number(name: str, arguments: tuple[float, ...]) -> None:
    u = np.concatenate(
        [
            np.random.default_rng(3).random(60_000),
            np.geomspace(2.0**-54, 0.5, 999),
            1 - np.geomspace(2.0**-53, 0.5, 999),
        ]
    )
    expected = rounded(quantile(name, u, *arguments))
    np.testing.assert_array_equal(rounded_quantile(name, u, *arguments), expected)
    np.testing.assert_array_equal(rounded_quantile(name, u[70:73], *arguments), expected[70:73])
    columns = [np.full(len(u), float(a)) for a in arguments]
    np.testing.assert_array_equal(rounded_quantile(name, u, *columns), expected)


ANY = np.concatenate([np.geomspace(5e-324, 1.7e308, 4001), np.linspace(0.5, 2, 4001)])
SMALL = np.concatenate([-np.geomspace(1e-300, 0.999999, 4001), np.geomspace(1e-300, 700, 4001)])


def test_elementary_functions_are_those_of_the_library() -> None:
    near = {"rtol": 1e-15, "atol": 1e-322}
    np.testing.assert_allclose(elementary.log(ANY), np.log(ANY), **near)
    np.testing.assert_allclose(
        elementary.exp(np.linspace(-745, 709, 9001)), np.exp(np.linspace(-745, 709, 9001)), **near
    )
    np.testing.assert_allclose(elementary.log1p(SMALL), np.log1p(SMALL), **near)
    np.testing.assert_allclose(elementary.expm1(SMALL), np.expm1(SMALL), **near)
    np.testing.assert_allclose(elementary.power(SMALL[4001:], 0.3), SMALL[4001:] ** 0.3, rtol=1e-13)
    for function in (elementary.log, elementary.exp, elementary.log1p, elementary.expm1):
        ends = np.array([np.inf, -np.inf, np.nan, 0.0, -1.0, 800.0, -800.0])
        with np.errstate(all="ignore"):
            expected = getattr(np, function.__name__)(ends)
            np.testing.assert_allclose(function(ends), expected, rtol=1e-15)


def test_the_bell_is_that_of_scipy() -> None:
    u = np.concatenate(
        [np.geomspace(5e-324, 0.5, 4001), np.linspace(0.001, 0.999, 4001), 1 - np.geomspace(1e-16, 0.5, 99)]
    )
    np.testing.assert_allclose(bell.normal_quantile(u), special.ndtri(u), rtol=3e-15, atol=1e-16)
    z = np.linspace(-37, 9, 20_001)
    np.testing.assert_allclose(bell.normal_cumulative(z), special.ndtr(z), rtol=3e-13)
    ends = np.array([np.nan, -np.inf, np.inf, -60.0, 60.0])
    np.testing.assert_array_equal(bell.normal_cumulative(ends), special.ndtr(ends))
    np.testing.assert_array_equal(
        bell.normal_quantile(np.array([np.nan, 0, 1, -1, 2])), [np.nan, -np.inf, np.inf, np.nan, np.nan]
    )


@settings(max_examples=quarter(200), deadline=None)
@given(st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_scalar_functions_are_those_of_the_library(x: float, y: float) -> None:
    def of(function: object, *given: float) -> object:
        try:
            return function(*given)  # type: ignore[operator]
        except (ValueError, ArithmeticError) as e:
            return type(e)

    for mine, theirs, given_ in (
        (transcendental.exp, math.exp, (x,)), (transcendental.log, math.log, (x,)),
        (transcendental.log10, math.log10, (x,)), (transcendental.power, lambda a, b: a**b, (x, y)),
    ):  # fmt: skip
        one, other = of(mine, *given_), of(theirs, *given_)
        if isinstance(one, float) and isinstance(other, float):
            assert one == pytest.approx(other, rel=1e-15, abs=1e-322, nan_ok=True)
        else:
            assert one == other or (isinstance(one, complex) and isinstance(other, complex))
