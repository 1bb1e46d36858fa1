"""sections: each field's text below a marker, `[call] … [summary] …`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthspec.formats import Parsed, Shape
from synthspec.formats._clean import is_preamble, tidy, unfence
from synthspec.formats._coerce import Column, spell
from synthspec.formats._describe import count, describe_all
from synthspec.formats._markers import Part, find_parts
from synthspec.formats._refuse import refuse
from synthspec.records import Constraint, Rejection

SUMMARY = "each field below a [marker]; best for long texts"
OPTIONS: Mapping[str, str] = {}
STYLES = ("bracket", "tag", "heading", "bold", "colon")


def faults(shape: Shape) -> Iterator[str]:
    """Why it cannot carry these fields."""
    folded: dict[str, str] = {}
    for name in shape.names:
        other = folded.setdefault(name.replace("_", "").casefold(), name)
        if other != name:
            yield f"[{other}] and [{name}] cannot be told apart: rename one"


def instructions(shape: Shape) -> str:
    """What the prompt tells the model about the reply."""
    skeleton = "\n".join(f"[{n}]\n…" for n in shape.names)
    again = "" if shape.rows == 1 else f"\nWrite {count(shape, 'row')}, each beginning with [{shape.names[0]}] again."
    return (
        "Reply with each part below its marker, the marker alone on its line, nothing before or after:\n"
        f"{skeleton}{again}\n{describe_all(shape)}"
    )


def constraint(shape: Shape) -> Constraint:
    """None: the markers alone say too little to hold a reply to."""
    return Constraint()


def write(rows: Sequence[Mapping[str, Any]], shape: Shape) -> str:
    """Each value below its marker."""
    return "\n\n".join(
        "\n".join(f"[{n}]\n{spell(row[n])}" for n in shape.names if row.get(n) is not None) for row in rows
    )


def parse(text: str, shape: Shape) -> Parsed:
    """A row each time the first marker comes again."""
    body = tidy(text)
    inside = unfence(body)
    body = body if inside is None else inside
    words = {f.name: (f.name,) for f in shape.fields}
    needed = [f.name for f in shape.fields if not f.optional]
    parts, first = find_parts(body, words, STYLES, needed)
    parts = _headless(body, shape, parts, first) or parts
    if not parts:
        return Parsed((), (refuse("sections", "no marker", f"no [{shape.names[0]}] in the reply", body),))
    return rows_of(parts, shape, "sections", body)


def _headless(body: str, shape: Shape, parts: list[Part], first: int) -> list[Part] | None:
    """The parts with the text before them as the first field, where only its marker is missing."""
    lead = body[:first].strip()
    missing = [n for n in shape.names if n not in {p.name for p in parts}]
    if missing != [shape.names[0]] or not lead or shape.rows > 1 or len(parts) != len(shape.names) - 1:
        return None
    opening = lead.partition("\n")[0]
    if is_preamble(opening) or lead.endswith(":") or not Column(shape.fields[0]).fits(lead):
        return None
    return [Part(shape.names[0], lead, 0, first), *parts]


def rows_of(parts: Sequence[Part], shape: Shape, form: str, body: str) -> Parsed:
    """Parts grouped into rows; a group that lacks a field, or has one twice, is rejected."""
    columns = {f.name: Column(f) for f in shape.fields}
    rows: list[dict[str, Any]] = []
    rejections: list[Rejection] = []
    for group in _groups(parts):
        names = [p.name for p in group]
        source = body[group[0].start : group[-1].end]
        missing = [n for n, c in columns.items() if n not in names and not c.field.optional]
        if len(set(names)) != len(names):
            twice = next(n for n in names if names.count(n) > 1)
            rejections.append(refuse(form, "a part twice", f"{twice} comes twice in one row", source))
        elif missing:
            why = f"{', '.join(missing)} is missing"
            rejections.append(refuse(form, "missing part", why, source))
        else:
            rows.append({p.name: columns[p.name].value(p.text) for p in group})
    ordered = tuple({n: r[n] for n in columns if n in r} for r in rows)
    return Parsed(ordered, tuple(rejections))


def _groups(parts: Sequence[Part]) -> list[list[Part]]:
    groups: list[list[Part]] = []
    for part in parts:
        if not groups or part.name == parts[0].name:
            groups.append([])
        groups[-1].append(part)
    return groups
