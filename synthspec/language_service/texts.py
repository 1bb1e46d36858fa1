"""The words of expressions and templates with their places, whether or not they can be parsed yet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from synthspec.lazy_dataclass import dataclass

KEYWORDS = ("if", "then", "else", "or", "and", "not", "in", "matches", "true", "false", "null")
TEMPLATE_KEYWORDS = (
    "for", "in", "if", "elif", "else", "endif", "endfor", "set", "endset", "with", "endwith", "and", "or", "not", "is",
    "true", "false", "none", "True", "False", "None", "raw", "endraw",
)  # fmt: skip

_WORD = re.compile(
    r"(?P<string>'(?:\\.|[^'\\])*(?:'|$)|\"(?:\\.|[^\"\\])*(?:\"|$))"
    r"|(?P<number>\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)"
    r"|(?P<name>[^\W\d]\w*)"
    r"|(?P<operator>==|!=|<=|>=|<>|\*\*|//|&&|\|\||[-+*/%<>=!&|^~?:,.()\[\]{}])",
    re.DOTALL,
)
_TAG = re.compile(r"\{\{-?|\{%-?|\{#")
_ENDS = {"{{": re.compile(r"-?\}\}"), "{%": re.compile(r"-?%\}"), "{#": re.compile(r"#\}")}
FORM = re.compile(r"\s*(?P<name>[^\W\d]\w*)\s+in\s+(?=\S)")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of an expression or template: its kind, and its characters in the scalar's text, end exclusive."""

    kind: str  # name, local, member, function, argument, key, keyword, filter, test, number, string, operator, brace
    text: str
    start: int
    end: int


def expression_words(text: str, start: int = 0, end: int | None = None) -> list[Word]:
    """The words of an expression that begins at `start`."""
    raw = list(_raw(text, start, len(text) if end is None else end))
    return [replace(at.word, kind=_kind(at)) if at.word.kind == "name" else at.word for at in _beside(raw)]


class _Beside(NamedTuple):
    """A word with the texts of those beside it, and the bracket that it is in: "" where nothing is."""

    word: Word
    before: str
    after: str
    second_before: str
    bracket: str


def _beside(words: Sequence[Word]) -> Iterator[_Beside]:
    """Each word where it stands; a bracket counts as inside itself where it opens, and not where it closes."""
    texts = ["", "", *(word.text for word in words), ""]
    opened: list[str] = []
    for index, word in enumerate(words):
        if word.kind == "operator":
            _track(opened, word.text)
        second_before, before, _, after = texts[index : index + 4]
        yield _Beside(word, before, after, second_before, opened[-1] if opened else "")


def _kind(at: _Beside) -> str:
    """What a name of an expression is, by what stands beside it."""
    if at.before == ".":
        return "member"
    if at.after == ":" and at.bracket == "{" and at.before in ("{", ","):
        return "key"
    if at.word.text in KEYWORDS:
        return "keyword"
    if at.after == "(":
        return "function"
    if at.after == "=" and at.bracket == "(":
        return "argument"
    return "name"


def _track(opened: list[str], sign: str) -> None:
    if sign in "([{":
        opened.append(sign)
    elif sign in ")]}" and opened:
        opened.pop()


def _raw(text: str, start: int, end: int) -> Iterator[Word]:
    for match in _WORD.finditer(text, start, end):
        yield Word(match.lastgroup or "", match[0], match.start(), match.end())


@dataclass(frozen=True, slots=True)
class Tag:
    """`{{ … }}`, `{% … %}` or `{# … #}` of a template: where its inside is, and whether it is closed."""

    sign: str
    start: int
    inside: int
    inside_end: int
    end: int
    closed: bool


