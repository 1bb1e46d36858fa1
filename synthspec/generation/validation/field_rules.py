"""The rules of each field, each a small function from a value to what is wrong with it.

The common JSON Schema keywords are closures here; a field with nested or combined schemas is handed to `jsonschema`
as a whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from synthspec.generation.validation.conversations import conversation_rules
from synthspec.generation.validation.counts import miscount
from synthspec.languages.expressions import FUNCTIONS
from synthspec.spec import Bounds, Field
from synthspec.spec.conversation import holds_messages, one_message
from synthspec.spec.field_keywords import FORMATS, NUMBERS

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
    return lambda v: miscount(len(v), "characters", low, high) if isinstance(v, str) else None


def _format_rule(name: str) -> Rule:
    form = FORMATS[name]
    return lambda v: None if not isinstance(v, str) or form.holds(v) else f"must be {form.words}, not {_short(v)}"


def _count_rule(what: str, bounds: Bounds) -> Rule:
    count = FUNCTIONS[what].apply
    low, high = bounds.minimum, bounds.maximum

    def rule(value: Any) -> str | None:
        if not isinstance(value, str):
            return None
        return miscount(count(value), what, low, high)

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
    if holds_messages(field):
        yield from conversation_rules(field, tuple(field_rules(one_message(field))))
        return
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
