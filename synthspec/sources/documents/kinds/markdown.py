"""Markdown (CommonMark with tables), by markdown-it-py: prose without its markup, links as their text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from synthspec.sources.documents.document import Block, Document, Outline, heading
from synthspec.sources.documents.tidy import one_line, table_lines, tidy

if TYPE_CHECKING:
    from markdown_it.token import Token

SUFFIXES = (".md", ".markdown")

_FRONT = re.compile(r"\A---[ \t]*\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TITLE = re.compile(r"^title:[ \t]*(.+)$", re.MULTILINE)


def read(data: bytes, encoding: str | None) -> Document:
    """The document of a Markdown file. The front matter gives its title, and is no text.

    Raises:
        TableFault: it is not text.
    """
    from markdown_it import MarkdownIt

    from synthspec.sources.encodings import decode

    text, guessed = decode(data, encoding)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    front = _FRONT.match(text)
    title = _TITLE.search(front[1]) if front is not None else None
    tokens = (
        MarkdownIt("commonmark", {"maxNesting": 100})
        .enable("table")
        .parse(text[front.end() :] if front is not None else text)
    )
    blocks = _Reading(tokens).blocks
    return Document(one_line(title[1].strip().strip("\"'")) if title is not None else "", tuple(blocks), guessed)


class _Reading:
    """Goes through the tokens once."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.blocks: list[Block] = []
        self.outline = Outline()
        at = 0
        while at < len(tokens):
            end = _end(tokens, at)
            self._block(tokens[at : end + 1])
            at = end + 1

    def _block(self, tokens: Sequence[Token]) -> None:
        first = tokens[0]
        match first.type:
            case "heading_open":
                title = one_line(_plain(tokens[1]))
                if title:
                    level = int(first.tag[1:])
                    self._add(heading(level, title), "heading", self.outline.enter(level, title))
            case "paragraph_open":
                self._add(_plain(tokens[1]), "text")
            case "bullet_list_open" | "ordered_list_open":
                self._add("\n".join(_items(tokens, 0)), "list")
            case "table_open":
                self._add(table_lines(_rows(tokens)), "table")
            case "fence" | "code_block":
                self._add(_fenced(first), "code")
            case "blockquote_open":
                at = 1
                while at < len(tokens) - 1:
                    end = _end(tokens, at)
                    self._block(tokens[at : end + 1])
                    at = end + 1
            case "html_block":
                self._html(first.content)

    def _html(self, markup: str) -> None:
        from synthspec.sources.documents.kinds.html import blocks_of

        for block in blocks_of(markup):
            self._add(block.text, "text" if block.kind == "heading" else block.kind)

    def _add(self, text: str, kind: Any, under: tuple[str, ...] | None = None) -> None:
        text = tidy(text)
        if text.strip():
            self.blocks.append(Block(text, kind, self.outline.path if under is None else under))


def _end(tokens: Sequence[Token], start: int) -> int:
    """Where the block ends that begins here."""
    depth = 0
    for at in range(start, len(tokens)):
        depth += tokens[at].nesting
        if depth == 0:
            return at
    return len(tokens) - 1


def _plain(inline: Token) -> str:
    """What a reader sees of some inline Markdown."""
    parts: list[str] = []
    for token in inline.children or ():
        match token.type:
            case "text" | "code_inline":
                parts.append(token.content)
            case "softbreak":
                parts.append(" ")  # as a browser shows it: a file that is wrapped anew gives the same text
            case "hardbreak":
                parts.append("\n")
            case "image":
                parts.append(_plain(token))
            case "html_inline" if token.content.lower().startswith("<br"):
                parts.append("\n")
    return "".join(parts)


def _fenced(token: Token) -> str:
    language = token.info.split()[0] if token.info.split() else ""
    return f"```{language}\n{token.content.rstrip()}\n```" if token.content.strip() else ""


def _rows(tokens: Sequence[Token]) -> list[list[str]]:
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(_plain(token))
    return rows


def _items(tokens: Sequence[Token], depth: int) -> list[str]:
    """The items of a list, one a line, those of lists in it indented."""
    lines: list[str] = []
    number = int(tokens[0].attrGet("start") or 1) if tokens[0].type == "ordered_list_open" else None
    at = 1
    while at < len(tokens) - 1:
        end = _end(tokens, at)
        mark = "-" if number is None else f"{number}."
        lines += _item(tokens[at + 1 : end], depth, mark)
        number = None if number is None else number + 1
        at = end + 1
    return lines


def _item(tokens: Sequence[Token], depth: int, mark: str) -> list[str]:
    texts: list[str] = []
    below: list[str] = []
    at = 0
    while at < len(tokens):
        end = _end(tokens, at)
        part = tokens[at : end + 1]
        if part[0].type in ("bullet_list_open", "ordered_list_open"):
            below += _items(part, depth + 1)
        elif part[0].type in ("fence", "code_block"):
            below += [f"{'  ' * (depth + 1)}{line}" for line in part[0].content.rstrip().split("\n")]
        else:
            said = one_line(" ".join(_plain(t) for t in part if t.type == "inline"))
            if said:
                (below if below else texts).append(f"{'  ' * (depth + 1)}{said}" if below else said)
        at = end + 1
    return [f"{'  ' * depth}{mark} {' '.join(texts)}".rstrip(), *below] if texts or below else []
