"""`format` and its options."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from synthspec.analysis.sections.context import AnalysisContext, value_of
from synthspec.diagnostics import did_you_mean
from synthspec.document.reader import MapNode, Node, ScalarNode
from synthspec.formats import Shape, find_format
from synthspec.plugins import is_plugin, plugin_names
from synthspec.spec import Field


def lower_format(
    ctx: AnalysisContext, node: Node | None, fields: tuple[Field, ...], rows: int
) -> tuple[str, dict[str, Any]]:
    """The format of a prompt whose replies hold these fields, and its options; none where a field is not known."""
    name, options = "json", dict[str, Any]()
    if len(fields) == 1 and fields[0].type.kind == "text" and fields[0].type.values is None and rows == 1:
        name = "text"
    if isinstance(node, ScalarNode):
        name = node.text
    elif isinstance(node, MapNode):
        options = dict(value_of(node))
        named = [k for k in options if is_plugin("formats", str(k))]
        name = str(named[0]) if named else str(next(iter(options)))
    if not is_plugin("formats", name):
        key = node.entries[0].key if isinstance(node, MapNode) else node
        help = did_you_mean(name, plugin_names("formats"))
        ctx.report("E417", key or ctx.root, f"there is no format '{name}'", help)
        return "json", {}
    if node is not None and not ctx.usable("formats", name, node):
        return "json", {}
    module = find_format(name)
    if isinstance(node, MapNode):
        inner = options.get(name)
        if isinstance(inner, dict) and name not in module.OPTIONS:
            options = {**inner, **{k: v for k, v in options.items() if k != name}}
        if not _options(ctx, node, name, options, module.OPTIONS):
            return name, options
    if fields and not ctx.is_broken("fields"):
        place = node if node is not None else ctx.section("prompts")
        for fault in itertools.islice(module.faults(Shape(fields, rows, options)), 1):
            span = place.span if node is not None else next(iter(fields)).span
            what, help = fault if isinstance(fault, tuple) and len(fault) == 2 else (fault, "choose another format")
            ctx.report("E416", span, f"the format '{name}' cannot carry this: {what}", help)
    return name, options


def _options(ctx: AnalysisContext, node: MapNode, name: str, options: dict[str, Any], known: Mapping[str, str]) -> bool:
    """Whether a format's options are known and sound."""
    before = len(ctx.faults)
    for option in options:
        if option not in known and option != name:
            key = node.key(str(option))
            inner = node.get(name)
            if key is None and isinstance(inner, MapNode):
                key = inner.key(str(option))
            help = did_you_mean(str(option), known, "it takes none")
            ctx.report("E419", key or node, f"the format '{name}' has no option '{option}'", help)
    if name in known and isinstance(options.get(name), str) and name == "regex":
        ctx.regex(node.get(name), "format")
    return len(ctx.faults) == before
