"""Paths of keys and indices through a document: what they lead to, and documents changed at some of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from synthspec.diagnostics import Span
from synthspec.document.reader import Entry, ListNode, MapNode, Node, ScalarNode

NodePath = tuple[str | int, ...]


def respell(node: Node, meant: dict[NodePath, str], path: NodePath = ()) -> Any:
    """The document with keys renamed; each keeps its place, or joins the map of that name that is there already."""
    if isinstance(node, MapNode):
        entries: dict[str, Entry] = {}
        for entry in sorted(node.entries, key=lambda e: (*path, e.key.text) in meant):
            here = (*path, entry.key.text)
            key = replace(entry.key, text=meant[here], value=meant[here]) if here in meant else entry.key
            value = respell(entry.value, meant, here)
            first = entries.get(key.text)
            if first is not None and isinstance(first.value, MapNode) and isinstance(value, MapNode):
                key, value = first.key, _joined(first.value, value)
            entries[key.text] = Entry(key, value)
        order = [meant.get((*path, e.key.text), e.key.text) for e in node.entries]
        return replace(node, entries=tuple(entries[name] for name in dict.fromkeys(order)))
    if isinstance(node, ListNode):
        return replace(node, items=tuple(respell(item, meant, (*path, i)) for i, item in enumerate(node.items)))
    return node


def _joined(first: MapNode, second: MapNode) -> MapNode:
    """The entries of both, the second's where a key is in both."""
    entries = {e.key.text: e for e in (*first.entries, *second.entries)}
    return replace(first, entries=tuple(entries.values()))


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


def key_span(root: Node, path: NodePath) -> Span | None:
    """The place of the key that a path ends in."""
    if not path or isinstance(path[-1], int):
        return None
    owner = node_at(root, path[:-1])
    key = owner.key(str(path[-1])) if isinstance(owner, MapNode) else None
    return key.span if key else None


def prune(root: MapNode, faults: Iterable[NodePath]) -> MapNode:
    """The document without the parts at the given paths."""
    pruned: Node = root
    for path in sorted(faults, key=len, reverse=True):
        if path:
            pruned = _without(pruned, path)
    return pruned if isinstance(pruned, MapNode) else root


def _without(node: Node, path: NodePath) -> Node:
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


def place_name(path: NodePath) -> str:
    """A path for people.

    >>> place_name(("checks", 0, "that")), place_name(())
    ('`checks[1].that`', 'the spec')
    """
    if not path:
        return "the spec"
    shown = ""
    for step in path:
        shown += f"[{step + 1}]" if isinstance(step, int) else (f".{step}" if shown else str(step))
    return f"`{shown}`"
