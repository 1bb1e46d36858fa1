"""text: the whole reply is the value of the one field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthspec.formats import Parsed, Shape
from synthspec.formats._clean import tidy, unfence, without_preamble
from synthspec.formats._coerce import Column, spell
from synthspec.formats._describe import describe
from synthspec.formats._refuse import refuse
from synthspec.records import Constraint

SUMMARY = "the whole reply is one text"
OPTIONS: Mapping[str, str] = {}


def faults(shape: Shape) -> Iterator[str]:
    """Why it cannot carry these fields."""
    if len(shape.fields) != 1:
        yield f"text carries one field, and the prompt writes {len(shape.fields)}: use sections or json"
    if shape.rows > 1:
        yield f"text carries one row, and the prompt asks for {shape.rows}: use csv or json"
    yield from (
        f"text carries text, and {f.name} is {f.type.with_article}: use json"
        for f in shape.fields
        if f.type.kind in ("list", "map")
    )


def instructions(shape: Shape) -> str:
    """What the prompt tells the model about the reply."""
    field = shape.fields[0]
    facts = describe(field).removeprefix(f"- {field.name}: ")
    wanted = f"Reply with the {field.name.replace('_', ' ')} and nothing else: nothing before or after it"
    return f"{wanted}, no quotation marks, no heading." + ("" if facts == "text" else f"\nIt is {facts}.")


def constraint(shape: Shape) -> Constraint:
    """A pattern or an enum, where the field has one; text is free else."""
    from synthspec.formats._constrain import field_regex

    return Constraint(regex=field_regex(shape.fields[0]))


def write(rows: Sequence[Mapping[str, Any]], shape: Shape) -> str:
    """The value itself; in a code fence where it would be read otherwise."""
    value = spell(rows[0][shape.names[0]]) if rows else ""
    if _unwrapped(value) == value:
        return value
    mark = "```"
    while mark in value:
        mark += "`"
    return f"{mark}\n{value}\n{mark}"


def parse(text: str, shape: Shape) -> Parsed:
    """The reply as one row."""
    value = _unwrapped(text)
    fenced = value == "" and text.strip() != ""
    if not value and not fenced:
        return Parsed((), (refuse("text", "empty reply", "the reply is empty", ""),))
    return Parsed(({shape.names[0]: Column(shape.fields[0]).value(value)},))


def _unwrapped(text: str) -> str:
    body = without_preamble(tidy(text)).strip()
    inside = unfence(body)
    if inside is not None:
        return inside
    for opening, closing in (('"', '"'), ("“", "”")):
        wrapped = len(body) > 2 and body.startswith(opening) and body.endswith(closing)
        if wrapped and opening not in body[1:-1] and closing not in body[1:-1]:
            return body[1:-1].strip()
    return body
