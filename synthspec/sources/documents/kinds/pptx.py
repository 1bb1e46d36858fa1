"""PowerPoint presentations: a slide is a page; its title is a heading, its notes come last."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from synthspec.sources.documents.archive import beside, has_part, local, named, open_archive, tree
from synthspec.sources.documents.document import Block, Document, DocumentFault, heading
from synthspec.sources.documents.tidy import one_line, table_lines

SUFFIXES = (".pptx",)

_DECK = "ppt/presentation.xml"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_SKIPPED = ("dt", "ftr", "hdr", "sldNum", "sldImg")  # placeholders that stand on every slide


def read(data: bytes, encoding: str | None) -> Document:
    """The document of a presentation.

    Raises:
        DocumentFault: it is broken, or protected by a password.
    """
    with open_archive(data) as archive:
        if not has_part(archive, _DECK):
            raise DocumentFault("it is broken: no presentation is in it", "open it and save it again, or remove it")
        related = _related(archive, _DECK)
        names = [related.get(e.get(_RELATION, "")) for e in named(tree(archive, _DECK), "sldId")]
        blocks = [b for page, name in enumerate(names, start=1) if name for b in _slide(archive, name, page)]
    return Document("", tuple(blocks))


def _related(archive: zipfile.ZipFile, name: str) -> dict[str, str]:
    """The parts that a part names, by their ids."""
    folder, _, file = name.rpartition("/")
    relations = f"{folder}/_rels/{file}.rels"
    if not has_part(archive, relations):
        return {}
    found = named(tree(archive, relations), "Relationship")
    return {e.get("Id", ""): beside(name, e.get("Target", "")) for e in found if e.get("TargetMode") != "External"}


def _slide(archive: zipfile.ZipFile, name: str, page: int) -> Iterator[Block]:
    root = tree(archive, name)
    under: tuple[str, ...] = ()
    rest: list[Block] = []
    for shape in root.iter():
        if local(shape) == "tbl":
            rows = [[_text(cell) for cell in named(row, "tc")] for row in named(shape, "tr")]
            rest.append(Block(table_lines(rows), "table"))
        elif local(shape) == "sp":
            kind = next((e.get("type", "") for e in named(shape, "ph")), "")
            if kind in ("title", "ctrTitle") and not under and (title := one_line(_text(shape))):
                under = (title,)
            elif kind not in _SKIPPED:
                rest += _paragraphs(shape)
    notes = [n for n in _related(archive, name).values() if re.search(r"/notesSlide\d*\.xml$", n)]
    for note in notes[:1]:
        for shape in named(tree(archive, note), "sp"):
            if next((e.get("type", "") for e in named(shape, "ph")), "") not in _SKIPPED:
                rest += _paragraphs(shape)
    if under:
        yield Block(heading(2, under[0]), "heading", under, page)
    for block in rest:
        if block.text.strip():
            yield Block(block.text, block.kind, under, page)


def _paragraphs(shape: Element) -> Iterator[Block]:
    """The paragraphs of a shape; several are the points of a list."""
    lines = []
    for paragraph in named(shape, "p"):
        level = next((e.get("lvl", "0") for e in named(paragraph, "pPr")), "0")
        if text := one_line(_text(paragraph)):
            lines.append((int(level) if level.isdigit() else 0, text))
    if len(lines) == 1:
        yield Block(lines[0][1])
    elif lines:
        yield Block("\n".join(f"{'  ' * min(level, 8)}- {text}" for level, text in lines), "list")


def _text(element: Element) -> str:
    """The text of runs; a paragraph or a line that ends is a space."""
    parts = []
    for one in element.iter():
        name = local(one)
        if name == "t":
            parts.append(one.text or "")
        elif name in ("p", "br"):
            parts.append(" ")
    return "".join(parts)
