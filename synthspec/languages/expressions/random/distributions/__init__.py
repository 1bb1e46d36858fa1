"""The random functions of the expression language: names, arguments, ranges, sources.

This table says what each function takes and what is wrong with constant arguments. It imports neither NumPy
nor SciPy, so `synthspec check` starts at once. `quantiles` does the arithmetic.

To add a distribution, write one module in this folder, such as `weibull.py`, named as the function is:

    DISTRIBUTION: Distribution                     # what it takes and gives
    def quantile(u, *arguments) -> Array           # the smallest x with P(X ≤ x) ≥ u, over arrays that broadcast
    def cumulative(x, *arguments) -> Array         # P(X ≤ x)
    def tail_quantile(v, *arguments) -> Array      # optional, with `tail`: the same from the upper end
    def tail(x, *arguments) -> Array
    def ends(*arguments) -> tuple[float, float]    # optional: the lowest and highest value of constant arguments

It loads NumPy inside these functions. A package adds one through the entry point group `synthspec.distributions`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from synthspec.languages.expressions.random.entry import EXACT, Argument, Constant, Distribution, Relation, above
from synthspec.languages.expressions.random.listed import ENTRIES
from synthspec.plugins import find_plugin, is_plugin, plugin_fault, plugin_names

__all__ = ["DISTRIBUTIONS", "EXACT", "LISTED", "Argument", "Constant", "Distribution", "Relation", "above"]


class _Table(Mapping[str, Distribution]):
    """The entries of `random/listed.py`, and those of modules, which are imported as they are asked for."""

    def __init__(self, entries: Mapping[str, Distribution]) -> None:
        self._entries = entries

    def __getitem__(self, name: str) -> Distribution:
        if name in self._entries:
            return self._entries[name]
        if not is_plugin("distributions", name) or plugin_fault("distributions", name) is not None:
            raise KeyError(name)
        found: Distribution = find_plugin("distributions", name).DISTRIBUTION
        return found

    def __contains__(self, name: object) -> bool:
        """Whether there is a random function of this name, even where its package cannot be used."""
        return name in self._entries or is_plugin("distributions", str(name))

    def __iter__(self) -> Iterator[str]:
        yield from self._entries
        yield from (n for n in plugin_names("distributions") if n not in self._entries)

    def __len__(self) -> int:
        return sum(1 for _ in self)


_LISTED = {entry.name: entry for entry in ENTRIES}
LISTED = frozenset(_LISTED)
DISTRIBUTIONS: Mapping[str, Distribution] = _Table(_LISTED)
