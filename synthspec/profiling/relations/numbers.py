"""Numbers that differ by a label, and numbers that go up and down together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import combinations
from math import pi, sin, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthspec.planning.correlation.targets import is_possible, rank_correlation
from synthspec.profiling.columns.digits import written
from synthspec.profiling.columns.fitting import Fit, fit
from synthspec.profiling.columns.profile import ColumnProfile, Labels, Moments, Numbers
from synthspec.profiling.relations.relation import ByLabel, Correlated

Array = NDArray[np.float64]
Columns = Mapping[str, Sequence[Any]]
EXPLAINED = 0.2  # of the variance of ranks, from which on a label is followed
RANK = 0.3
RISING = 0.8  # of what a label explains
FEWEST = 15  # rows of a label with a fit of its own
MOST_CASES = 12
MOST_TOGETHER = 8  # columns that are correlated with each other
MOST_COLUMNS = 60


def find_number_relations(
    profiles: Sequence[ColumnProfile], columns: Columns, children: frozenset[str]
) -> tuple[tuple[ByLabel, ...], tuple[Correlated, ...], int]:
    """Which numbers hang on a label, which are correlated, and how many correlations were left out.

    `children` are labels that hang on others: they are correlated with nothing.
    """
    numbers = [p for p in profiles if isinstance(p.kind, Numbers | Moments)][:MOST_COLUMNS]
    labels = [p for p in profiles if isinstance(p.kind, Labels) and 2 <= len(p.kind.values) <= 40][:MOST_COLUMNS]
    ordered = [p for p in labels if isinstance(p.kind, Labels) and p.kind.ordered and p.name not in children]
    values = {p.name: as_numbers(columns[p.name]) for p in (*numbers, *ordered)}
    ranks = {
        (a, b): found
        for a, b in combinations([p.name for p in profiles if p.name in values], 2)
        if (found := _rank(a, b, values)) is not None
    }
    strongest = {n: max((r.rank**2 for pair, r in ranks.items() if n in pair), default=0.0) for n in values}
    by_label = []
    for number in numbers:
        judged = [
            (share, label)
            for share, label in (_explained(label, number, columns) for label in labels)
            if label is None or not _rises(label, number, ranks, share)
        ]
        share, by = max(judged, key=lambda j: j[0], default=(0.0, None))
        if by is not None and share >= max(EXPLAINED, 0.6 * strongest[number.name]):
            split = _by_label(by, number, columns, share)
            by_label += [split] if split is not None else []
    apart = {b.child for b in by_label} | children
    left = [r for pair, r in ranks.items() if not apart & set(pair)]
    kept, weaker = _consistent(left)
    return tuple(by_label), kept, weaker


def _rises(
    label: ColumnProfile, number: ColumnProfile, ranks: Mapping[tuple[str, str], Correlated], share: float
) -> bool:
    """Whether a label of three numbers or more says no more of a column than that both rise together."""
    assert isinstance(label.kind, Labels)
    found = ranks.get((label.name, number.name)) or ranks.get((number.name, label.name))
    return len(label.kind.values) > 2 and found is not None and found.rank**2 >= RISING * share


def as_numbers(values: Sequence[Any]) -> Array:
    """A column as floats, NaN where it is missing; dates as days, moments as seconds."""
    return np.array([_number(v) for v in values], dtype=np.float64)


def _number(value: Any) -> float:
    if value is None or isinstance(value, str):
        return float("nan")
    if isinstance(value, datetime):
        return (value - datetime(1970, 1, 1)).total_seconds()
    if isinstance(value, date):
        return float(value.toordinal())
    return float(value)


def _rank(first: str, second: str, values: Mapping[str, Array]) -> Correlated | None:
    """The correlation of two columns, where it is more than chance."""
    a, b = values[first], values[second]
    both = np.isfinite(a) & np.isfinite(b)
    count = int(both.sum())
    if count < 20:
        return None
    rank = rank_correlation(a[both], b[both])
    return Correlated(first, second, rank, count) if abs(rank) > 3 / sqrt(count - 1) else None


def _explained(label: ColumnProfile, number: ColumnProfile, columns: Columns) -> tuple[float, ColumnProfile | None]:
    """Eta squared of the ranks, less what chance explains; 0 where there are too few rows."""
    groups = _groups(columns[label.name], as_numbers(columns[number.name]))
    large = [g for g in groups.values() if len(g) >= FEWEST]
    if len(large) < 2 or len(groups) > MOST_CASES:
        return 0.0, None
    every = np.concatenate(list(groups.values()))
    _, which, counts = np.unique(every, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[which.reshape(-1)]
    total = float(((ranks - ranks.mean()) ** 2).sum())
    between, start = 0.0, 0
    for group in groups.values():
        part = ranks[start : start + len(group)]
        between += len(part) * float(part.mean() - ranks.mean()) ** 2
        start += len(group)
    chance = (len(groups) - 1) / max(len(every) - 1, 1)
    return (between / total - chance if total else 0.0), label


def _groups(labels: Sequence[Any], numbers: Array) -> dict[Any, Array]:
    held: dict[Any, list[float]] = {}
    for label, number in zip(labels, numbers.tolist(), strict=True):
        if label is not None and number == number:
            held.setdefault(label, []).append(number)
    return {label: np.array(found) for label, found in held.items()}


def _by_label(label: ColumnProfile, number: ColumnProfile, columns: Columns, share: float) -> ByLabel | None:
    groups = _groups(columns[label.name], as_numbers(columns[number.name]))
    start = float(as_numbers([number.kind.first])[0]) if isinstance(number.kind, Moments) else 0.0
    fits: dict[Any, Fit] = {}
    few: list[Array] = []
    assert isinstance(label.kind, Labels)
    for value in label.kind.values:
        group = groups.get(value, np.array([])) - start
        if len(group) < FEWEST:
            few.append(group)
        else:
            fits[value] = _fit(group, number)
    rest = np.concatenate(few) if few else np.array([])
    if few and not len(rest):
        rest = np.concatenate(list(groups.values())) - start
    return ByLabel(label.name, number.name, fits, _fit(rest, number) if few else None, share)


def _fit(values: Array, number: ColumnProfile) -> Fit:
    if float(values.min()) == float(values.max()):
        return Fit("constant", written(float(values[0])), 0.0, len(values))
    if isinstance(number.kind, Numbers):
        return fit(values, number.kind.step, whole=number.kind.whole and number.kind.step == 1)
    return fit(values, 1.0, whole=True)


def _consistent(found: list[Correlated]) -> tuple[tuple[Correlated, ...], int]:
    """The strongest correlations, with all between their columns, made so that all can hold at once."""
    strong = sorted((r for r in found if abs(r.rank) >= RANK), key=lambda r: -abs(r.rank))
    chosen: list[str] = []
    for each in strong:
        new = [n for n in (each.first, each.second) if n not in chosen]
        if len(chosen) + len(new) <= MOST_TOGETHER:
            chosen += new
    kept = [r for r in found if r.first in chosen and r.second in chosen and abs(r.rank) >= 0.1]
    weaker = sum(1 for r in strong if r not in kept)
    if not kept:
        return (), weaker
    return _shrunk(kept, chosen), weaker


def _shrunk(kept: list[Correlated], names: list[str]) -> tuple[Correlated, ...]:
    """The correlations, each nearer to 0 by the same share where all together cannot be."""
    for share in [x / 100 for x in range(100, 0, -2)]:
        matrix = np.eye(len(names))
        for each in kept:
            a, b = names.index(each.first), names.index(each.second)
            matrix[a, b] = matrix[b, a] = 2 * sin(pi * min(max(each.rank * share, -0.98), 0.98) / 6)
        if is_possible(matrix - 0.01 * np.eye(len(names))):
            ranks = (round(min(max(r.rank * share, -0.97), 0.97), 2) for r in kept)
            return tuple(
                Correlated(r.first, r.second, rank, r.rows) for r, rank in zip(kept, ranks, strict=True) if rank
            )
    return ()
