"""What may stand at the cursor: keys, values, names; parameters and functions inside templates and expressions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from synthspec.diagnostics import Span
from synthspec.document.paths import node_at
from synthspec.document.reader import MapNode
from synthspec.language_service.analysis import Analysis
from synthspec.language_service.cursor import CursorPlace, place_at
from synthspec.language_service.schema_view import Schema, Schemas, at_path, described, fitting, is_map, is_scalar
from synthspec.language_service.text_completion import complete_expression, complete_template
from synthspec.language_service.value_completion import names_of_kind
from synthspec.language_service.values import CompletionItem, Edit, Position
from synthspec.language_service.written import Offered, as_yaml

MOST = 200  # items


def complete(analysis: Analysis, position: Position) -> tuple[CompletionItem, ...]:
    """What may stand at a position, the likeliest first. What is begun there takes part in the choice."""
    place = place_at("\n".join(analysis.lines), position)
    if place.part == "comment":
        return ()
    forms = at_path(place.path, analysis.document)
    line = analysis.lines[position.line - 1] if position.line <= len(analysis.lines) else ""
    before, after = line[: position.column - 1], line[position.column - 1 :]
    offers = list(_offers(analysis, place, forms, position, after))
    if not offers:
        return ()
    items: dict[str, tuple[bool, CompletionItem]] = {}
    for offer in offers:
        word = re.search(offer.word, before)
        begun = word[0] if word is not None else ""
        if not _fits(begun, offer.label) and not _fits(begun, offer.text):
            continue
        rest = re.match(r"[\w-]*", after)
        end = position.column + (len(rest[0]) if rest is not None and offer.takes_rest else 0)
        span = Span(analysis.file, position.line, position.column - len(begun), position.line, end)
        text = offer.text[:-1] if after[:1] in ("'", '"', "(") and offer.text.endswith(after[:1]) else offer.text
        item = CompletionItem(offer.label, offer.kind, Edit(span, text), offer.detail, offer.documentation)
        items.setdefault(offer.label, (not offer.label.casefold().startswith(begun.casefold()), item))
    return tuple(item for _, item in sorted(items.values(), key=lambda found: found[0]))[:MOST]


def _fits(begun: str, text: str) -> bool:
    """Whether the letters that are begun stand in a text, in their order, the first at its beginning or after `_`."""
    if not begun:
        return True
    pattern = ".*?".join(map(re.escape, begun.casefold()))
    return re.search(rf"(?:^|[_.:/'\"-]){pattern}", text.casefold()) is not None


def _offers(
    analysis: Analysis, place: CursorPlace, forms: Schemas, position: Position, after: str
) -> Iterator[Offered]:
    if place.part in ("key", "either") and place.style != "|":
        yield from _keys(analysis, place, forms, after)
    if place.part in ("value", "either"):
        yield from _values(analysis, place, forms, position)


def _keys(analysis: Analysis, place: CursorPlace, forms: Schemas, after: str) -> Iterator[Offered]:
    """The keys that a map may have here, those it must have first; names where keys are names."""
    node = node_at(analysis.document, place.path) if analysis.document is not None else None
    there = _own_keys(analysis, node)
    end = "" if re.match(r"[\w-]*\s*:", after) else ": "
    maps = [f for f in fitting(forms, node) if is_map(f)]
    found: dict[str, tuple[bool, Any]] = {}
    for form in maps:
        for name, schema in form.get("properties", {}).items():
            found.setdefault(name, (name in form.get("required", ()), schema))
    for name, (needed, schema) in sorted(found.items(), key=lambda item: not item[1][0]):
        if name not in there:
            yield Offered(name, "key", f"{name}{end}", "required" if needed else "", described(schema), takes_rest=True)
    for form in maps:
        for offer in names_of_kind(analysis, str(form.get("x-keys", "")), place.path):
            if offer.label not in there:
                yield offer.followed(end)
    yield from (o.followed(end) for o in _case_keys(analysis, place, node) if o.label not in there)


def _own_keys(analysis: Analysis, node: Any) -> set[str]:
    """The keys that a map has in this file."""
    entries = node.entries if isinstance(node, MapNode) else ()
    return {e.key.text for e in entries if analysis.is_own(e.key)}


def _case_keys(analysis: Analysis, place: CursorPlace, node: Any) -> Iterator[Offered]:
    """Keys that the rest of the spec decides: the cases of a `given`, the columns of a source, the roles of a shape."""
    path = place.path
    if path[-1:] == ("cases",) and analysis.spec is not None:
        given = node_at(analysis.document, (*path[:-1], "given")) if analysis.document is not None else None
        name = getattr(given, "text", "")
        kind = next((p.type for p in analysis.spec.parameters if p.name == name), None)
        for value in (kind.values or ()) if kind is not None else ():
            text = as_yaml(value)
            yield Offered(text, "value", text, f"of {name}")
    if len(path) == 3 and path[0] == "sources" and path[2] == "columns":
        table = analysis.tables.get(str(path[1]))
        for column in table.names if table is not None else ():
            yield Offered(column, "column", as_yaml(column))
    if path == ("output", "shape") and isinstance(node, MapNode):
        from synthspec.dataset.row_shapes import role_names

        kind_node = node.get("kind")
        for role in role_names(getattr(kind_node, "text", "")):
            yield Offered(role, "key", role)


def _values(analysis: Analysis, place: CursorPlace, forms: Schemas, position: Position) -> Iterator[Offered]:
    for form in forms:
        if not is_scalar(form) or ("properties" in form):
            continue
        language = form.get("x-text", "")
        if language == "template":
            yield from complete_template(analysis, place, position)
        elif language in ("expression", "item"):
            yield from complete_expression(analysis, place, position, item=language == "item")
        if "x-names" in form and place.style != "|":
            yield from names_of_kind(analysis, str(form["x-names"]), place.path)
        if not language and not place.style:
            yield from _listed(form)


def _listed(form: Schema) -> Iterator[Offered]:
    """The values that a schema lists."""
    values = list(form.get("enum", ())) or ([form["const"]] if "const" in form else [])
    if not values and form.get("type") == "boolean":
        values = [True, False]
    for value in values:
        text = as_yaml(value)
        yield Offered(text, "value", text, documentation=str(form.get("description", "")))
