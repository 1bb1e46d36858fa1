"""The JSON Schema of the language as an editor asks it: what may stand at a place, and what each text there means.

Beside the keywords of JSON Schema it has three of our own: `x-text` is the language of a text (`expression`,
`template`, `item` for `name in LIST`, `regex`), `x-names` what it names (a section of the spec, or a kind of plug-in),
and `x-keys` the same of a map's keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from synthspec.document.paths import NodePath
from synthspec.document.reader import ListNode, MapNode, Node, ScalarNode
from synthspec.document.resources import language_schema

Schema = Mapping[str, Any]
Schemas = tuple[Schema, ...]

_BRANCHES = ("anyOf", "oneOf")
_SCALARS = ("string", "number", "integer", "boolean", "null")


def root_schemas() -> Schemas:
    """What a whole file may be."""
    return (language_schema(),)


@cache
def _resolved(identity: int) -> list[tuple[Any, Schemas]]:
    return []


def alternatives(schema: Any) -> Schemas:
    """A schema as the forms a value may have: references followed, each `anyOf` taken apart.

    What stands beside a reference counts before what it leads to.
    """
    found = _resolved(id(schema))
    if not found or found[0][0] is not schema:
        found[:] = [(schema, tuple(_alternatives(schema)))]
    return found[0][1]


def _alternatives(schema: Any) -> Iterator[Schema]:
    if not isinstance(schema, Mapping):
        return
    if "$ref" in schema:
        beside = {k: v for k, v in schema.items() if k != "$ref"}
        target = language_schema()["$defs"].get(str(schema["$ref"]).rsplit("/", 1)[1], {})
        yield from ({**form, **beside} for form in alternatives(target))
        return
    key = next((k for k in _BRANCHES if k in schema), None)
    if key is None or "properties" in schema:
        yield schema
        return
    beside = {k: v for k, v in schema.items() if k not in (key, "x-list")}
    for branch in schema[key]:
        yield from ({**beside, **form} for form in alternatives(branch))


def described(schema: Any) -> str:
    """What a schema says of its value: its own words, else those of what it refers to."""
    if not isinstance(schema, Mapping):
        return ""
    if "description" in schema:
        return str(schema["description"])
    if "$ref" in schema:
        return described(language_schema()["$defs"].get(str(schema["$ref"]).rsplit("/", 1)[1], {}))
    return ""


def is_map(form: Schema) -> bool:
    """Whether a form is of maps."""
    return form.get("type") == "object" or "properties" in form


def is_list(form: Schema) -> bool:
    """Whether a form is of lists."""
    return form.get("type") == "array"


def is_scalar(form: Schema) -> bool:
    """Whether a form is, or may be, of single values."""
    kinds = form.get("type")
    named = [kinds] if isinstance(kinds, str) else kinds
    return "enum" in form or "const" in form or named is None or any(kind in _SCALARS for kind in named)


def fitting(forms: Schemas, node: Node | None) -> Schemas:
    """The forms that a node is most likely meant to have: for a map, those that know most of its keys."""
    if isinstance(node, ListNode):
        return tuple(f for f in forms if is_list(f)) or forms
    if not isinstance(node, MapNode):
        return forms
    maps = tuple(f for f in forms if is_map(f))
    keys = {e.key.text for e in node.entries}
    if len(maps) < 2 or not keys:
        return maps
    scores = [_score(form, keys) for form in maps]
    return tuple(f for f, score in zip(maps, scores, strict=True) if score == max(scores))


def _score(form: Schema, keys: set[str]) -> tuple[int, int]:
    known = keys & set(form.get("properties", {}))
    return len(known & set(form.get("required", ()))), len(known)


def below(forms: Schemas, step: str | int, node: Node | None = None) -> tuple[Any, ...]:
    """The schemas of what stands under a key, or is an item, of a value of one of these forms."""
    found: list[Any] = []
    for form in fitting(forms, node):
        if isinstance(step, int):
            inner = form.get("items")
        else:
            inner = form.get("properties", {}).get(step)
            if inner is None:
                inner = form.get("additionalProperties")
        if isinstance(inner, Mapping) and inner not in found:
            found.append(inner)
    return tuple(found)


def at_path(path: NodePath, root: Node | None) -> Schemas:
    """The forms of what may stand at a path; `root` is the document as far as it is written."""
    forms: Schemas = alternatives(root_schemas()[0])
    node = root
    for step in path:
        forms = tuple(form for schema in below(forms, step, node) for form in alternatives(schema))
        node = child(node, step)
    return forms


def child(node: Node | None, step: str | int) -> Node | None:
    """What stands under a key, or is an item; a single value is a list of one."""
    if isinstance(node, MapNode):
        return node.get(str(step))
    if isinstance(node, ListNode):
        return node.items[step] if isinstance(step, int) and step < len(node.items) else None
    return None


def scalar_roles(forms: Schemas, node: ScalarNode) -> tuple[str, str]:
    """(`x-text`, `x-names`) of a scalar; "" where it has none."""
    text = names = ""
    for form in forms:
        if is_scalar(form):
            text = text or str(form.get("x-text", ""))
            names = names or str(form.get("x-names", ""))
    return (text, names) if isinstance(node.value, str) or names else ("", names)
