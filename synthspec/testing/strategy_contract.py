"""The contract of a plan strategy: what every module of `STRATEGY` must do. `docs/extending.md` shows its use."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from synthspec.planning.design import Design, Dimension, Floats, Requirement, Strategy, Tied

ROWS = 2000
DIMENSIONS = (
    Dimension("mood", (1, 1, 1)),
    Dimension("topic", (7, 2, 1)),
    Dimension("rare", (3, 0, 1)),
    Dimension("why", (1, 1, 1, 1), (Requirement("mood", frozenset({1, 2})),)),
    Dimension("age#0", None),
    Dimension("height#0", None),
)
SEED = 7
_TABLE = np.array([[0, 0], [1, 1], [2, 1]], dtype=np.int64)  # of mood and topic: these levels alone go together
_SHARES = (2**28, 2**28, 2**29)
_PRINTED = """
import importlib
from synthspec.testing.strategy_contract import DIMENSIONS, Design, digest
print(digest(importlib.import_module({module!r}).STRATEGY(Design(DIMENSIONS, {seed})).uniforms(0, 300)))
"""


def digest(found: Mapping[str, Floats]) -> str:
    """All numbers, in the order of keys, to the last bit."""
    from hashlib import blake2b

    return blake2b(b"".join(found[key].tobytes() for key in sorted(found)), digest_size=16).hexdigest()


def levels_of(numbers: Floats, weights: Sequence[float]) -> NDArray[np.int64]:
    """The level that each number of (0, 1) means."""
    marks = np.cumsum(weights) / np.sum(weights)
    return np.searchsorted(marks, numbers, side="right").astype(np.int64)


class StrategyContract:
    """Subclass it, set `module`, and let pytest collect it."""

    module: ModuleType
    keeps_shares: bool = True  # False where levels are covered whatever their weights

    def make(self, dimensions: Sequence[Dimension] = DIMENSIONS, seed: int = SEED) -> Strategy:
        """The strategy over some dimensions."""
        strategy: Strategy = self.module.STRATEGY(Design(tuple(dimensions), seed))
        return strategy

    def test_describes_itself(self) -> None:
        """The module has every name of the contract, of the right type."""
        assert isinstance(self.module.SUMMARY, str)
        assert self.module.SUMMARY
        assert "\n" not in self.module.SUMMARY
        assert callable(self.module.STRATEGY), "STRATEGY is a class, or a function, that takes a Design"

    def test_gives_numbers_between_0_and_1(self) -> None:
        """One array of float64 for each dimension, those that are not active too; never 0 or 1 themselves."""
        found = self.make().uniforms(0, ROWS)
        assert set(found) == {one.key for one in DIMENSIONS}
        for key, numbers in found.items():
            assert numbers.shape == (ROWS,), f"{key}: one number for each row"
            assert numbers.dtype == np.float64
            assert (numbers > 0).all(), f"{key}: 0 is no number of the open interval"
            assert (numbers < 1).all(), f"{key}: 1 is no number of the open interval"

    def test_a_row_has_one_combination(self) -> None:
        """Any rows, asked for in any order, by the same object or another, have the same numbers."""
        whole = self.make().uniforms(0, ROWS)
        dice, asked = random.Random(SEED), self.make()
        for number in range(30):
            start, stop = sorted((dice.randrange(ROWS), dice.randrange(ROWS + 1)))
            for strategy in (asked, self.make()) if number % 6 == 0 else (asked,):
                for key, numbers in strategy.uniforms(start, stop).items():
                    assert np.array_equal(numbers, whole[key][start:stop]), f"rows {start} to {stop} of {key} differ"

    def test_is_the_same_in_another_process(self) -> None:
        """Nothing hangs on `hash`, on a set's order, on the clock or on what else was drawn."""
        code = _PRINTED.format(module=self.module.__name__, seed=SEED)
        path = os.pathsep.join(p or "." for p in sys.path)
        for number in ("1", "2"):
            environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": number}
            done = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
            )
            assert done.returncode == 0, done.stderr
            assert done.stdout.strip() == digest(self.make().uniforms(0, 300))

    def test_does_not_hang_on_the_order_of_dimensions(self) -> None:
        """A parameter moved in the spec keeps its values."""
        there, back = self.make().uniforms(0, 300), self.make(DIMENSIONS[::-1]).uniforms(0, 300)
        assert all(np.array_equal(there[key], back[key]) for key in there)

    def test_hangs_on_the_seed(self) -> None:
        """Another seed gives other rows."""
        here, there = self.make().uniforms(0, 300), self.make(seed=SEED + 1).uniforms(0, 300)
        assert all((here[key] != there[key]).any() for key in here)

    def test_heeds_the_weights(self) -> None:
        """A level without weight never comes; with `keeps_shares` the others come as often as they should."""
        found = self.make().uniforms(0, ROWS)
        for one in DIMENSIONS:
            if one.weights is None:
                assert abs(found[one.key].mean() - 0.5) < 0.05, f"{one.key}: not even over (0, 1)"
                continue
            counts = np.bincount(levels_of(found[one.key], one.weights), minlength=len(one.weights))
            shares = np.array(one.weights) / sum(one.weights)
            assert (counts[shares == 0] == 0).all(), f"{one.key}: a level of no weight came"
            if self.keeps_shares:
                spread = 5 * np.sqrt(ROWS * shares * (1 - shares)) + 1
                assert (abs(counts - ROWS * shares) <= spread).all(), f"{one.key}: {counts} of shares {shares}"

    def test_dimensions_are_not_tied_to_each_other(self) -> None:
        """Of two dimensions neither follows from the other."""
        found = self.make().uniforms(0, ROWS)
        free = [one for one in DIMENSIONS if not one.requires]
        for place, first in enumerate(free):
            for second in free[place + 1 :]:
                together = abs(np.corrcoef(found[first.key], found[second.key])[0, 1])
                assert together < 0.2, f"{first.key} and {second.key} go together"

    def test_tied_dimensions_have_permitted_cells(self) -> None:
        """Dimensions that a design ties have the levels of one cell of its table in every row."""
        if not self.keeps_shares:
            return
        design = Design(DIMENSIONS, SEED, tied=(Tied("mood+topic", ("mood", "topic"), _TABLE, _SHARES),))
        strategy: Strategy = self.module.STRATEGY(design)
        for found in (strategy.uniforms(0, 500), strategy.redraw(np.arange(500), 1, ["mood", "topic"])):
            rows = zip(levels_of(found["mood"], (1, 1, 1)), levels_of(found["topic"], (7, 2, 1)), strict=True)
            assert set(rows) <= {(0, 0), (1, 1), (2, 1)}

    def test_redraws_rejected_rows(self) -> None:
        """Fresh numbers of the dimensions asked for, others at each attempt, whichever rows are asked with them."""
        strategy, rows = self.make(), np.array([5, 3, 10**12], dtype=np.int64)
        first, second = strategy.redraw(rows, 1, ["mood", "age#0"]), strategy.redraw(rows, 2, ["mood", "age#0"])
        assert set(first) == {"mood", "age#0"}
        assert all(numbers.shape == (3,) and numbers.dtype == np.float64 for numbers in first.values())
        assert all((first[key] != second[key]).all() for key in first), "an attempt gives what the one before gave"
        assert (first["mood"] != first["age#0"]).all(), "two dimensions have the same numbers"
        again = self.make().redraw(rows[::-1], 1, ["mood"])["mood"]
        assert np.array_equal(again[::-1], first["mood"]), "a row's numbers hang on the other rows"
        many = strategy.redraw(np.arange(20_000), 1, ["mood"])["mood"]
        assert many.min() > 0
        assert many.max() < 1
        assert abs(many.mean() - 0.5) < 0.02
