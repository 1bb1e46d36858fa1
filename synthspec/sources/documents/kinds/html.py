"""HTML: the text of a page under its headings, without menus, banners and scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from synthspec.sources.documents.boilerplate import content_of, strip_boilerplate
from synthspec.sources.documents.document import Block, BlockKind, Document, Outline, heading
from synthspec.sources.documents.markup import Element, parse
from synthspec.sources.documents.tidy import one_line, table_lines, tidy

SUFFIXES = (".html", ".htm", ".xhtml")

_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]{2,40})""", re.IGNORECASE)
_XML = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9_.:-]{2,40})""")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BREAKS = frozenset(
    "address article aside blockquote body center dd details div dl dt fieldset figcaption figure footer form header"
    " hgroup hr html legend li main menu ol p section summary table tbody td tfoot th thead tr ul".split()
)
_SITE = re.compile(r"\s+[|·»–—-]\s+")  # between a page's title and its site's name


def read(data: bytes, encoding: str | None) -> Document:
    """The document of a page.

    Raises:
        TableFault: it is not text.
    """
    from synthspec.sources.encodings import decode

    text, guessed = decode(data, encoding or _declared(data))
    page = parse(text)
    titles = [one_line(e.text()) for e in page.elements() if e.tag == "title"]
    content = content_of(page)
    first = _first_headings(content) or _first_headings(page)  # that of the page's own text, not of its site
    strip_boilerplate(content)
    blocks = tuple(_Reading(content).blocks)
    return Document((first or [_SITE.split(t)[0] for t in titles] or [""])[0], blocks, guessed)


def blocks_of(markup: str) -> list[Block]:
    """The blocks of a piece of HTML."""
    content = parse(markup)
    strip_boilerplate(content)
    return _Reading(content).blocks


def _first_headings(element: Element) -> list[str]:
    return [title for e in element.elements() if e.tag == "h1" and (title := one_line(e.text()))]


def _declared(data: bytes) -> str | None:
    """The encoding that a page names itself, unless its bytes are UTF-8 whatever it says."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        found = _XML.search(data[:1024]) or _CHARSET.search(data[:4096])
        name = found[1].decode("ascii").lower() if found is not None else ""
        try:
            "".encode(name)
        except LookupError:
            return None
        return "cp1252" if name in ("iso-8859-1", "latin-1", "latin1", "ascii", "us-ascii") else name
    return None


class _Reading:
    """Goes through a tree once."""

    def __init__(self, root: Element) -> None:
        self.blocks: list[Block] = []
        self.outline = Outline()
        self.line: list[str] = []
        self._inside(root)
        self._flush()

    def _inside(self, element: Element) -> None:
        for child in element.children:
            if isinstance(child, str):
                self.line.append(re.sub(r"\s+", " ", child))
            else:
                self._element(child)

    def _element(self, element: Element) -> None:
        tag = element.tag
        if tag in _HEADINGS:
            self._flush()
            title = one_line(_inline(element))
            if title:
                level = int(tag[1])
                self._add(heading(level, title), "heading", self.outline.enter(level, title))
        elif tag in ("ul", "ol", "menu"):
            self._whole("\n".join(_items(element, 0)), "list")
        elif tag == "dl":
            self._whole("\n".join(_terms(element)), "list")
        elif tag == "table" and _is_data(element):
            self._whole(table_lines(_rows(element)), "table")
        elif tag == "pre":
            code = tidy(element.text())
            self._whole(f"```\n{code}\n```" if code.strip() else "", "code")
        elif tag == "br":
            self.line.append("\n")
        elif tag in _BREAKS:
            self._flush()
            self._inside(element)
            self._flush()
        else:
            self._inside(element)

    def _whole(self, text: str, kind: BlockKind) -> None:
        self._flush()
        self._add(text, kind)

    def _flush(self) -> None:
        lines = (" ".join(line.split()) for line in tidy("".join(self.line)).split("\n"))
        self.line = []
        self._add("\n".join(line for line in lines if line), "text")

    def _add(self, text: str, kind: BlockKind, under: tuple[str, ...] | None = None) -> None:
        if text.strip():
            self.blocks.append(Block(text, kind, self.outline.path if under is None else under))


def _inline(element: Element) -> str:
    """The text of an element on one line, with a space where a block or a line ends."""
    parts: list[str] = []
    waiting: list[Element | str] = [element]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            parts.append(one)
        else:
            if one.tag == "br" or one.tag in _BREAKS:
                parts.append(" ")
                waiting.append(" ")
            waiting.extend(reversed(one.children))
    return one_line("".join(parts))


def _items(items: Element, depth: int) -> list[str]:
    """The items of a list, one a line, those of lists in it indented."""
    lines: list[str] = []
    start = items.attributes.get("start", "")
    number = (int(start) if re.fullmatch(r"\d{1,6}", start) else 1) if items.tag == "ol" else None
    for child in items.children:
        if isinstance(child, str) or (child.tag != "li" and not _inline(child)):
            continue
        below = [e for e in child.children if isinstance(e, Element) and e.tag in ("ul", "ol", "menu")]
        text = _inline(Element(child.tag, {}, [c for c in child.children if c not in below]))
        mark = "-" if number is None else f"{number}."
        if text or below:
            lines.append(f"{'  ' * depth}{mark} {text}".rstrip())
        for inner in below:
            lines += _items(inner, depth + 1)
        number = None if number is None else number + 1
    return lines


def _terms(terms: Element) -> Iterator[str]:
    """A list of terms, each with what it means."""
    names: list[str] = []
    for element in terms.elements():
        if element.tag == "dt":
            names.append(_inline(element))
        elif element.tag == "dd":
            yield f"- {', '.join(n for n in names if n)}: {_inline(element)}" if names else f"  {_inline(element)}"
            names = []
    if names:
        yield f"- {', '.join(names)}"


def _is_data(table: Element) -> bool:
    """Whether a table holds data; one that only places things on a page holds headings, lists or tables."""
    inner = [e.tag for e in table.elements()][1:]
    if any(tag in ("table", "ul", "ol", "h1", "h2", "h3", "pre") for tag in inner):
        return "th" in inner and "table" not in inner
    return max((len(row) for row in _rows(table)), default=0) > 1


def _rows(table: Element) -> list[list[str]]:
    """The cells; one that spans columns is repeated in none."""
    rows: list[list[str]] = []
    for element in table.elements():
        if element.tag == "tr":
            rows.append([])
        elif element.tag in ("td", "th") and rows:
            rows[-1].append(_inline(element))
            span = element.attributes.get("colspan", "")
            rows[-1] += [""] * (min(int(span), 50) - 1 if re.fullmatch(r"[1-9]\d{0,3}", span) else 0)
    return rows
