"""Small specs for the n-gram backend, made without the front end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from synthspec.diagnostics import Span
from synthspec.languages.expressions.tree import Name
from synthspec.languages.expressions.types import Type
from synthspec.languages.templates.template import Template
from synthspec.spec import (
    BackendChoice,
    Bounds,
    Examples,
    Field,
    Limits,
    Novelty,
    Output,
    PlanRules,
    Prompt,
    SourceTable,
    Spec,
)

SPAN = Span.__new__(Span)
KINDS = {"string": "text", "integer": "integer", "number": "number", "boolean": "boolean"}


def field(name: str, **schema: Any) -> Field:
    """A field from its spec keys."""
    words, sentences = schema.pop("words", {}), schema.pop("sentences", {})
    rejects = tuple(schema.pop("rejects", ()))
    value = schema.pop("value", None)
    kind: Any = KINDS.get(str(schema.get("type")), "any")
    return Field(
        name,
        Type(kind),
        schema,
        SPAN,
        value=Name(value, 0, len(value)) if value else None,
        words=Bounds(words.get("min"), words.get("max")),
        sentences=Bounds(sentences.get("min"), sentences.get("max")),
        rejects=rejects,
    )


def spec_of(fields: Sequence[Field], writes: Sequence[str], source: str | None = None, format: str = "json") -> Spec:
    """A spec of one prompt `p` that writes these fields."""
    template = Template.__new__(Template)
    examples = Examples(source, 2) if source else None
    prompt = Prompt(
        "p", template, None, tuple(writes), format, {}, 1, examples, None, (), True, None, SPAN
    )  # fmt: skip
    sources = {source: SourceTable(source, SPAN)} if source else {}
    choice = BackendChoice("ngram", "", {}, {}, None, SPAN)
    return Spec(
        Path("x.yaml"), "x", 10, 0, "", "", (), sources, (), PlanRules(), (prompt,), tuple(fields),
        (), Novelty(), (), Output(), choice, Limits(),
    )  # fmt: skip
