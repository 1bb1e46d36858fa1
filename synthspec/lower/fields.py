"""`fields`: the columns, their types, and rules that contradict themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from synthspec.document import MapNode, Node, ScalarNode, to_data
from synthspec.expressions import names_of
from synthspec.expressions.types import ANY, Type, fits, type_of, type_of_values
from synthspec.lower.context import Lowering, scalar_text, value_of
from synthspec.spec import Bounds, Clean, Field

_KINDS: Mapping[str, Type] = {
    "string": Type("text"),
    "integer": Type("integer"),
    "number": Type("number"),
    "boolean": Type("boolean"),
    "array": Type("list", item=ANY),
    "object": Type("map"),
}
_NAMES = {t.kind: n for n, t in _KINDS.items()}
_APPLIES = {
    "string": ("pattern", "minLength", "maxLength", "format", "words", "sentences", "rejects", "clean"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "array": ("items", "minItems", "maxItems", "uniqueItems"),
    "object": ("properties", "required", "additionalProperties"),
}
_RANGES = (
    ("minimum", "maximum"),
    ("exclusiveMinimum", "exclusiveMaximum"),
    ("minimum", "exclusiveMaximum"),
    ("exclusiveMinimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
)
_OURS = ("value", "words", "sentences", "rejects", "clean", "optional")


def lower_fields(low: Lowering, parameters: Mapping[str, Type]) -> tuple[Field, ...]:
    """Every field, in the order declared. Those with `value` are typed by it."""
    entries = [e for e in low.section("fields").entries if isinstance(e.value, MapNode)]
    drafts = {e.key.text: _draft(low, e.key, e.value) for e in entries if isinstance(e.value, MapNode)}
    scope = dict.fromkeys(low.names_under("fields"), ANY) | {n: f.type for n, f in drafts.items()}
    values: dict[str, Node] = {}
    for entry in entries:
        if isinstance(entry.value, MapNode) and (value := entry.value.get("value")) is not None:
            values[entry.key.text] = value
    for name in _in_order_of_reading(values):
        seen = {**scope, **dict.fromkeys(low.names_under("parameters"), ANY), **parameters}
        if name not in parameters:
            seen.pop(name, None)
        drafts[name] = _with_value(low, drafts[name], values[name], seen)
        scope[name] = drafts[name].type
    return tuple(drafts.values())


def _in_order_of_reading(values: Mapping[str, Node]) -> list[str]:
    """Computed fields so that each comes after those it reads; a circle is left as written."""
    from synthspec.expressions import parse_expression

    reads: dict[str, frozenset[str]] = {}
    for name, node in values.items():
        parsed = parse_expression(scalar_text(node))[0]
        reads[name] = names_of(parsed) if parsed is not None else frozenset()
    order: list[str] = []
    waiting = list(values)
    while waiting:
        ready = [n for n in waiting if not any(o in reads[n] and o != n for o in waiting)] or waiting[:1]
        order.extend(ready)
        waiting = [n for n in waiting if n not in ready]
    return order


def _draft(low: Lowering, key: ScalarNode, node: MapNode) -> Field:
    data = to_data(node, json=True)
    for check in (_ranges, _regexes, _kinds, _enums):
        check(low, key.text, node, data)
    schema = {k: v for k, v in data.items() if k not in _OURS}
    kind = _type(data)
    if "type" not in schema and kind.kind in _NAMES and node.get("value") is None:
        schema = {"type": _NAMES[kind.kind], **schema}
    rejects = [low.regex(n, "rejects") for n in low.items(node.get("rejects"))]
    return Field(
        name=key.text,
        type=kind,
        schema=schema,
        span=key.span,
        words=_bounds(low, node, "words"),
        sentences=_bounds(low, node, "sentences"),
        rejects=tuple(r for r in rejects if r is not None),
        clean=tuple(c for n in low.items(node.get("clean")) if (c := _clean(low, n)) is not None),
        optional=bool(data.get("optional", False)),
        description=str(data.get("description", "")),
    )


def _with_value(low: Lowering, field: Field, node: Node, scope: Mapping[str, Type]) -> Field:
    expression, kind = low.expression(node, scope)
    if expression is None:
        return field
    declared = field.schema.get("type")
    if declared is None:
        if field.type.values is None:
            field = replace(field, type=kind)
    elif not fits(kind, field.type):
        wanted = _KINDS[str(declared)]
        low.report("E303", node, f"'{field.name}' is declared as {wanted}; this is a {kind}", "change one of the two")
    return replace(field, value=expression)


def _type(data: Mapping[str, Any]) -> Type:
    enum = data.get("enum")
    if "const" in data:
        enum = [data["const"]]
    if isinstance(enum, list) and enum:
        joined = type_of_values(tuple(enum))
        declared = _KINDS.get(str(data.get("type")))
        return Type((declared or joined).kind, item=joined.item, values=tuple(enum))
    kind = _KINDS.get(str(data.get("type", "string")), Type("text"))
    if data.get("type") is None:
        if any(k in data for k in _APPLIES["number"]):
            return Type("number")
        if any(k in data for k in _APPLIES["array"]):
            kind = _KINDS["array"]
        elif any(k in data for k in _APPLIES["object"]):
            kind = _KINDS["object"]
        elif any(k in data for k in ("anyOf", "oneOf", "allOf", "not")):
            return ANY
    if kind.kind == "list" and isinstance(data.get("items"), dict):
        return Type("list", item=_type(data["items"]))
    if kind.kind == "map" and isinstance(data.get("properties"), dict):
        members = tuple((n, _type(p)) for n, p in data["properties"].items() if isinstance(p, dict))
        return Type("map", members=members if data.get("additionalProperties") is False else None)
    return kind


def _bounds(low: Lowering, node: MapNode, name: str) -> Bounds:
    value = value_of(node.get(name))
    if isinstance(value, int):
        return Bounds(value, value)
    if not isinstance(value, dict):
        return Bounds()
    bounds = Bounds(value.get("min"), value.get("max"))
    if bounds.minimum is not None and bounds.maximum is not None and bounds.minimum > bounds.maximum:
        message = f"{name}: min {bounds.minimum} is over max {bounds.maximum}"
        low.report("E501", _inner(node, name, "min"), message, "no text can have both: lower min or raise max")
        return Bounds()
    return bounds


def _inner(node: MapNode, name: str, key: str) -> Node:
    below = node.get(name)
    found = below.get(key) if isinstance(below, MapNode) else below
    return found or node


def _clean(low: Lowering, node: Node) -> Clean | None:
    if isinstance(node, ScalarNode):
        return Clean(node.text)
    if not isinstance(node, MapNode):
        return None
    pattern = low.regex(node.get("replace"), "replace")
    replacement = node.get("with")
    if pattern is None or not isinstance(replacement, ScalarNode):
        return None
    fault = _replacement_fault(pattern, replacement.text)
    if fault is not None:
        low.report("E503", replacement, fault, r"\1 is the first group in brackets of `replace`")
        return None
    return Clean("replace", pattern, replacement.text)


def _replacement_fault(pattern: str, replacement: str) -> str | None:
    import re

    try:
        re._parser.parse_template(replacement, re.compile(pattern))
    except (re.error, IndexError) as e:
        return f"with: {e}"
    return None


def _ranges(low: Lowering, name: str, node: MapNode, data: Mapping[str, Any]) -> None:
    for least, most in _RANGES:
        if least in data and most in data:
            open_end = "exclusive" in least or "exclusive" in most
            if data[least] > data[most] or (open_end and data[least] == data[most]):
                message = f"{least} {data[least]} is over {most} {data[most]}"
                place = node.get(least)
                low.report("E501", place or node, message, "no value can be both: change one of them")
    if data.get("type") == "integer" and "minimum" in data and "maximum" in data:
        import math

        if math.ceil(data["minimum"]) > math.floor(data["maximum"]) and data["minimum"] <= data["maximum"]:
            low.report("E501", node.get("minimum") or node, "no whole number lies in this range", "widen it")


def _regexes(low: Lowering, name: str, node: MapNode, data: Mapping[str, Any]) -> None:
    if "pattern" in data:
        low.regex(node.get("pattern"), "pattern")


def _kinds(low: Lowering, name: str, node: MapNode, data: Mapping[str, Any]) -> None:
    """Keywords that say nothing about values of the field's type."""
    declared = data.get("type")
    if declared is None and "enum" in data:
        return
    declared = declared or ("string" if "value" not in data else None)
    if declared is None or (data.get("type") is None and _type(data).kind != "text"):
        return
    group = "number" if declared == "integer" else declared
    for kind, keywords in _APPLIES.items():
        for keyword in keywords:
            if kind != group and keyword in data:
                key = node.key(keyword)
                help = f"remove it, or set `type: {kind}`"
                low.report("E507", key or node, f"'{keyword}' says nothing about a field of type {declared}", help)


