"""Checking a document against `schemas/synthspec.schema.json`: one useful fault for each mistake, at its place."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from functools import cache
from typing import TYPE_CHECKING, Any

from synthspec.diagnostics import Diagnostic, Span, did_you_mean, nearest
from synthspec.document import Entry, ListNode, MapNode, Node, ScalarNode, first_line, to_data
from synthspec.resources import schema_path

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

Path = tuple[str | int, ...]
MAX_SPELLINGS = 5  # how deep misspelt keys may lie below misspelt keys
CLOSE = 0.75  # from which likeness on a misspelt key is read as the one it is near to
_BAD_FORM = "use letters, digits, hyphens and underscores"
_BAD_NAME = "a name is a letter or underscore, then letters, digits and underscores"


@cache
def language_schema() -> dict[str, Any]:
    """The JSON Schema of the language, as shipped."""
    loaded: dict[str, Any] = json.loads(schema_path().read_text(encoding="utf-8"))
    return loaded


@cache
def _validator() -> Validator:
    import jsonschema

    return jsonschema.Draft202012Validator(language_schema())


def check_schema(document: MapNode) -> tuple[MapNode, frozenset[Path], tuple[Diagnostic, ...]]:
    """Check a document.

    A misspelt key is read as the one it is near to, so that what is below it is checked in the same pass.

    Returns the document without the parts at fault, so that later stages report no consequence of them;
    the paths of those parts; and the diagnostics.
    """
    faults, diagnostics = _check(document)
    spelt = document
    misspelt: list[Diagnostic] = []
    for _ in range(MAX_SPELLINGS):
        found = list(_meant(spelt, faults))
        if not found:
            break
        misspelt += [d for _, _, d in found]
        spelt = _respell(spelt, {path: name for path, name, _ in found})
        faults, diagnostics = _check(spelt)
    return _prune(spelt, faults), frozenset(faults), (*misspelt, *diagnostics)


def _meant(document: MapNode, faults: dict[Path, list[Diagnostic]]) -> Iterator[tuple[Path, str, Diagnostic]]:
    """Misspelt keys: where each is, the key it stands for, which is not there already, and what was said of it."""
    taken: set[Path] = set()
    for path, found in faults.items():
        meant = re.fullmatch(r"did you mean '(\w+)'\?", found[0].help) if found and found[0].code == "E202" else None
        for above in (path, path[:-1]):
            owner = node_at(document, above)
            key = _key_at(owner, found[0].span) if meant else None
            if meant is None or key is None or not isinstance(owner, MapNode) or owner.get(meant[1]) is not None:
                continue
            close = SequenceMatcher(None, key.text.casefold(), meant[1].casefold()).ratio() >= CLOSE
            if close and (*above, meant[1]) not in taken:
                taken.add((*above, meant[1]))
                yield (*above, key.text), meant[1], found[0]


def _key_at(node: Node, span: Span) -> ScalarNode | None:
    entries = node.entries if isinstance(node, MapNode) else ()
    return next((e.key for e in entries if e.key.span == span), None)


def _respell(node: Node, meant: dict[Path, str], path: Path = ()) -> Any:
    """The document with keys renamed; each keeps its place."""
    if isinstance(node, MapNode):
        entries = []
        for entry in node.entries:
            here = (*path, entry.key.text)
            key = replace(entry.key, text=meant[here], value=meant[here]) if here in meant else entry.key
            entries.append(Entry(key, _respell(entry.value, meant, here)))
        return replace(node, entries=tuple(entries))
    if isinstance(node, ListNode):
        return replace(node, items=tuple(_respell(item, meant, (*path, i)) for i, item in enumerate(node.items)))
    return node


def _check(document: MapNode) -> tuple[dict[Path, list[Diagnostic]], list[Diagnostic]]:
    """Every part at fault, and what is to be said of them all."""
    data = to_data(document, json=True)
    faults: dict[Path, list[Diagnostic]] = {path: [] for path in _unreadable(document)}
    unread = tuple(faults)
    for error in _validator().iter_errors(data):
        if any(tuple(error.absolute_path)[: len(path)] == path for path in unread):
            continue
        for useful in _useful(error):
            for path, diagnostic in _explain(useful, document):
                faults.setdefault(path, []).append(diagnostic)
    for path, node in _infinite(document):
        message = f"{_place_name(path)} is not a finite number"
        faults.setdefault(path, []).append(Diagnostic("E206", message, node.span, "write a number such as 1 or 0.5"))
    diagnostics = [d for path, found in faults.items() if not _shadowed(path, faults) for d in _without_echoes(found)]
    return faults, diagnostics


def _infinite(node: Node, path: Path = ()) -> Iterator[tuple[Path, ScalarNode]]:
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


def _unreadable(node: Node, path: Path = ()) -> Iterator[Path]:
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


def _shadowed(path: Path, faults: dict[Path, list[Diagnostic]]) -> bool:
    above = (faults.get(path[:n]) for n in range(1, len(path)))
    return any(found is not None and (not found or found[0].code != "E203") for found in above)


def _useful(error: Any) -> Iterator[Any]:
    """The errors worth showing out of one: for `anyOf`, those of the branch that was meant."""
    if error.validator not in ("anyOf", "oneOf") or not error.context:
        yield error
        return
    branches: dict[int, list[Any]] = {}
    for sub in error.context:
        branches.setdefault(int(sub.schema_path[0]), []).append(sub)
    likely = [b for b in branches.values() if not any(_wrong_kind(e, error) for e in b)]
    likely = [b for b in likely if not _misses_its_mark(b, error)] or likely
    if len(likely) > 1:
        fewest = min(len(b) for b in likely)
        likely = [b for b in likely if len(b) == fewest]
    if len(likely) == 1:
        for sub in likely[0]:
            yield from _useful(sub)
    else:
        yield error


def _branch_keys(error: Any) -> set[str]:
    """Every key that a map could have under the branches of an `anyOf`."""
    found: set[str] = set()
    todo = [error.schema]
    while todo:
        schema = todo.pop()
        if "$ref" in schema:
            schema = language_schema()["$defs"][schema["$ref"].rsplit("/", 1)[1]]
        found.update(schema.get("properties", {}))
        todo.extend(schema.get("anyOf", ()))
    return found


def _wrong_kind(sub: Any, parent: Any) -> bool:
    """Whether a branch fails because it wants another kind of value altogether, however deeply it says so."""
    if len(sub.absolute_path) > len(parent.absolute_path):
        return False
    if sub.validator in ("anyOf", "oneOf") and sub.context:
        kinds: dict[int, bool] = {}
        for inner in sub.context:
            place = int(inner.schema_path[0])
            kinds[place] = kinds.get(place, False) or _wrong_kind(inner, sub)
        return all(kinds.values())
    return sub.validator in ("type", "enum", "const") and not _could_be_meant(sub)


def _could_be_meant(sub: Any) -> bool:
    """A misspelt word of an enum is still that enum."""
    return sub.validator == "enum" and isinstance(sub.instance, str)


def _misses_its_mark(branch: Sequence[Any], parent: Any) -> bool:
    """Whether a branch lacks the key that marks its kind."""
    return any(e.validator == "required" and e.absolute_path == parent.absolute_path for e in branch)


def _explain(error: Any, document: MapNode) -> Iterator[tuple[Path, Diagnostic]]:
    """The faults of one error, with the path of the part at fault."""
    path: Path = tuple(error.absolute_path)
    node = node_at(document, path)
    if error.validator == "additionalProperties" and isinstance(node, MapNode):
        allowed = list(error.schema.get("properties", {}))
        for name in error.instance:
            if name not in allowed and isinstance(error.schema.get("additionalProperties"), bool):
                key = node.key(str(name))
                span = key.span if key else node.span
                message = f"'{name}' is not a key of {_place_name(path)}"
                near = nearest(str(name), allowed) or _lost_key(error.schema, error.instance)
                help = f"did you mean '{near}'?" if near else did_you_mean(str(name), allowed)
                yield (*path, name), Diagnostic("E202", message, span, help)
    elif error.validator in ("anyOf", "oneOf") and isinstance(node, MapNode) and node.entries:
        keys = _branch_keys(error)
        stray = next((e.key for e in node.entries if e.key.text not in keys), None)
        if stray is None:
            help = str(error.schema.get("description", ""))
            yield (
                path,
                Diagnostic("E204", f"the keys of {_place_name(path)} do not go together", first_line(node.span), help),
            )
        else:
            message = f"'{stray.text}' is not a key of {_place_name(path)}"
            yield path, Diagnostic("E202", message, stray.span, did_you_mean(stray.text, keys))
    elif error.validator == "required":
        name = next(n for n in error.validator_value if n not in error.instance)
        allowed = error.schema.get("properties", {})
        others = [str(k) for k in error.instance if str(k) not in allowed]
        if any(nearest(k, [name]) for k in others) or _lost_key(error.schema, error.instance) == name:
            return  # a misspelt key, reported as such
        span = key_span(document, path) or first_line(node.span)
        help = str(error.schema.get("properties", {}).get(name, {}).get("description", ""))
        yield path, Diagnostic("E203", f"{_place_name(path)} lacks the key '{name}'", span, _add(name, help))
    elif "propertyNames" in error.absolute_schema_path:
        names = node.entries if isinstance(node, MapNode) else ()
        name = str(error.instance)
        key = next((e.key for e in names if e.key.text == name), None)
        span = key.span if key else first_line(node.span)
        yield (*path, name), Diagnostic("E207", f"'{name}' cannot be a name", span, _BAD_NAME)
    else:
        code, message, help = _value_fault(error, path)
        yield path, Diagnostic(code, message, first_line(_value_span(document, path, node)), help)


def _lost_key(schema: Any, instance: Any) -> str | None:
    """The one required key that is missing where one key too many stands, near to no other: it was meant."""
    allowed = schema.get("properties", {})
    missing = [n for n in schema.get("required", ()) if n not in instance]
    stray = [str(k) for k in instance if str(k) not in allowed]
    if len(missing) == 1 and len(stray) == 1 and allowed and not nearest(stray[0], set(allowed) - set(missing)):
        return str(missing[0])
    return None


def _add(name: str, help: str) -> str:
    return "add `synthspec: 1`" if name == "synthspec" else f"add `{name}: …`" + (f" ({help})" if help else "")


def _value_span(document: MapNode, path: Path, node: Node) -> Span:
    empty = isinstance(node, ScalarNode) and node.text == "" and node.style == ""
    return (key_span(document, path) or node.span) if empty else node.span


def _wanted_kinds(error: Any) -> list[str]:
    """The kinds of value that the branches of an `anyOf` want; none where some want anything else."""
    kinds: dict[str, None] = {}
    for sub in error.context:
        if len(sub.absolute_path) == len(error.absolute_path):
            if sub.validator != "type":
                return []
            kinds.update(
                dict.fromkeys([sub.validator_value] if isinstance(sub.validator_value, str) else sub.validator_value)
            )
    return list(kinds)


_LIMITS = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "greater than {}",
    "exclusiveMaximum": "less than {}",
    "minItems": "of at least {} item(s)",
    "maxItems": "of at most {} items",
    "minProperties": "a map of at least {} key(s)",
    "minLength": "a text of at least {} character(s)",
    "maxLength": "a text of at most {} characters",
}


def _value_fault(error: Any, path: Path) -> tuple[str, str, str]:
    what = _place_name(path)
    about = str(error.schema.get("description", "")) if isinstance(error.schema, dict) else ""
    value = error.validator_value
    if error.validator == "type":
        wanted = _kinds(value)
        help = about or f"write {wanted}"
        if value == "string" and isinstance(error.instance, int | float):
            help = f"put it in quotes: '{str(error.instance).lower()}'"
        return "E204", f"{what} is {_kind(error.instance)}; {wanted} is needed", help
    if error.validator in ("anyOf", "oneOf"):
        kinds = _wanted_kinds(error)
        if kinds:
            message = f"{what} is {_kind(error.instance)}; {_kinds(kinds)} is needed"
            return "E204", message, about or f"write {_kinds(kinds)}"
        return "E204", f"{what} cannot be {_kind(error.instance)}", about or "see the language's documentation"
    if error.validator in ("enum", "const"):
        options = [str(v) for v in value] if error.validator == "enum" else [str(value)]
        return "E205", f"{what} cannot be {_shown(error.instance)}", did_you_mean(str(error.instance), options)
    if error.validator in _LIMITS:
        limit = _LIMITS[str(error.validator)].format(value)
        return "E206", f"{what} must be {limit}", about or f"write one that is {limit}"
    if error.validator == "pattern":
        return "E207", f"{_shown(error.instance)} does not have the form of {what}", about or _BAD_FORM
    return "E206", f"{what}: {error.message}", about or "see the language's documentation"


def _shown(value: Any) -> str:
    text = str(value)
    return f"'{text[:60]}…'" if len(text) > 60 else f"'{text}'"


def _kind(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int):
        return "a whole number"
    if isinstance(value, float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list) else "a map"


_KINDS = {
    "object": "a map",
    "array": "a list",
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


def _kinds(wanted: str | Iterable[str]) -> str:
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    return " or ".join(_KINDS.get(n, n) for n in names)


def _place_name(path: Path) -> str:
    if not path:
        return "the spec"
    shown = ""
    for step in path:
        shown += f"[{step + 1}]" if isinstance(step, int) else (f".{step}" if shown else str(step))
    return f"`{shown}`"


def node_at(root: Node, path: Iterable[str | int]) -> Node:
    """The node a path of keys and indices leads to; the nearest above it where it ends early."""
    node = root
    for step in path:
        below: Node | None = None
        if isinstance(node, MapNode):
            below = node.get(str(step))
        elif isinstance(node, ListNode) and isinstance(step, int) and step < len(node.items):
            below = node.items[step]
        if below is None:
            return node
        node = below
    return node


def key_span(root: Node, path: Path) -> Span | None:
    """The place of the key that a path ends in."""
    if not path or isinstance(path[-1], int):
        return None
    owner = node_at(root, path[:-1])
    key = owner.key(str(path[-1])) if isinstance(owner, MapNode) else None
    return key.span if key else None


def _prune(root: MapNode, faults: Iterable[Path]) -> MapNode:
    """The document without the parts at the given paths."""
    pruned: Node = root
    for path in sorted(faults, key=len, reverse=True):
        if path:
            pruned = _without(pruned, path)
    return pruned if isinstance(pruned, MapNode) else root


def _without(node: Node, path: Path) -> Node:
    head, rest = path[0], path[1:]
    if isinstance(node, MapNode):
        kept: list[Entry] = []
        for entry in node.entries:
            if entry.key.text != str(head):
                kept.append(entry)
            elif rest:
                kept.append(Entry(entry.key, _without(entry.value, rest)))
        return replace(node, entries=tuple(kept))
    if isinstance(node, ListNode) and isinstance(head, int) and head < len(node.items):
        items = list(node.items)
        if rest:
            items[head] = _without(items[head], rest)
        else:
            items[head] = ScalarNode(None, "", "", items[head].span, _source_of(items[head]))
        return replace(node, items=tuple(items))
    return node


def _source_of(node: Node) -> Any:
    while not isinstance(node, ScalarNode):
        below = node.items[0] if isinstance(node, ListNode) and node.items else None
        if isinstance(node, MapNode) and node.entries:
            below = node.entries[0].key
        if below is None:
            return None
        node = below
    return node.source
