"""Text to typed value, only when certain; and whether a text can be a value of a field at all."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from synthspec.formats.recovery.conversations import read_conversation
from synthspec.formats.recovery.loose_json import Raw, decode
from synthspec.spec import Field
from synthspec.spec.conversation import holds_messages
from synthspec.spec.field_keywords import FORMAT_OF_KIND, FORMATS, NUMBERS

if TYPE_CHECKING:
    from synthspec.languages.patterns import SafeRegex

_INTEGER = re.compile(r"[+-]?[0-9]{1,300}(?:\.0{1,20})?\Z")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3}){1,8}\Z")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,300}(?:\.[0-9]{0,300})?|\.[0-9]{1,300})(?:[eE][+-]?[0-9]{1,3})?\Z")
_GROUPED_POINT = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3}){1,8}\.[0-9]{1,300}\Z")
_BOOLEAN = {"true": True, "yes": True, "y": True, "false": False, "no": False, "n": False}
_FREE = frozenset({"text", "any"})
_WIDE = frozenset({"list", "map"})


@cache
def _compiled(pattern: str) -> SafeRegex | None:
    from synthspec.languages.patterns import PatternFault, compile_pattern

    try:
        return compile_pattern(pattern)
    except PatternFault:
        return None


class FieldReader:
    """One field as a reader of text: what a text means for it. Made anew for each reply."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.kind = _kind(field)
        self.nullable = "null" in _types(field.schema)
        self._converses = holds_messages(field)
        self._choices = _choices(field)
        self._format = field.schema.get("format") or FORMAT_OF_KIND.get(self.kind, "")
        self._pattern = _compiled(field.schema["pattern"]) if "pattern" in field.schema else None
        self._too_slow = False  # its pattern needed too many steps once: none of the reply is matched any more

    @property
    def constrained(self) -> bool:
        """Whether some texts cannot be its value: evidence for where a value belongs."""
        return bool(self.kind not in _FREE or self._choices or self._format in FORMATS or self._pattern is not None)

    def pieces(self, delimiter: str) -> int | None:
        """How many stretches between delimiters its text can hold at most; None for any number."""
        if self._choices:
            return 1 + max(c.count(delimiter) for c in self._choices)
        if self.kind in _WIDE or (self.kind in _FREE and self._format not in FORMATS):
            return None
        return 8 if self.kind == "integer" and delimiter == "," else 1

    def value(self, given: Any) -> Any:
        """The typed value where that is certain, else what was given."""
        if self._converses:
            return read_conversation(self._plain(given), self.field.type)
        return self._plain(given)

    def _plain(self, given: Any) -> Any:
        if not isinstance(given, str):
            return settle(given, self.field.schema)
        text = given.strip()
        if self._choices:
            return self._choice(given, text)
        if self.nullable and self.kind not in _FREE and text.lower() in ("", "null", "none"):
            return None
        read = _READERS.get(self.kind)
        if read is None:
            return _any(given) if self.kind == "any" and isinstance(given, Raw) else str(given)
        return read(text, str(given))

    def fits(self, text: str) -> bool:
        """Whether the text can be a value of this field by its type, enum, bounds, pattern and format."""
        value = self.value(text)
        if value is None:
            return self.nullable
        if self._choices:
            return any(value is c or value == c for c in self._choices.values())
        if not _of_kind(value, self.kind):
            return False
        if isinstance(value, str):
            return self._worded(value)
        return not isinstance(value, int | float) or _within(value, self.field.schema)

    def _worded(self, text: str) -> bool:
        check = FORMATS.get(self._format)
        if check is not None and not check.holds(text):
            return False
        return self._pattern is None or self._found(text)

    def _found(self, text: str) -> bool:
        if self._too_slow or self._pattern is None:
            return False
        from synthspec.languages.patterns import PatternTimeout

        try:
            return self._pattern.search(text)
        except PatternTimeout:
            self._too_slow = True
            return False

    def _choice(self, given: str, text: str) -> Any:
        if text in self._choices:
            return self._choices[text]
        folded = text.casefold()
        same = [v for k, v in self._choices.items() if k.casefold() == folded]
        if len(same) == 1:
            return same[0]
        if self.nullable and folded in ("", "null", "none"):
            return None
        return str(given)


def _types(schema: Mapping[str, Any]) -> tuple[str, ...]:
    given = schema.get("type", ())
    return (given,) if isinstance(given, str) else tuple(given)


def _kind(field: Field) -> str:
    kinds = [t for t in _types(field.schema) if t != "null"]
    if field.type.kind == "any" and len(kinds) == 1:
        return {"string": "text", "array": "list", "object": "map"}.get(kinds[0], kinds[0])
    return field.type.kind


def _choices(field: Field) -> dict[str, Any]:
    """The text of each permitted value -> the value."""
    values = field.schema.get("enum")
    if values is None and "const" in field.schema:
        values = [field.schema["const"]]
    return {spell(v): v for v in values or ()}


def spell(value: Any) -> str:
    """A value as it stands in text: JSON for what JSON alone can write, the plain text else."""
    if isinstance(value, str):
        return value
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    import json

    return json.dumps(value, ensure_ascii=False, default=str)


def _integer(text: str, given: str) -> Any:
    if _INTEGER.match(text):
        return int(text.partition(".")[0])
    return int(text.replace(",", "")) if _GROUPED.match(text) else given


def _number(text: str, given: str) -> Any:
    if not _NUMBER.match(text):
        return float(text.replace(",", "")) if _GROUPED_POINT.match(text) else given
    if text.lstrip("+-").isdigit():
        return int(text)
    value = float(text)
    return value if math.isfinite(value) else given


def _boolean(text: str, given: str) -> Any:
    return _BOOLEAN.get(text.lower(), given)


def _structure(text: str, given: str) -> Any:
    if text[:1] not in "[{":
        return given
    found = decode(text)
    if len(found) == 1 and found[0].whole and found[0].span == (0, len(text)):
        return settle(found[0].value, {})
    return given


_READERS: Mapping[str, Callable[[str, str], Any]] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "list": _structure,
    "map": _structure,
    "date": lambda text, given: text,
    "datetime": lambda text, given: text,
    "time": lambda text, given: text,
}


def _any(raw: str) -> Any:
    value = _number(raw, raw)
    return value if not isinstance(value, str) else str(value)


def settle(value: Any, schema: Mapping[str, Any]) -> Any:
    """A decoded JSON value as plain Python: numbers where the schema does not ask for text."""
    if isinstance(value, Raw):
        return str(value) if "string" in _types(schema) else _any(value)
    if isinstance(value, list):
        items = schema.get("items")
        return [settle(v, items if isinstance(items, Mapping) else {}) for v in value]
    if isinstance(value, dict):
        members = schema.get("properties")
        members = members if isinstance(members, Mapping) else {}
        return {str(k): settle(v, members.get(k, {})) for k, v in value.items()}
    return value


def _of_kind(value: Any, kind: str) -> bool:
    match kind:
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "list":
            return isinstance(value, list)
        case "map":
            return isinstance(value, dict)
        case _:
            return True


def _within(value: float, schema: Mapping[str, Any]) -> bool:
    bounds = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    return all(NUMBERS[k].holds(value, schema[k]) for k in bounds if k in schema)
