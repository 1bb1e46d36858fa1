"""pairs: questions and answers, `Q: … A: …`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthspec.formats import FormatFault, Parsed, Shape
from synthspec.formats.instructions.descriptions import count, describe_all
from synthspec.formats.recovery.coercion import spell
from synthspec.formats.recovery.markers import find_parts
from synthspec.formats.recovery.refusals import refuse
from synthspec.formats.recovery.wrappers import peel, read_last
from synthspec.formats.sections import rows_of
from synthspec.spec.messages import Constraint

SUMMARY = "two texts a row after labels, Q: … A: …"
OPTIONS: Mapping[str, str] = {"labels": "the two labels, [Q, A] unless given"}
STYLES = ("bold", "colon", "bracket", "tag", "heading")
_LONG = {"q": ("Question",), "a": ("Answer",)}


def faults(shape: Shape) -> Iterator[FormatFault]:
    """Why it cannot carry these fields."""
    if len(shape.fields) != 2:
        yield f"pairs carries two fields, and the prompt writes {len(shape.fields)}", "use json or csv"
    yield from (
        (f"pairs carries text, and {f.name} is {f.type.with_article}", "use json or csv")
        for f in shape.fields
        if f.type.kind not in ("text", "any")
    )
    given = shape.options.get("labels", ["Q", "A"])
    if (
        not isinstance(given, list | tuple)
        or len(given) != 2
        or not all(isinstance(g, str) and g.strip() for g in given)
    ):
        yield "labels must be two texts", "write [Q, A], or two others"
    elif given[0].strip().casefold() == given[1].strip().casefold():
        yield f"the labels are the same, {given[0]}", "write two different ones"


def instructions(shape: Shape) -> str:
    """What the prompt tells the model about the reply."""
    first, second = _labels(shape)
    return (
        f"Reply with {count(shape, 'pair')} and nothing before or after, each label at the start of a line:\n"
        f"{first}: …\n{second}: …\n"
        f"{first} is the {shape.names[0]}, {second} the {shape.names[1]}:\n{describe_all(shape)}"
    )


def constraint(shape: Shape) -> Constraint:
    """None: the labels alone say too little to hold a reply to."""
    return Constraint()


def write(rows: Sequence[Mapping[str, Any]], shape: Shape) -> str:
    """A label and a text, twice a row."""
    labels = _labels(shape)
    return "\n\n".join(
        "\n".join(f"{label}: {spell(row[n])}" for label, n in zip(labels, shape.names, strict=True)) for row in rows
    )


def parse(text: str, shape: Shape) -> Parsed:
    """A row each time the first label comes again."""
    return read_last("pairs", text, shape, _read)


def _read(text: str, shape: Shape) -> Parsed:
    body, _ = peel(text, (*shape.names, *_labels(shape)), markers=True)
    words = {
        name: tuple(dict.fromkeys((label, *_LONG.get(label.casefold(), ()), name)))
        for label, name in zip(_labels(shape), shape.names, strict=True)
    }
    parts, _ = find_parts(body, words, STYLES, shape.names)
    if not parts:
        return Parsed((), (refuse("pairs", "no label", f"no {_labels(shape)[0]}: in the reply", body),))
    return rows_of(parts, shape, "pairs", body)


def _labels(shape: Shape) -> tuple[str, str]:
    given = shape.options.get("labels", ("Q", "A"))
    return str(given[0]).strip(), str(given[1]).strip()
