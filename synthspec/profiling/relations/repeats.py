"""Rows that repeat others, and columns that are missing together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthspec.dataset.similarity.pairs import near_pairs
from synthspec.profiling.columns.classify import mark
from synthspec.profiling.columns.profile import ColumnProfile, Texts
from synthspec.profiling.relations.relation import Repeats
from synthspec.profiling.sample import LONGEST, Sample

MOST_COMPARED = 5000
NEAR = 0.8


def count_repeats(sample: Sample, profiles: Sequence[ColumnProfile]) -> Repeats:
    """How many rows equal an earlier one, and how many texts of the longest column nearly do."""
    rows = zip(*(map(mark, c.values) for c in sample.columns), strict=True)
    exact = sample.rows - len(set(rows))
    prose = [p for p in profiles if isinstance(p.kind, Texts) and p.kind.prose]
    longest = max(prose, key=lambda p: p.kind.median if isinstance(p.kind, Texts) else 0, default=None)
    if longest is None:
        return Repeats(exact, 0)
    column = next(c for c in sample.columns if c.name == longest.name)
    texts = list(dict.fromkeys(str(v)[:LONGEST] for v in column.present))[:MOST_COMPARED]
    near = len({int(pair[1]) for pair in near_pairs(texts, NEAR).tolist()}) if len(texts) > 1 else 0
    return Repeats(exact, near, longest.name, len(texts))


def missing_together(sample: Sample, profiles: Sequence[ColumnProfile]) -> tuple[tuple[str, ...], ...]:
    """Groups of columns that are missing in the same rows."""
    groups: dict[bytes, list[str]] = {}
    some = {p.name for p in profiles if 0 < p.missing < 1}
    for column in sample.columns:
        if column.name in some:
            mask = np.array([v is None for v in column.values])
            groups.setdefault(np.packbits(mask).tobytes(), []).append(column.name)
    return tuple(tuple(names) for names in groups.values() if len(names) > 1)
