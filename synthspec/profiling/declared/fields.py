"""What is declared: fields with a JSON Schema each, whose references are followed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from synthspec.languages.patterns import PatternFault, parse_pattern
from synthspec.lazy_dataclass import dataclass

DEEPEST = 8
KEYWORDS = frozenset(
    "type description enum const pattern minLength maxLength format minimum maximum exclusiveMinimum exclusiveMaximum "
    "multipleOf items minItems maxItems uniqueItems properties required additionalProperties anyOf oneOf".split()
)
FORMATS = frozenset("date date-time time email uri uuid ipv4 ipv6 hostname".split())


@dataclass(frozen=True, slots=True)
class DeclaredField:
    """A column: its JSON Schema without null, whether it may be missing, and what is said of it.

    `counter` is the number of the first row where it is a key that counts; `refers` (table, rows) where it is the key
    of another table with so many rows.
    """

    header: str
    schema: Mapping[str, Any]
    optional: bool = False
    notes: tuple[str, ...] = ()
    counter: int | None = None
    refers: tuple[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """Fields that belong together; `origin` is what they were declared in, `lost` what of it no field keeps."""

    name: str
    origin: str
    fields: tuple[DeclaredField, ...]
    description: str = ""
    lost: tuple[str, ...] = ()


def resolved(schema: Any, root: Mapping[str, Any], depth: int = 0) -> tuple[dict[str, Any], bool, tuple[str, ...]]:
    """A schema with its references followed, whether null fits it, and notes on what was chosen or left out."""
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        return {}, False, ()
    if "$ref" in schema:
        target = _target(str(schema["$ref"]), root)
        beside = {k: v for k, v in schema.items() if k != "$ref"}
        return resolved({**(target if isinstance(target, Mapping) else {}), **beside}, root, depth + 1)
    found: dict[str, Any] = {}
    null = False
    notes: tuple[str, ...] = ()
    for part in schema.get("allOf", ()):
        inner, _, more = resolved(part, root, depth + 1)
        found |= {k: v for k, v in inner.items() if k != "type" or "type" not in found}
        notes += more
    for choice in ("anyOf", "oneOf"):
        options = [o for o in schema.get(choice, ()) if isinstance(o, Mapping)]
        left = [o for o in options if o.get("type") != "null"]
        null = null or len(left) < len(options)
        if left:
            inner, inner_null, more = resolved(left[0], root, depth + 1)
            found |= inner
            null, notes = null or inner_null, notes + more
            if len(left) > 1:
                notes += (f"the first of {len(left)} forms that it may have",)
    found |= {k: v for k, v in schema.items() if k in KEYWORDS - {"anyOf", "oneOf"}}
    return *_one_type(found, null, root, depth), notes


def _one_type(found: dict[str, Any], null: bool, root: Mapping[str, Any], depth: int) -> tuple[dict[str, Any], bool]:
    """The schema with one type, and its inner schemas resolved."""
    kinds = found.get("type")
    if isinstance(kinds, list):
        null = null or "null" in kinds
        left = [k for k in kinds if k != "null"]
        found["type"] = left[0] if left else "string"
    if isinstance(found.get("enum"), list):
        null = null or None in found["enum"]
        found["enum"] = [v for v in found["enum"] if v is not None]
    if found.get("format") not in FORMATS:
        found.pop("format", None)
    if isinstance(found.get("items"), Mapping):
        found["items"] = resolved(found["items"], root, depth + 1)[0]
    elif "items" in found:
        found.pop("items")
    if isinstance(found.get("properties"), Mapping):
        found["properties"] = {str(k): resolved(v, root, depth + 1)[0] for k, v in found["properties"].items()}
    _without_contradictions(found)
    if "type" not in found:
        kinds_of = {dict: "object", list: "array", bool: "boolean", int: "integer", float: "number"}
        for keyword, kind in (
            ("properties", "object"),
            ("items", "array"),
            ("minimum", "number"),
            ("maximum", "number"),
        ):
            if keyword in found:
                found["type"] = kind
        if found.get("enum"):
            found["type"] = kinds_of.get(type(found["enum"][0]), "string")
    return found, null


def _without_contradictions(found: dict[str, Any]) -> None:
    """Bounds that no value keeps, and patterns that cannot be read, say nothing that a row could follow."""
    for low, high in (("minimum", "maximum"), ("minLength", "maxLength"), ("minItems", "maxItems")):
        ends = found.get(low), found.get(high)
        if all(isinstance(e, int | float) for e in ends) and ends[0] > ends[1]:  # type: ignore[operator]
            del found[low], found[high]
    if isinstance(found.get("pattern"), str):
        try:
            parse_pattern(found["pattern"])
        except PatternFault:
            del found["pattern"]


def _target(reference: str, root: Mapping[str, Any]) -> Any:
    """What a reference within the schema names; None where it names another file."""
    place: Any = root
    if not reference.startswith("#"):
        return None
    for part in reference[1:].split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        place = place.get(part) if isinstance(place, Mapping) else None
    return place
