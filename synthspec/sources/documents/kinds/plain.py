"""Plain text: paragraphs between empty lines, headings over a line of `===` or `---`, pages between form feeds."""

from __future__ import annotations

import re
import textwrap

from synthspec.sources.documents.document import Block, Document, Outline, heading
from synthspec.sources.documents.tidy import one_line, tidy

SUFFIXES = (".txt", ".text")

_RULE = re.compile(r"(=|-|~){3,}")
_ITEM = re.compile(r"\s*(?:[-*•‣◦]|\d{1,3}[.)])\s+\S")
LONGEST_HEADING = 120  # characters


def read(data: bytes, encoding: str | None) -> Document:
    """The document of a text file.

    Raises:
        TableFault: it is not text.
    """
    from synthspec.sources.encodings import decode

    text, guessed = decode(data, encoding)
    pages = text.split("\f")
    outline = Outline()
    blocks: list[Block] = []
    marks: list[str] = []  # the signs under headings in the order they came: that of their levels
    for number, page in enumerate(pages, start=1):
        for paragraph in re.split(r"\n\s*\n", tidy(page)):
            blocks += _blocks(paragraph, outline, marks, number if len(pages) > 1 else None)
    return Document("", tuple(blocks), guessed)


def _blocks(paragraph: str, outline: Outline, marks: list[str], page: int | None) -> list[Block]:
    lines = paragraph.strip("\n").split("\n")
    if len(lines) >= 2 and _RULE.fullmatch(lines[1].strip()) and 0 < len(lines[0].strip()) <= LONGEST_HEADING:
        sign = lines[1].strip()[0]
        if sign not in marks:
            marks.append(sign)
        level, title = marks.index(sign) + 1, one_line(lines[0])
        head = Block(heading(level, title), "heading", outline.enter(level, title), page)
        return [head, *_blocks("\n".join(lines[2:]), outline, marks, page)]
    text = "\n".join(line for line in lines if not _RULE.fullmatch(line.strip()))
    if not text.strip():
        return []
    if _ITEM.match(text) and sum(_ITEM.match(line) is not None for line in text.split("\n")) > 1:
        return [Block(_items(text), "list", outline.path, page)]
    return [Block(text.strip(), "text", outline.path, page)]


def _items(text: str) -> str:
    """A list with each item on one line."""
    found: list[str] = []
    for line in text.split("\n"):
        if _ITEM.match(line) or not found:
            found.append(line)
        else:
            found[-1] += f" {line.strip()}"
    return textwrap.dedent("\n".join(found))
