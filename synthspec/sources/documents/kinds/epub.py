"""EPUB books: their chapters in reading order, each read as HTML."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

from synthspec.sources.documents.archive import beside, has_part, named, open_archive, part, tree
from synthspec.sources.documents.document import Document, DocumentFault
from synthspec.sources.documents.kinds import html
from synthspec.sources.documents.tidy import one_line

SUFFIXES = (".epub",)

_CONTAINER = "META-INF/container.xml"
_PAGES = ("application/xhtml+xml", "text/html")


def read(data: bytes, encoding: str | None) -> Document:
    """The document of a book.

    Raises:
        DocumentFault: it is broken, or locked.
    """
    with open_archive(data) as archive:
        if not has_part(archive, _CONTAINER):
            raise DocumentFault("it is broken: no EPUB book is in it", "take it away")
        if has_part(archive, "META-INF/rights.xml"):
            raise DocumentFault("it is locked (DRM)", "take it away, or get a copy that is not")
        name = next((e.get("full-path", "") for e in named(tree(archive, _CONTAINER), "rootfile")), "")
        package = tree(archive, name)
        title = one_line(next((e.text or "" for e in named(package, "title")), ""))
        blocks = [b for chapter in _chapters(archive, name) for b in html.read(part(archive, chapter), None).blocks]
    return Document(title, tuple(blocks))


def _chapters(archive: zipfile.ZipFile, name: str) -> Iterator[str]:
    """The files of the chapters; a table of contents is none."""
    package = tree(archive, name)
    items = {e.get("id", ""): e for e in named(package, "item")}
    for reference in named(package, "itemref"):
        item = items.get(reference.get("idref", ""))
        if item is None or item.get("media-type") not in _PAGES or "nav" in item.get("properties", "").split():
            continue
        chapter = beside(name, item.get("href", ""))
        if has_part(archive, chapter):
            yield chapter
