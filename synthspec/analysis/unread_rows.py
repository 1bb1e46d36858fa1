"""Rows of a source that are gone through one by one, and of which nothing is read."""

from __future__ import annotations

from collections.abc import Iterator

from synthspec.diagnostics import Diagnostic
from synthspec.diagnostics.remedies import write
from synthspec.document.reader import MapNode
from synthspec.spec import SourceDraw, Spec
from synthspec.spec.draws import draws_inside


def unread_rows(spec: Spec, root: MapNode) -> Iterator[Diagnostic]:
    """A source under `rows: {each: …}` from which no parameter draws: its rows differ in nothing that is read."""
    if spec.each is None or not spec.fields:
        return
    source = spec.each.source
    draws = (d for p in spec.parameters for d in draws_inside(p.draw) if isinstance(d, SourceDraw))
    if any(draw.source == source and draw.shares_row for draw in draws):
        return
    node = root.get("rows") or root
    message = f"nothing reads the rows of '{source}' that are gone through: they only say how many rows are made"
    help = f"draw from it, as in `parameters: {{row: {{from: {source}}}}}`, or " + write(f"rows: {spec.rows}")
    yield Diagnostic("W797", message, node.span, help)
