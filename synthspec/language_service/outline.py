"""The parts of a spec, for an editor's outline."""

from __future__ import annotations

from collections.abc import Iterator

from synthspec.diagnostics import Span
from synthspec.document.reader import Entry, ListNode, MapNode, Node, ScalarNode
from synthspec.language_service.about import about_name
from synthspec.language_service.analysis import Analysis
from synthspec.language_service.sites import SECTIONS
from synthspec.language_service.values import Symbol

SHOWN = 60  # characters of a value


def symbols(analysis: Analysis) -> tuple[Symbol, ...]:
    """The keys of this file, each with the names that it declares."""
    root = analysis.document
    if root is None:
        return ()
    return tuple(s for e in root.entries for s in _of_entry(analysis, e, "section", ()))


def _of_entry(analysis: Analysis, entry: Entry, kind: str, path: tuple[str, ...]) -> Iterator[Symbol]:
    here = (*path, entry.key.text)
    inner: tuple[Symbol, ...] = ()
    named = here[0] if len(here) == 1 and here[0] in SECTIONS else ""
    if isinstance(entry.value, MapNode) and (named or (len(here) == 1)):
        inner = tuple(s for e in entry.value.entries for s in _of_entry(analysis, e, named or "key", here))
    if not analysis.is_own(entry.key):
        return
    detail = about_name(analysis, kind, entry.key.text)[0] if kind in SECTIONS else _short(entry.value)
    key = entry.key.span
    end = entry.value.span
    if (end.file, end.line) < (key.file, key.line) or end.file != key.file:
        end = key
    last = max(((key.end_line, key.end_column), _end(analysis, end.end_line, end.end_column)))
    span = Span(analysis.file, key.line, key.column, *last)
    yield Symbol(entry.key.text, kind, detail, span, key, inner)


def _end(analysis: Analysis, line: int, column: int) -> tuple[int, int]:
    """The end of a block, which YAML has at the beginning of the next line that is not empty."""
    while line > 1 and (line > len(analysis.lines) or not analysis.lines[line - 1][: column - 1].strip()):
        line -= 1
        column = len(analysis.lines[line - 1]) + 1 if line <= len(analysis.lines) else 1
    return line, column


def _short(node: Node) -> str:
    """A single value as far as a line shows it."""
    if not isinstance(node, ScalarNode):
        return f"{len(node.items)} items" if isinstance(node, ListNode) else ""
    text = " ".join(node.text.split())
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
