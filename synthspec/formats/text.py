"""text: the whole reply is the value of the one field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from textwrap import dedent
from typing import Any

from synthspec.formats import FormatFault, Parsed, Shape
from synthspec.formats.instructions.descriptions import describe
from synthspec.formats.recovery.coercion import FieldReader, spell
from synthspec.formats.recovery.refusals import refuse
from synthspec.formats.recovery.remarks import fold, is_refusal, is_speaker, judge_preamble
from synthspec.formats.recovery.sightings import holds_any, lowered
from synthspec.formats.recovery.versions import announces_version, has_versions, is_later_title
from synthspec.formats.recovery.wrappers import letters, peel, read_last
from synthspec.languages.lazy_patterns import lazy_pattern
from synthspec.spec import Field
from synthspec.spec.conversation import holds_messages
from synthspec.spec.messages import Constraint

SUMMARY = "the whole reply is one text"
OPTIONS: Mapping[str, str] = {}


def faults(shape: Shape) -> Iterator[FormatFault]:
    """Why it cannot carry these fields."""
    if len(shape.fields) != 1:
        yield f"text carries one field, and the prompt writes {len(shape.fields)}", "use sections or json"
    if shape.rows > 1:
        yield f"text carries one row, and the prompt asks for {shape.rows}", "use csv or json"
    yield from (
        (f"text carries text, and {f.name} is {_kind_of(f)}", "use turns or json" if holds_messages(f) else "use json")
        for f in shape.fields
        if f.type.kind in ("list", "map")
    )


def _kind_of(field: Field) -> str:
    return "a conversation" if holds_messages(field) else field.type.with_article


def instructions(shape: Shape) -> str:
    """What the prompt tells the model about the reply."""
    field = shape.fields[0]
    facts = describe(field).removeprefix(f"- {field.name}: ")
    stop = "" if "\n" in facts else "."
    wanted = f"Reply with the {field.name.replace('_', ' ')} and nothing else: nothing before or after it"
    return f"{wanted}, no quotation marks, no heading." + ("" if facts == "text" else f"\nIt is {facts}{stop}")


def constraint(shape: Shape) -> Constraint:
    """A pattern or an enum, where the field has one; text is free else."""
    from synthspec.formats.instructions.constraints import field_regex

    return Constraint(regex=field_regex(shape.fields[0]))


def write(rows: Sequence[Mapping[str, Any]], shape: Shape) -> str:
    """The value itself; in a code fence where it would be read otherwise."""
    value = spell(rows[0][shape.names[0]]) if rows else ""
    if _read(value, shape).rows == ({shape.names[0]: value},):
        return value
    mark = "```"
    while mark in value:
        mark += "`"
    return f"{mark}\n{value}\n{mark}"


def parse(text: str, shape: Shape) -> Parsed:
    """The reply as one row."""
    return read_last("text", text, shape, _read)


def _read(text: str, shape: Shape) -> Parsed:
    names = shape.names
    name = names[0]
    body, doubt = peel(text, names)
    if not text.strip():
        return _refused("empty reply", "the reply is empty", "")
    if not body.strip():
        return _row(body, shape, body)
    if is_refusal(body) or _ASKS.match(body) or (_OFFERS.match(body) and not letters(names)):
        return _refused("refusal", "the model declines", body)
    if judge_preamble(body, names) == "surely":
        return _refused("no text", "the reply only announces the text", body)
    if _CHOICES.match(text.lstrip()):
        return _refused("several", "the reply offers several texts", body)
    body = _last_fence(_DRAFTED.sub("", body))
    fence = _fence_of(body, text)
    if fence is not None:
        return _row(_fenced(body, fence, name), shape, body)
    value = _value(body.strip(), name)
    if value is not None and doubt and doubt in value:
        return _refused("unclear end", "a line may speak about the text or belong to it", doubt)
    if value is not None and _labelled_again(value, name):
        return _refused("several", "the text has a label in its middle", body)
    if value is not None and _several(value):
        return _refused("several", "the reply holds several texts", body)
    if value is not None and has_versions(value):
        return _refused("several", "a line announces another version of the text", body)
    if value is not None and _spoken(value):
        return _refused("another speaker", "another turn begins inside the text", body)
    return _row(value, shape, body)


def _labelled_again(value: str, name: str) -> bool:
    """Whether a text that begins with a label has its field's name as a label further down."""
    if ":" not in value or "\n" not in value or not _OWN_LINE.match(value):
        return False
    return fold(name) in [fold(m[1]) for m in _OWN_LINE.finditer(value)][1:]


