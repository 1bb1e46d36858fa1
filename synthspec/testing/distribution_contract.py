"""The contract of a distribution: what every random function must do. `docs/extending.md` shows its use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from synthspec.languages.expressions.random.distributions import Distribution
from synthspec.testing.light_import import heavy_imports

POINTS = np.array([2.0**-54, 1e-9, 1e-4, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.9999, 1 - 1e-9, 1 - 2.0**-53])
MIDDLE = np.linspace(0.001, 0.999, 401)


class DistributionContract:
    """Subclass it, set `module` and `arguments`, and let pytest collect it."""

    module: ModuleType | Any
    arguments: Sequence[tuple[float, ...]] = ()  # several sets of arguments, each in its range
    tolerance: float = 1e-6  # of cumulative(quantile(u)) against u

    def _sets(self) -> list[list[Any]]:
        assert self.arguments, "give at least one set of arguments"
        return [[np.asarray(float(a)) for a in given] for given in self.arguments]

    def _whole(self) -> bool:
        return self.module.DISTRIBUTION.result in ("integer", "boolean")

    def test_describes_itself(self) -> None:
        """The entry says what the function takes, gives and comes from, and is named as the module."""
        entry = self.module.DISTRIBUTION
        assert isinstance(entry, Distribution)
        assert entry.name.isidentifier()
        assert entry.summary
        assert entry.source, "say where its formula stands"
        assert entry.result in ("number", "integer", "boolean")
        assert all(a.name.isidentifier() and a.summary and a.kind == "number" for a in entry.arguments)
        if isinstance(self.module, ModuleType):
            assert entry.name == self.module.__name__.rsplit(".", 1)[-1], "name the module as the function"
        assert all(len(given) == len(entry.arguments) for given in self.arguments)

    def test_loads_nothing_heavy(self) -> None:
        """`synthspec check` imports the module: NumPy is imported inside its functions."""
        if isinstance(self.module, ModuleType):
            heavy = heavy_imports(self.module.__name__)
            assert not heavy, f"import {', '.join(sorted(heavy))} inside the functions"

    def test_rises_with_u(self) -> None:
        """A larger u never gives a smaller value; every value is a finite number, whole where the result is."""
        for given in self._sets():
            with np.errstate(all="ignore"):
                found = np.asarray(self.module.quantile(POINTS.copy(), *given), dtype=np.float64)
            assert found.shape == POINTS.shape, "quantile gives one value for each u"
            assert np.isfinite(found).all(), f"not a number at u = {POINTS[~np.isfinite(found)]} of {given}"
            assert (np.diff(found) >= 0).all()
            if self._whole():
                assert (found == np.floor(found)).all()

    def test_cumulative_undoes_quantile(self) -> None:
        """P(X ≤ quantile(u)) is u; of whole numbers the least k with P(X ≤ k) ≥ u."""
        for given in self._sets():
            with np.errstate(all="ignore"):
                x = np.asarray(self.module.quantile(MIDDLE, *given), dtype=np.float64)
                there = np.asarray(self.module.cumulative(x, *given), dtype=np.float64)
                if self._whole():
                    before = np.asarray(self.module.cumulative(x - 1, *given), dtype=np.float64)
                    assert (there >= MIDDLE - self.tolerance).all()
                    assert (before < MIDDLE + self.tolerance).all()
                else:
                    assert np.allclose(there, MIDDLE, atol=self.tolerance), f"off by {abs(there - MIDDLE).max():g}"

    def test_tails_agree(self) -> None:
        """Where there are functions of the upper end, they agree with the others."""
        tail, inverse = getattr(self.module, "tail", None), getattr(self.module, "tail_quantile", None)
        assert (tail is None) == (inverse is None), "tail and tail_quantile come together"
        if tail is None or inverse is None:
            return
        for given in self._sets():
            with np.errstate(all="ignore"):
                x = self.module.quantile(MIDDLE, *given)
                assert np.allclose(tail(x, *given), 1 - self.module.cumulative(x, *given), atol=self.tolerance)
                if not self._whole():
                    assert np.allclose(inverse(1 - MIDDLE, *given), x, rtol=1e-5, atol=self.tolerance)

    def test_works_on_columns(self) -> None:
        """Arguments may differ from row to row, and a NaN among them gives NaN, not an error."""
        for given in self._sets():
            columns = [np.full(MIDDLE.shape, a) for a in given]
            with np.errstate(all="ignore"):
                whole = np.asarray(self.module.quantile(MIDDLE, *columns))
                assert np.allclose(whole, self.module.quantile(MIDDLE, *given), equal_nan=True)
                self.module.quantile(MIDDLE, *(np.full(MIDDLE.shape, np.nan) for _ in given))

    def test_ends_hold(self) -> None:
        """Where the module says how far values go, none goes further."""
        ends = getattr(self.module, "ends", None)
        if ends is None:
            return
        for given in self.arguments:
            low, high = ends(*given)
            with np.errstate(all="ignore"):
                found = self.module.quantile(POINTS, *(np.asarray(float(a)) for a in given))
            slack = 1e-9 * max(1.0, *(abs(e) for e in (low, high) if math.isfinite(e)), 0.0)
            assert low - slack <= found.min()
            assert found.max() <= high + slack
