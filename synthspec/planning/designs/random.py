"""Strategy `random`: independent draws."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from synthspec.planning.design import Design, Floats, Levels
from synthspec.planning.sampling.philox import key_of, scattered, stream
from synthspec.planning.sampling.tied import Cells, cells_of

SUMMARY = "independent draws"


class Random:
    """Every number is independent of every other, and depends on seed, dimension and row alone.

    Any row costs the same to reach: a dimension's generator counts rows.
    """

    def __init__(self, design: Design) -> None:
        self._seed = design.seed
        self._keys = {one.key: key_of(design.seed, one.key, "random") for one in design.dimensions}
        self._cells = cells_of(design)

    def uniforms(self, start: int, stop: int) -> Mapping[str, Floats]:
        """Numbers in the open (0, 1) for rows start..stop-1: one array of stop - start for each dimension."""
        found = {name: stream(key, start, stop) for name, key in self._keys.items()}
        for cells in self._cells:
            number = stream(key_of(self._seed, cells.tied.key, "random"), start, stop)
            found |= cells.uniforms(cells.drawn(number), start, stop)
        return found

    def redraw(self, rows: Levels, attempt: int, keys: Collection[str]) -> Mapping[str, Floats]:
        """Fresh independent numbers of dimensions `keys` for `rows`, others at every `attempt`."""
        return redraw(self._seed, rows, attempt, keys, self._cells)


STRATEGY = Random


def redraw(
    seed: int, rows: Levels, attempt: int, keys: Collection[str], tied: Sequence[Cells] = ()
) -> Mapping[str, Floats]:
    """What every strategy answers when an exclusion rejected `rows`: independent numbers, new at each
    attempt; those of `tied` dimensions from a cell.
    """
    found = {name: scattered(key_of(seed, name, f"redraw {attempt}"), rows) for name in keys}
    for cells in tied:
        if not found.keys().isdisjoint(cells.tied.keys):
            found |= {k: u for k, u in cells.redrawn(rows, attempt).items() if k in found}
    return found
