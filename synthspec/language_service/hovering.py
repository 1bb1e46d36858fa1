"""What is said of what stands at a place: a key, a name, a function, a value, and what is wrong there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from synthspec.diagnostics import Diagnostic, Span
from synthspec.diagnostics.catalogue import explanation
from synthspec.document.paths import NodePath
from synthspec.document.reader import ListNode, MapNode, Node, ScalarNode
from synthspec.language_service.about import about_function, about_metric, about_name, about_plugin
from synthspec.language_service.analysis import Analysis
from synthspec.language_service.mentions import words_at
from synthspec.language_service.navigation import mention_at
from synthspec.language_service.schema_view import Schema, alternatives, at_path, below, described, fitting
from synthspec.language_service.scopes import contains, site_at
from synthspec.language_service.values import Hover, Position

_DEFAULT = re.compile(r"\bDefault:? ([^.]+(?:\.\d+)?)")


def hover(analysis: Analysis, position: Position) -> Hover | None:
    """What is to be said at a position; None where nothing is."""
    found = next(iter(_of_place(analysis, position)), None)
    wrong = [d for d in analysis.diagnostics if d.span.file == analysis.file and contains(d.span, position)]
    parts = [about_diagnostic(d) for d in wrong]
    if found is not None:
        parts.insert(0, found[1])
    if not parts:
        return None
    return Hover(found[0] if found is not None else wrong[0].span, "\n\n---\n\n".join(parts))


def about_diagnostic(diagnostic: Diagnostic) -> str:
    """A diagnostic with the page of its code up to the example, as Markdown."""
    told = f"**{diagnostic.code}** {_escaped(diagnostic.message)}"
    if diagnostic.help:
        told += f"\n\n{_escaped(diagnostic.help)}"
    try:
        why = explanation(diagnostic.code).partition("\n## ")[0].partition("\n")[2].strip()
    except LookupError:
        why = ""
    return f"{told}\n\n{why}" if why else told


def _escaped(text: str) -> str:
    """A text of ours that may hold what a spec says: Markdown that could be a link or a picture is none."""
    return re.sub(r"([\[\]<>!])", r"\\\1", text)


def _of_place(analysis: Analysis, position: Position) -> Iterator[tuple[Span, str]]:
    mention = mention_at(analysis, position)
    if mention is not None and mention.name in analysis.names.taken(mention.section, mention.owner):
        yield mention.span, about_name(analysis, mention.section, mention.name)[1]
    site = site_at(analysis, position)
    if site is not None and not site.key:
        for word in words_at(site):
            span = site.node.place(word.start, word.end)
            if contains(span, position):
                said = _about_word(word.kind, word.text, site.path)
                if said:
                    yield span, said
        if site.names and (line := about_plugin(site.names, site.node.text)):
            yield site.node.span, f"**{site.node.text}** · {line}"
    yield from _of_key(analysis, position)


def _about_word(kind: str, text: str, path: NodePath) -> str:
    if kind == "function":
        told = about_function(text)
        return told[1] if told is not None else ""
    if kind == "name" and path[:1] == ("gates",):
        said = about_metric(text)
        return f"**{text}** · {said}" if said else ""
    return f"the filter `{text}`" if kind == "filter" else ""


def _of_key(analysis: Analysis, position: Position) -> Iterator[tuple[Span, str]]:
    """What the schema says of the key at a position, with its type and default."""
    found = key_at(analysis.document, analysis, position)
    if found is None or analysis.document is None:
        return
    key, path, owner = found
    for schema in below(at_path(path, analysis.document), key.text, owner):
        said = described(schema)
        if said:
            yield key.span, f"**{key.text}** · {shown_type(schema)}\n\n{said}"


def key_at(
    node: Node | None, analysis: Analysis, position: Position, path: NodePath = ()
) -> tuple[ScalarNode, NodePath, MapNode] | None:
    """The key at a position of this file, the path of its map, and the map."""
    if isinstance(node, MapNode):
        for entry in node.entries:
            if analysis.is_own(entry.key) and contains(entry.key.span, position):
                return entry.key, path, node
            inner = key_at(entry.value, analysis, position, (*path, entry.key.text))
            if inner is not None:
                return inner
    elif isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            inner = key_at(item, analysis, position, (*path, index))
            if inner is not None:
                return inner
    return None


def shown_type(schema: Schema) -> str:
    """The types that a schema allows, and its default where its description says one.

    >>> shown_type({"type": "integer", "description": "Calls at once. Default 32."})
    'integer, default 32'
    """
    kinds: dict[str, None] = {}
    for form in fitting(alternatives(schema), None):
        if "enum" in form:
            kinds.setdefault(" | ".join(f"`{v}`" for v in form["enum"]))
        elif form.get("x-text") in ("expression", "template"):
            kinds.setdefault(str(form["x-text"]))
        else:
            kind = form.get("type", "value")
            for name in [kind] if isinstance(kind, str) else kind:
                kinds.setdefault({"object": "map", "array": "list", "string": "text"}.get(name, name))
    default = _DEFAULT.search(described(schema))
    return " or ".join(kinds) + (f", default {default[1]}" if default is not None else "")
