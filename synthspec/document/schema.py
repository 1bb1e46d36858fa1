"""Checking a document against `schemas/synthspec.schema.json`: one useful fault for each mistake, at its place."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import SequenceMatcher
from functools import cache
from typing import TYPE_CHECKING, Any

from synthspec.diagnostics import Diagnostic, Span
from synthspec.diagnostics.remedies import name_meant
from synthspec.document.paths import NodePath, node_at, place_name, prune, respell
from synthspec.document.reader import Entry, ListNode, MapNode, Node, ScalarNode, to_data
from synthspec.document.resources import installed_kinds, language_schema
from synthspec.document.schema_branches import useful_errors
from synthspec.document.schema_errors import explain_error
from synthspec.document.schema_fit import sparing_validator, surely_fits

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

MAX_SPELLINGS = 5  # how deep misspelt keys may lie below misspelt keys
CLOSE = 0.75  # from which likeness on a misspelt key is read as the one it is near to


@cache
def _schema(kinds: tuple[str, ...]) -> Any:
    return _only_lists(language_schema(kinds))


@cache
def _validator(kinds: tuple[str, ...]) -> Validator:
    return sparing_validator(_schema(kinds))


def _errors(kinds: tuple[str, ...], data: Any) -> Iterable[Any]:
    """What jsonschema finds; a document that fits is spared loading it."""
    schema = _schema(kinds)
    return () if surely_fits(schema, data, schema["$defs"]) else _validator(kinds).iter_errors(data)


def _only_lists(schema: Any) -> Any:
    """The schema without the single values that stand for lists of one: `wrap_singles` has made lists of them."""
    if isinstance(schema, list):
        return [_only_lists(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-list") is True:
        return {"description": schema["description"], **_only_lists(schema["anyOf"][0])}
    return {key: _only_lists(value) for key, value in schema.items()}


def wrap_singles(root: MapNode) -> MapNode:
    """The document with lists of one where a single value stands for one: `writes: name`, `gates: rows > 5`."""
    wrapped = _wrapped(root, ("checks", "gates", "tags"))
    below = {"plan": ("over", "exclude", "correlate"), "output": ("columns",)}
    inside = {"prompts": ("writes", "images"), "fields": ("clean",)}
    entries: list[Entry] = []
    for entry in wrapped.entries:
        name, value = entry.key.text, entry.value
        if isinstance(value, MapNode) and name in below:
            value = _wrapped(value, below[name])
            value = _with_inner(value, "tables", ("columns",)) if name == "output" else value
        elif isinstance(value, MapNode) and name in inside:
            value = _each_wrapped(value, inside[name])
        entries.append(Entry(entry.key, value))
    return replace(wrapped, entries=tuple(entries))


def _each_wrapped(node: MapNode, names: tuple[str, ...]) -> MapNode:
    """The same in each map below a key."""
    parts = (Entry(e.key, _wrapped(e.value, names) if isinstance(e.value, MapNode) else e.value) for e in node.entries)
    return replace(node, entries=tuple(parts))


def _with_inner(node: MapNode, key: str, names: tuple[str, ...]) -> MapNode:
    """The same in each map below one key of a map."""
    parts = [
        Entry(e.key, _each_wrapped(e.value, names)) if e.key.text == key and isinstance(e.value, MapNode) else e
        for e in node.entries
    ]
    return replace(node, entries=tuple(parts))


def _wrapped(node: MapNode, names: tuple[str, ...]) -> MapNode:
    if not any(e.key.text in names and _is_single(e) for e in node.entries):
        return node
    entries = [Entry(e.key, ListNode((e.value,), e.value.span)) if e.key.text in names and _is_single(e) else e
               for e in node.entries]  # fmt: skip
    return replace(node, entries=tuple(entries))


def _is_single(entry: Entry) -> bool:
    """Whether a value can stand for a list of one; several tags in one text are none."""
    value = entry.value
    if isinstance(value, ScalarNode):
        whole = value.value is not None and value.text != ""
        return whole and not (entry.key.text == "tags" and ("," in value.text or not isinstance(value.value, str)))
    return isinstance(value, MapNode) and entry.key.text in ("checks", "clean", "correlate") and not value.broken


def check_schema(document: MapNode) -> tuple[MapNode, frozenset[NodePath], tuple[Diagnostic, ...]]:
    """Check a document.

    A misspelt key is read as the one it is near to, so that what is below it is checked in the same pass.

    Returns the document without the parts at fault, so that later stages report no consequence of them;
    the paths of those parts; and the diagnostics.
    """
    document = wrap_singles(document)
    faults, diagnostics = _check(document)
    spelt = document
    misspelt: list[Diagnostic] = []
    for _ in range(MAX_SPELLINGS):
        found = list(_meant(spelt, faults))
        if not found:
            break
        misspelt += [d for _, _, d in found]
        spelt = wrap_singles(respell(spelt, {path: name for path, name, _ in found}))
        faults, diagnostics = _check(spelt)
    return prune(spelt, faults), frozenset(faults), (*misspelt, *diagnostics)


def value_faults(node: MapNode, schemas: Mapping[str, Mapping[str, Any]]) -> Iterator[Diagnostic]:
    """What is wrong with values of a map whose keys a package describes by JSON Schemas."""
    import jsonschema

    validator = jsonschema.Draft202012Validator({"type": "object", "properties": dict(schemas)})
    for error in validator.iter_errors(to_data(node, json=True)):
        for useful in useful_errors(error):
            yield from (diagnostic for _, diagnostic in explain_error(useful, node))


def _meant(document: MapNode, faults: dict[NodePath, list[Diagnostic]]) -> Iterator[tuple[NodePath, str, Diagnostic]]:
    """Misspelt keys: where each is, the key it stands for, and what was said of it. Maps of both names are joined."""
    taken: set[NodePath] = set()
    for path, found in faults.items():
        meant = name_meant(found[0].help) if found and found[0].code == "E202" else ""
        for above in (path, path[:-1]):
            owner = node_at(document, above)
            key = _key_at(owner, found[0].span) if meant else None
            if not meant or key is None or not isinstance(owner, MapNode):
                continue
            there, stray = owner.get(meant), owner.get(key.text)
            if there is not None and not (isinstance(there, MapNode) and isinstance(stray, MapNode)):
                continue
            close = SequenceMatcher(None, key.text.casefold(), meant.casefold()).ratio() >= CLOSE
            if close and (*above, meant) not in taken:
                taken.add((*above, meant))
                yield (*above, key.text), meant, found[0]


def _key_at(node: Node, span: Span) -> ScalarNode | None:
    entries = node.entries if isinstance(node, MapNode) else ()
    return next((e.key for e in entries if e.key.span == span), None)


def _check(document: MapNode) -> tuple[dict[NodePath, list[Diagnostic]], list[Diagnostic]]:
    """Every part at fault, and what is to be said of them all."""
    data = to_data(document, json=True)
    faults: dict[NodePath, list[Diagnostic]] = {path: [] for path in _unreadable(document)}
    unread = tuple(faults)
    for error in _errors(installed_kinds(document), data):
        if any(tuple(error.absolute_path)[: len(path)] == path for path in unread):
            continue
        for useful in useful_errors(error):
            for path, diagnostic in explain_error(useful, document):
                faults.setdefault(path, []).append(diagnostic)
    for path, node in _infinite(document):
        message = f"{place_name(path)} is not a finite number"
        faults.setdefault(path, []).append(Diagnostic("E206", message, node.span, "write a number such as 1 or 0.5"))
    diagnostics = [d for path, found in faults.items() if not _shadowed(path, faults) for d in _without_echoes(found)]
    return faults, diagnostics


def _infinite(node: Node, path: NodePath = ()) -> Iterator[tuple[NodePath, ScalarNode]]:
    """Infinities and not-a-numbers among the settings; values that are drawn may be anything."""
    if isinstance(node, ScalarNode):
        if isinstance(node.value, float) and not math.isfinite(node.value):
            yield path, node
    elif isinstance(node, MapNode):
        for entry in node.entries:
            if path or entry.key.text not in ("parameters", "sources"):
                yield from _infinite(entry.value, (*path, entry.key.text))
    else:
        for index, item in enumerate(node.items):
            yield from _infinite(item, (*path, index))


def _unreadable(node: Node, path: NodePath = ()) -> Iterator[NodePath]:
    """The paths of maps and lists whose YAML is at fault already."""
    if isinstance(node, MapNode | ListNode) and node.broken and path:
        yield path
    elif isinstance(node, MapNode):
        for entry in node.entries:
            yield from _unreadable(entry.value, (*path, entry.key.text))
    elif isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            yield from _unreadable(item, (*path, index))


def _without_echoes(found: list[Diagnostic]) -> list[Diagnostic]:
    """Of several faults of one part, those of the most telling kind."""
    if not found:
        return []
    first = min(found, key=lambda d: d.code)
    return [d for d in found if d.code == first.code]


def _shadowed(path: NodePath, faults: dict[NodePath, list[Diagnostic]]) -> bool:
    above = (faults.get(path[:n]) for n in range(1, len(path)))
    return any(found is not None and (not found or found[0].code != "E203") for found in above)
