"""Superblocks of a balanced plan: equally likely and continuous dimensions, beside the uneven ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthspec.lazy_dataclass import dataclass
from synthspec.planning.balancing.joint import NOISE, JointChooser, Single
from synthspec.planning.balancing.sequences import Blocks, Nested
from synthspec.planning.balancing.uneven import STEP
from synthspec.planning.design import Floats
from synthspec.planning.sampling.philox import key_of, stream

STRATA = 16


@dataclass(frozen=True, slots=True)
class Plain:
    """A dimension of equally likely parts: `levels` of a discrete one, or the strata of a continuous one."""

    key: str
    levels: int
    continuous: bool


class Forgetting:
    """The dimensions of equally likely parts, filled after others, of the shares `beside`. Superblocks know
    nothing of each other.
    """

    def __init__(self, dimensions: Sequence[Plain], beside: Sequence[Floats], seed: int) -> None:
        self._dimensions, self._seed = tuple(dimensions), seed
        shares = [*beside]
        shares += [np.full(one.levels, 1 / one.levels) for one in dimensions]
        self._chooser = JointChooser(shares, len(beside))

    def levels(self, first: int, last: int, fixed: NDArray[np.int64]) -> NDArray[np.int64]:
        """Levels, or strata, in superblocks first..last-1: shape (dimensions, STEP, last - first).

        `fixed` holds those of the dimensions filled before, in the same shape.
        """
        noise = np.stack([self._noise(one.key, first, last) for one in self._dimensions])
        sequences = [self._sequence(one, first, last) for one in self._dimensions]
        return self._chooser.fill(sequences, fixed, noise)

    def _noise(self, name: str, first: int, last: int) -> Single:
        draws = stream(key_of(self._seed, name, "ties"), first * NOISE, last * NOISE)
        return np.ascontiguousarray((draws * 0.5).astype(np.float32).reshape(-1, NOISE).T)

    def _sequence(self, one: Plain, first: int, last: int) -> Blocks | Nested:
        if one.continuous:
            return Nested(last - first, one.levels)
        draws = stream(key_of(self._seed, one.key, "blocks"), first * one.levels, (last + 1) * one.levels)
        ranks = draws.reshape(-1, one.levels).argsort(axis=1).argsort(axis=1)
        return Blocks(np.arange(first, last), STEP, ranks)
