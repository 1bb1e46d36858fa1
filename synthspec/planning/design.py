"""A design: the random draws of a spec, and what a strategy is given to supply their uniform numbers.

A *dimension* is one random draw of the spec (a list, a random function, a pattern, a draw from a source). A
strategy gives, for row ``i`` and every dimension, one number of the open interval (0, 1); the inverse
distribution function of the dimension turns it into a value. A discrete dimension with weights ``w`` owns the
cumulative intervals ``[c[v-1], c[v])`` of its normalised weights: a number inside the v-th means level v.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Protocol, TypeAlias

from synthspec.lazy_dataclass import dataclass

if TYPE_CHECKING:  # a spec is checked without loading NumPy
    import numpy as np
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"
Levels: TypeAlias = "NDArray[np.int64]"
Permitted: TypeAlias = Callable[[Mapping[str, Levels]], "NDArray[np.bool_]"]


@dataclass(frozen=True, slots=True)
class Requirement:
    """The dimension that has it is active only where discrete dimension `dimension` takes one of `levels`."""

    dimension: str
    levels: frozenset[int]


@dataclass(frozen=True, slots=True)
class Dimension:
    """One random draw of the spec.

    `key` is its stable identity ("attitude", "age#0"); `weights` the shares of a discrete dimension's levels
    on any positive scale, zeros allowed, or None when it is continuous. It is active where every requirement
    of `requires` holds, and drawn, though unused, elsewhere.
    """

    key: str
    weights: tuple[float, ...] | None
    requires: tuple[Requirement, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Tied:
    """Discrete dimensions that are drawn together: each row has one cell of `table`.

    `table`, shape (cells, keys), holds the level indices of each permitted cell, -1 where a dimension is inactive;
    `parts` the shares of the cells as whole numbers above zero that sum to 2**30. `key` names it in draws. `further`,
    shape (cells, any), puts cells in groups whose shares matter as those of levels do.
    """

    key: str
    keys: tuple[str, ...]
    table: Levels
    parts: tuple[int, ...]
    further: Levels | None = None


@dataclass(frozen=True, slots=True)
class Design:
    """What a strategy is given. The numbers of a dimension must not hang on its place among `dimensions`.

    `strength` and `over` (keys of the dimensions to cover, None: all discrete ones) matter to `pairwise`.
    `permitted` takes columns of level indices, one array of equal length for each discrete dimension, and
    says which of these combinations no exclusion removes; what it says of a combination must not depend on
    the level of a dimension that is inactive in it. `permitted_reads` holds the keys that each exclusion rule
    reads. `tied` are discrete dimensions, in no two of these at once, whose shares hang on each other: a strategy
    that draws levels by their shares draws these by cells.
    """

    dimensions: tuple[Dimension, ...]
    seed: int
    strength: int = 2
    over: frozenset[str] | None = None
    permitted: Permitted | None = None
    permitted_reads: tuple[frozenset[str], ...] = ()
    tied: tuple[Tied, ...] = ()

    @property
    def by_key(self) -> tuple[Dimension, ...]:
        """The dimensions in the order of their keys."""
        return tuple(sorted(self.dimensions, key=lambda one: one.key))


class Strategy(Protocol):
    """Supplies uniform numbers, as a pure function of the design and the row.

    One whose first rows promise certain levels together says how many these are in `firm_rows`.
    """

    def uniforms(self, start: int, stop: int) -> Mapping[str, Floats]:
        """Numbers in the open (0, 1) for rows start..stop-1: one array of stop - start for each dimension."""
        ...

    def redraw(self, rows: Levels, attempt: int, keys: Collection[str]) -> Mapping[str, Floats]:
        """Fresh independent numbers of dimensions `keys` for rejected `rows`; attempt >= 1."""
        ...
