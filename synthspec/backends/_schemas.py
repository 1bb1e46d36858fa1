"""JSON Schemas cut to what a provider takes. What is left out is checked after the reply all the same."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

Cut = Callable[[Mapping[str, Any]], dict[str, Any] | None]

_MAPS = ("properties", "$defs", "definitions", "patternProperties")  # name -> schema
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_ONES = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")

# https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
_PLAIN = {"type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref"}
_LIMITS = {"pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
STRICT = frozenset(_PLAIN | _LIMITS | {"$defs", "definitions", "description", "title", "minItems", "maxItems"})
_STRICT_FORMATS = ("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid")
_SHAPES = frozenset(("allOf", "oneOf", "not", "if", "then", "else", "patternProperties", "prefixItems"))


def keep_keywords(schema: Mapping[str, Any], keep: frozenset[str]) -> dict[str, Any]:
    """The schema with only these keywords, at every depth. Names of properties are not keywords."""
    kept: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "const" and key not in keep and "enum" in keep:
            kept["enum"] = [value]
        if key not in keep:
            continue
        if key in _MAPS and isinstance(value, Mapping):
            kept[key] = {n: keep_keywords(s, keep) if isinstance(s, Mapping) else s for n, s in value.items()}
        elif key in _LISTS and isinstance(value, list | tuple):
            kept[key] = [keep_keywords(s, keep) if isinstance(s, Mapping) else s for s in value]
        elif key in _ONES and isinstance(value, Mapping):
            kept[key] = keep_keywords(value, keep)
        else:
            kept[key] = list(value) if isinstance(value, tuple) else value
    return kept


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema as OpenAI's strict mode takes it; None where its shape cannot be held to strictly."""
    if schema.get("type") != "object" or not all(map(_is_strict, _every_schema(schema))):
        return None
    cut = keep_keywords(schema, STRICT)
    for part in _every_schema(cut):
        if part.get("format") not in _STRICT_FORMATS:
            part.pop("format", None)
        if not _is_plain_pattern(part.get("pattern", "")):
            part.pop("pattern")
    return cut


def local_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as vLLM and llama-server take it: whole, but for patterns that they cannot turn into a grammar."""
    whole = copy.deepcopy(dict(schema))
    for part in _every_schema(whole):
        pattern = part.get("pattern", "^$")
        if not (_is_plain_pattern(pattern) and pattern.startswith("^") and pattern.endswith("$")):
            part.pop("pattern")
    return whole


def _is_strict(schema: Mapping[str, Any]) -> bool:
    if _SHAPES & schema.keys():
        return False
    kind = schema.get("type")
    if "properties" in schema or kind == "object" or (isinstance(kind, list) and "object" in kind):
        names = schema.get("properties", {}).keys()
        return schema.get("additionalProperties") is False and names == set(schema.get("required", ()))
    return bool(schema.keys() & {"type", "enum", "const", "anyOf", "$ref"})


def _is_plain_pattern(pattern: str) -> bool:
    """Whether it keeps to what every engine knows: no look-around, no back-reference, no flags."""
    return "(?" not in pattern.replace("(?:", "(") and not any(f"\\{d}" in pattern for d in "123456789bBpPkA")


def _every_schema(schema: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [schema]
    for key in _MAPS:
        for value in schema.get(key, {}).values():
            found += _every_schema(value) if isinstance(value, Mapping) else []
    for key in _LISTS:
        for value in schema.get(key, ()):
            found += _every_schema(value) if isinstance(value, Mapping) else []
    for key in _ONES:
        if isinstance(value := schema.get(key), Mapping):
            found += _every_schema(value)
    return found


def plain_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The whole schema, for providers that take any."""
    return dict(schema)


class SchemaCuts:
    """Remembers the cut of each schema: a build sends a few schemas many times."""

    def __init__(self, cut: Cut) -> None:
        self._cut = cut
        self._done: dict[int, tuple[Mapping[str, Any], dict[str, Any] | None]] = {}

    def __call__(self, schema: Mapping[str, Any]) -> dict[str, Any] | None:
        known = self._done.get(id(schema))
        if known is not None and known[0] is schema:
            return known[1]
        if len(self._done) > 256:
            self._done.clear()
        cut = self._cut(schema)
        self._done[id(schema)] = (schema, cut)
        return cut
