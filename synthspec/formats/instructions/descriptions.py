"""A field in the words of a prompt: all that its schema asks, whatever is nested in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from synthspec.formats import Shape
from synthspec.spec import Bounds, Field
from synthspec.spec.conversation import holds_messages
from synthspec.spec.field_keywords import COUNTS, FORMAT_OF_KIND, FORMATS, NUMBERS, TYPES

_KINDS = {"text": "string", "list": "array", "map": "object"}
_DEEPEST = 12
_COMBINED = {"anyOf": "any of these", "oneOf": "exactly one of these", "allOf": "all of these"}


def describe(field: Field) -> str:
    """The name, what it may be, its description; below it a line for each part of a nested value."""
    if holds_messages(field):
        return _conversation(field)
    return "\n".join(_lines(f"- {field.name}: ", _facts_of_field(field), _schema_of(field), 1))


def message_facts(field: Field) -> list[str]:
    """What a conversation's rules say of each of its messages, in words."""
    rules = {k: v for k, v in field.schema.items() if k in ("pattern", "minLength", "maxLength")}
    told = list(_facts({"type": "string", **rules}, field.words, field.sentences))
    return [*told[1:], *("must not hold anything that matches " + pattern for pattern in field.rejects)]


def conversation_facts(field: Field) -> list[str]:
    """What a conversation's rules say of the whole, in words."""
    told = list(_counts("messages by the user", field.turns))
    told += ["may be left out"] if field.optional else []
    return [*told, field.description.rstrip(".")] if field.description else told


def _conversation(field: Field) -> str:
    form = 'a list of messages in order, each {"role": "user" or "assistant", "content": text}'
    head = f"- {field.name}: " + "; ".join([form, *conversation_facts(field)])
    each = message_facts(field)
    return head + (f"\n  - each content: {'; '.join(each)}" if each else "")


def describe_all(shape: Shape) -> str:
    """Every field so."""
    return "\n".join(describe(f) for f in shape.fields)


def count(shape: Shape, one: str) -> str:
    """`exactly one row`, `exactly 8 rows`."""
    return f"exactly one {one}" if shape.rows == 1 else f"exactly {shape.rows} {one}s"


def _schema_of(field: Field) -> dict[str, Any]:
    """The schema with the type that the field has without saying so."""
    schema = dict(field.schema)
    kind = field.type.kind
    if "type" not in schema and kind != "any":
        schema["type"] = "string" if kind in FORMAT_OF_KIND else _KINDS.get(kind, kind)
    if kind in FORMAT_OF_KIND:
        schema.setdefault("format", FORMAT_OF_KIND[kind])
    return schema


def _facts_of_field(field: Field) -> Iterator[str]:
    yield from _facts(_schema_of(field), field.words, field.sentences)
    yield from ("must not hold anything that matches " + pattern for pattern in field.rejects)
    if field.optional:
        yield "may be left out"
    description = field.description or field.schema.get("description", "")
    if description:
        yield str(description).rstrip(".")


def _lines(head: str, facts: Iterator[str], schema: Mapping[str, Any], depth: int) -> Iterator[str]:
    yield head + "; ".join(facts)
    if depth <= _DEEPEST:
        yield from _below(schema, "  " * depth, depth)


def _below(schema: Mapping[str, Any], indent: str, depth: int) -> Iterator[str]:
    """The lines of what is nested in a schema: members, items, alternatives."""
    required = schema.get("required", ())
    for name, member in _schemas(schema.get("properties")):
        facts = _inner(member, "" if name in required else "may be left out")
        yield from _lines(f"{indent}- {name}: ", facts, member, depth + 1)
    others = schema.get("additionalProperties")
    if isinstance(others, Mapping):
        yield from _lines(f"{indent}- any other member: ", _inner(others), others, depth + 1)
    for number, item in enumerate(schema.get("prefixItems", ()), 1):
        if isinstance(item, Mapping):
            yield from _lines(f"{indent}- item {number}: ", _inner(item), item, depth + 1)
    for keyword, said in (("items", "each item"), ("contains", "at least one item"), ("not", "never")):
        inner = schema.get(keyword)
        if isinstance(inner, Mapping) and inner:
            yield from _lines(f"{indent}- {said}: ", _inner(inner), inner, depth + 1)
    for keyword, said in _COMBINED.items():
        choices = [c for c in schema.get(keyword, ()) if isinstance(c, Mapping)]
        if choices:
            yield f"{indent}- {said}:"
        for choice in choices:
            yield from _lines(f"{indent}  - ", _inner(choice), choice, depth + 2)


def _schemas(members: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(members, Mapping):
        yield from ((str(n), m if isinstance(m, Mapping) else {}) for n, m in members.items())


def _inner(schema: Mapping[str, Any], more: str = "") -> Iterator[str]:
    yield from _facts(schema, Bounds(), Bounds())
    if more:
        yield more
    if schema.get("description"):
        yield str(schema["description"]).rstrip(".")


def _facts(schema: Mapping[str, Any], words: Bounds, sentences: Bounds) -> Iterator[str]:
    """What a schema says of the value itself."""
    if "const" in schema:
        yield f"always {json.dumps(schema['const'], ensure_ascii=False, default=str)}"
    elif "enum" in schema:
        yield "one of " + ", ".join(json.dumps(v, ensure_ascii=False, default=str) for v in schema["enum"])
    else:
        yield _kind(schema) + _range(schema)
    for keyword in ("exclusiveMinimum", "exclusiveMaximum", "multipleOf"):
        if keyword in schema:
            yield NUMBERS[keyword].said(schema[keyword])
    if "pattern" in schema:
        yield f"must match the regular expression {schema['pattern']}"
    for what, (least, most) in COUNTS.items():
        yield from _counts(what, Bounds(schema.get(least), schema.get(most)))
    if schema.get("uniqueItems"):
        yield "no two items alike"
    if schema.get("additionalProperties") is False and "properties" in schema:
        yield "with these members and no others"
    yield from _counts("words", words)
    yield from _counts("sentences", sentences)


def _kind(schema: Mapping[str, Any]) -> str:
    given = schema.get("type", ())
    kinds = [given] if isinstance(given, str) else list(given)
    if not kinds:
        kinds = [k for k, key in (("object", "properties"), ("array", "items")) if key in schema][:1]
    form = FORMATS.get(str(schema.get("format")))
    if form is not None:
        return " or ".join([form.words, *(TYPES[k] for k in kinds if k == "null")])
    return " or ".join(TYPES.get(k, str(k)) for k in kinds) or str(schema.get("format", "any value"))


def _range(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" from {low} to {high}"
    if low is not None:
        return f", {low} or more"
    if high is not None:
        return f", {high} or less"
    return ""


def _counts(what: str, bounds: Bounds) -> Iterator[str]:
    match bounds.minimum, bounds.maximum:
        case None, None:
            return
        case low, None:
            yield f"at least {low} {what}"
        case None, high:
            yield f"at most {high} {what}"
        case low, high:
            yield f"{low} to {high} {what}" if low != high else f"{low} {what}"
