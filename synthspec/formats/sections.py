"""sections: each field's text below a marker, `[call] … [summary] …`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthspec.formats import FormatFault, Parsed, Shape
from synthspec.formats.instructions.descriptions import count, describe_all
from synthspec.formats.recovery.between import in_fences, is_titled, other_speaker, settle
from synthspec.formats.recovery.coercion import FieldReader, spell
from synthspec.formats.recovery.grouping import grouped, unclear_groups
from synthspec.formats.recovery.markers import MarkedText, find_parts
from synthspec.formats.recovery.refusals import refuse
from synthspec.formats.recovery.remarks import judge_preamble
from synthspec.formats.recovery.wrappers import peel, read_last
from synthspec.spec.messages import Constraint
from synthspec.spec.rows import Rejection

SUMMARY = "each field below a [marker]; best for long texts"
OPTIONS: Mapping[str, str] = {}
STYLES = ("bracket", "tag", "heading", "bold", "colon")


def faults(shape: Shape) -> Iterator[FormatFault]:
    """Why it cannot carry these fields."""
    folded: dict[str, str] = {}
    for name in shape.names:
        other = folded.setdefault(name.replace("_", "").casefold(), name)
        if other != name:
            yield f"[{other}] and [{name}] cannot be told apart", "rename one"


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
    return read_last("sections", text, shape, _read)


def _read(text: str, shape: Shape) -> Parsed:
    body, doubt = peel(text, shape.names, markers=True)
    words = {f.name: (f.name,) for f in shape.fields}
    needed = [f.name for f in shape.fields if not f.optional]
    parts, first = find_parts(body, words, STYLES, needed)
    parts = _headless(body, shape, parts, first, doubt) or parts
    if not parts:
        return Parsed((), (refuse("sections", "no marker", f"no [{shape.names[0]}] in the reply", body),))
    return rows_of(parts, shape, "sections", body)


def _headless(body: str, shape: Shape, parts: list[MarkedText], first: int, doubt: str) -> list[MarkedText] | None:
    """The parts with the text before them as the first field, where only its marker is missing."""
    lead = body[:first].strip()
    missing = [n for n in shape.names if n not in {p.name for p in parts}]
    if missing != [shape.names[0]] or not lead or shape.rows > 1 or len(parts) != len(shape.names) - 1:
        return None
    opening = lead.partition("\n")[0]
    name = re.escape(shape.names[0]).replace("_", "[ _-]")
    if re.search(rf"(?i)[\[<#*][ \t]*{name}\b|\b{name}[ \t]*[\]>:*]", lead):
        return None  # its marker is there, but in a place where none is read
    if judge_preamble(opening, shape.names) or lead.endswith(":") or (doubt and doubt in lead):
        return None
    return [MarkedText(shape.names[0], lead, 0, first), *parts] if FieldReader(shape.fields[0]).fits(lead) else None


def rows_of(parts: Sequence[MarkedText], shape: Shape, form: str, body: str) -> Parsed:
    """Parts grouped into rows; rejected where one lacks a field, has one twice, or holds what may be no value."""
    columns = {f.name: FieldReader(f) for f in shape.fields}
    rows: list[dict[str, Any]] = []
    rejections: list[Rejection] = []
    groups = grouped(parts, shape, body)
    titled, fenced = is_titled(body[: parts[0].start]), in_fences(body, parts)
    shifted = unclear_groups(groups, shape.names[0], body)
    for number, group in enumerate(groups, 1):
        names = [p.name for p in group]
        source = body[group[0].start : group[-1].end]
        missing = [n for n, c in columns.items() if n not in names and not c.field.optional]
        speaker = next((s for p in group if (s := other_speaker(p.text))), "")
        if speaker:
            rejections.append(refuse(form, "another speaker", "another turn begins inside a row", speaker))
            break
        if len(set(names)) != len(names):
            twice = next(n for n in names if names.count(n) > 1)
            rejections.append(refuse(form, "a part twice", f"{twice} comes twice in one row", source))
            continue
        if missing:
            why = f"{', '.join(missing)} is missing"
            rejections.append(refuse(form, "missing part", why, source))
            continue
        if number - 1 in shifted:
            why = f"a part before it has no {shape.names[0]}, so its own may be of another row"
            rejections.append(refuse(form, "unclear order", why, source))
            continue
        values = {p.name: settle(p, p.start in fenced, shape.names, number, p is group[-1], titled) for p in group}
        doubt = next((v.doubt for v in values.values() if v.doubt), "")
        if not doubt and number == len(groups) > 1:
            doubt = _surplus(values[names[-1]].text, [g[-1] for g in groups[:-1]])
        if doubt:
            rejections.append(
                refuse(form, "unclear end", "a line may belong to a value or stand between the rows", doubt)
            )
            continue
        rows.append({n: columns[n].value(v.text) for n, v in values.items()})
    if parts and rows and all(_QUOTED.match(str(v)) for r in rows for v in r.values()) and len(shape.fields) > 1:
        rows = [{n: columns[n].value(v[1:-1]) if isinstance(v, str) else v for n, v in r.items()} for r in rows]
    ordered = tuple({n: r[n] for n in columns if n in r} for r in rows)
    return Parsed(ordered, tuple(rejections))


_QUOTED = re.compile(r"\"[^\"]+\"\Z")


def _surplus(last: str, others: Sequence[MarkedText]) -> str:
    """A second paragraph at the end of the last row where no other row ends with two."""
    above, found, paragraph = last.rpartition("\n\n")
    if not found or "\n\n" in above or len(paragraph) > 300 or paragraph.lstrip().startswith(("-", "*", "1")):
        return ""
    return "" if any("\n\n" in _first_block(p.text) for p in others) else paragraph


def _first_block(text: str) -> str:
    """The text without its last paragraph where that is one line: a heading, or a remark."""
    above, found, paragraph = text.rstrip().rpartition("\n\n")
    return above if found and "\n" not in paragraph and len(paragraph) < 60 else text
