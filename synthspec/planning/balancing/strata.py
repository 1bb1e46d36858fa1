"""The strata of a continuous dimension that stands on its own, at any row without the rows before it."""

from __future__ import annotations

import numpy as np

from synthspec.planning.design import Levels
from synthspec.planning.sampling.philox import stream


class Strata:
    """`strata` (a power of two) equal parts of an interval: of any aligned 2**j rows one lies in each part of 2**-j.

    A van der Corput sequence scrambled after Owen, "Randomly permuted (t,m,s)-nets and (t,s)-sequences" (1995),
    anew in every block of `strata` rows: the bits of a row's place in its block, lowest first, choose a half, a
    quarter of it and so on, and a coin for each choice made before may turn it.
    """

    def __init__(self, strata: int, key: int) -> None:
        self._strata, self._key = strata, key

    def levels(self, start: int, stop: int) -> Levels:
        """The part of each of rows start..stop-1."""
        size = self._strata
        block, place = np.divmod(np.arange(start, max(start, stop)), size)
        first, last = start // size, -(-max(start, stop) // size)
        turned = stream(self._key, first * size, last * size).reshape(-1, size) < 0.5
        node = np.ones_like(place)
        for bit in range(size.bit_length() - 1):
            node = 2 * node + ((place >> bit & 1) ^ turned[block - first, node])
        levels: Levels = node - size
        return levels
