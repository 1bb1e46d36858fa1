"""Plans that were tried before: what a letter in a prompt does not change is not tried again."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from threading import Lock

from synthspec.diagnostics import Diagnostic
from synthspec.sources import Table
from synthspec.sources.table import MemoryTable
from synthspec.spec import Spec
from synthspec.spec.fan_outs import rows_per_combination
from synthspec.spec.used_names import used_names

MOST = 16  # specs

PlanCheck = Callable[[Spec, Mapping[str, Table]], tuple[Diagnostic, ...]]


class CheckedPlans:
    """What checks of the last plans found, as long as their tables hold the very same columns."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._kept: OrderedDict[bytes, tuple[dict[str, Table], tuple[Diagnostic, ...]]] = OrderedDict()
        self._lock = Lock()

    def found(self, check: PlanCheck, spec: Spec, tables: Mapping[str, Table]) -> tuple[Diagnostic, ...]:
        """What a check finds, which hangs on the plan of a spec alone."""
        key = _key(spec)
        if key is None:
            return check(spec, tables)
        with self._lock:
            of, found = self._kept.get(key, ({}, None))
            if found is not None and _same(of, tables):
                self._kept.move_to_end(key)
                return found
        made = check(spec, tables)
        with self._lock:
            self._kept[key] = (dict(tables), made)
            while len(self._kept) > self.most:
                self._kept.popitem(last=False)
        return made


def _same(one: Mapping[str, Table], other: Mapping[str, Table]) -> bool:
    return one.keys() == other.keys() and all(_same_rows(table, other[name]) for name, table in one.items())


def _same_rows(one: Table, other: Table) -> bool:
    """Whether tables are one, or have the very same columns: whoever renames some makes another table of them."""
    if one is other or not (isinstance(one, MemoryTable) and isinstance(other, MemoryTable)):
        return one is other
    return one.names == other.names and all(one.columns[name] is other.columns[name] for name in one.names)


def _key(spec: Spec) -> bytes | None:
    """All of a spec that its plan hangs on, and where it stands in the text; None where it cannot be told."""
    ruled = replace(spec, plan=replace(spec.plan, exclude=()))
    parts = (
        (spec.path, spec.rows, rows_per_combination(spec), spec.seed, spec.each, spec.open_ended),
        [(s.name, s.span, s.kind, dict(s.renames), dict(s.columns)) for s in spec.sources.values()],
        (spec.parameters, spec.plan),
        (sorted(used_names(spec)), sorted(used_names(ruled))),
    )
    try:
        return pickle.dumps(parts)
    except Exception:  # a value that is no plain data
        return None
