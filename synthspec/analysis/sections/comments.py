"""Texts that a comment has cut: in YAML a plain text ends at ` #`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from synthspec.diagnostics import Diagnostic
from synthspec.document.reader import MapNode, Node, ScalarNode

_CUT = re.compile(r"( )#.*|( +)#(?=\S).*")  # comments stand two spaces away and begin with one
_TEXTS = ("user", "system", "description", "message")


def cut_texts(root: MapNode) -> Iterator[Diagnostic]:
    """A warning for each text for people or models whose line goes on after ` #` as if it were part of it."""
    yield from _inside(root, 0)


def _inside(node: Node, depth: int) -> Iterator[Diagnostic]:
    if isinstance(node, ScalarNode) or depth > 4:
        return
    if not isinstance(node, MapNode):
        for item in node.items:
            yield from _inside(item, depth + 1)
        return
    for entry in node.entries:
        value = entry.value
        if isinstance(value, ScalarNode) and entry.key.text in _TEXTS:
            yield from _cut(value)
        else:
            yield from _inside(value, depth + 1)


def _cut(node: ScalarNode) -> Iterator[Diagnostic]:
    if node.style or not isinstance(node.value, str):
        return
    line = node.source.lines[node.span.end_line - 1]
    found = _CUT.fullmatch(line[node.span.end_column - 1 :])
    if found:
        column = node.span.end_column + len(found[1] or found[2])
        place = node.source.span(node.span.end_line, column, node.span.end_line, len(line) + 1)
        help = "put the whole text in quotes; for a comment write two spaces, # and a space"
        yield Diagnostic("W705", "the text ends here: in YAML ` #` begins a comment", place, help)
