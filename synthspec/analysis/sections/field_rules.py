"""Rules of a field that contradict themselves or say nothing: in the field itself and in every schema inside it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from synthspec.analysis.sections.context import AnalysisContext, regex_fault
from synthspec.diagnostics.remedies import remove, set_type, write
from synthspec.document.reader import ListNode, MapNode, Node
from synthspec.languages.expressions.functions.texts import count_sentences, count_words
from synthspec.languages.expressions.types import ANY, Type, fits, type_of

KINDS: Mapping[str, Type] = {
    "string": Type("text"),
    "integer": Type("integer"),
    "number": Type("number"),
    "boolean": Type("boolean"),
    "array": Type("list", item=ANY),
    "object": Type("map"),
}
APPLIES = {
    "string": ("pattern", "minLength", "maxLength", "format", "words", "sentences", "rejects"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "array": ("items", "minItems", "maxItems", "uniqueItems"),
    "object": ("properties", "required", "additionalProperties"),
    "messages": ("turns",),
}
_OF_EACH_MESSAGE = frozenset(APPLIES["string"]) - {"format"}
_OF_NO_MESSAGE = ("enum", "const", "anyOf", "allOf", "oneOf", "not", "contains", "prefixItems", "propertyNames")
_RANGES = (
    ("minimum", "maximum"),
    ("exclusiveMinimum", "exclusiveMaximum"),
    ("minimum", "exclusiveMaximum"),
    ("exclusiveMinimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)
_ONE = ("items", "additionalProperties", "not", "contains", "propertyNames")
_LISTED = ("anyOf", "allOf", "oneOf", "prefixItems")


def check_rules(
    ctx: AnalysisContext, node: MapNode, data: Mapping[str, Any], inside: bool = False, of_replies: bool = False
) -> None:
    """Report what is wrong with the rules of a schema and of the schemas inside it. Rules about texts and cleaning
    steps of a list of replies are those of its items."""
    _ranges(ctx, node, data)
    if "pattern" in data:
        ctx.regex(node.get("pattern"), "pattern")
    _enums(ctx, node, data)
    if not inside or data.get("type") is not None:
        items = _item_kind(data) if of_replies and data.get("type") == "array" else None
        _kinds(ctx, node, data, items)
    for below, value in _schemas(node, data):
        check_rules(ctx, below, value, inside=True)


def _schemas(node: MapNode, data: Mapping[str, Any]) -> Iterator[tuple[MapNode, Mapping[str, Any]]]:
    pairs: list[tuple[Node | None, Any]] = [(node.get(k), data.get(k)) for k in _ONE]
    for key in _LISTED:
        listed = node.get(key)
        if isinstance(listed, ListNode):
            pairs.extend(zip(listed.items, data[key], strict=True))
    members = node.get("properties")
    if isinstance(members, MapNode):
        pairs.extend((e.value, data["properties"][e.key.text]) for e in members.entries)
    for below, value in pairs:
        if isinstance(below, MapNode) and isinstance(value, dict):
            yield below, value


def _ranges(ctx: AnalysisContext, node: MapNode, data: Mapping[str, Any]) -> None:
    for least, most in _RANGES:
        if least in data and most in data:
            open_end = "exclusive" in least or "exclusive" in most
            if data[least] > data[most] or (open_end and data[least] == data[most]):
                message = f"{least} {data[least]} is over {most} {data[most]}"
                place = node.get(least)
                ctx.report("E501", place or node, message, "no value can be both: change one of them")
    low_end, high_end = data.get("minimum"), data.get("maximum")
    if data.get("type") != "integer" or low_end is None or high_end is None:
        return
    if low_end <= high_end and math.ceil(low_end) > math.floor(high_end):
        ctx.report("E501", node.get("minimum") or node, "no whole number lies in this range", "widen it")


def _item_kind(data: Mapping[str, Any]) -> str:
    """The declared type of a list's items: texts where nothing is said."""
    items = data.get("items")
    kind = items.get("type", "string") if isinstance(items, Mapping) else "string"
    return kind if isinstance(kind, str) else "object"


_OF_TEXTS = ("words", "sentences", "rejects")  # what a list of replies says of its items


