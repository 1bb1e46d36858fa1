"""Where a name is declared, and where else it is meant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from synthspec.document.reader import ListNode, MapNode, Node, ScalarNode
from synthspec.document.resources import library_folder
from synthspec.document.source import buffer_source
from synthspec.language_service.analysis import Analysis
from synthspec.language_service.mentions import Mention
from synthspec.language_service.scopes import contains
from synthspec.language_service.values import Location, Position


def mention_at(analysis: Analysis, position: Position) -> Mention | None:
    """The name at a position of this file; what it declares there before what it means."""
    found = [
        m
        for m in analysis.mentions
        if analysis.is_own(m.node) and contains(m.node.span, position) and contains(m.span, position)
    ]
    return next((m for m in found if m.declares), found[0] if found else None)


def location_of(mention: Mention) -> Location:
    """Where a name stands."""
    return Location(str(mention.node.source.path.resolve()), mention.span)


def definition(analysis: Analysis, position: Position) -> tuple[Location, ...]:
    """Where what is named at a position is declared: a place in this file or another, or a whole file."""
    found = mention_at(analysis, position)
    if found is None:
        return tuple(_files_named(analysis, position))
    same = [m for m in analysis.mentions if m.declares and m.means == found.means]
    return tuple(location_of(m) for m in same)


def references(analysis: Analysis, position: Position, declaration: bool = True) -> tuple[Location, ...]:
    """Every place that means what is named at a position, in the order of the document."""
    found = mention_at(analysis, position)
    if found is None:
        return ()
    same = [m for m in analysis.mentions if m.means == found.means and (declaration or not m.declares)]
    files = {path.resolve(): number for number, path in enumerate(analysis.files)}
    same.sort(key=lambda m: (files.get(m.node.source.path.resolve(), 0), m.span.line, m.span.column))
    return tuple(dict.fromkeys(map(location_of, same)))


def _files_named(analysis: Analysis, position: Position) -> Iterator[Location]:
    """The file that is named at a position: to extend, or as a source."""
    named = _file_texts(analysis)
    node = next((n for n in named if contains(n.span, position)), None)
    if node is None:
        return
    folder = analysis.path.parent
    candidates = [folder / node.text]
    if "/" not in node.text and not node.text.endswith((".yaml", ".yml")):
        candidates = [folder / "library" / f"{node.text}.yaml", library_folder() / f"{node.text}.yaml"]
    for path in candidates:
        try:
            there = path.is_file()
        except (OSError, ValueError):
            continue
        if there:
            source, _ = buffer_source(path, "")
            if source is not None:
                yield Location(str(path.resolve()), source.span(1, 1, 1, 1))
            return


def _file_texts(analysis: Analysis) -> Iterator[ScalarNode]:
    """The texts of this file that name a file. What is extended is merged away, so its own text is read for it."""
    from synthspec.document.reader import read_document
    from synthspec.language_service.readable import readable

    source, _ = buffer_source(analysis.path, analysis.text)
    document = read_document(readable(source))[0] if source is not None else None
    if not isinstance(document, MapNode):
        return
    extends = document.get("extends")
    yield from _scalars(extends)
    sources = document.get("sources")
    for entry in sources.entries if isinstance(sources, MapNode) else ():
        if isinstance(entry.value, MapNode):
            yield from _scalars(entry.value.get("file"))


def _scalars(node: Node | None) -> Iterator[ScalarNode]:
    for item in node.items if isinstance(node, ListNode) else (node,):
        if isinstance(item, ScalarNode):
            yield item


def path_of(analysis: Analysis, file: str) -> Path:
    """The path of a file as spans name it."""
    return analysis.path if file == analysis.file else Path(file).resolve()
