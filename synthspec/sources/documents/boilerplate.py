"""What of a web page is not its text: menus, banners, forms, scripts, notes on cookies."""

from __future__ import annotations

import re

from synthspec.sources.documents.markup import Element

_NEVER_TEXT = frozenset(
    "script style noscript template svg math canvas iframe object embed audio video map head title meta link"
    " nav footer aside form button select textarea input dialog".split()
)
_ROLES = frozenset("navigation banner contentinfo search dialog alertdialog complementary menu menubar toolbar".split())
_NAMED = frozenset(  # a word of the element's class or id
    "cookie cookies cookiebar cookiebanner consent gdpr ccpa breadcrumb breadcrumbs navbar sidebar skiplink pagination"
    " newsletter advert advertisement popup modal".split()
)
_PARTS = re.compile(r"[^A-Za-z]+|(?<=[a-z])(?=[A-Z])")
_HOLDERS = frozenset(["html", "body", "main", "article", "#document"])  # a class here speaks of the whole page


def content_of(page: Element) -> Element:
    """The element that holds the page's own text: its `main`, or its only long `article`, or all of it."""
    elements = list(page.elements())
    mains = [e for e in elements if e.tag == "main" or e.attributes.get("role") == "main"]
    if len(mains) == 1 and mains[0].text().strip():
        return mains[0]
    articles = [e for e in elements if e.tag == "article"]
    body = next((e for e in elements if e.tag == "body"), page)
    if len(articles) == 1 and 2 * len(articles[0].text()) >= len(_own_text(body)):
        return articles[0]
    return body


def strip_boilerplate(content: Element) -> None:
    """Takes out of an element what is not its text. A part named like a banner that holds most of the text stays."""
    _drop(content, in_text=content.tag in ("main", "article"))
    most = len(content.text()) / 2
    waiting = [content]
    while waiting:
        element = waiting.pop()
        element.children = [
            c for c in element.children if isinstance(c, str) or not (_is_named(c) and len(c.text()) <= most)
        ]
        waiting += [c for c in element.children if isinstance(c, Element)]


def _drop(content: Element, in_text: bool) -> None:
    waiting = [(content, in_text)]
    while waiting:
        element, within = waiting.pop()
        element.children = [c for c in element.children if isinstance(c, str) or not _is_boilerplate(c, within)]
        for child in element.children:
            if isinstance(child, Element):
                waiting.append((child, within or child.tag in ("main", "article", "section")))


def _is_boilerplate(element: Element, within: bool) -> bool:
    attributes = element.attributes
    if element.tag in _NEVER_TEXT or attributes.get("role", "").lower() in _ROLES:
        return True
    if "hidden" in attributes or attributes.get("aria-hidden", "").lower() == "true":
        return True
    if re.search(r"display:\s*none", attributes.get("style", ""), re.IGNORECASE):
        return True
    if element.tag == "header" and not within:
        return not any(e.tag in ("h1", "h2") for e in element.elements())
    return element.tag in ("ul", "ol") and not within and _is_menu(element)


def _is_named(element: Element) -> bool:
    if element.tag in _HOLDERS:
        return False
    names = f"{element.attributes.get('class', '')} {element.attributes.get('id', '')}"
    return any(part.lower() in _NAMED for part in _PARTS.split(names))


def _is_menu(items: Element) -> bool:
    """Three links or more, short ones, and nothing else."""
    links = [e for e in items.elements() if e.tag == "a"]
    linked = sum(len(e.text().strip()) for e in links)
    words = max((len(e.text().split()) for e in links), default=0)
    return len(links) >= 3 and words <= 5 and linked >= 0.9 * len("".join(items.text().split()))


def _own_text(body: Element) -> str:
    copy = Element(body.tag, {}, list(body.children))
    return "".join(
        c if isinstance(c, str) else c.text() for c in copy.children if isinstance(c, str) or c.tag not in _NEVER_TEXT
    )
