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


_PRIMITIVE = (str, int, float, bool, type(None))
_CLAUDE_FORMATS = (*_STRICT_FORMATS, "uri")


def described_schema(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema as Anthropic takes it: what its grammar does not know goes into descriptions.

    None where it has no words for the schema. https://docs.claude.com/en/docs/build-with-claude/structured-outputs
    """
    try:
        return _described(schema)
    except (ValueError, TypeError, AttributeError):
        return None


def _described(schema: Mapping[str, Any]) -> dict[str, Any]:
    left = dict(schema)
    cut: dict[str, Any] = {}
    if "$defs" in left:
        cut["$defs"] = {n: _described(s) for n, s in left.pop("$defs").items()}
    if "$ref" in left:
        return {**cut, "$ref": left["$ref"]}
    kind = left.pop("type", None)
    for name in ("enum", "const"):
        values = left.get(name) if name == "enum" else [left.get(name)]
        if name in left and values and all(isinstance(v, _PRIMITIVE) for v in values):
            cut[name] = left.pop(name)
            kind = None
    choices = next((n for n in ("anyOf", "oneOf", "allOf") if n in left), None)
    if choices is not None:
        cut["allOf" if choices == "allOf" else "anyOf"] = [_described(s) for s in left.pop(choices)]
    elif not cut.keys() & {"enum", "const"}:
        if not isinstance(kind, str):
            raise ValueError(f"no words for {kind!r}")
        cut["type"] = kind
    cut |= {n: left.pop(n) for n in ("description", "title") if n in left}
    cut |= _own_keywords(kind, left)
    if left:
        rest = "{" + ", ".join(f"{k}: {v}" for k, v in left.items()) + "}"
        cut["description"] = f"{cut['description']}\n\n{rest}" if "description" in cut else rest
    return cut


def _own_keywords(kind: Any, left: dict[str, Any]) -> dict[str, Any]:
    """The keywords of a type that the grammar knows, taken out of what is left."""
    cut: dict[str, Any] = {}
    if kind == "object":
        cut["properties"] = {n: _described(s) for n, s in left.pop("properties", {}).items()}
        left.pop("additionalProperties", None)
        cut["additionalProperties"] = False
        cut |= {"required": list(left.pop("required"))} if "required" in left else {}
    elif kind == "string" and left.get("format") in _CLAUDE_FORMATS:
        cut["format"] = left.pop("format")
    elif kind == "array":
        cut |= {"items": _described(left.pop("items"))} if "items" in left else {}
        cut |= {"minItems": left.pop("minItems")} if left.get("minItems") in (0, 1) else {}
    return cut


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
