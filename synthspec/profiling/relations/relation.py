"""What two columns, or all rows together, have to do with each other: values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthspec.lazy_dataclass import dataclass
from synthspec.profiling.columns.fitting import Fit


@dataclass(frozen=True, slots=True)
class Depends:
    """A column of labels that hangs on another: for each value of `parent` the counts of the child's values.

    `strength` is Cramér's V, corrected for chance; 1 and `exact` where each value of the parent has one of the child.
    """

    parent: str
    child: str
    counts: Mapping[Any, Mapping[Any, int]]
    strength: float
    exact: bool


@dataclass(frozen=True, slots=True)
class SameRow:
    """Columns whose values come with that of `owner`, so that all are taken from one row of the sample."""

    owner: str
    brought: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ByLabel:
    """Numbers that differ by a label: the fit of each value of `parent`; `rest` of those with few rows.

    `explained` is the share of the variance of the ranks that the label explains (eta squared).
    """

    parent: str
    child: str
    fits: Mapping[Any, Fit]
    rest: Fit | None
    explained: float


@dataclass(frozen=True, slots=True)
class Correlated:
    """Spearman's rank correlation of two columns, over the rows that have both."""

    first: str
    second: str
    rank: float
    rows: int


@dataclass(frozen=True, slots=True)
class Computed:
    """A column that in every row is what `text`, an expression over the columns `of`, says."""

    child: str
    of: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Follows:
    """A date (or moment) that never comes before another: the fit of the days (or seconds) between."""

    parent: str
    child: str
    fit: Fit
    moment: bool


@dataclass(frozen=True, slots=True)
class Repeats:
    """Rows that stand more than once, and texts that nearly repeat an earlier one."""

    exact: int
    near: int
    text: str = ""  # the column of texts that were compared
    compared: int = 0


@dataclass(frozen=True, slots=True)
class Relations:
    """All that was found; a column is a child at most once, and correlated columns are no children."""

    depends: tuple[Depends, ...] = ()
    by_label: tuple[ByLabel, ...] = ()
    correlated: tuple[Correlated, ...] = ()
    computed: tuple[Computed, ...] = ()
    follows: tuple[Follows, ...] = ()
    same_row: tuple[SameRow, ...] = ()
    weaker: int = 0  # correlations that were left out
    together: tuple[tuple[str, ...], ...] = ()  # columns that are missing in the same rows
    repeats: Repeats = Repeats(0, 0)

    def parent_of(self, name: str) -> str | None:
        """The column that a column hangs on."""
        parents = {d.child: d.parent for d in self.depends}
        parents |= {f.child: f.parent for f in self.follows}
        parents |= {b.child: b.parent for b in self.by_label}
        parents |= {name: s.owner for s in self.same_row for name in s.brought}
        return parents.get(name)
