"""One evaluation of some combinations of a plan: their uniform numbers, and the columns drawn from them so far."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from synthspec.diagnostics.errors import ExitStatus, SynthspecError
from synthspec.languages.expressions.evaluation.columns import ColumnArray
from synthspec.languages.expressions.functions.placed import INDEX
from synthspec.lazy_dataclass import dataclass

MAX_LEVELS = 100_000  # a source of more rows is drawn from as if it were continuous


class DrawFault(SynthspecError):
    """A draw has nothing to give for a combination; the message says which."""

    default_status = ExitStatus.WRONG_SPEC

    def __init__(self, parameter: str, message: str, help: str) -> None:
        super().__init__(message, help)
        self.parameter = parameter


Values = Callable[["Drawing"], ColumnArray]


@dataclass(slots=True)
class Drawing:
    """One evaluation of some rows: uniform numbers by dimension, and the columns drawn so far.

    Among the columns is one of the combinations' numbers, which `index()` reads: 0, 1, … unless it is given.
    """

    length: int
    uniforms: Mapping[str, NDArray[np.float64]]
    columns: dict[str, ColumnArray] = field(default_factory=dict)
    picked: dict[str, NDArray[np.int64]] = field(default_factory=dict)  # row of each source

    def __post_init__(self) -> None:
        self.columns.setdefault(INDEX, np.arange(self.length))

    def part(self, mask: NDArray[np.bool_]) -> Drawing:
        """The same evaluation of some of its rows."""
        return Drawing(
            int(mask.sum()),
            {k: u[mask] for k, u in self.uniforms.items()},
            {n: c[mask] for n, c in self.columns.items()},
            {n: p[mask] for n, p in self.picked.items()},
        )
