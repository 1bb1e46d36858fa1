"""HTML as a tree, as a browser would build it from a page that is not quite well formed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import field
from html.parser import HTMLParser

from synthspec.lazy_dataclass import dataclass

MAX_DEPTH = 120  # elements nested deeper are taken for children of the one at this depth

_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_BLOCK = frozenset(
    "address article aside blockquote details dialog dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5"
    " h6 header hr li main menu nav ol p pre section summary table ul".split()
)
# What the start of an element ends, and what no such end reaches beyond.
_ENDS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "li": (frozenset(["li"]), frozenset(["ul", "ol", "menu"])),
    "dt": (frozenset(["dt", "dd"]), frozenset(["dl"])),
    "dd": (frozenset(["dt", "dd"]), frozenset(["dl"])),
    "td": (frozenset(["td", "th"]), frozenset(["tr", "table"])),
    "th": (frozenset(["td", "th"]), frozenset(["tr", "table"])),
    "tr": (frozenset(["tr"]), frozenset(["table"])),
    "tbody": (frozenset(["thead", "tbody", "tfoot"]), frozenset(["table"])),
    "thead": (frozenset(["thead", "tbody", "tfoot"]), frozenset(["table"])),
    "tfoot": (frozenset(["thead", "tbody", "tfoot"]), frozenset(["table"])),
    "option": (frozenset(["option"]), frozenset(["select"])),
}
_WALLS = frozenset(["td", "th", "table", "button"])  # an end tag from inside closes nothing outside


@dataclass(slots=True, eq=False)
class Element:
    """An element with its children: elements and texts, in order."""

    tag: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: list[Element | str] = field(default_factory=list)

    def elements(self) -> Iterator[Element]:
        """This element and all below it, in the document's order."""
        waiting = [self]
        while waiting:
            one = waiting.pop()
            yield one
            waiting.extend(c for c in reversed(one.children) if isinstance(c, Element))

    def text(self) -> str:
        """All text below it, as it stands."""
        parts: list[str] = []
        waiting: list[Element | str] = [self]
        while waiting:
            one = waiting.pop()
            if isinstance(one, str):
                parts.append(one)
            else:
                waiting.extend(reversed(one.children))
        return "".join(parts)


def parse(markup: str) -> Element:
    """The tree of a page. Any text makes one."""
    if markup.rfind("<") > markup.rfind(">"):
        markup += ">"  # a tag without an end is looked for again and again by the parser
    builder = _Builder()
    builder.feed(markup)
    builder.close()
    return builder.root


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("#document")
        self.open = [self.root]
        self.count: Counter[str] = Counter()  # of the open elements, by their names

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._end_implied(tag)
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in _VOID and len(self.open) < MAX_DEPTH:
            self.open.append(element)
            self.count[tag] += 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID and self.open[-1].tag == tag and tag in ("script", "style", "svg", "path", "iframe"):
            self._pop_to(len(self.open) - 1)

    def handle_endtag(self, tag: str) -> None:
        if not self.count[tag]:
            return
        for depth in range(len(self.open) - 1, 0, -1):
            if self.open[depth].tag == tag:
                self._pop_to(depth)
                return
            if self.open[depth].tag in _WALLS and tag not in ("table", "tr", "tbody", "thead", "tfoot", "td", "th"):
                return

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)

    def _pop_to(self, depth: int) -> None:
        for element in self.open[depth:]:
            self.count[element.tag] -= 1
        del self.open[depth:]

    def _end_implied(self, tag: str) -> None:
        if tag in _BLOCK and self.count["p"]:
            self._close(frozenset(["p"]), frozenset(["table", "td", "th", "button", "#document"]))
        if tag in _ENDS:
            self._close(*_ENDS[tag])

    def _close(self, ended: frozenset[str], bounds: frozenset[str]) -> None:
        for depth in range(len(self.open) - 1, 0, -1):
            if self.open[depth].tag in ended:
                self._pop_to(depth)
                return
            if self.open[depth].tag in bounds:
                return
