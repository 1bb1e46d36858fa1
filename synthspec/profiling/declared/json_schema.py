"""A JSON Schema of an object, or of a list of objects, as declared fields."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthspec.profiling.declared.fields import Declared, DeclaredField, resolved
from synthspec.profiling.sample import SampleFault

LARGEST = 4 * 1024 * 1024


def is_json_schema(path: Path) -> bool:
    """Whether a JSON file holds a schema instead of rows."""
    if path.stat().st_size > LARGEST:
        return False
    try:
        value = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        return False
    marks = ("$schema", "$defs", "definitions", "properties", "$ref", "allOf")
    return isinstance(value, dict) and any(m in value for m in marks)


def read_json_schema(path: Path) -> Declared:
    """The fields that a file declares."""
    return declared_by(json.loads(path.read_text(encoding="utf-8-sig")), path.name)


def declared_by(root: Mapping[str, Any], origin: str) -> Declared:
    """The fields of a schema.

    Raises:
        SampleFault: it has no properties, so there would be no column.
    """
    schema, _, notes = resolved(root, root)
    if schema.get("type") == "array" and isinstance(schema.get("items"), Mapping):
        schema = dict(schema["items"])
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        raise SampleFault(
            f"'{origin}' declares no properties", "a JSON Schema of an object makes a row: {properties: …}"
        )
    required = schema.get("required")
    needed = set(required) if isinstance(required, list) else set()
    source = _properties_of(root)
    fields = []
    for header, inner in properties.items():
        whole, null, said = resolved(source.get(header, inner), root)
        fields.append(DeclaredField(str(header), whole, null or header not in needed, said))
    name = root.get("title") if isinstance(root.get("title"), str) else ""
    description = schema.get("description")
    return Declared(str(name or ""), origin, tuple(fields), description if isinstance(description, str) else "", notes)


def _properties_of(root: Mapping[str, Any]) -> Mapping[str, Any]:
    """The properties as they are written, where they stand at the top: with null among their types."""
    found = root.get("properties")
    return found if isinstance(found, Mapping) else {}
