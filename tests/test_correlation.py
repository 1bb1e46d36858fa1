"""The copula reaches the rank correlation asked for, under every strategy, and refuses what cannot be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from depth import quarter, rest_slow
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.special import ndtri

from synthspec.planning.correlation.targets import (
    Copula,
    ImpossibleMatrix,
    UnreachableRank,
    calibrate,
    is_possible,
    nearest_correlation,
    rank_correlation,
)
from synthspec.planning.design import Design, Dimension
from synthspec.planning.designs import find_strategy

Array = NDArray[np.float64]
VALUES: dict[str, Callable[[Array], Array]] = {
    "normal": lambda u: ndtri(u),
    "lognormal": lambda u: np.exp(3 * ndtri(u)),
    "decreasing": lambda u: -np.log(u),
    "five": lambda u: np.floor(5 * u),
    "uneven": lambda u: np.searchsorted([0.7, 0.9], u).astype(np.float64),
    "falling": lambda u: 3 - np.floor(4 * u),
}


@pytest.mark.parametrize("strategy", rest_slow(["random", "balanced", "pairwise"], (1,)))
@pytest.mark.parametrize(
    ("x", "y", "rank"),
    [
        ("normal", "lognormal", 0.6),
        ("five", "decreasing", -0.5),
        ("falling", "five", 0.7),
        ("uneven", "normal", 0.3),
        ("normal", "decreasing", 0.9),
    ],
)
def test_rank_is_reached(strategy: str, x: str, y: str, rank: float) -> None:
    pearson = calibrate(lambda u, v: (VALUES[x](u), VALUES[y](v)), rank)
    weights = {"five": (1.0,) * 5, "falling": (1.0,) * 4, "uneven": (7.0, 2.0, 1.0)}
    dimensions = tuple(Dimension(key, weights.get(name)) for key, name in (("x", x), ("y", y)))
    uniforms = find_strategy(strategy)(Design((*dimensions, Dimension("z", (1, 1))), 5)).uniforms(0, 100_000)
    tied = Copula(["x", "y"], np.array([[1, pearson], [pearson, 1]])).apply(uniforms)
    assert abs(rank_correlation(VALUES[x](tied["x"]), VALUES[y](tied["y"])) - rank) < 0.03
    for key in ("x", "y"):
        assert tied[key].min() > 0 and tied[key].max() < 1
        assert stats.kstest(tied[key], "uniform").statistic < 0.006
    assert tied["z"] is uniforms["z"]


def test_three_at_once() -> None:
    wanted = np.array([[1, 0.5, -0.3], [0.5, 1, 0.2], [-0.3, 0.2, 1]])
    uniforms = find_strategy("random")(Design(tuple(Dimension(k, None) for k in "abc"), 3)).uniforms(0, 200_000)
    tied = Copula("abc", wanted).apply(uniforms)
    found = np.corrcoef([ndtri(tied[k]) for k in "abc"])
    np.testing.assert_allclose(found, wanted, atol=0.01)


def test_calibration_of_continuous_values_is_pearsons_formula() -> None:
    for rank in (-0.8, -0.2, 0.0, 0.4, 0.95):
        assert abs(calibrate(lambda u, v: (u, v), rank) - 2 * np.sin(np.pi * rank / 6)) < 0.01


def test_out_of_reach() -> None:
    with pytest.raises(UnreachableRank) as caught:
        calibrate(lambda u, v: (u > 0.9, v > 0.5), 0.9)
    assert abs(caught.value.reachable - 1 / 3) < 0.01
    with pytest.raises(UnreachableRank):
        calibrate(lambda u, v: (np.zeros(len(u)), v), 0.1)
    with pytest.raises(ValueError, match="between"):
        calibrate(lambda u, v: (u, v), 1.1)
    assert calibrate(lambda u, v: (u, v), 1.0) > 0.99


def test_impossible_matrix_names_the_nearest() -> None:
    matrix = np.array([[1, 0.9, 0.9], [0.9, 1, -0.9], [0.9, -0.9, 1]])
    with pytest.raises(ImpossibleMatrix) as caught:
        Copula(["a", "b", "c"], matrix)
    Copula(["a", "b", "c"], caught.value.nearest)
    with pytest.raises(ValueError, match="square"):
        Copula(["a", "b"], matrix)


def test_nearest_is_highams_example() -> None:
    """The example of Higham (2002), section 4."""
    found = nearest_correlation(np.array([[1.0, 1, 0], [1, 1, 1], [0, 1, 1]]))
    np.testing.assert_allclose(found, [[1, 0.7607, 0.1573], [0.7607, 1, 0.7607], [0.1573, 0.7607, 1]], atol=1e-4)


@settings(max_examples=quarter(50), deadline=None)
@given(st.integers(2, 6), st.integers(0, 10**6))
def test_nearest_is_possible_and_leaves_possible_alone(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix = rng.uniform(-1, 1, (size, size))
    matrix = (matrix + matrix.T) / 2
    np.fill_diagonal(matrix, 1)
    found = nearest_correlation(matrix)
    assert np.linalg.eigvalsh(found)[0] > 0 and np.allclose(np.diag(found), 1) and np.allclose(found, found.T)
    if is_possible(matrix):
        np.testing.assert_allclose(found, matrix, atol=1e-6)


@settings(max_examples=quarter(50), deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=40))
def test_rank_correlation_is_spearmans(pairs: list[tuple[int, int]]) -> None:
    x, y = np.array(pairs).T
    expected = 0.0 if np.ptp(x) == 0 or np.ptp(y) == 0 else float(stats.spearmanr(x, y).statistic)
    assert abs(rank_correlation(x, y) - expected) < 1e-9
