"""Constraints for backends: the regular expression and the JSON Schema of fields."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Literal

from synthspec.formats.recovery.coercion import spell
from synthspec.spec import Field
from synthspec.spec.conversation import ROLES, holds_messages
from synthspec.spec.field_keywords import FORMAT_OF_KIND

_KINDS = {
    "text": "string",
    "list": "array",
    "map": "object",
    "date": "string",
    "datetime": "string",
    "time": "string",
}
_OF_TEXT = ("pattern", "minLength", "maxLength")
_NOT_SCHEMA = frozenset({"words", "sentences", "rejects", "clean", "value", "optional"})


def field_regex(field: Field) -> str | None:
    """A regular expression for the text of the field, where its enum or pattern gives one."""
    schema = field.schema
    if "enum" in schema:
        return "|".join(re.escape(spell(v)) for v in schema["enum"])
    pattern = schema.get("pattern")
    if not isinstance(pattern, str) or not (pattern.startswith("^") and pattern.endswith("$")):
        return None
    inner = pattern[1:-1]
    return inner if "|" not in inner and honoured("regex", inner) else None


def field_schema(field: Field) -> dict[str, Any]:
    """The field's JSON Schema, with its type and description filled in."""
    if holds_messages(field):
        return conversation_schema(field)
    schema = {k: v for k, v in field.schema.items() if k not in _NOT_SCHEMA}
    kind = field.type.kind
    if "type" not in schema and "enum" not in schema and "const" not in schema and kind != "any":
        schema["type"] = _KINDS.get(kind, kind)
    if kind in FORMAT_OF_KIND:
        schema.setdefault("format", FORMAT_OF_KIND[kind])
    if field.description:
        schema.setdefault("description", field.description)
    return schema


def conversation_schema(field: Field) -> dict[str, Any]:
    """A list of messages, each by a user or an assistant; rules of text hold for their content."""
    content = {"type": "string", **{k: field.schema[k] for k in _OF_TEXT if k in field.schema}}
    members: dict[str, Any] = {"role": {"type": "string", "enum": list(ROLES)}, "content": content}
    item = {"type": "object", "properties": members, "required": [*members], "additionalProperties": False}
    told = {"description": field.description} if field.description else {}
    return {"type": "array", "items": item, "minItems": max(2, field.turns.minimum or 0), **told}


def row_schema(fields: tuple[Field, ...]) -> dict[str, Any]:
    """An object of exactly the fields; those that are optional may be left out."""
    return {
        "type": "object",
        "properties": {f.name: field_schema(f) for f in fields},
        "required": [f.name for f in fields if not f.optional],
        "additionalProperties": False,
    }


@cache
def honoured(kind: Literal["regex", "lark"], text: str) -> bool:
    """Whether llguidance takes this `regex` or Lark `grammar`."""
    import llguidance

    made = llguidance.grammar_from(kind, text)
    found: Any = llguidance.LLMatcher.validate_grammar(made)
    return not found
