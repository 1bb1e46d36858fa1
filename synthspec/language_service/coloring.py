"""What each word of an expression or a template is, so that an editor can colour it inside YAML."""

from __future__ import annotations

from collections.abc import Iterator

from synthspec.diagnostics import Span
from synthspec.language_service.about import ONE
from synthspec.language_service.analysis import Analysis
from synthspec.language_service.mentions import words_at
from synthspec.language_service.sites import SECTIONS, Site
from synthspec.language_service.texts import FORM, Word
from synthspec.language_service.values import Token

KINDS = (
    "parameter", "field", "item", "prompt", "source", "tool", "function", "filter", "member", "keyword", "operator",
    "number", "string", "brace", "variable",
)  # fmt: skip
_AS_THEY_ARE = ("function", "filter", "member", "keyword", "operator", "number", "string", "brace")


def tokens(analysis: Analysis) -> tuple[Token, ...]:
    """The words of this file's expressions, templates and names, in the order of the text, none over two lines."""
    found = {t.span: t for site in analysis.sites if analysis.is_own(site.node) for t in _of_site(analysis, site)}
    return tuple(found[span] for span in sorted(found))


def _of_site(analysis: Analysis, site: Site) -> Iterator[Token]:
    node = site.node
    sections = analysis.names.sections
    if site.key or (site.names in SECTIONS and node.text in sections[site.names]):
        if site.names in SECTIONS:
            yield from _token(node.place(0, len(node.text)), ONE[site.names])
        return
    if site.text == "item" and (form := FORM.match(node.text)):
        yield from _token(node.place(form.start("name"), form.end("name")), "item")
        at = node.text.index("in", form.end("name"))
        yield from _token(node.place(at, at + 2), "keyword")
    for word in words_at(site):
        yield from _token(node.place(word.start, word.end), _kind(analysis, site, word))


def _kind(analysis: Analysis, site: Site, word: Word) -> str:
    if word.kind == "name":
        kind = ONE.get(analysis.names.meaning(word.text, site.path), "")
        return kind if kind in KINDS else "variable"
    if word.kind in _AS_THEY_ARE:
        return word.kind
    return {"test": "filter", "key": "member", "argument": "member"}.get(word.kind, "variable")


def _token(span: Span, kind: str) -> Iterator[Token]:
    if span.line == span.end_line and span.end_column > span.column:
        yield Token(span, kind)
