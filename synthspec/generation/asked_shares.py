"""What a spec asked of its listed parameters and correlations, and what the rows of the dataset came to.

A plan may be as asked and the dataset not: rows are lost, dropped, or made several of one combination. Both are
counted, in the order in which rows come, so that memory does not grow with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthspec.languages.expressions.evaluation.columns import ColumnArray
from synthspec.planning.drawing import DrawFault
from synthspec.planning.parameters import places_in
from synthspec.planning.plan import Plan
from synthspec.spec import Choice, Correlation, Spec
from synthspec.spec.used_names import used_names

BATCH = 4096  # rows kept that are counted at once
GAP = 4 * BATCH  # combinations without a row that are passed over rather than counted
MOST_VALUES = 40  # of a parameter that are told one by one
FIRST = 64  # combinations by which a plan is known
MOST_RANKED = 50_000  # rows that a correlation is measured on

LevelCounts = NDArray[np.int64]


class AskedShares:
    """Counts the values of listed parameters over combinations and over the rows kept of them."""

    def __init__(self, spec: Spec, plan: Plan) -> None:
        used = used_names(spec) if spec.fields else frozenset(p.name for p in spec.parameters)
        self._spec, self._plan, self._used = spec, plan, used
        self._lists = {
            p.name: p.draw
            for p in spec.parameters
            if isinstance(p.draw, Choice) and p.name in used and len(p.draw.values) > 1
        }
        self._planned = {n: np.zeros(len(d.values), np.int64) for n, d in self._lists.items()}
        self._kept = {n: np.zeros(len(d.values), np.int64) for n, d in self._lists.items()}
        self._tied = sorted({n for c in spec.plan.correlate for n in c.between})
        self._names = frozenset([*self._lists, *self._tied])
        self._ranked: dict[str, list[ColumnArray]] = {n: [] for n in self._tied}
        self._stride = 1
        self._waiting: list[int] = []
        self._next = 0  # the first combination that is not counted
        self.combinations = 0
        self.rows = 0

    def kept(self, combination: int) -> None:
        """A row of a combination was kept; combinations come in order."""
        self._waiting.append(combination)
        if len(self._waiting) >= BATCH:
            self._count()

    def as_dict(self) -> dict[str, Any]:
        """All that was asked, and what came of it."""
        self._count()
        return {
            "combinations": self.combinations,
            "rows": self.rows,
            "beginning": self._beginning(),
            "parameters": [self._shares(name, draw) for name, draw in self._lists.items()],
            "correlations": [
                {"between": list(c.between), "asked": c.rank, "reached": self._rank(c)}
                for c in self._spec.plan.correlate
            ],
        }

    def _beginning(self) -> dict[str, Any]:
        """A digest of each parameter's first values, by which two plans can be known to have the same."""
        names = [p.name for p in self._spec.parameters if p.name in self._used]
        counts = [min(FIRST, len(self._plan))] if self._spec.each is not None else [FIRST, min(FIRST, len(self._plan))]
        for count in counts:  # a plan of rows drawn without replacement may end
            try:
                first = list(self._plan.combinations(0, count))
            except DrawFault:
                continue
            marks = {n: sha256(repr([c[n] for c in first]).encode()).hexdigest()[:16] for n in names}
            return {"combinations": count, "parameters": marks}
        return {}

    def _count(self) -> None:
        rows, self._waiting = np.array(self._waiting, np.int64), []
        if not (self._lists or self._tied):
            return
        for part in np.split(rows, np.flatnonzero(np.diff(rows) > GAP) + 1) if len(rows) else ():
            start = self._next if 0 <= part[0] - self._next <= GAP else int(part[0])
            end = int(part[-1]) + 1
            for low in range(min(start, int(part[0])), end, BATCH):
                self._count_part(low, min(low + BATCH, end), part)
            self._next = end

    def _count_part(self, low: int, high: int, rows: LevelCounts) -> None:
        """Combinations `low` to `high`, of which those before `self._next` were counted for rows before."""
        try:
            columns = self._plan.columns(low, high, self._names)
        except DrawFault:
            return
        fresh = np.arange(low, high) >= self._next
        weights = np.bincount(rows[(rows >= low) & (rows < high)] - low, minlength=high - low)
        self.combinations += int(fresh.sum())
        self.rows += int(weights.sum())
        for name, draw in self._lists.items():
            codes = _codes(columns[name], draw)
            self._planned[name] += np.bincount(codes[fresh], minlength=len(draw.values))
            self._kept[name] += np.bincount(codes, weights=weights, minlength=len(draw.values)).astype(np.int64)
        self._note_ranked(columns, weights)

    def _note_ranked(self, columns: Mapping[str, ColumnArray], weights: LevelCounts) -> None:
        if not self._tied:
            return
        at = np.repeat(np.arange(len(weights)), weights)[:: self._stride]
        for name, parts in self._ranked.items():
            parts.append(columns[name][at])
        if sum(map(len, self._ranked[self._tied[0]])) > MOST_RANKED:
            self._ranked = {n: [np.concatenate(parts)[::2]] for n, parts in self._ranked.items()}
            self._stride *= 2

    def _shares(self, name: str, draw: Choice) -> dict[str, Any]:
        total = sum(draw.weights)
        merged: dict[str, list[Any]] = {}
        counts = zip(draw.weights, self._planned[name].tolist(), self._kept[name].tolist(), strict=True)
        for value, told, (weight, planned, kept) in zip(draw.values, _names(draw.values), counts, strict=True):
            entry = merged.setdefault(repr(value), [told, 0.0, 0, 0])
            entry[1] += weight / total
            entry[2] += planned
            entry[3] += kept
        told = [{"value": v, "asked": round(a, 9), "planned": p, "kept": k} for v, a, p, k in merged.values()]
        if len(told) <= MOST_VALUES:
            return {"name": name, "values": told}
        rest = told[MOST_VALUES:]
        others = {key: round(sum(e[key] for e in rest), 9) for key in ("asked", "planned", "kept")}
        return {"name": name, "values": told[:MOST_VALUES], "others": {"count": len(rest), **others}}

    def _rank(self, correlation: Correlation) -> float | None:
        from synthspec.planning.correlation.copula import rank_reached

        columns = {n: np.concatenate(self._ranked[n]) for n in correlation.between if self._ranked[n]}
        if any(len({*map(str, c.tolist())}) < 2 for c in columns.values()) or len(columns) < 2:
            return None
        return round(float(rank_reached(self._spec, columns, correlation)), 9)


def _codes(column: ColumnArray, draw: Choice) -> LevelCounts:
    """The place of each value in the list it is drawn from; each different value is looked up once."""
    values = column.tolist()
    number: dict[Any, int] = {}
    try:
        keys = values if {*map(type, values)} == {str} else [(type(v), v) for v in values]
        marks = [number.setdefault(key, len(number)) for key in keys]
    except TypeError:  # lists and maps
        number = {}
        marks = [number.setdefault(repr(v), len(number)) for v in values]
    codes = np.array(marks, np.int64)
    _, first = np.unique(codes, return_index=True)
    return places_in(column[first], draw.values)[codes]


def _names(values: Sequence[Any]) -> list[Any]:
    """The values as JSON may hold them; a map by its first text, where no other value has the same.

    >>> _names([1, {"name": "plain", "wording": "Write as people do."}, None])
    [1, 'plain', None]
    """
    first = [
        next((t for t in v.values() if isinstance(t, str)), None) if isinstance(v, Mapping) else None for v in values
    ]
    texts = [f if f is not None else repr(v) for v, f in zip(values, first, strict=True)]
    short = len({*texts}) == len(texts)
    return [f if short and f is not None else _plain(v) for v, f in zip(values, first, strict=True)]


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
