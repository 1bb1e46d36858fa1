"""Correlated parameters: a Gaussian copula over the uniform numbers of a plan.

Uniforms become standard normals, normals are mixed by the Cholesky factor of a correlation matrix, and go
back to uniforms. Each stays uniform, so each parameter keeps its distribution, and rank correlation survives
any increasing transform. `calibrate` finds the normal correlation that gives the values the rank correlation
asked for; for two continuous parameters that is 2 sin(pi r / 6) (Pearson 1907), but ties and decreasing
transforms need a search.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from synthspec.languages.expressions.random.quantiles.bell import normal_cumulative, normal_quantile

Array = NDArray[np.float64]
EvaluateBoth = Callable[[Array, Array], tuple[NDArray[np.generic], NDArray[np.generic]]]

_LEAST, _MOST = 2.0**-54, 1 - 2.0**-53
_STRONGEST = 0.9995
_TOLERANCE = 0.01
SAMPLE = 1 << 13


class ImpossibleMatrix(ValueError):
    """No variables have these correlations; `nearest` is the closest matrix that some have."""

    def __init__(self, nearest: Array) -> None:
        super().__init__("no variables have these correlations together")
        self.nearest = nearest


class UnreachableRank(ValueError):
    """The values of two parameters cannot have this rank correlation; `reachable` is the nearest they can
    have.
    """

    def __init__(self, rank: float, reachable: float) -> None:
        super().__init__(f"rank correlation {rank:g} is out of reach; the nearest is {reachable:.2f}")
        self.rank, self.reachable = rank, reachable


class Copula:
    """Ties the uniform numbers of dimensions `keys` by `matrix`, the correlations of their normals.

    `matrix` is symmetric with ones on its diagonal, shape (keys, keys). Raises ImpossibleMatrix when it is
    not positive definite. The first `fixed` of `keys` keep their numbers, so put first what must stay balanced;
    their own correlations are those that their numbers have already.
    """

    def __init__(self, keys: Sequence[str], matrix: NDArray[np.float64], fixed: int = 1) -> None:
        self.keys, self.fixed = tuple(keys), tuple(keys[:fixed])
        self.moved = self.keys[fixed:]
        self.matrix = np.asarray(matrix, dtype=np.float64)
        if self.matrix.shape != (len(self.keys), len(self.keys)):
            raise ValueError(f"{len(self.keys)} keys need a square matrix of that size")
        if not is_possible(self.matrix):
            raise ImpossibleMatrix(nearest_correlation(self.matrix))
        self._factor = _factor(self.matrix.tolist(), fixed)

    def apply(self, uniforms: Mapping[str, Array]) -> Mapping[str, Array]:
        """The same mapping with the numbers of `keys` tied: float64 in the open (0, 1), each uniform as
        before.
        """
        normals = [normal_quantile(uniforms[key]) for key in self.keys]
        tied: dict[str, Array] = {}
        for place, key in enumerate(self.moved):
            row, own = self._factor[place], len(self.fixed) + place
            if not any(row[:own]):
                continue
            mixed = row[own] * normals[own]
            for weight, normal in zip(row[:own], normals, strict=False):
                if weight:
                    mixed = mixed + weight * normal
            tied[key] = np.clip(normal_cumulative(mixed), _LEAST, _MOST)
        return {**uniforms, **tied}


def _factor(matrix: list[list[float]], fixed: int) -> list[list[float]]:
    """For each key after the `fixed` first, the weights of the normals that it is made of: those of the fixed keys
    as they are, those of later ones independent. In a fixed order of the four operations and square roots.
    """
    rows: list[list[float]] = []
    for place, line in enumerate(matrix):
        row: list[float] = []
        for other in range(place):
            before = sum(a * b for a, b in zip(row, rows[other], strict=False))
            row.append((line[other] - before) / rows[other][other])
        rows.append([*row, sqrt(line[place] - sum(a * a for a in row))])
    found = []
    for row in rows[fixed:]:
        weights = list(row)
        for column in reversed(range(fixed)):  # of the fixed keys' own normals, instead of independent ones
            later = sum(weights[k] * rows[k][column] for k in range(column + 1, fixed))
            weights[column] = (row[column] - later) / rows[column][column]
        found.append(weights)
    return found


def is_possible(matrix: Array) -> bool:
    """Whether a correlation matrix is positive definite, beyond rounding."""
    return bool(np.linalg.eigvalsh(matrix)[0] > 1e-10)


def nearest_correlation(matrix: Array, rounds: int = 1000) -> Array:
    """The positive definite correlation matrix nearest to a symmetric `matrix` in the Frobenius norm.

    Alternating projections with Dykstra's correction: Higham, "Computing the nearest correlation matrix" (IMA
    J. Numer. Anal. 22, 2002). Its least eigenvalue is 1e-8 or just above.
    """
    found = np.array(matrix, dtype=np.float64)
    correction = np.zeros_like(found)
    for _ in range(rounds):
        before = found
        shifted = found - correction
        values, vectors = np.linalg.eigh(shifted)
        psd = (vectors * np.maximum(values, 0)) @ vectors.T
        correction = psd - shifted
        found = psd.copy()
        np.fill_diagonal(found, 1.0)
        if np.abs(found - before).max() < 1e-12:
            break
    least = float(np.linalg.eigvalsh(found)[0])
    if least < 1e-8:
        shrink = (1e-8 - least) / (1 - least)
        found = (1 - shrink) * found + shrink * np.eye(len(found))
    return np.asarray((found + found.T) / 2)


def rank_correlation(x: NDArray[np.generic], y: NDArray[np.generic]) -> float:
    """Spearman's rank correlation of two columns of one length, ties sharing their mean rank; 0 if one is
    constant.
    """
    a, b = _ranks(x), _ranks(y)
    spread = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / spread if spread else 0.0


def _ranks(values: NDArray[np.generic]) -> Array:
    """Mean ranks, centred on zero."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: Array = (ends - (counts - 1) / 2)[which.reshape(-1)]
    return ranks - (len(values) + 1) / 2


