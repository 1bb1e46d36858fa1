"""PDF, by pypdfium2: its lines with their places and sizes; `layout` makes blocks of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from threading import Lock
from typing import Any

from synthspec.sources.documents.document import Document, DocumentFault
from synthspec.sources.documents.layout import Line, blocks_of, title_key
from synthspec.sources.documents.tidy import one_line

SUFFIXES = (".pdf",)
PACKAGES = ("pypdfium2",)

_PASSWORD = 4  # FPDF_ERR_PASSWORD
_ONE_AT_A_TIME = Lock()  # PDFium is not safe for threads
_GAP = 1.1  # times the size of the letters: a wider space parts cells
_MARK = re.compile(r"[•‣▪◦●■○∙·–—*-]|\(?(?:\d{1,3}|[a-zA-Z])[.)]")  # of a list's item: what follows is its text
_NO_TITLES = ("untitled", "(anonymous)", "microsoft word", "document", "powerpoint presentation")


def read(data: bytes, encoding: str | None) -> Document:
    """The document of a PDF file.

    Raises:
        DocumentFault: it is broken, or opens with a password alone.
    """
    import pypdfium2

    with _ONE_AT_A_TIME:
        try:
            pdf = pypdfium2.PdfDocument(data)
        except pypdfium2.PdfiumError as e:
            if getattr(e, "err_code", None) == _PASSWORD:
                help = "save a copy without a password, or take it away"
                raise DocumentFault("it is protected by a password", help) from None
            raise DocumentFault("it is broken: no PDF that can be opened", "create it again, or remove it") from None
        try:
            pages = [list(_lines(pdf, number)) for number in range(len(pdf))]
            outline = _outline(pdf)
            title = one_line(pdf.get_metadata_dict().get("Title") or "")
        finally:
            pdf.close()
    named = bool(title) and not title.casefold().startswith(_NO_TITLES) and "." not in title[-5:]
    return Document(title if named else "", tuple(blocks_of(pages, outline)))


def _outline(pdf: Any) -> dict[tuple[int, str], int]:
    """The bookmarks: page and title, each with its level."""
    found: dict[tuple[int, str], int] = {}
    for mark in pdf.get_toc():
        target = mark.get_dest()
        page = target.get_index() if target is not None else None
        if page is not None:
            found.setdefault((page + 1, title_key(mark.get_title())), min(mark.level + 1, 6))
    return found


def _lines(pdf: Any, number: int) -> Iterator[Line]:
    """The lines of a page, in the order in which PDFium reads them."""
    from pypdfium2 import raw

    page = pdf[number]
    text = page.get_textpage()
    start = 0
    letters: list[str] = []
    for i in range(text.count_chars()):
        code = raw.FPDFText_GetUnicode(text, i)
        if code in (0x0D, 0x0A):
            yield from _line(text, start, letters, number + 1)
            start, letters = i + 1, []
        else:
            letters.append(chr(code) if code < 0xD800 or 0xE000 <= code <= 0x10FFFF else "\ufffd")
    yield from _line(text, start, letters, number + 1)
    text.close()
    page.close()


def _line(text: Any, start: int, letters: list[str], page: int) -> Iterator[Line]:
    """One line, cut into cells where a space is wide."""
    from pypdfium2 import raw

    seen = [i for i, c in enumerate(letters) if not c.isspace()]
    if not seen:
        return
    sizes = Counter(round(raw.FPDFText_GetFontSize(text, start + i) * 2) / 2 for i in seen[:: max(1, len(seen) // 8)])
    size = sizes.most_common(1)[0][0] or 1.0
    boxes = {i: text.get_charbox(start + i, loose=True) for i in (seen[0], seen[-1])}
    cells, cell = [], letters[seen[0]]
    for before, after in pairwise(seen):
        if after - before > 1:
            gap = text.get_charbox(start + after)[0] - text.get_charbox(start + before)[2]
            if gap > _GAP * size and not _MARK.fullmatch(cell):
                cells.append(cell)
                cell = ""
            else:
                cell += " "
        cell += letters[after]
    left, bottom, right = boxes[seen[0]][0], boxes[seen[0]][1], boxes[seen[-1]][2]
    yield Line((*cells, cell), page, left, right, bottom, size)