def tags(text: str) -> Iterator[Tag]:
    """The tags of a template, in order; an open one goes on to the next line's end."""
    at = 0
    while (begun := _TAG.search(text, at)) is not None:
        sign = begun[0][:2]
        end = _end_of(text, begun.end(), sign)
        closed = end is not None
        stop = end.start() if end is not None else (text.find("\n", begun.end()) % (len(text) + 1))
        at = end.end() if end is not None else max(stop, begun.end())
        yield Tag(sign, begun.start(), begun.end(), stop, at, closed)
        if sign == "{%" and text[begun.end() : stop].strip() == "raw":
            over = re.compile(r"\{%-?\s*endraw\s*-?%\}").search(text, at)
            at = over.start() if over is not None else len(text)


def _end_of(text: str, at: int, sign: str) -> re.Match[str] | None:
    """The end of a tag; quotation marks inside hide it. None where another tag begins before."""
    if sign == "{#":
        return _ENDS[sign].search(text, at)
    while at < len(text):
        if (found := _ENDS[sign].match(text, at)) is not None:
            return found
        if text[at] in "'\"":
            close = text.find(text[at], at + 1)
            if close < 0:
                return None
            at = close
        elif text.startswith(("{{", "{%"), at):
            return None
        at += 1
    return None


def template_words(text: str, scopes: list[set[str]] | None = None) -> list[Word]:
    """The words of a template's tags. A name that a loop, `set` or `with` of the template binds is `local`.

    `scopes` are left as they are at the end: the names that each open block has bound.
    """
    found: list[Word] = []
    scopes = [set()] if scopes is None else scopes
    for tag in tags(text):
        found.append(Word("brace", text[tag.start : tag.inside], tag.start, tag.inside))
        if tag.sign != "{#":
            found += _tag_words(text, tag, scopes)
        if tag.closed:
            found.append(Word("brace", text[tag.inside_end : tag.end], tag.inside_end, tag.end))
    return found


def _tag_words(text: str, tag: Tag, scopes: list[set[str]]) -> list[Word]:
    raw = list(_raw(text, tag.inside, tag.inside_end))
    first = raw[0].text if raw and tag.sign == "{%" else ""
    if first in ("endfor", "endwith") and len(scopes) > 1:
        scopes.pop()
    bound = _bound(raw, first)
    found: list[Word] = []
    for index, at in enumerate(_beside(raw)):
        word = at.word
        if word.kind == "name":
            kind = _template_kind(at)
            tested = first == "for" and word.text in bound.values() and any(w.text == "if" for w in raw[:index])
            if kind == "name" and (index in bound or tested or any(word.text in scope for scope in scopes)):
                kind = "local"
            word = replace(word, kind=kind)
        found.append(word)
    names = set(bound.values())
    if first == "for":
        scopes.append({*names, "loop"})
    elif first == "with":
        scopes.append(names)
    else:
        scopes[-1].update(names)
    return found


def _bound(raw: list[Word], first: str) -> dict[int, str]:
    """The names that a tag binds, before `in` or before `=`, by their places."""
    names = {i: w.text for i, w in enumerate(raw) if w.kind == "name" and i}
    if first == "for":
        stop = next((i for i, w in enumerate(raw) if w.text == "in"), len(raw))
        return {i: name for i, name in names.items() if i < stop}
    if first in ("set", "with"):
        depth, found = 0, dict[int, str]()
        for i, word in enumerate(raw):
            depth += (word.text in "([{") - (word.text in ")]}") if word.kind == "operator" else 0
            if i in names and not depth and i + 1 < len(raw) and raw[i + 1].text == "=":
                found[i] = names[i]
        return found
    return {}


def _template_kind(at: _Beside) -> str:
    """What a name of a template is, by what stands beside it."""
    if at.before == ".":
        return "member"
    if at.before == "|":
        return "filter"
    if at.before == "is" or (at.before == "not" and at.second_before == "is"):
        return "keyword" if at.word.text == "not" else "test"
    if at.word.text in TEMPLATE_KEYWORDS:
        return "keyword"
    if at.after == "=" and at.bracket == "(":
        return "argument"
    return "name"
