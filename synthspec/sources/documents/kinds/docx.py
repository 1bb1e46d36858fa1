"""Word documents, by mammoth, which makes HTML of them by their styles; `html` reads that."""

from __future__ import annotations

import io

from synthspec.sources.documents.archive import has_part, named, open_archive, tree
from synthspec.sources.documents.document import Document, DocumentFault
from synthspec.sources.documents.kinds.html import blocks_of
from synthspec.sources.documents.tidy import one_line

SUFFIXES = (".docx",)
PACKAGES = ("mammoth",)

_STYLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => p:fresh"


def read(data: bytes, encoding: str | None) -> Document:
    """The document of a Word file: headings, paragraphs, lists and tables; no headers, footers and pictures.

    Raises:
        DocumentFault: it is broken, or protected by a password.
    """
    import mammoth

    with open_archive(data) as archive:
        if not has_part(archive, "word/document.xml"):
            raise DocumentFault("it is broken: no Word document is in it", "open it and save it again, or remove it")
        tree(archive, "word/document.xml")  # no entities, and well formed
        title = ""
        if has_part(archive, "docProps/core.xml"):
            title = one_line(next((e.text or "" for e in named(tree(archive, "docProps/core.xml"), "title")), ""))
    markup = mammoth.convert_to_html(io.BytesIO(data), style_map=_STYLES, convert_image=lambda image: []).value
    return Document("" if title.casefold() == "word document" else title, tuple(blocks_of(markup)))
