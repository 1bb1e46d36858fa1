"""Fields and shapes for the tests of the formats, made without a spec."""

from __future__ import annotations

from typing import Any

from synthspec.diagnostics import Span
from synthspec.formats import Shape
from synthspec.languages.expressions.types import Type
from synthspec.spec import Field
from synthspec.spec.conversation import messages_type

NOWHERE = Span("spec.yaml", 1, 1, 1, 1)
JSON_TYPES = {"text": "string", "list": "array", "map": "object", "date": "string"}


def make_field(name: str, kind: str = "text", *, optional: bool = False, named: bool = False, **keywords: Any) -> Field:
    """A field of this kind with these JSON Schema keywords."""
    schema = {"type": JSON_TYPES.get(kind, kind), **keywords}
    if kind == "messages":
        return Field(name, messages_type(named=named), schema, NOWHERE, optional=optional)
    return Field(name, Type(kind), schema, NOWHERE, optional=optional)  # type: ignore[arg-type]


def make_shape(*fields: Field, rows: int = 1, **options: Any) -> Shape:
    return Shape(fields, rows, options)


RATING = make_field("rating", "integer", minimum=1, maximum=5)
TITLE = make_field("title")
REVIEW = make_field("review_text")
PRICE = make_field("price", "number", minimum=0)
VERIFIED = make_field("verified", "boolean")
DAY = make_field("day", format="date")
CODE = make_field("code", pattern="^B[0-9A-Z]{9}$")
LABEL = make_field("label", enum=["N", "D", "I"])
