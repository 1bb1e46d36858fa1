"""`--set dotted.key=value` and the common options: values laid over a document before it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from synthspec.diagnostics import Diagnostic
from synthspec.document import Entry, ListNode, MapNode, Node, ScalarNode, read_document
from synthspec.source import Source


def apply_overrides(root: MapNode, overrides: Mapping[str, str]) -> tuple[MapNode, tuple[Diagnostic, ...]]:
    """Set each dotted key to its value, read as YAML. Faults are placed in a file named after the option."""
    faults: list[Diagnostic] = []
    for key, text in overrides.items():
        source = Source(Path("--set"), f"--set {key}={text}", f"{text}\n")
        value, found = read_document(source)
        faults.extend(found)
        if value is not None:
            steps = key.split(".")
            name = Source(Path("--set"), source.file, key)
            root = _set(root, steps, value, ScalarNode("", "", "", name.span(), name))
    return root, tuple(faults)


def _set(node: Node, steps: list[str], value: Node, origin: ScalarNode) -> MapNode:
    head, rest = steps[0], steps[1:]
    key = replace(origin, value=head, text=head)
    owner = node if isinstance(node, MapNode) else MapNode((), origin.span)
    below = owner.get(head)
    if rest and isinstance(below, ListNode) and rest[0].isdigit() and int(rest[0]) < len(below.items):
        items = list(below.items)
        index = int(rest[0])
        items[index] = _set(items[index], rest[1:], value, origin) if rest[1:] else value
        new: Node = replace(below, items=tuple(items))
    elif rest:
        new = _set(below or MapNode((), origin.span), rest, value, origin)
    else:
        new = value
    if any(e.key.text == head for e in owner.entries):
        entries = tuple(Entry(e.key, new) if e.key.text == head else e for e in owner.entries)
    else:
        entries = (*owner.entries, Entry(key, new))
    return replace(owner, entries=entries)
