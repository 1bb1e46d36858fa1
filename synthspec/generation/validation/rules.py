"""Values to rows: cleaning, the rules of each field, and the checks over a row.

Rules are compiled once. The common JSON Schema keywords are small closures here; a field with nested or
combined schemas is handed to `jsonschema` as a whole.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from synthspec.formats.instructions.keywords import FORMATS, NUMBERS
from synthspec.generation.validation.cleaning import compile_cleaning
from synthspec.languages.expressions import FUNCTIONS, compile_row, names_of
from synthspec.languages.expressions.traversal import children
from synthspec.languages.expressions.tree import Call, Expression, Name
from synthspec.spec import Bounds, Check, Field, Spec
from synthspec.spec.messages import Rejection, Stage

Rule = Callable[[Any], str | None]  # a value to what is wrong with it, None where nothing is

_SIMPLE = frozenset(
    "type enum const pattern minLength maxLength format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf "
    "description title examples".split()
)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: _is_number(v) and math.isfinite(v),
    "boolean": lambda v: isinstance(v, bool),
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
}
_ARTICLES = {"integer": "a whole number", "number": "a number", "boolean": "true or false", "array": "a list"}


_DIGITS = re.compile(r"(?<![\w.,])[-+]?\d{1,15}(?:[,' \u00a0\u202f]\d{3})*(?:\.\d{1,15})?(?!\w|[.,]\d)")


def _type_rule(name: str) -> Rule:
    test = _TYPES[name]
    article = _ARTICLES.get(name, f"a {name}" if name == "string" else f"an {name}")
    return lambda v: None if test(v) else f"must be {article}, not {_short(v)}{_remedy(name, v)}"


def _remedy(name: str, value: Any) -> str:
    """What to write instead, where the value shows it: `: write 1000`."""
    if name == "string":
        return f': write it in quotation marks, "{value}"' if _is_number(value) else ""
    if name not in ("integer", "number"):
        return ": write true or false" if name == "boolean" else ""
    if isinstance(value, float) and math.isfinite(value):
        return f": write {round(value)}"
    found = _DIGITS.findall(str(value)[:200])
    if not isinstance(value, str) or len(found) != 1:
        return ": write digits alone"
    number = re.sub(r"[,' +\u00a0\u202f]", "", found[0])
    return f": write {number}" if name == "number" or "." not in number else f": write {round(float(number))}"


def _enum_rule(values: list[Any]) -> Rule:
    listed = ", ".join(map(_short, values[:12]))
    exact = {(type(v), v) for v in values if isinstance(v, str | int | float | bool)}

    def rule(value: Any) -> str | None:
        try:
            found = (type(value), value) in exact
        except TypeError:
            found = False
        if not found and _is_number(value):
            found = any(_is_number(v) and v == value for v in values)
        if found or (not exact and value in values):
            return None
        near = get_close_matches(str(value).casefold(), {str(v).casefold(): v for v in values}, 1, 0.7)
        meant = next((_short(v) for v in values if near and str(v).casefold() == near[0]), "")
        return f"must be one of {listed}, not {_short(value)}" + (f": write {meant}" if meant else "")

    return rule


def _pattern_rule(pattern: str) -> Rule:
    from synthspec.languages.patterns import PatternTimeout, compile_pattern

    compiled = compile_pattern(pattern)

    def rule(value: Any) -> str | None:
        if not isinstance(value, str):
            return None
        try:
            return None if compiled.search(value) else f"must match {pattern}"
        except PatternTimeout:
            return f"took too long to match against {pattern}"

    return rule


def _rejects_rule(pattern: str) -> Rule:
    from synthspec.languages.patterns import PatternTimeout, compile_pattern

    compiled = compile_pattern(pattern)

    def rule(value: Any) -> str | None:
        if not isinstance(value, str):
            return None
        try:
            found = compiled.search(value)
        except PatternTimeout:
            return f"took too long to match against {pattern}"
        return f"must not contain anything that matches {pattern}" if found else None

    return rule


def _limit_rule(keyword: str, limit: float) -> Rule:
    rule = NUMBERS[keyword]
    return lambda v: None if not _is_number(v) or rule.holds(v, limit) else f"must be {rule.said(limit)}, not {v}"


def _length_rule(keyword: str, limit: int) -> Rule:
    low, high = (limit, None) if keyword == "minLength" else (None, limit)
    return lambda v: _miscount(len(v), "characters", low, high) if isinstance(v, str) else None


def _miscount(count: int, what: str, low: int | None, high: int | None) -> str | None:
    """What is wrong with a number of words, of sentences, of characters; None where nothing is."""
    if not ((low is not None and count < low) or (high is not None and count > high)):
        return None
    if low is not None and high is not None:
        wanted = f"{low} to {high}" if low != high else f"exactly {low}"
    else:
        wanted = f"at least {low}" if high is None else f"at most {high}"
    return f"{wanted} {what} wanted, {count} written"


def _format_rule(name: str) -> Rule:
    form = FORMATS[name]
    return lambda v: None if not isinstance(v, str) or form.holds(v) else f"must be {form.words}, not {_short(v)}"


def _count_rule(what: str, bounds: Bounds) -> Rule:
    count = FUNCTIONS[what].apply
    low, high = bounds.minimum, bounds.maximum

    def rule(value: Any) -> str | None:
        if not isinstance(value, str):
            return None
        return _miscount(count(value), what, low, high)

    return rule


def _whole_rule(schema: Mapping[str, Any]) -> Rule:
    import jsonschema

    validator = jsonschema.Draft202012Validator(dict(schema))

    def rule(value: Any) -> str | None:
        error = jsonschema.exceptions.best_match(validator.iter_errors(value))
        if error is None:
            return None
        where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in error.absolute_path)
        return f"{where.lstrip('.')}: {error.message}".lstrip(": ")[:200]

    return rule


def _short(value: Any) -> str:
    text = repr(value) if not isinstance(value, str) else f"'{value}'"
    return text if len(text) <= 60 else text[:57] + "…'"


def field_rules(field: Field) -> Iterator[tuple[str, Rule]]:
    """Every rule of a field under a short countable name, the telling ones first."""
    schema = field.schema
    if not schema.keys() <= _SIMPLE:
        yield f"schema({field.name})", _whole_rule({k: v for k, v in schema.items() if k != "format"})
        schema = {k: v for k, v in schema.items() if k == "format"}
    if isinstance(schema.get("type"), str):
        yield f"type({field.name})", _type_rule(schema["type"])
    if "enum" in schema or "const" in schema:
        yield f"enum({field.name})", _enum_rule(schema.get("enum", [schema.get("const")]))
    for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"):
        if keyword in schema:
            yield f"{keyword}({field.name})", _limit_rule(keyword, schema[keyword])
    for keyword in ("minLength", "maxLength"):
        if keyword in schema:
            yield f"{keyword}({field.name})", _length_rule(keyword, schema[keyword])
    if "format" in schema:
        yield f"format({field.name})", _format_rule(schema["format"])
    if field.words != Bounds():
        yield f"words({field.name})", _count_rule("words", field.words)
    if field.sentences != Bounds():
        yield f"sentences({field.name})", _count_rule("sentences", field.sentences)
    if "pattern" in schema:
        yield f"pattern({field.name})", _pattern_rule(schema["pattern"])
    for pattern in field.rejects:
        yield f"rejects({field.name})", _rejects_rule(pattern)


@dataclass(frozen=True, slots=True)
class CompiledCheck:
    """A check ready to run: the names it reads, and its test over a row."""

    check: Check
    label: str
    reads: frozenset[str]
    needs: frozenset[str]  # those of them that must not be null
    holds: Callable[[Mapping[str, Any]], Any]


class Validator:
    """Every rule of a spec, compiled once."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.cleaning = {f.name: c for f in spec.fields if (c := compile_cleaning(f.clean)) is not None}
        self.rules = {f.name: tuple(field_rules(f)) for f in spec.fields}
        self.optional = {f.name for f in spec.fields if f.optional}
        self.checks = tuple(
            CompiledCheck(
                c, f"check: {c.text}"[:120], names_of(c.expression), _needs(c.expression), compile_row(c.expression)
            )
            for c in spec.checks
        )
        computed = [(f, f.value) for f in spec.fields if f.value is not None]
        self.computed = {f.name: (names_of(value), compile_row(value, f.type)) for f, value in computed}
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
                    found.append(Rejection(Stage.VALID, f"missing({name})", f"{name}: is missing", name))
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

    def compute(self, values: dict[str, Any], combination: Mapping[str, Any]) -> None:
        """Fill in every computed field whose names are known. Parameters come before fields of their name."""
        waiting = [n for n in self.computed if n not in values]
        while waiting:
            ready = [n for n in waiting if all(r in combination or r in values for r in self.computed[n][0])]
            if not ready:
                return
            for name in ready:
                value = self.computed[name][1]({**values, **combination})
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
                    found.append(Rejection(Stage.VALID, f"missing({name})", reason, name))
                continue
            if isinstance(value, datetime.date | datetime.time):
                value = value.isoformat()
            found.extend(self._broken(name, value))
        return found

    def check_faults(
        self, values: Mapping[str, Any], combination: Mapping[str, Any], fresh: frozenset[str]
    ) -> list[tuple[Check, Rejection]]:
        """The error checks that fail, among those decidable now that read at least one `fresh` field."""
        return [(c.check, r) for c, r in self._failing(values, combination, fresh) if c.check.severity == "error"]

    def warnings(self, values: Mapping[str, Any], combination: Mapping[str, Any]) -> list[str]:
        """Labels of the `warn` checks that a finished row breaks."""
        every = frozenset(values)
        return [c.label for c, _ in self._failing(values, combination, every) if c.check.severity == "warn"]

    def _failing(
        self, values: Mapping[str, Any], combination: Mapping[str, Any], fresh: frozenset[str]
    ) -> Iterator[tuple[CompiledCheck, Rejection]]:
        row: dict[str, Any] | None = None
        for compiled in self.checks:
            reads = compiled.reads
            if not reads & fresh:
                continue
            if row is None:
                row = {**combination, **values}
            if not reads <= row.keys() or any(row[n] is None for n in compiled.needs):
                continue  # not written yet, or left out: nothing to judge
            if not compiled.holds(row):
                yield compiled, Rejection(Stage.VALID, compiled.label, _said(compiled.check, row))


def _said(check: Check, row: Mapping[str, Any]) -> str:
    """What a check says of a row it rejects: its message is a template that sees the row."""
    if "{{" not in check.message and "{%" not in check.message:
        return check.message or f"the rule `{check.text}` does not hold"
    from synthspec.languages.templates.template import TemplateFault, render

    try:
        return render(check.message, row)
    except TemplateFault:
        return f"the rule `{check.text}` does not hold"


def _needs(expression: Expression) -> frozenset[str]:
    """The names a check cannot be judged without: all but those it reads through `missing` or `coalesce`."""
    if isinstance(expression, Call) and expression.function in ("missing", "coalesce"):
        return frozenset()
    if isinstance(expression, Name):
        return frozenset({expression.name})
    return frozenset().union(*(_needs(e) for e in children(expression)))