def _last_fence(body: str) -> str:
    """The last of two code blocks, where nothing but a line between them stands outside, and it announces the last.

    Blocks of code are a part of a text that explains them, unless the line announces another version.
    """
    found = _TWO_FENCES.fullmatch(body.strip())
    if found is None:
        return body
    line, languages = found["between"], {found["one"].casefold(), found["other"].casefold()}
    newer = is_later_title(line) or announces_version(line)
    return found["last"] if newer or (line.rstrip(" *_").endswith(":") and languages <= _PROSE) else body


def _several(value: str) -> bool:
    """Whether a text is several, each under its number or letter."""
    if "\n" not in value or not holds_any(lowered(value), _OPTIONS):
        return False
    return len({m["which"].casefold() for m in _OPTION.finditer(value)}) > 1


def _row(value: str | None, shape: Shape, body: str) -> Parsed:
    if value is None:
        return _refused("no text", "the reply is a form, not its text", body)
    return Parsed(({shape.names[0]: FieldReader(shape.fields[0]).value(value)},))


_FENCES = lazy_pattern(r"\A```\w*\n|\n```\Z")
_TWO_FENCES = lazy_pattern(
    r"```(?P<one>\w*)\n(?:(?!```).)*?\n```\s*\n(?P<between>[^\n`]{1,200})\n\s*```(?P<other>\w*)\n(?P<last>(?:(?!```).)*?)\n```",
    re.DOTALL,
)
_PROSE = frozenset(("", "text", "txt", "plain", "plaintext", "markdown", "md", "json", "yaml", "yml", "output"))
_LABELLED = lazy_pattern(
    r"[ \t]*(?:#{1,6}[ \t]*)?(?P<open>\*\*|__|\*|_|\[|<)?(?P<name>\w[\w \-]{0,60}?)[ \t]*(?P<end>[:：\]>*_]+)[ \t]*"
)
_OPTION = lazy_pattern(
    r"(?im)^[*_#> ]*(?:option|version|variant|alternative|draft) (?P<which>1|2|a|b|one|two)\b[^\n]{0,40}$"
)
_CHOICES = lazy_pattern(
    r"[^\n]{0,120}\b(?:two|three|four|five|several|\d) (?:\w+ )?(?:options|versions|variants|alternatives|choices)\b"
    r"[^\n]{0,80}:[ \t*_]*\n\s*(?:[*_#]*(?:1|a)[.):]|[-*•] )",
    re.IGNORECASE,
)
_DRAFTED = lazy_pattern(
    r"\A[*_#]*(?:(?:first|rough|my) )?draft[ \t]*[*_]*:.{1,4000}?\n[ \t]*\n[*_#]*"
    r"(?:final|revised|polished|corrected|improved)"
    r"(?: (?:version|text|draft))?[ \t]*[*_]*:[*_]*\s*(?=\S)",
    re.IGNORECASE | re.DOTALL,
)
_OPTIONS = ("option", "version", "variant", "alternative", "draft")
_OWN_LINE = lazy_pattern(r"(?m)^[*_#> ]*(\w[\w -]{0,40}?)[*_ ]*:")
_ANSWER = lazy_pattern(
    r"\A(?:\*\*)?(?:the )?(?:final )?(?:answer|output|response|result)(?:\*\*)?:(?:\*\*)?[ \t]+(?=\S)", re.IGNORECASE
)
_KEYS = frozenset("text answer output response result content value reply".split())
_OFFERS = lazy_pattern(
    r"(?i)(?:sure|of course|certainly|absolutely|(?:i(?:['’]d| would) be|i(?:['’]m| am)) (?:happy|glad) to help)"
    r"[^\n?]{0,80}?[!.,]\s+(?:but )?"
    r"(?:(?:could|can|would) you (?:please )?(?:tell|provide|share|clarify|specify|give)\b"
    r"|please (?:provide|share|specify|clarify|tell)\b|what (?:kind|sort|topic|tone|product)\b)[^\n]{0,200}[?.!]\Z"
)
_ASKS = lazy_pattern(
    r"(?i)(?:(?:could|can|would) you (?:please )?(?:tell|provide|share|clarify|specify|give)\b"
    r"|please (?:provide|share|specify|clarify|tell)\b|what (?:kind|sort|topic|tone)\b)"
    r"[^\n]{0,200}\b(?:topic|tone|style|format|context|details|length|audience|instructions?"
    r"|you(?:['’]d| would) like)\b[^\n]{0,200}[?.!]\Z"
)
_TALK = lazy_pattern(r"\s*(?:\*\*)?[A-Z][\w .]{0,30}(?:\*\*)?:")


