"""Every text of a document that means something beside itself: expressions, templates, names, keys that are names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from synthspec.document.paths import NodePath
from synthspec.document.reader import ListNode, MapNode, Node, ScalarNode
from synthspec.language_service.schema_view import (
    Schemas,
    alternatives,
    below,
    fitting,
    root_schemas,
    scalar_roles,
)
from synthspec.lazy_dataclass import dataclass

SECTIONS = ("parameters", "fields", "prompts", "sources", "tools")


@dataclass(frozen=True, slots=True)
class Site:
    """A scalar, and what the schema says of it."""

    node: ScalarNode
    path: NodePath  # of the scalar; of a key, of its value
    text: str  # `expression`, `template`, `item`, `regex`; "" where it is no such text
    names: str  # what it names: a section, or a kind of plug-in
    key: bool = False


def sites(root: Node | None) -> Iterator[Site]:
    """The sites of a document, in its order."""
    if isinstance(root, MapNode):
        yield from _inside(root, alternatives(root_schemas()[0]), ())


def _inside(node: Node, forms: Schemas, path: NodePath) -> Iterator[Site]:
    if isinstance(node, ScalarNode):
        text, names = scalar_roles(forms, node)
        if text or names:
            yield Site(node, path, text, names)
        return
    forms = fitting(forms, node)
    if isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            yield from _below(item, forms, path, index, node)
        return
    keyed = "" if len(path) != 1 else str(path[0])
    names = keyed if keyed in SECTIONS else next((str(f["x-keys"]) for f in forms if "x-keys" in f), "")
    for entry in node.entries:
        if names:
            yield Site(entry.key, (*path, entry.key.text), "", names, key=True)
        yield from _below(entry.value, forms, path, entry.key.text, node)


def _below(node: Node, forms: Schemas, path: NodePath, step: str | int, owner: Node) -> Iterator[Site]:
    inner = tuple(form for schema in below(forms, step, owner) for form in alternatives(schema))
    if inner:
        yield from _inside(node, inner, (*path, step))


def declared(root: Node | None) -> Mapping[str, dict[str, ScalarNode]]:
    """The keys of every section that declares names."""
    found: dict[str, dict[str, ScalarNode]] = {section: {} for section in SECTIONS}
    if isinstance(root, MapNode):
        for section in SECTIONS:
            node = root.get(section)
            if isinstance(node, MapNode):
                found[section] = {e.key.text: e.key for e in node.entries}
    return found
