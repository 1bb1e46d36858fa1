"""Labels that hang on labels: functional dependencies and strong associations, as a forest.

Every column has one parent at most, because `given` names one; the strongest are taken first (Chow & Liu 1968).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from typing import Any

import numpy as np

from synthspec.profiling.columns.profile import ColumnProfile, Labels
from synthspec.profiling.relations.relation import Depends

STRONG = 0.3  # Cramér's V
MOST_CELLS = 200
MOST_COLUMNS = 40  # of labels that are compared in pairs

Columns = Mapping[str, Sequence[Any]]


def find_dependencies(
    profiles: Sequence[ColumnProfile], columns: Columns, apart: frozenset[str] = frozenset()
) -> tuple[Depends, ...]:
    """The forest of dependencies between columns of labels, a parent before its children; none `apart` is a child."""
    labels = [p for p in profiles if isinstance(p.kind, Labels)][:MOST_COLUMNS]
    found = [d for a in labels for b in labels if a is not b and b.name not in apart for d in _depends(a, b, columns)]
    place = {p.name: n for n, p in enumerate(profiles)}
    found.sort(key=lambda d: (not d.exact, -round(d.strength, 6), place[d.parent], place[d.child]))
    parent: dict[str, str] = {}
    taken = []
    for each in found:
        if each.child in parent or _above(each.parent, parent, each.child):
            continue
        parent[each.child] = each.parent
        taken.append(each)
    return tuple(sorted(taken, key=lambda d: _depth(d.child, parent)))


def _above(name: str, parent: Mapping[str, str], wanted: str) -> bool:
    while name != wanted and name in parent:
        name = parent[name]
    return name == wanted


def _depth(name: str, parent: Mapping[str, str]) -> int:
    return 0 if name not in parent else 1 + _depth(parent[name], parent)


def _depends(a: ColumnProfile, b: ColumnProfile, columns: Columns) -> Iterator[Depends]:
    """Whether b hangs on a."""
    assert isinstance(a.kind, Labels) and isinstance(b.kind, Labels)
    pairs = [(x, y) for x, y in zip(columns[a.name], columns[b.name], strict=True) if x is not None and y is not None]
    if len(pairs) < 20 or len(a.kind.values) * len(b.kind.values) > MOST_CELLS:
        return
    counts: dict[Any, Counter[Any]] = defaultdict(Counter)
    for x, y in pairs:
        counts[x][y] += 1
    if len(counts) < len(a.kind.values):  # a value that never stands beside one of b says nothing of it
        return
    commonest = max(b.kind.counts) / sum(b.kind.counts)
    exact = all(len(c) == 1 for c in counts.values())
    if exact and commonest < 0.98 and len(pairs) >= 3 * len(counts):
        yield Depends(a.name, b.name, counts, 1.0, True)
        return
    strength = cramers_v(counts)
    if strength >= STRONG and len(a.kind.values) <= 12 and len(pairs) >= 5 * len(counts):
        yield Depends(a.name, b.name, counts, strength, False)


def cramers_v(counts: Mapping[Any, Mapping[Any, int]]) -> float:
    """How strongly two columns of labels hang together, 0 to 1, corrected for chance (Bergsma 2013)."""
    inner = list(dict.fromkeys(y for c in counts.values() for y in c))
    table = np.array([[c.get(y, 0) for y in inner] for c in counts.values()], dtype=np.float64)
    total, (rows, width) = float(table.sum()), table.shape
    if min(rows, width) < 2 or total < 2:
        return 0.0
    expected = table.sum(1, keepdims=True) @ table.sum(0, keepdims=True) / total
    phi = float(((table - expected) ** 2 / expected).sum()) / total
    phi = max(0.0, phi - (width - 1) * (rows - 1) / (total - 1))
    rows_, width_ = (n - (n - 1) ** 2 / (total - 1) for n in (rows, width))
    smaller = min(rows_, width_) - 1
    return sqrt(phi / smaller) if smaller > 0 else 0.0