def calibrate(evaluate: EvaluateBoth, rank: float) -> float:
    """The correlation of two normals under which the values of two parameters have rank correlation `rank`.

    `evaluate` maps two columns of uniforms to the two columns of values, which must have an order. Bisection
    on 8,192 fixed quasi-random points, to within 0.01 of `rank`. Raises UnreachableRank when no normals come
    that near: ties bound what can be reached.
    """
    if not -1 <= rank <= 1:
        raise ValueError("a rank correlation lies between -1 and 1")
    first, second = _quasi_random(SAMPLE)

    def reached(pearson: float) -> float:
        other = pearson * first + np.sqrt(1 - pearson * pearson) * second
        uniforms = (np.clip(normal_cumulative(column), _LEAST, _MOST) for column in (first, other))
        return rank_correlation(*evaluate(*uniforms))

    low, high = -_STRONGEST, _STRONGEST
    at_low, at_high = reached(low), reached(high)
    if at_low > at_high:
        low, high, at_low, at_high = high, low, at_high, at_low
    for end, value in ((low, at_low), (high, at_high)):
        if abs(value - rank) <= _TOLERANCE / 4:
            return end
    if not at_low < rank < at_high:
        end, value = (low, at_low) if rank <= at_low else (high, at_high)
        if abs(value - rank) <= _TOLERANCE:
            return end
        raise UnreachableRank(rank, value)
    while abs(high - low) > 1e-4:
        middle = (low + high) / 2
        found = reached(middle)
        if abs(found - rank) < _TOLERANCE / 10:
            return middle
        low, high = (middle, high) if found < rank else (low, middle)
    return (low + high) / 2


def _quasi_random(points: int) -> tuple[Array, Array]:
    """Two columns of normals from the R2 sequence (Roberts 2018): n times powers of 1/1.3247…, modulo 1."""
    plastic = 1.32471795724474602596
    number = np.arange(1, points + 1, dtype=np.float64)
    columns = ((0.5 + number / plastic**power) % 1 for power in (1, 2))
    one, other = (normal_quantile(np.clip(column, _LEAST, _MOST)) for column in columns)
    return one, other
