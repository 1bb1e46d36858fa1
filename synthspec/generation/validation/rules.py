"""Values to rows: cleaning, the rules of each field, and the checks over a row. All are compiled once."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from synthspec.generation.validation.cleaning import compile_cleaning
from synthspec.generation.validation.conversations import each_message
from synthspec.generation.validation.field_rules import field_rules
from synthspec.generation.validation.place import FIELD, RowPlace, place_of, reads_place
from synthspec.generation.validation.shown import drawn_by_chance, shown_rows
from synthspec.languages.expressions import compile_row, names_of
from synthspec.languages.expressions.checking.descriptions import describe
from synthspec.languages.expressions.traversal import children, walk
from synthspec.languages.expressions.tree import Binary, Expression, FunctionCall, Name
from synthspec.lazy_dataclass import dataclass
from synthspec.sources import Table
from synthspec.spec import Check, Field, Spec
from synthspec.spec.asked import checked_whole
from synthspec.spec.conversation import holds_messages
from synthspec.spec.rows import Rejection, Stage, missing_rule

COMPARED = frozenset(("==", "!=", "<", "<=", ">", ">=", "in", "not in", "matches"))


@dataclass(frozen=True, slots=True)
class CompiledCheck:
    """A check ready to run: the names it reads, and its test over a row."""

    check: Check
    label: str
    reads: frozenset[str]
    needs: frozenset[str]  # those of them that must not be null
    placed: bool  # whether it reads the row's address
    holds: Callable[[Mapping[str, Any]], Any]


class Validator:
    """Every rule of a spec, compiled once."""

    def __init__(self, spec: Spec, tables: Mapping[str, Table] | None = None) -> None:
        self.spec = spec
        fields = checked_whole(spec)
        self.cleaning = {f.name: c for f in fields if (c := _cleaning(f)) is not None}
        self.rules = {f.name: tuple(field_rules(f)) for f in fields}
        self.optional = {f.name for f in spec.fields if f.optional}
        self.checks = tuple(
            CompiledCheck(
                c,
                f"check: {c.text}"[:120],
                names_of(c.expression),
                _needs(c.expression),
                reads_place(c.expression),
                compile_row(c.expression),
            )
            for c in spec.checks
        )
        self.drops = any(c.severity == "drop" for c in spec.checks)
        computed = [(f, f.value) for f in spec.fields if f.value is not None]
        self.computed = {
            f.name: (names_of(value), compile_row(value, f.type) if f.examples is None else shown_rows(spec, f, tables))
            for f, value in computed
        }
        self.placed = frozenset(f.name for f, value in computed if reads_place(value) or drawn_by_chance(spec, f))
        self.texts = {f.name for f in spec.fields if f.type.kind == "text"}

    def clean(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values with every cleaning step applied."""
        cleaning = self.cleaning
        return {n: cleaning[n](v) if n in cleaning else v for n, v in values.items()}

    def field_faults(self, names: tuple[str, ...], values: Mapping[str, Any]) -> list[Rejection]:
        """What is wrong with the values of the named fields, each by itself: one reason a field."""
        found: list[Rejection] = []
        for name in names:
            value = values.get(name)
            if value is None or (value == "" and name in self.texts):
                if name not in self.optional:
                    found.append(Rejection(Stage.VALID, missing_rule(name), f"{name}: is missing", name))
                continue
            found.extend(self._broken(name, value))
        return found

    def _broken(self, name: str, value: Any) -> Iterator[Rejection]:
        """The first rule of a field that a value breaks, if any."""
        for label, rule in self.rules[name]:
            fault = rule(value)
            if fault is not None:
                yield Rejection(Stage.VALID, label, f"{name}: {fault}", name)
                return

    def compute(self, values: dict[str, Any], combination: Mapping[str, Any], place: RowPlace | None = None) -> None:
        """Fill in every computed field whose names are known. Parameters come before fields of their name.

        Without a `place`, before there is a row, what reads the row's address stays open.
        """
        waiting = [n for n in self.computed if n not in values and (place is not None or n not in self.placed)]
        here = place_of(place, self.spec.seed) if waiting else {}
        while waiting:
            ready = [n for n in waiting if all(r in combination or r in values for r in self.computed[n][0])]
            if not ready:
                return
            for name in ready:
                value = self.computed[name][1]({**values, **combination, **here, FIELD: name})
                values[name] = self.cleaning[name](value) if name in self.cleaning else value
            waiting = [n for n in waiting if n not in ready]

    def computed_faults(
        self, values: Mapping[str, Any], row: Mapping[str, Any], seen: Collection[str]
    ) -> list[Rejection]:
        """What is wrong with computed values, those of `seen` aside; null is right only where an input is null."""
        found: list[Rejection] = []
        for name, (reads, _) in self.computed.items():
            if name in seen or name not in values:
                continue
            value = values[name]
            if value is None:
                if name not in self.optional and all(row.get(n) is not None for n in reads):
                    reason = f"{name}: its `value` gives nothing here"
                    found.append(Rejection(Stage.VALID, missing_rule(name), reason, name))
                continue
            if isinstance(value, datetime.date | datetime.time):
                value = value.isoformat()
            found.extend(self._broken(name, value))
        return found

    def check_faults(
        self,
        values: Mapping[str, Any],
        combination: Mapping[str, Any],
        fresh: frozenset[str],
        place: RowPlace | None = None,
    ) -> list[tuple[Check, Rejection]]:
        """The error checks that fail, among those decidable now that read at least one `fresh` field."""
        return [
            (c.check, r) for c, r in self._failing(values, combination, fresh, place) if c.check.severity == "error"
        ]

    def drop_of(
        self,
        values: Mapping[str, Any],
        combination: Mapping[str, Any],
        fresh: frozenset[str],
        place: RowPlace | None = None,
    ) -> Rejection | None:
        """The first `drop` check by which a row is not wanted, of those that `check_faults` would look at."""
        if not self.drops:
            return None
        failing = self._failing(values, combination, fresh, place)
        return next((r for c, r in failing if c.check.severity == "drop"), None)

    def warnings(
        self, values: Mapping[str, Any], combination: Mapping[str, Any], place: RowPlace | None = None
    ) -> list[str]:
        """Labels of the `warn` checks that a finished row breaks."""
        every = frozenset(values)
        return [c.label for c, _ in self._failing(values, combination, every, place) if c.check.severity == "warn"]

    def _failing(
        self, values: Mapping[str, Any], combination: Mapping[str, Any], fresh: frozenset[str], place: RowPlace | None
    ) -> Iterator[tuple[CompiledCheck, Rejection]]:
        row: dict[str, Any] | None = None
        for compiled in self.checks:
            reads = compiled.reads
            if not reads & fresh or (compiled.placed and place is None):
                continue
            if row is None:
                row = {**combination, **values, **place_of(place, self.spec.seed)}
            if not reads <= row.keys() or any(row[n] is None for n in compiled.needs):
                continue  # not written yet, or left out: nothing to judge
            if not compiled.holds(row):
                yield compiled, Rejection(Stage.VALID, compiled.label, _said(compiled.check, row))


