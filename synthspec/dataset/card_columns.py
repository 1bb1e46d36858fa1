"""What the card of a dataset says of its columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthspec.dataset.writers import Column
from synthspec.languages.expressions.types import Type
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Bounds, Field


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What the card says of a column; `constraints` are plain text."""

    name: str
    type: str
    description: str = ""
    constraints: tuple[str, ...] = ()
    kind: Type | None = None


Tables = Mapping[str, Sequence[ColumnFacts]]  # the columns of each; the name is "" where there is one table


def column_facts(fields: Sequence[Field], columns: Sequence[Column]) -> tuple[ColumnFacts, ...]:
    """What is known of each column of the output; one that a shape made has its type alone."""
    known = {f.name: f for f in fields}
    facts = []
    for column in columns:
        field = known.get(column.name)
        if field is None:
            facts.append(ColumnFacts(column.name, str(column.type), kind=column.type))
        else:
            said = tuple(constraints_of(field))
            facts.append(ColumnFacts(column.name, str(column.type), field.description, said, column.type))
    return tuple(facts)


def constraints_of(field: Field) -> Iterator[str]:
    """What the field's values must hold to, in words."""
    schema = field.schema
    if field.value is not None:
        yield "computed"
    for key, words in _KEYWORDS.items():
        if key in schema:
            yield words.format(_shown(schema[key]))
    for what, bounds in (("words", field.words), ("sentences", field.sentences)):
        if bounds != Bounds():
            yield _range(what, bounds.minimum, bounds.maximum)
    if field.rejects:
        yield "never " + ", ".join(field.rejects)
    if field.optional:
        yield "may be empty"


_KEYWORDS: Mapping[str, str] = {
    "enum": "one of {}",
    "const": "always {}",
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "pattern": "matches {}",
    "format": "{}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "uniqueItems": "no item twice: {}",
}


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        shown = ", ".join(_shown(v) for v in value[:20])
        return shown + (", …" if len(value) > 20 else "")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _range(what: str, minimum: int | None, maximum: int | None) -> str:
    if minimum is None:
        return f"at most {maximum} {what}"
    return f"at least {minimum} {what}" if maximum is None else f"{minimum} to {maximum} {what}"
