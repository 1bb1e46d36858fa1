"""`fields`: the columns, their types, and rules that contradict themselves."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from synthspec.analysis.sections.context import AnalysisContext, scalar_text, shown_circle, value_of
from synthspec.analysis.sections.conversations import messages_type_of
from synthspec.analysis.sections.field_rules import APPLIES, KINDS, check_rules
from synthspec.analysis.sections.gathered import lists_gathered, with_lengths
from synthspec.analysis.sections.items import item_types
from synthspec.analysis.sections.scope import Scope
from synthspec.analysis.sections.stored_examples import with_examples, without_circles
from synthspec.diagnostics import Diagnostic, did_you_mean
from synthspec.diagnostics.remedies import name_meant, write
from synthspec.document.reader import MapNode, Node, ScalarNode, to_data
from synthspec.languages.expressions.traversal import walk
from synthspec.languages.expressions.tree import Literal, Name
from synthspec.languages.expressions.types import ANY, Length, Type, fits, type_of_values
from synthspec.spec import Bounds, Clean, Field

_FORMATS = {"date": "date", "date-time": "datetime", "time": "time"}  # a `format` of text -> the type it stands for
_NAMES = {t.kind: n for n, t in KINDS.items()}
_OURS = ("value", "words", "sentences", "turns", "rejects", "clean", "optional")


def lower_fields(ctx: AnalysisContext, parameters: Mapping[str, Type]) -> tuple[Field, ...]:
    """Every field, in the order declared. Those with `value` are typed by it."""
    entries = [e for e in ctx.section("fields").entries if isinstance(e.value, MapNode)]
    lists = lists_gathered(ctx)
    drafts = {
        e.key.text: draft_field(ctx, e.key, e.value, e.key.text in lists)
        for e in entries
        if isinstance(e.value, MapNode)
    }
    values: dict[str, Node] = {}
    for entry in entries:
        if isinstance(entry.value, MapNode) and (value := entry.value.get("value")) is not None:
            values[entry.key.text] = value
    drafts = with_lengths(ctx, with_examples(ctx, drafts, frozenset(values)), parameters)
    known: dict[str, Type] = {n: f.type for n, f in drafts.items()}
    items = item_types(ctx, {**known, **parameters})
    drawn = Scope(items, parameters, ctx.names_under("parameters"))
    for name in _in_order_of_reading(ctx, values, drawn):
        hidden = frozenset[str]() if name in drawn else frozenset({name})
        seen = Scope(drawn, known, ctx.names_under("fields"), hidden=hidden)
        drafts[name] = _with_value(ctx, drafts[name], values[name], seen)
        known[name] = drafts[name].type
    for name in values:
        if drafts[name].value is None:  # in a circle
            drafts[name] = replace(drafts[name], type=ANY, value=Literal(None, 0, 0))
    return tuple(without_circles(ctx, drafts).values())


def _in_order_of_reading(ctx: AnalysisContext, values: dict[str, Node], parameters: Mapping[str, Type]) -> list[str]:
    """Computed fields so that each comes after those it reads. Those in a circle are reported and left out."""
    from synthspec.languages.circles import components
    from synthspec.languages.expressions import parse_expression

    reads: dict[str, dict[str, tuple[int, int]]] = {}
    for name, node in values.items():
        parsed = parse_expression(scalar_text(node))[0]
        names = [n for n in walk(parsed) if isinstance(n, Name)] if parsed is not None else []
        reads[name] = {n.name: (n.start, n.end) for n in names if n.name in values and n.name not in parameters}
    order: list[str] = []
    place = {name: number for number, name in enumerate(values)}
    for component in components(values, lambda name: reads[name]):
        name = min(component, key=place.__getitem__)
        if len(component) == 1 and name not in reads[name]:
            order.append(name)
        else:
            _report_circle(ctx, values, parameters, reads, _circle(reads, name, component))
    return order


def _report_circle(
    ctx: AnalysisContext,
    values: Mapping[str, Node],
    parameters: Mapping[str, Type],
    reads: Mapping[str, Mapping[str, tuple[int, int]]],
    circle: list[str],
) -> None:
    node = values[circle[0]]
    if not isinstance(node, ScalarNode) or ctx.is_lost("parameters"):
        return
    place = node.place(*reads[circle[0]][circle[1]])
    if node.text.strip() == circle[0]:
        help = did_you_mean(circle[0], parameters, "declare it under `parameters`")
        ctx.report("E301", place, f"there is no parameter '{circle[0]}'", help)
    else:
        ctx.report("E414", place, *_circular(circle))


def _circle(reads: Mapping[str, Mapping[str, Any]], start: str, component: frozenset[str]) -> list[str]:
    """Names that read each other in a circle, the first one again at the end."""
    path = {start: 0}
    name = start
    while True:
        name = next(n for n in reads[name] if n in component)
        if name in path:
            return [*list(path)[path[name] :], name]
        path[name] = len(path)


def _circular(circle: list[str]) -> tuple[str, str]:
    if len(circle) == 2:
        return f"the field '{circle[0]}' is computed from itself", "compute it from other fields or parameters"
    message = f"circular computed fields: {shown_circle(circle)}"
    return message, "compute one of them from other fields or parameters"


def draft_field(ctx: AnalysisContext, key: ScalarNode, node: MapNode, of_replies: bool = False) -> Field:
    """A field by itself. Of a list of replies, items are texts where nothing else is said, and rules may be theirs."""
    data = to_data(node, json=True)
    check_rules(ctx, node, data, of_replies=of_replies)
    if of_replies and data.get("type") == "array" and "items" not in data:
        data = {**data, "items": {"type": "string"}}
    schema = {k: v for k, v in data.items() if k not in _OURS}
    kind = ANY if ctx.is_broken("fields", key.text) else _type(data)
    if schema.get("type") == "messages" and kind is not ANY:
        kind = messages_type_of(ctx)
    if "type" not in schema and kind.kind in _NAMES and node.get("value") is None:
        schema = {"type": _NAMES[kind.kind], **schema}
    rejects = [ctx.regex(n, "rejects") for n in ctx.items(node.get("rejects"))]
    return Field(
        name=key.text,
        type=kind,
        schema=schema,
        span=key.span,
        words=_bounds(ctx, node, "words"),
        sentences=_bounds(ctx, node, "sentences"),
        turns=_bounds(ctx, node, "turns"),
        rejects=tuple(r for r in rejects if r is not None),
        clean=tuple(c for n in ctx.items(node.get("clean")) if (c := _clean(ctx, n)) is not None),
        optional=bool(data.get("optional", False)),
        description=str(data.get("description", "")),
    )


def _with_value(ctx: AnalysisContext, field: Field, node: Node, scope: Mapping[str, Type]) -> Field:
    before = len(ctx.faults)
    expression, kind = ctx.expression(node, scope, placed=("address", "index", "uuid"))
    if expression is None:
        ctx.faults[before:] = _fixed_text(node, ctx.faults[before:])
        kept = field.type if "type" in field.schema or field.type.values else ANY
        return replace(field, type=kept, value=Literal(None, 0, 0))
    declared = field.schema.get("type")
    if declared is None:
        if field.type.values is None:
            field = replace(field, type=kind)
    elif kind.kind == _FORMATS.get(str(field.schema.get("format"))):
        field = replace(field, type=kind)  # a date declared as JSON Schema has it
    elif not fits(kind, field.type):
        wanted = KINDS.get(str(declared), field.type)
        ctx.report(
            "E303",
            node,
            f"'{field.name}' is declared as {wanted.with_article}; this is {kind.with_article}",
            "change one of the two",
        )
    if field.type.kind == kind.kind == "list" and field.type.length is None:
        field = replace(field, type=replace(field.type, length=kind.length))
    return replace(field, value=expression)


def _fixed_text(node: Node, faults: list[Diagnostic]) -> list[Diagnostic]:
    """Faults of a `value` that was surely meant as a text, told as one."""
    words = re.fullmatch(r"[^\W\d]\w*(?:[ ,]+\w+)*[.!?]?", scalar_text(node)) if faults else None
    if words is None or faults[0].code not in ("E301", "E302") or name_meant(faults[0].help):
        return faults
    text = words[0] if len(words[0]) <= 60 else "a text"
    return [replace(faults[0], help="for a fixed text " + write(f"value: '\"{text}\"'"))]


def _type(data: Mapping[str, Any]) -> Type:
    enum = data.get("enum")
    if "const" in data:
        enum = [data["const"]]
    if isinstance(enum, list) and enum:
        joined = type_of_values(tuple(enum))
        declared = KINDS.get(str(data.get("type")))
        return Type((declared or joined).kind, item=joined.item, values=tuple(enum))
    kind = KINDS.get(str(data.get("type", "string")), Type("text"))
    if data.get("type") is None:
        if any(k in data for k in APPLIES["number"]):
            return Type("number")
        if any(k in data for k in APPLIES["array"]):
            kind = KINDS["array"]
        elif any(k in data for k in APPLIES["object"]):
            kind = KINDS["object"]
        elif any(k in data for k in ("anyOf", "oneOf", "allOf", "not")):
            return ANY
    if kind.kind == "list":
        item = _type(data["items"]) if isinstance(data.get("items"), dict) else kind.item
        return Type("list", item=item, length=_length(data.get("minItems"), data.get("maxItems")))
    if kind.kind == "map" and isinstance(data.get("properties"), dict):
        members = tuple((n, _type(p)) for n, p in data["properties"].items() if isinstance(p, dict))
        return Type("map", members=members, open=_has_others(data))
    return kind


def _length(least: Any, most: Any) -> Length | None:
    """How many items a list has by its field's rules; nothing where they say nothing of that."""
    least, most = (n if type(n) is int and n >= 0 else None for n in (least, most))
    return None if least is most is None else (least or 0, most)


