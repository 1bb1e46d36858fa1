"""A row that a person changed: its new values with all that follows from them, or the rules they break.

An edit is held to what the row itself was held to: the rules of its fields, the fields computed from them, its checks.
The rules between rows are not asked again, for an edit changes no other row.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

from synthspec.diagnostics import did_you_mean
from synthspec.generation.machine.program import Program
from synthspec.generation.passing_plan import PassingPlan
from synthspec.generation.scheduling.variety import listed_names
from synthspec.generation.validation.place import RowPlace
from synthspec.generation.validation.rules import Validator
from synthspec.languages.expressions import names_of
from synthspec.lazy_dataclass import dataclass
from synthspec.planning.plan import build_plan
from synthspec.sources import Table
from synthspec.spec import Spec
from synthspec.spec.rows import RowPath


@dataclass(frozen=True, slots=True)
class EditedRow:
    """The values of a row after an edit, or why it cannot stand."""

    values: Mapping[str, Any]
    faults: tuple[str, ...] = ()


class RowEditor:
    """Applies edits to rows of a spec; several threads may use one."""

    def __init__(self, program: Program, plan: PassingPlan) -> None:
        self._program, self._plan, self._lock = program, plan, threading.Lock()
        spec = program.spec
        self._fields = {f.name: f for f in spec.fields}
        self._known = frozenset(listed_names(spec)) if spec.on_missing == "replace" else None

    def edit(self, path: RowPath, combination: int, values: Mapping[str, Any], patch: Mapping[str, Any]) -> EditedRow:
        """The row with its patch, in the order of its fields; cleaned as what models write is."""
        faults = [fault for name in patch if (fault := self._refusal(name)) is not None]
        if faults:
            return EditedRow(values, tuple(faults))
        validator, place = self._program.validator, RowPlace(path, combination)
        changed = {n: v for n, v in validator.clean(patch).items() if n not in values or v != values[n]}
        known = self.known_of(path, combination, values)
        kept = {**values, **changed}
        stale = self._computed_from(frozenset(changed))
        made = {n: v for n, v in kept.items() if n not in stale}
        validator.compute(made, known, place)
        wrong = [r.reason for r in validator.field_faults(tuple(changed), made)]
        wrong += [f"{n}: what it is computed from is not known of this row" for n in sorted(stale - made.keys())]
        sound = [n for n in validator.computed if n not in stale]
        wrong += [r.reason for r in validator.computed_faults(made, {**made, **known}, sound)]
        if not wrong:
            fresh = frozenset(changed) | stale
            wrong += [r.reason for _, r in validator.check_faults(made, known, fresh, place)]
            dropped = validator.drop_of(made, known, fresh, place)
            wrong += [dropped.reason] if dropped is not None else []
        return EditedRow({n: made[n] for n in kept if n in made}, tuple(dict.fromkeys(wrong)))

    def read_value(self, name: str, text: str) -> Any:
        """A value of a field as a person writes it: text as it is, all else as JSON where it is JSON."""
        field = self._fields.get(name)
        if field is not None and field.type.kind == "text":
            return text
        if text == "" and field is not None and field.optional:
            return None
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text

    def known_of(self, path: RowPath, combination: int, values: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of a row, and the items of lists that it was made of."""
        return {**self._combination(combination), **self._items(path, combination, values)}

    @property
    def editable(self) -> tuple[str, ...]:
        """The fields that a person may change."""
        return tuple(n for n in self._fields if self._refusal(n) is None)

    def _refusal(self, name: str) -> str | None:
        """Why a field cannot be changed by itself; None where it can."""
        program = self._program
        if name not in self._fields:
            hint = did_you_mean(name, self._fields)
            return f"there is no field '{name}'{f'; {hint}' if hint else ''}"
        if name in program.validator.computed:
            return f"{name}: is computed; change what it is computed from"
        if program.level_of.get(name, program.last) < program.last:
            return f"{name}: was written for several rows together; reject this row instead"
        return None

    def _computed_from(self, names: frozenset[str]) -> frozenset[str]:
        """Computed fields that read one of these, or one that does."""
        found: set[str] = set()
        computed = {n: f.value for n, f in self._fields.items() if f.value is not None}
        while more := {n for n, v in computed.items() if n not in found and names_of(v) & (names | found)}:
            found |= more
        return frozenset(found)

    def _combination(self, index: int) -> Mapping[str, Any]:
        """The parameters of a row; of one that may stand for another, those that both have."""
        with self._lock:  # a plan is drawn on step by step
            values = self._plan.at(index)
        return values if self._known is None else {n: v for n, v in values.items() if n in self._known}

    def _items(self, path: RowPath, combination: int, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The item of each list that the row was made of."""
        found: dict[str, Any] = {}
        for level in self._program.levels:
            if level.items is None or len(path) <= level.number + 1:
                continue
            items = level.items({**self._combination(combination), **values, **found})
            place = path[level.number + 1]
            if isinstance(items, list | tuple) and place < len(items):
                found[level.name] = items[place]
        return found


def open_editor(spec: Spec, tables: Mapping[str, Table]) -> RowEditor:
    """An editor for the rows of a checked spec."""
    program = Program(spec, Validator(spec, tables), tables)
    return RowEditor(program, PassingPlan(build_plan(spec, tables)))
