"""Conversations that call tools, written without the column that declares them."""

from __future__ import annotations

from collections.abc import Iterator

from synthspec.diagnostics import Diagnostic
from synthspec.document.paths import key_span
from synthspec.document.reader import MapNode
from synthspec.spec import Spec


def undeclared_calls(spec: Spec, root: MapNode) -> Iterator[Diagnostic]:
    """A file whose listed columns hold a conversation with tools, and not the tools: trainers need both."""
    files = [("output.columns", spec.output.columns)] if spec.output.columns else []
    files += [(f"output.tables.{table.name}.columns", table.columns) for table in spec.output.tables]
    for prompt in spec.prompts:
        if prompt.dialogue is None or len(prompt.writes) < 2:
            continue
        talk, column = prompt.writes[:2]
        for place, columns in files:
            if talk in columns and column not in columns:
                message = f"`{place}` has '{talk}', whose speakers may call tools, and not the column '{column}'"
                help = f"add {column} to `{place}`: training code needs it"
                yield Diagnostic("W757", message, key_span(root, tuple(place.split("."))) or prompt.span, help)
