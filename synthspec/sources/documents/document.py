"""A document: blocks of text, each with the headings it stands under and its page."""

from __future__ import annotations

from typing import Literal

from synthspec.lazy_dataclass import dataclass
from synthspec.sources import TableFault

BlockKind = Literal["heading", "text", "list", "table", "code"]


class DocumentFault(TableFault):
    """A document cannot be read; the message says why, `help` what to do."""


class MissingDocumentPackage(DocumentFault):
    """A kind of document is read by a package of the extra `documents` that is not there."""


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, a paragraph, a list, a table or a piece of code, as light Markdown.

    Items of a list, rows of a table and lines of code stand on lines of their own, a heading after its `#`.
    """

    text: str
    kind: BlockKind = "text"
    headings: tuple[str, ...] = ()  # those it stands under, the outermost first; a heading's own is the last
    page: int | None = None  # from 1


@dataclass(frozen=True, slots=True)
class Document:
    """The blocks of one file in reading order. Without blocks it has no text."""

    title: str  # as the file gives it; "" where it gives none
    blocks: tuple[Block, ...]
    guessed_encoding: str = ""  # the encoding, where nothing in the file tells it for certain


class Outline:
    """The headings above the block that comes next."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    def enter(self, level: int, title: str) -> tuple[str, ...]:
        """The path of a new heading of this level; it closes those of its own level and below."""
        while self._open and self._open[-1][0] >= level:
            self._open.pop()
        self._open.append((level, title))
        return self.path

    @property
    def path(self) -> tuple[str, ...]:
        """The titles of the headings that are open, the outermost first."""
        return tuple(title for _, title in self._open)


def heading(level: int, title: str) -> str:
    """The line of a heading.

    >>> heading(2, "Safety")
    '## Safety'
    """
    return f"{'#' * max(1, min(level, 6))} {title}"
