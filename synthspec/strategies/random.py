"""Strategy `random`: independent draws."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from synthspec.strategies import Design, Floats, Levels
from synthspec.strategies.philox import key_of, scattered, stream

SUMMARY = "independent draws"


class Random:
    """Every number is independent of every other, and depends on seed, dimension and row alone.

    Any row costs the same to reach: a dimension's generator counts rows.
    """

    def __init__(self, design: Design) -> None:
        self._seed = design.seed
        self._keys = {one.key: key_of(design.seed, one.key, "random") for one in design.dimensions}

    def uniforms(self, start: int, stop: int) -> Mapping[str, Floats]:
        """Numbers in the open (0, 1) for rows start..stop-1: one array of stop - start for each dimension."""
        return {name: stream(key, start, stop) for name, key in self._keys.items()}

    def redraw(self, rows: Levels, attempt: int, keys: Collection[str]) -> Mapping[str, Floats]:
        """Fresh independent numbers of dimensions `keys` for `rows`, others at every `attempt`."""
        return redraw(self._seed, rows, attempt, keys)


STRATEGY = Random


def redraw(seed: int, rows: Levels, attempt: int, keys: Collection[str]) -> Mapping[str, Floats]:
    """What every strategy answers when an exclusion rejected `rows`: independent numbers, new at each
    attempt.
    """
    return {name: scattered(key_of(seed, name, f"redraw {attempt}"), rows) for name in keys}
