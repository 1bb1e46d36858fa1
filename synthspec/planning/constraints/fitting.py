"""Shares of permitted cells, fitted to the shares of each dimension's levels and to rank correlations.

Iterative proportional fitting: Deming and Stephan, "On a least squares adjustment of a sampled frequency table
when the expected marginal totals are known" (1940). Of all tables with these margins it finds the one nearest to
independence that is zero where a cell is not permitted. Rank correlations tilt the table by exp(theta * x * y),
x and y the mid-ranks of the two levels, which keeps it nearest to independence too. Sums run in a fixed order and
there is no library function but the four operations, so the result is the same on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt

import numpy as np
from numpy.typing import NDArray

from synthspec.lazy_dataclass import dataclass
from synthspec.planning.sampling.tied import INACTIVE, PERIOD

Array = NDArray[np.float64]
_WORK = 30_000_000
_MOST, _LEAST = 2000, 100
_CLOSE = 1e-9
_RANKS = 2e-4
_NEAR = 5e-3
_SWEEPS = 30
_STEEPEST = 4.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A rank correlation between two columns of a table; `orders` holds the rank of each of their levels."""

    columns: tuple[int, int]
    rank: float
    orders: tuple[NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Shares of the cells, the shares of each column's levels that these give, and the ranks reached."""

    shares: Array
    margins: tuple[Array, ...]
    ranks: tuple[float, ...]


def fit(
    table: NDArray[np.int64], margins: Sequence[Array], wanted: Sequence[Wanted] = (), base: Array | None = None
) -> Fitted:
    """Fit shares to `table`, shape (cells, columns) of level indices, INACTIVE where a column plays no part.

    `margins` holds the wanted shares of each column's levels, of the rows in which it is active. Where no shares
    have these margins, the result lies in the middle between those that meet one column each. `base` are weights
    of the cells to begin with, instead of the product of their levels' shares.
    """
    columns = [_CellColumn(table[:, place], shares) for place, shares in enumerate(margins)]
    shares = np.ones(len(table))
    for column in columns if base is None else ():
        shares = shares * column.own
    shares = shares if base is None else base
    shares = shares / fsum(shares)
    tilts = [_Tilt(table, each) for each in wanted]
    rounds = max(_LEAST, min(_MOST, _WORK // (len(table) * (len(columns) + len(tilts)))))
    off = 0.0
    for number in range(4 * rounds if tilts else rounds):
        before = shares
        for column in columns:
            shares = column.fitted(shares)
        if number % 3 == 2:
            off = max((abs(t.rank - t.reached(shares)) for t in tilts), default=0.0)
            settled = float(np.abs(shares - before).max()) < _CLOSE
            if (off < _RANKS and settled) or (number > rounds and off < _NEAR):
                break
            for tilt in tilts:
                shares = tilt.tilted(shares)
    for _ in range(_SWEEPS if tilts else 0):
        for column in columns:
            shares = column.fitted(shares)
    last = []
    for column in columns:
        shares = column.fitted(shares)
        last.append(shares)
    middle = sum(last[1:], last[0]) / len(last)
    middle = middle / fsum(middle)
    return Fitted(middle, tuple(c.shares_in(middle) for c in columns), tuple(t.reached(middle) for t in tilts))


def whole(shares: Array) -> tuple[int, ...]:
    """Shares as whole numbers above zero that sum to PERIOD."""
    exact = shares * PERIOD
    parts = np.maximum(np.floor(exact), 1).astype(np.int64)
    missing = PERIOD - int(parts.sum())
    if missing > 0:
        first = np.argsort(parts - exact, kind="stable")
        parts += missing // len(parts)
        parts[first[: missing % len(parts)]] += 1
    elif missing:
        parts[int(parts.argmax())] += missing
    return tuple(parts.tolist())


class _CellColumn:
    """One column of a table: the level of each cell, and the shares that levels are to have where it is active."""

    def __init__(self, levels: NDArray[np.int64], shares: Array) -> None:
        self.place = levels + 1  # 0 is INACTIVE
        there = np.bincount(self.place, minlength=len(shares) + 1)[1:] > 0
        self.wanted = np.where(there, shares, 0.0)  # a level of no cell has no share, whatever is wanted
        self.wanted = self.wanted / (fsum(self.wanted) or 1.0)
        self.own = np.concatenate([[1.0], self.wanted])[self.place]

    def fitted(self, shares: Array) -> Array:
        found = np.bincount(self.place, shares, minlength=len(self.wanted) + 1)
        inside = fsum(found[1:])
        factors = np.ones(len(found))
        np.divide(inside * self.wanted, found[1:], out=factors[1:], where=found[1:] > 0)
        return np.asarray(shares * factors[self.place])

    def shares_in(self, shares: Array) -> Array:
        found = np.bincount(self.place, shares, minlength=len(self.wanted) + 1)[1:]
        inside = fsum(found)
        return np.asarray(found / inside if inside > 0 else found, dtype=np.float64)


class _Tilt:
    """The rank correlation of two columns, and a table's tilt towards it."""

    def __init__(self, table: NDArray[np.int64], wanted: Wanted) -> None:
        self.rank = wanted.rank
        self._places = [order[table[:, at]] for at, order in zip(wanted.columns, wanted.orders, strict=True)]

    def reached(self, shares: Array) -> float:
        return fsum(shares * self._product(shares))

    def _product(self, shares: Array) -> Array:
        """The product of each cell's mid-ranks, of mean 0 and variance 1 each; 0 where one does not vary."""
        first, second = (_mid_ranks(place, shares) for place in self._places)
        return first * second

    def tilted(self, shares: Array) -> Array:
        product = self._product(shares)
        reached = fsum(shares * product)
        spread = max(fsum(shares * product * product) - reached * reached, 1e-3)
        step = min(max((self.rank - reached) / spread, -_STEEPEST), _STEEPEST)
        grown = np.maximum(1 + np.clip(step * product, -500, 500) / 1024, 0.25)
        for _ in range(10):
            grown = grown * grown
        shares = shares * grown
        return np.asarray(shares / fsum(shares))


def _mid_ranks(place: NDArray[np.int64], shares: Array) -> Array:
    own = np.bincount(place, shares)
    middles = np.cumsum(own) - own / 2 - 0.5
    spread = sqrt(max(fsum(own * middles * middles), 0.0))
    return np.asarray(middles[place] / spread) if spread > 1e-12 else np.zeros(len(place))


__all__ = ["INACTIVE", "PERIOD", "Fitted", "Wanted", "fit", "whole"]