def _has_others(data: Mapping[str, Any]) -> bool:
    """Whether an object is said to have members besides those under `properties`: silence is not enough to read one."""
    return bool(data.get("additionalProperties", False) or data.get("patternProperties"))


def _bounds(ctx: AnalysisContext, node: MapNode, name: str) -> Bounds:
    value = value_of(node.get(name))
    if isinstance(value, int):
        return Bounds(value, value)
    if not isinstance(value, dict):
        return Bounds()
    bounds = Bounds(value.get("min"), value.get("max"))
    if bounds.minimum is not None and bounds.maximum is not None and bounds.minimum > bounds.maximum:
        message = f"{name}: min {bounds.minimum} is over max {bounds.maximum}"
        ctx.report("E501", _inner(node, name, "min"), message, "no value can have both: lower min or raise max")
        return Bounds()
    return bounds


def _inner(node: MapNode, name: str, key: str) -> Node:
    below = node.get(name)
    found = below.get(key) if isinstance(below, MapNode) else below
    return found or node


def _clean(ctx: AnalysisContext, node: Node) -> Clean | None:
    if isinstance(node, ScalarNode):
        return Clean(node.text)
    if not isinstance(node, MapNode):
        return None
    digits = value_of(node.get("round"))
    if isinstance(digits, int):
        return Clean("round", digits=digits)
    pattern = ctx.regex(node.get("replace"), "replace")
    replacement = node.get("with")
    if pattern is None or not isinstance(replacement, ScalarNode):
        return None
    fault = _replacement_fault(pattern, replacement.text)
    if fault is not None:
        ctx.report("E503", replacement, fault, r"\1 is the first group in brackets of `replace`")
        return None
    return Clean("replace", pattern, replacement.text)


def _replacement_fault(pattern: str, replacement: str) -> str | None:
    from synthspec.languages.patterns.python_parser import replacement_error

    error = replacement_error(pattern, replacement)
    return None if error is None else f"with: {error}"
