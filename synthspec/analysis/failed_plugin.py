"""The diagnostic about a plug-in whose code failed while a spec was checked."""

from __future__ import annotations

import re
from collections.abc import Iterator

from synthspec.diagnostics import Diagnostic
from synthspec.document.reader import ListNode, MapNode, Node, ScalarNode
from synthspec.plugins.guarding import PluginFault


def plugin_that_failed(root: MapNode, fault: PluginFault) -> Diagnostic:
    """E880, at the first place in the spec that names the plug-in."""
    named = re.compile(rf"(?<!\w){re.escape(fault.name)}(?!\w)")
    for leaf in _leaves(root):
        if found := named.search(leaf.text):
            return Diagnostic("E880", fault.message, leaf.place(*found.span()), help=fault.help)
    return Diagnostic("E880", fault.message, root.span, help=fault.help)


def _leaves(node: Node) -> Iterator[ScalarNode]:
    match node:
        case ScalarNode():
            yield node
        case ListNode():
            for item in node.items:
                yield from _leaves(item)
        case MapNode():
            for entry in node.entries:
                yield entry.key
                yield from _leaves(entry.value)