def _cleaning(field: Field) -> Callable[[Any], Any] | None:
    """All cleaning steps of a field; those of a conversation are for each of its messages."""
    clean = compile_cleaning(field.clean)
    return each_message(clean) if clean is not None and holds_messages(field) else clean


def _said(check: Check, row: Mapping[str, Any]) -> str:
    """What a check says of a row it rejects: its message is a template that sees the row."""
    if "{{" not in check.message and "{%" not in check.message:
        return check.message or f"the rule `{check.text}` does not hold{_null_in(check.expression, row)}"
    from synthspec.languages.templates.template import TemplateFault, render

    try:
        return render(check.message, row)
    except TemplateFault:
        return f"the rule `{check.text}` does not hold"


def _null_in(expression: Expression, row: Mapping[str, Any]) -> str:
    """The first side of a comparison that is null: a null is neither less nor more than anything, nor in a list."""
    for node in walk(expression):
        if isinstance(node, Binary) and node.operator in COMPARED:
            for side in (node.left, node.right):
                if compile_row(side)(row) is None:
                    return f": {describe(side)} is null"
    return ""


def _needs(expression: Expression) -> frozenset[str]:
    """The names a check cannot be judged without: all but those it tests for null, or reads through `coalesce`."""
    tested = {
        a.name
        for n in walk(expression)
        if isinstance(n, FunctionCall) and n.function == "missing"
        for a in n.arguments
        if isinstance(a, Name)
    }
    return _needed(expression) - tested


def _needed(expression: Expression) -> frozenset[str]:
    if isinstance(expression, FunctionCall) and expression.function in ("missing", "coalesce"):
        return frozenset()
    if isinstance(expression, Name):
        return frozenset({expression.name})
    return frozenset().union(*(_needed(e) for e in children(expression)))
