"""`--set dotted.key=value` and the common options: values laid over a document before it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from synthspec.diagnostics import Diagnostic
from synthspec.document.reader import Entry, ListNode, MapNode, Node, ScalarNode, read_document
from synthspec.document.source import Source


def apply_overrides(root: MapNode, overrides: Mapping[str, str]) -> tuple[MapNode, tuple[Diagnostic, ...]]:
    """Set each dotted key to its value, read as YAML; null removes it.

    A `backend` set whole is every prompt's, those with one of their own too; one set for a prompt after it is that
    prompt's. Faults are placed in a file named after the option.
    """
    faults: list[Diagnostic] = []
    for key, text in overrides.items():
        source = Source(Path("--set"), f"--set {key}={text}", f"{text}\n")
        if not text.strip():
            way = f"write `--set {key}=VALUE`; `--set {key}=null` takes the key away"
            faults.append(Diagnostic("E204", f"`{key}` is given no value", source.span(), way))
            continue
        value, found = read_document(source)
        faults.extend(found)
        if value is not None:
            steps = key.split(".")
            name = Source(Path("--set"), source.file, key)
            if steps == ["backend"]:
                root = _without_own_backends(root)
            try:
                root = _set(root, steps, value, ScalarNode("", "", "", name.span(), name))
            except _NoItem as e:
                faults.append(Diagnostic("E202", str(e), name.span(), "items count from 0"))
    return root, tuple(faults)


class _NoItem(Exception):
    """A list does not have the item that a key names."""


def _set(node: Node, steps: list[str], value: Node, origin: ScalarNode) -> MapNode:
    head, rest = steps[0], steps[1:]
    key = replace(origin, value=head, text=head)
    owner = node if isinstance(node, MapNode) else MapNode((), origin.span)
    below = owner.get(head)
    if rest and head == "backend" and isinstance(below, ScalarNode):
        below = _backend_map(below)
    new: Node
    if rest and isinstance(below, ListNode):
        new = _set_item(below, head, rest, value, origin)
    elif rest:
        new = _set(below or MapNode((), origin.span), rest, value, origin)
    else:
        new = value
    if isinstance(new, ScalarNode) and new.value is None and new.style == "":
        return owner.without(head)
    if any(e.key.text == head for e in owner.entries):
        entries = tuple(Entry(e.key, new) if e.key.text == head else e for e in owner.entries)
    else:
        entries = (*owner.entries, Entry(key, new))
    return replace(owner, entries=entries)


def _without_own_backends(root: MapNode) -> MapNode:
    prompts = root.get("prompts")
    if not isinstance(prompts, MapNode):
        return root
    bare = replace(prompts, entries=tuple(replace(e, value=_without_backend(e.value)) for e in prompts.entries))
    return replace(root, entries=tuple(replace(e, value=bare) if e.value is prompts else e for e in root.entries))


def _without_backend(prompt: Node) -> Node:
    """A prompt without a backend of its own, its speakers neither."""
    if not isinstance(prompt, MapNode):
        return prompt
    bare = prompt.without("backend")
    speakers = bare.get("dialogue")
    if not isinstance(speakers, MapNode):
        return bare
    each = tuple(
        replace(e, value=e.value.without("backend") if isinstance(e.value, MapNode) else e.value)
        for e in speakers.entries
    )
    plain = replace(speakers, entries=each)
    return replace(bare, entries=tuple(replace(e, value=plain) if e.value is speakers else e for e in bare.entries))


def _backend_map(node: ScalarNode) -> MapNode:
    """`provider:model` as the map it is short for, so that options can be set beside it."""
    provider, _, model = node.text.partition(":")
    found = {"provider": provider, "model": model}
    return MapNode(
        tuple(
            Entry(replace(node, value=name, text=name), replace(node, value=value, text=value))
            for name, value in found.items()
            if value
        ),
        node.span,
    )


def _set_item(node: ListNode, name: str, steps: list[str], value: Node, origin: ScalarNode) -> ListNode:
    head, rest = steps[0], steps[1:]
    if not head.isdecimal() or int(head) >= len(node.items):
        raise _NoItem(f"'{head}' is not an item of `{name}`, which has {len(node.items)}")
    items = list(node.items)
    items[int(head)] = _set(items[int(head)], rest, value, origin) if rest else value
    return replace(node, items=tuple(items))
