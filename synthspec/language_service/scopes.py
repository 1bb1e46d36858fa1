"""The names in scope at a place of a spec, with their types, and what they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from synthspec.diagnostics import Span
from synthspec.document.paths import NodePath, node_at
from synthspec.document.reader import ListNode, ScalarNode
from synthspec.evaluation.gates import GATE_METRICS
from synthspec.language_service.analysis import Analysis
from synthspec.language_service.sites import Site
from synthspec.language_service.texts import Word, template_words
from synthspec.language_service.values import Position
from synthspec.languages.expressions.types import ANY, Type

_LOOP = re.compile(r"\{%-?\s*for\s+(\w+)\s+in\s+(\w+)")


def contains(span: Span, position: Position) -> bool:
    """Whether a position is in a span, its ends included."""
    return (span.line, span.column) <= (position.line, position.column) <= (span.end_line, span.end_column)


def site_at(analysis: Analysis, position: Position) -> Site | None:
    """The text with a meaning at a position of this file; the smallest where several are there."""
    found = [s for s in analysis.sites if analysis.is_own(s.node) and contains(s.node.span, position)]
    return found[-1] if found else None


def scope_at(analysis: Analysis, path: NodePath, position: Position) -> Mapping[str, Type]:
    """The names that an expression or template at a place may read."""
    there = node_at(analysis.document, path) if analysis.document is not None else None
    for reading in analysis.readings:
        same = isinstance(there, ScalarNode) and reading.node.span == there.span
        if same or (analysis.is_own(reading.node) and contains(reading.node.span, position)):
            below = _below(analysis, path)
            return {name: kind for name, kind in reading.scope.items() if name not in below}
    return _likely(analysis, path)


def _below(analysis: Analysis, path: NodePath) -> frozenset[str]:
    """The parameters that one cannot read, because they stand below it."""
    names = list(analysis.names.sections["parameters"])
    if path[:1] != ("parameters",) or len(path) < 2 or path[1] not in names:
        return frozenset()
    return frozenset(names[names.index(str(path[1])) :])


def _likely(analysis: Analysis, path: NodePath) -> dict[str, Type]:
    """The names in scope where nothing could be read yet, by the place alone."""
    head = path[0] if path else ""
    if head == "gates":
        return {m.name: Type("number") for m in GATE_METRICS}
    parameters = list(analysis.names.sections["parameters"])
    if head == "parameters" and len(path) > 1 and path[1] in parameters:
        parameters = parameters[: parameters.index(str(path[1]))]
    names = dict.fromkeys(parameters, ANY)
    if analysis.spec is not None:
        names |= {p.name: p.type for p in analysis.spec.parameters if p.name in names}
    if head not in ("parameters", "plan", "rows"):
        names |= dict.fromkeys(analysis.names.items, ANY)
        names |= dict.fromkeys(
            (n for n, some in analysis.names.local.items() if any(s.is_seen(path) for s in some)), ANY
        )
        fields = dict.fromkeys(analysis.names.sections["fields"], ANY)
        if analysis.spec is not None:
            fields |= {f.name: f.type for f in analysis.spec.fields if f.name in fields}
        own = {str(path[1])} if head == "fields" and len(path) > 1 else _written_by(analysis, path)
        names |= {n: t for n, t in fields.items() if n not in names and n not in own}
    return names


def _written_by(analysis: Analysis, path: NodePath) -> set[str]:
    """The fields that the prompt at a path writes, which it cannot read."""
    if path[:1] != ("prompts",) or len(path) < 2 or analysis.document is None:
        return set()
    node = node_at(analysis.document, (*path[:2], "writes"))
    items = node.items if isinstance(node, ListNode) else (node,)
    return {item.text for item in items if isinstance(item, ScalarNode)}


def local_names(before: str, scope: Mapping[str, Type]) -> dict[str, Type]:
    """The names that a template has bound before a place, in the blocks that are open there."""
    scopes: list[set[str]] = [set()]
    template_words(before, scopes)
    found: dict[str, Type] = {name: ANY for names in scopes for name in sorted(names)}
    for name, items in _LOOP.findall(before):
        if name in found and (kind := scope.get(items)) is not None and kind.kind == "list":
            found[name] = kind.item or ANY
    return found


def member_types(words: list[Word], scope: Mapping[str, Type]) -> Mapping[str, Type]:
    """The members of what words such as `row`, `.`, `order`, `.` lead to; empty where they are not known."""
    chain: list[str] = []
    for word in reversed(words):
        if word.kind in ("name", "local", "member"):
            chain.append(word.text)
            if word.kind != "member":
                break
        elif word.text != ".":
            return {}
    if not chain:
        return {}
    kind: Type | None = scope.get(chain.pop())
    while kind is not None and chain:
        kind = kind.member(chain.pop())
    return dict(kind.members or ()) if kind is not None and kind.kind == "map" else {}


def known_values(analysis: Analysis, words: list[Word], scope: Mapping[str, Type]) -> Iterator[object]:
    """The values that a text begun after `name ==`, `name in [` can be, where all are known."""
    signs = [w for w in words if w.text not in ("[", ",", "(") and w.kind != "string"]
    if signs and signs[-1].text in ("==", "!=", "in"):
        names = [w for w in signs[:-1] if w.text != "not"]
        kind = scope.get(names[-1].text) if names and names[-1].kind in ("name", "local") else None
        yield from (kind.values or ()) if kind is not None else ()