def _kinds(ctx: AnalysisContext, node: MapNode, data: Mapping[str, Any], items: str | None = None) -> None:
    """Keywords that say nothing about values of the field's type."""
    declared = data.get("type")
    if declared is None and ("enum" in data or "value" in data):
        return
    if declared is None and any(k in data for kind in ("number", "array", "object") for k in APPLIES[kind]):
        return  # the keywords themselves tell the type
    declared = declared or "string"
    if not isinstance(declared, str):
        return
    group = "number" if declared == "integer" else declared
    for kind, keywords in APPLIES.items():
        for keyword in keywords:
            if kind != group and keyword in data and not (group == "messages" and keyword in _OF_EACH_MESSAGE):
                if items == "string" and keyword in _OF_TEXTS:
                    continue
                key = node.key(keyword)
                help: str = remove() + ", or " + set_type(kind)
                if items == kind:
                    help = "write it under `items`: it is said of each of them"
                ctx.report("E507", key or node, f"'{keyword}' says nothing about a field of type {declared}", help)
    for keyword in _OF_NO_MESSAGE if group == "messages" else ():
        if keyword in data:
            message = f"'{keyword}' says nothing about a field of type messages"
            ctx.report("E507", node.key(keyword) or node, message, remove() + "; `pattern` holds for each message")
    _steps(ctx, node, items or declared)


def _steps(ctx: AnalysisContext, node: MapNode, declared: str) -> None:
    """Cleaning steps that change no value of the field's type: `round` is for numbers, the others for texts."""
    for step in ctx.items(node.get("clean")):
        rounds = isinstance(step, MapNode) and step.get("round") is not None
        if isinstance(step, MapNode) and not rounds and step.get("replace") is None:
            continue  # at fault already
        if rounds and declared in ("string", "boolean", "messages"):
            message, help = (
                f"'round' says nothing about a field of type {declared}",
                remove() + ", or " + set_type("number"),
            )
        elif not rounds and declared not in ("string", "messages"):
            message = f"this step changes texts, and the field is of type {declared}"
            numbers = declared in ("number", "array", "object")
            help = remove() + (", or " + write("{round: 2}") + " to round numbers" if numbers else "")
        else:
            continue
        ctx.report("E507", step, message, help)


def _enums(ctx: AnalysisContext, node: MapNode, data: Mapping[str, Any]) -> None:
    enum = data.get("enum")
    if not isinstance(enum, list):
        return
    declared = KINDS.get(str(data.get("type")))
    nodes = ctx.items(node.get("enum"))
    seen: set[tuple[type, str]] = set()
    for value, at in zip(enum, nodes, strict=False):
        mark = (type(value), repr(value))
        if mark in seen:
            ctx.report("E506", at, f"'{value}' is listed twice in the enum", remove(form="remove one"))
        seen.add(mark)
        if declared is not None and not fits(type_of(value), declared):
            wanted = data["type"]
            help = "quote it" if wanted == "string" else f"write a value of type {wanted}, or change the type"
            ctx.report("E506", at, f"'{value}' is not of type {wanted}", help)
            continue
        reason = next(_outside(value, data), None)
        if reason is not None:
            ctx.report("E506", at, f"'{value}' can never be accepted: {reason}", remove() + ", or change the rule")


def _outside(value: Any, data: Mapping[str, Any]) -> Iterator[str]:
    """The rules of the field that a value of its enum breaks."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield from _outside_range(value, data)
    if isinstance(value, str):
        yield from _outside_text(value, data)


def _outside_range(value: float, data: Mapping[str, Any]) -> Iterator[str]:
    if value < data.get("minimum", value):
        yield f"it is below minimum {data['minimum']}"
    if value > data.get("maximum", value):
        yield f"it is above maximum {data['maximum']}"
    if "exclusiveMinimum" in data and value <= data["exclusiveMinimum"]:
        yield f"it is not above exclusiveMinimum {data['exclusiveMinimum']}"
    if "exclusiveMaximum" in data and value >= data["exclusiveMaximum"]:
        yield f"it is not below exclusiveMaximum {data['exclusiveMaximum']}"


def _outside_text(value: str, data: Mapping[str, Any]) -> Iterator[str]:
    if len(value) < data.get("minLength", 0):
        yield f"it is shorter than minLength {data['minLength']}"
    if len(value) > data.get("maxLength", len(value)):
        yield f"it is longer than maxLength {data['maxLength']}"
    for name, count in (("words", count_words), ("sentences", count_sentences)):
        bounds = data.get(name)
        low, high = (bounds.get("min", 0), bounds.get("max")) if isinstance(bounds, dict) else (bounds or 0, bounds)
        if count(value) < low:
            yield f"it has fewer than {low} {name}"
        elif high is not None and count(value) > high:
            yield f"it has more than {high} {name}"
    pattern = data.get("pattern")
    if isinstance(pattern, str) and regex_fault(pattern) is None and not _matches(pattern, value):
        yield "it does not match the pattern"
    rejects = data.get("rejects", ())
    for reject in (rejects,) if isinstance(rejects, str) else rejects:
        if isinstance(reject, str) and regex_fault(reject) is None and _matches(reject, value):
            yield "it matches one of rejects"


def _matches(pattern: str, value: str) -> bool:
    from synthspec.languages.patterns import compile_pattern

    return compile_pattern(pattern).search(value)
