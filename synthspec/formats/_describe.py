"""A field in the words of a prompt."""

from __future__ import annotations

import json
from collections.abc import Iterator

from synthspec.formats import Shape
from synthspec.spec import Bounds, Field

_KINDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "date": "a date, YYYY-MM-DD",
    "datetime": "a date and time, YYYY-MM-DDTHH:MM:SS",
    "time": "a time, HH:MM:SS",
    "list": "a list",
    "map": "an object",
}
_FORMATS = {"date": _KINDS["date"], "date-time": _KINDS["datetime"], "time": _KINDS["time"]}


def describe(field: Field) -> str:
    """One line: the name, what it may be, its description."""
    return f"- {field.name}: {'; '.join(_facts(field))}"


def describe_all(shape: Shape) -> str:
    """One line for each field."""
    return "\n".join(describe(f) for f in shape.fields)


def count(shape: Shape, one: str) -> str:
    """`exactly one row`, `exactly 8 rows`."""
    return f"exactly one {one}" if shape.rows == 1 else f"exactly {shape.rows} {one}s"


def _facts(field: Field) -> Iterator[str]:
    schema = field.schema
    if "const" in schema:
        yield f"always {json.dumps(schema['const'], ensure_ascii=False)}"
    elif "enum" in schema:
        yield "one of " + ", ".join(json.dumps(v, ensure_ascii=False, default=str) for v in schema["enum"])
    else:
        kind = _KINDS.get(field.type.kind) or _FORMATS.get(schema.get("format", ""))
        yield (kind or schema.get("format", "text")) + _range(field)
    if "pattern" in schema:
        yield f"must match the regular expression {schema['pattern']}"
    yield from _counts("characters", Bounds(schema.get("minLength"), schema.get("maxLength")))
    yield from _counts("words", field.words)
    yield from _counts("sentences", field.sentences)
    description = field.description or schema.get("description", "")
    if description:
        yield str(description).rstrip(".")


def _range(field: Field) -> str:
    low, high = field.schema.get("minimum"), field.schema.get("maximum")
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