def _refused(cause: str, why: str, text: str) -> Parsed:
    return Parsed((), (refuse("text", cause, why, text),))


def _fence_of(body: str, text: str) -> str | None:
    """The line that opens the code fence around the text, where the reply has one."""
    at = text.find(body)
    above = text[:at].rstrip("\n").rpartition("\n")[2].strip() if at > 0 else ""
    return above if above[:3] in ("```", "~~~") and body != text.strip() else None


def _fenced(body: str, fence: str, name: str) -> str | None:
    """What a fence holds is the text as it stands, unless it is named as JSON or YAML and is that."""
    language = fence.strip("`~ ").casefold()
    if language == "json":
        return _from_json(body, name)
    return _from_bar(_unlabelled(body, name)) if language in ("yaml", "yml") else body


def _value(body: str, name: str) -> str | None:
    """The text without its label, its quotation marks, its YAML or its JSON; None where that holds no text."""
    found = _from_json(body, name)
    if found is not body:
        return found
    body = _unlabelled(body, name)
    body = _ANSWER.sub("", body)
    body = _from_bar(body)
    return _unquoted(body, name)


def _from_json(body: str, name: str) -> str | None:
    inside = _FENCES.sub("", body) if "```" in body else body
    if not inside.startswith(("{", "[")):
        return body
    try:
        found = json.loads(inside, strict=False)
    except (ValueError, RecursionError):
        cut = re.match(r"[\[{\s]*\"([^\"\n]{1,80})\"\s*:", inside)
        return None if cut and fold(cut[1]) == fold(name) else body
    while isinstance(found, list) and len(found) == 1:
        found = found[0]
    if isinstance(found, dict) and len(found) == 1:
        key, value = next(iter(found.items()))
        if (fold(key) == fold(name) or key.casefold() in _KEYS) and isinstance(value, str | int | float):
            return value if isinstance(value, str) else json.dumps(value)
    own = [v for k, v in found.items() if fold(k) == fold(name)] if isinstance(found, dict) else []
    if len(own) == 1 and isinstance(own[0], str):
        return own[0]  # beside others that nobody asked for
    if isinstance(found, dict) and isinstance(found.get("properties"), dict) and name in found["properties"]:
        return None
    return body


def _unlabelled(body: str, name: str) -> str:
    match = _LABELLED.match(body)
    if match is None or fold(match["name"]) != fold(name) or not body[match.end() :].strip():
        return body
    closed = re.sub(
        rf"\s*(?:\[/{re.escape(match['name'])}\]|</{re.escape(match['name'])}>)\s*\Z",
        "",
        body[match.end() :],
        flags=re.IGNORECASE,
    )
    return closed.strip("\n") if closed.strip() else body


def _from_bar(body: str) -> str:
    """The text of a YAML block, `|` and then indented lines."""
    mark, found, rest = body.partition("\n")
    if not found or re.fullmatch(r"[|>][-+]?", mark.strip()) is None:
        return body
    lines = rest.split("\n")
    return dedent(rest).strip() if all(line[:1] in (" ", "\t") for line in lines if line.strip()) else body


def _unquoted(body: str, name: str) -> str:
    """The inside of the only quotation marks: around the whole, or with a remark before or after them."""
    for opening, closing in (('"', '"'), ("“", "”")):
        if len(body) < 3 or body.count(opening) + (body.count(closing) if opening != closing else 0) != 2:
            continue
        start, end = body.find(opening), body.rfind(closing)
        before, after = body[:start], body[end + 1 :]
        if end - start < 2:
            continue
        announced = not before or (before.rstrip().endswith(":") and judge_preamble(before.strip(), (name,)) != "")
        if announced and (not after or (not before and after.startswith("\n\n"))):
            return body[start + 1 : end].strip()
    said, found, rest = body.partition(": ")
    if found and "\n" not in said and judge_preamble(said + ":", (name,)) == "surely":
        return rest.strip()
    return body


def _spoken(value: str) -> bool:
    """Whether another turn of a chat begins after the text, which is no talk itself."""
    lines = value.split("\n")
    return "[INST]" in value or (not _TALK.match(value) and any(map(is_speaker, lines[1:])))
