"""regex: rows are the matches of a regular expression whose named groups are the fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthspec.diagnostics import nearest
from synthspec.diagnostics.remedies import suggest
from synthspec.formats import FormatFault, Parsed, Shape
from synthspec.formats.instructions.constraints import honoured
from synthspec.formats.instructions.descriptions import count, describe_all
from synthspec.formats.recovery.coercion import FieldReader
from synthspec.formats.recovery.fill import fill, in_python, ungrouped
from synthspec.formats.recovery.refusals import refuse
from synthspec.formats.recovery.wrappers import before_speaker, peel, read_last
from synthspec.languages.patterns import PatternFault, PatternTimeout, SafeRegex, compile_pattern
from synthspec.spec.messages import Constraint
from synthspec.spec.rows import Rejection

SUMMARY = "the matches of a regular expression with named groups"
OPTIONS: Mapping[str, str] = {"regex": "a regular expression; its named groups are the fields"}


def faults(shape: Shape) -> Iterator[FormatFault]:
    """Why it cannot carry these fields."""
    pattern = shape.options.get("regex")
    if not isinstance(pattern, str):
        yield "regex needs a regular expression", "write {regex: '(?P<name>…)'}"
        return
    try:
        compiled = _compiled(pattern)
    except PatternFault as e:
        yield f"the regular expression is wrong, {e}", "correct it"
        return
    groups = compiled.names
    yield from (
        (f"no field is named {g!r}, as a group is", _named(g, shape)) for g in sorted(groups - set(shape.names))
    )
    yield from (
        (f"no group is named {f.name!r}", f"add (?P<{f.name}>…)")
        for f in shape.fields
        if f.name not in groups and not f.optional
    )
    if compiled.fullmatch(""):
        yield "the regular expression matches an empty text", "let it match one character at least"


def _named(group: str, shape: Shape) -> str:
    near = nearest(group, shape.names)
    return suggest(near) if near else f"write (?:…) for it; the fields are {', '.join(shape.names)}"


def instructions(shape: Shape) -> str:
    """What the prompt tells the model about the reply."""
    return (
        f"Reply with {count(shape, 'item')}, each matching this regular expression, "
        f"each from a new line, nothing before or after:\n{shape.options['regex']}\n{describe_all(shape)}"
    )


def constraint(shape: Shape) -> Constraint:
    """The expression itself, once for each row, where backends take it."""
    one = ungrouped(str(shape.options["regex"]))
    if one is None:
        return Constraint()
    whole = one if shape.rows == 1 else rf"(?:{one})(?:\n(?:{one})){{{shape.rows - 1}}}"
    return Constraint(regex=whole) if honoured("regex", whole) else Constraint()


def write(rows: Sequence[Mapping[str, Any]], shape: Shape) -> str:
    """The shortest text of the expression around each row's values."""
    return "\n".join(fill(str(shape.options["regex"]), row) for row in rows)


def _compiled(pattern: str) -> SafeRegex:
    return compile_pattern("(?m)" + in_python(pattern))


def parse(text: str, shape: Shape) -> Parsed:
    """Every match is a row."""
    return read_last("regex", text, shape, _read)


def _read(text: str, shape: Shape) -> Parsed:
    body = before_speaker(text, str(shape.options["regex"]))
    parsed = _matches(body, shape)
    bare, _ = peel(body, ())
    return parsed if parsed.rows or bare == body else _matches(bare, shape)


def _matches(body: str, shape: Shape) -> Parsed:
    columns = {f.name: FieldReader(f) for f in shape.fields}
    rows: list[dict[str, Any]] = []
    rejections: list[Rejection] = []
    try:
        for match in _compiled(shape.options["regex"]).finditer(body):
            groups = {n: v for n, v in match.groupdict().items() if n in columns and v is not None}
            missing = [n for n, c in columns.items() if n not in groups and not c.field.optional]
            if missing:
                why = f"{', '.join(missing)} is missing"
                rejections.append(refuse("regex", "missing group", why, str(match[0])))
            else:
                rows.append({n: columns[n].value(groups[n]) for n in columns if n in groups})
    except PatternTimeout:
        rejections.append(refuse("regex", "too slow", "the regular expression needs too many steps", body))
    if not rows and not rejections:
        rejections.append(refuse("regex", "no match", "the regular expression matches nowhere", body))
    return Parsed(tuple(rows), tuple(rejections))
