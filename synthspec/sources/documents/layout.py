"""Lines on pages as blocks: headings by their size, paragraphs by the space between lines, lists and tables; what
stands at the top or bottom of page after page is left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from synthspec.languages.expressions.functions.texts import UNSPACED
from synthspec.lazy_dataclass import dataclass
from synthspec.sources.documents.document import Block, Outline, heading
from synthspec.sources.documents.tidy import one_line, table_lines, tidy


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page, in points from the lower left; `cells` are its pieces between wide gaps."""

    cells: tuple[str, ...]
    page: int
    left: float
    right: float
    bottom: float
    size: float  # of its letters

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join(self.cells)


_PAGE_NUMBER = re.compile(r"(?:page|p\.|página|pág\.|seite|pagina)?\s*[-–]?\s*(?:\d{1,4}|[ivxl]{1,6})\s*[-–]?\s*"
                          r"(?:(?:of|de|von|di|/)\s*\d{1,4})?", re.IGNORECASE)  # fmt: skip
_LEADERS = re.compile(r"(?:[.·…]\s?){4,}\s*\d{1,4}$")  # a line of a table of contents
_BULLET = re.compile(r"[•‣▪◦●■○∙·–—*-]\s+(?=\S)|[•‣▪●■∙]")
_NUMBERED = re.compile(r"\(?(?:\d{1,3}|[a-z])[.)]\s")
_SECTION = re.compile(
    r"(?:chapter |section |kapitel |capítulo |appendix )?(?:\d{1,3}|[a-z]|[ivx]{1,5})(?:\.\d{1,3})*\.?\s+"
)
_ENDS = re.compile(r"[.!?:;。！？：][\"'”’»)\]]*$")
_LONGEST_HEADING = 16  # words
EDGE = 2  # lines at the top and at the bottom of a page that may be repeated ones
REPEATED = 3  # pages on which a line stands that is one


def title_key(title: str) -> str:
    """A heading without its number and its case: what a bookmark and its line have in common.

    >>> title_key("2.1  Weekly cleaning"), title_key("Weekly Cleaning")
    ('weekly cleaning', 'weekly cleaning')
    """
    text = one_line(title).casefold()
    section = _SECTION.match(text)
    return (text[section.end() :] if section is not None else text) or text


def blocks_of(pages: Sequence[Sequence[Line]], outline: Mapping[tuple[int, str], int]) -> list[Block]:
    """The blocks of a document. `outline`: the level of each of its bookmarks, by page and title."""
    repeated = _repeated(pages)
    lines = [line for page in pages for line in _own_lines(page, repeated)]
    if not lines:
        return []
    return list(_Layout(lines, outline).blocks())


def _repeated(pages: Sequence[Sequence[Line]]) -> set[str]:
    counts = Counter(mark for page in pages for mark in {_mark(line) for line in _edges(page)})
    return {mark for mark, count in counts.items() if count >= REPEATED}


def _mark(line: Line) -> str:
    return re.sub(r"\d+|\b[ivxl]+\b", "#", one_line(line.text).lower())


def _edges(page: Sequence[Line]) -> list[Line]:
    high = sorted(page, key=lambda line: -line.bottom)
    return [*high[:EDGE], *high[-EDGE:]]


def _own_lines(page: Sequence[Line], repeated: set[str]) -> Iterator[Line]:
    """The lines of a page without those at its edges that other pages have too, and without a table of contents."""
    edges = set(_edges(page))
    for line in page:
        text = line.text.strip()
        at_edge = line in edges and (_mark(line) in repeated or _PAGE_NUMBER.fullmatch(text) is not None)
        if not at_edge and not _LEADERS.search(text[-200:]):
            yield line


