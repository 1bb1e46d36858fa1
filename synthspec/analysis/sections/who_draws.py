"""Who draws tools from a source: `tools: {from: …}` of prompts and of speakers."""

from __future__ import annotations

from collections.abc import Iterator

from synthspec.analysis.sections.context import AnalysisContext
from synthspec.document.reader import MapNode, Node


def drawn_by(ctx: AnalysisContext) -> Iterator[tuple[str, MapNode]]:
    """Every `tools: {from: …}`, by who draws: the prompt, or the prompt and its speaker."""
    for entry in ctx.section("prompts").entries:
        if not isinstance(entry.value, MapNode):
            continue
        yield from _map_at(entry.key.text, entry.value.get("tools"))
        speakers = entry.value.get("dialogue")
        for inner in speakers.entries if isinstance(speakers, MapNode) else ():
            if isinstance(inner.value, MapNode):
                yield from _map_at(f"{entry.key.text}.{inner.key.text}", inner.value.get("tools"))


def _map_at(name: str, node: Node | None) -> Iterator[tuple[str, MapNode]]:
    if isinstance(node, MapNode):
        yield name, node