def _enums(low: Lowering, name: str, node: MapNode, data: Mapping[str, Any]) -> None:
    enum = data.get("enum")
    if not isinstance(enum, list):
        return
    declared = data.get("type")
    nodes = low.items(node.get("enum"))
    seen: list[Any] = []
    for value, at in zip(enum, nodes, strict=False):
        if any(type(value) is type(s) and value == s for s in seen):
            low.report("E506", at, f"'{value}' stands twice in the enum", "remove one")
        seen.append(value)
        if declared is not None and not fits(type_of(value), _KINDS[str(declared)]):
            help = "quote it" if declared == "string" else f"write a value of type {declared}, or change the type"
            low.report("E506", at, f"'{value}' is not of type {declared}", help)
        else:
            for reason in _outside(value, data):
                low.report("E506", at, f"'{value}' can never be accepted: {reason}", "remove it, or change the rule")


def _outside(value: Any, data: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if "minimum" in data and value < data["minimum"]:
            yield f"it is below minimum {data['minimum']}"
        if "maximum" in data and value > data["maximum"]:
            yield f"it is above maximum {data['maximum']}"
    if isinstance(value, str):
        if len(value) < data.get("minLength", 0):
            yield f"it is shorter than minLength {data['minLength']}"
        if len(value) > data.get("maxLength", len(value)):
            yield f"it is longer than maxLength {data['maxLength']}"