class _Layout:
    """What is usual in a document, and what stands out."""

    def __init__(self, lines: Sequence[Line], outline: Mapping[tuple[int, str], int]) -> None:
        self.lines = lines
        self.marked = outline
        letters: Counter[float] = Counter()
        for line in lines:
            letters[line.size] += len(line.text)
        self.body = letters.most_common(1)[0][0]
        steps = Counter(
            round(a.bottom - b.bottom, 1)
            for a, b in pairwise(lines)
            if a.size == b.size == self.body and 0 < a.bottom - b.bottom < 3 * self.body
        )
        self.step = steps.most_common(1)[0][0] if steps else 1.3 * self.body
        sizes = sorted({line.size for line in lines if self._is_large(line)}, reverse=True)
        self.levels = {size: min(level, 6) for level, size in enumerate(sizes, start=1)}
        for line in lines:
            if line.size in self.levels and (line.page, title_key(line.text)) in outline:
                self.levels[line.size] = outline[line.page, title_key(line.text)]

    def blocks(self) -> Iterator[Block]:
        """The blocks in reading order."""
        outline = Outline()
        at = 0
        while at < len(self.lines):
            line = self.lines[at]
            level = self._level(line)
            end = at + 1
            if level is not None:
                while end < len(self.lines) and self._goes_on(self.lines[end - 1], self.lines[end]):
                    end += 1
                title = one_line(_joined(self.lines[at:end]))
                yield Block(heading(level, title), "heading", outline.enter(level, title), line.page)
            elif len(line.cells) > 1 and self._tabular(at + 1):
                while self._tabular(end):
                    end += 1
                rows = [list(one.cells) for one in self.lines[at:end]]
                yield Block(table_lines(rows), "table", outline.path, line.page)
            else:
                while end < len(self.lines) and not self._begins(end):
                    end += 1
                text = tidy(_joined(self.lines[at:end])).strip()
                items = _BULLET.match(text)
                if items is not None:
                    end, text = self._list(at)
                if text:
                    yield Block(text, "text" if items is None else "list", outline.path, line.page)
            at = end

    def _list(self, start: int) -> tuple[int, str]:
        """Items from here on: where they end, and one a line."""
        items: list[str] = []
        at = start
        while at < len(self.lines) and (mark := _BULLET.match(self.lines[at].text)) is not None:
            end = at + 1
            while end < len(self.lines) and not self._begins(end):
                end += 1
            items.append(f"- {one_line(_joined(self.lines[at:end])[mark.end() :])}")
            at = end
        return at, "\n".join(items)

    def _is_large(self, line: Line) -> bool:
        words = line.text.split()
        return line.size >= 1.12 * self.body and len(words) <= _LONGEST_HEADING and any(map(str.isalpha, line.text))

    def _level(self, line: Line) -> int | None:
        """The level of a heading; None for any other line."""
        found = self.marked.get((line.page, title_key(line.text)))
        if found is not None:
            return found
        return self.levels[line.size] if self._is_large(line) else None

    def _goes_on(self, above: Line, below: Line) -> bool:
        """Whether a heading has a second line."""
        near = 0 < above.bottom - below.bottom < 1.6 * above.size
        own = (below.page, title_key(below.text)) in self.marked or below.text[:1].isdigit()
        return near and above.page == below.page and above.size == below.size > 1.12 * self.body and not own

    def _tabular(self, at: int) -> bool:
        return at < len(self.lines) and len(self.lines[at].cells) > 1 and self._level(self.lines[at]) is None

    def _begins(self, at: int) -> bool:
        """Whether this line begins a block, and does not go on with that of the line before."""
        above, below = self.lines[at - 1], self.lines[at]
        if (
            self._level(below) is not None
            or _BULLET.match(below.text)
            or (len(below.cells) > 1 and self._tabular(at + 1))
        ):
            return True
        ended = _ENDS.search(above.text[-20:]) is not None
        step = above.bottom - below.bottom
        if above.page != below.page or step < -0.5 * self.body:  # on the next page, or in the next column
            return ended
        if step > 1.3 * self.step or abs(above.size - below.size) > 0.15 * self.body:
            return True
        return ended and (_NUMBERED.match(below.text) is not None or self._is_indented(above, below))

    def _is_indented(self, above: Line, below: Line) -> bool:
        """Whether the lower line is moved in, or the upper one ends far before where the lower does."""
        return below.left - above.left > 0.8 * self.body or below.right - above.right > 8 * self.body


def _joined(lines: Sequence[Line]) -> str:
    """The lines as running text. U+FFFE is where PDF readers see a word that was divided."""
    text = ""
    for line in lines:
        piece = line.text.strip()
        if text.endswith(("\ufffe", "\u00ad")):
            text = text[:-1] + piece
        elif re.search(r"\w[-‐]$", text) or (re.search(f"[{UNSPACED}]$", text) and re.match(f"[{UNSPACED}]", piece)):
            text += piece
        else:
            text = f"{text} {piece}" if text else piece
    return text.rstrip("\ufffe")
