"""Two designs side by side, neither of which knows of the other."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from synthspec.planning.design import Floats, Levels, Strategy


class Beside:
    """The numbers of `first` and those of `second`; everything else that a strategy can say is what `first` says."""

    def __init__(self, first: Strategy, second: Strategy, of_second: frozenset[str]) -> None:
        self._first, self._second, self._of_second = first, second, of_second

    def uniforms(self, start: int, stop: int) -> Mapping[str, Floats]:
        """Numbers in the open (0, 1) for rows start..stop-1: one array of stop - start for each dimension."""
        return {**self._first.uniforms(start, stop), **self._second.uniforms(start, stop)}

    def redraw(self, rows: Levels, attempt: int, keys: Collection[str]) -> Mapping[str, Floats]:
        """Fresh independent numbers of dimensions `keys` for `rows`, others at every `attempt`."""
        own = [key for key in keys if key in self._of_second]
        found = dict(self._first.redraw(rows, attempt, [key for key in keys if key not in self._of_second]))
        return found | dict(self._second.redraw(rows, attempt, own))

    def __getattr__(self, name: str) -> object:
        return getattr(self._first, name)
