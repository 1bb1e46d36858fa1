"""What a schema asks for: its kind, and the rules that a text of it must keep."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from synthspec.inference.ngram.draw import FORMATS
from synthspec.inference.ngram.origin import Origin
from synthspec.inference.ngram.text import TextRules
from synthspec.languages.patterns import compile_pattern

if TYPE_CHECKING:
    from synthspec.spec import Field

BRIEF, BRIEF_LENGTH = 3, 24  # words, characters
_BY_TYPE = {"text": "string", "list": "array", "map": "object"}
# A part of a pattern that any words could fill, so that free text is meant and not a code.
_FREE = re.compile(r"(?<!\\)\.(?:[*+]|\{\d*,)|\\[SDW](?:[*+]|\{)|\[\^[^\]]*\](?:[*+]|\{)")


def branch(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema with the first alternative that is not null taken, and `allOf` merged in."""
    merged = dict(schema)
    for part in schema.get("allOf", ()):
        if isinstance(part, Mapping):
            merged = {**branch(part), **merged}
    for key in ("anyOf", "oneOf"):
        options = [o for o in schema.get(key, ()) if isinstance(o, Mapping)]
        chosen = next((o for o in options if o.get("type") != "null"), None)
        if chosen is not None:
            merged = {**merged, **branch(chosen)}
    return merged


def kind_of(schema: Mapping[str, Any], field: Field, column: str, origin: Origin | None) -> str:
    """`integer number boolean object array null`; for strings `text` (running text), `label` (a short text of
    the source or an enum), `pattern` (a code, all pattern), `formatted`, `date`, `datetime`, `time`."""
    if "const" in schema or "enum" in schema:
        return "label"
    kind = _type(schema, field, column)
    if kind is None and origin is not None:
        kind = _type_of(origin.columns[column])
    if kind not in (None, "string"):
        return kind
    if schema.get("format") in FORMATS:
        return "formatted"
    if origin is not None:
        return "text" if column in origin.texts else "label"
    if "pattern" in schema and not is_loose(schema["pattern"]):
        return "pattern"
    return "text"


def _type(schema: Mapping[str, Any], field: Field, column: str) -> str | None:
    declared = schema.get("type")
    if isinstance(declared, list | tuple):
        declared = next((t for t in declared if t != "null"), "null")
    if declared is not None:
        return str(declared)
    for key, kind in (("properties", "object"), ("items", "array"), ("prefixItems", "array")):
        if key in schema:
            return kind
    if any(k in schema for k in ("minimum", "maximum", "multipleOf", "exclusiveMinimum", "exclusiveMaximum")):
        return "number"
    if any(k in schema for k in ("pattern", "minLength", "maxLength", "format")):
        return "string"
    if column == field.name and field.type.kind not in ("any", "distribution"):
        return _BY_TYPE.get(field.type.kind, field.type.kind)
    return None


def _type_of(values: Any) -> str | None:
    present = [v for v in values[:200] if v is not None]
    if not present:
        return None
    kinds = {bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    found = {kinds.get(type(v), "string") for v in present}
    if found == {"integer", "number"}:
        return "number"
    return found.pop() if len(found) == 1 else "string"


@lru_cache(1024)
def is_loose(pattern: str) -> bool:
    """Whether a pattern leaves room for free text: an end without anchor, or a part that anything fits."""
    anchored = pattern.startswith(("^", "\\A")) and pattern.endswith(("$", "\\Z")) and not pattern.endswith("\\$")
    return not anchored or bool(_FREE.search(pattern))


def is_brief(rules: TextRules, column: str) -> bool:
    """Whether a text has no room for a sentence, or is one of a list and may be short."""
    if rules.patterns or rules.sentences != (None, None):
        return False
    tight = (rules.length[1] or BRIEF_LENGTH + 1) <= BRIEF_LENGTH or (rules.words[1] or BRIEF + 1) <= BRIEF
    return tight or (column.endswith("[]") and (rules.length[0] or 0) <= BRIEF_LENGTH)


def is_allowed(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether an enum's value keeps the schema's other rules."""
    if isinstance(value, str):
        length = len(value)
        pattern = schema.get("pattern")
        return schema.get("minLength", 0) <= length <= schema.get("maxLength", length) and (
            pattern is None or compile_pattern(pattern).search(value)
        )
    if isinstance(value, int | float) and not isinstance(value, bool):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    return True


def text_rules(
    field: Field, schema: Mapping[str, Any], own: bool, wanted: int | None = None, demand: str | None = None
) -> TextRules:
    """The rules for a text: by the field's `own` schema, or one inside it, where words are not counted."""
    return TextRules(
        words=(field.words.minimum, field.words.maximum) if own else (None, None),
        sentences=(field.sentences.minimum, field.sentences.maximum) if own else (None, None),
        length=(schema.get("minLength"), schema.get("maxLength")),
        wanted=wanted,
        patterns=tuple(compile_pattern(p) for p in (schema.get("pattern"), demand) if p),
        rejects=tuple(compile_pattern(r) for r in field.rejects),
    )
