"""Marked parts: texts that each stand after a marker such as `[call]`, `**Call:**`, `## Call` or `Call:`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from synthspec.lazy_dataclass import dataclass

# What may stand before a marker on its line: list numbers, bullets, quote marks, headings, bold.
_LEAD = r"^[ \t]*(?:>[ \t]*)?(?:(?:[-*•][ \t]+|\d{1,4}[.)][ \t]*))?(?:#{1,6}[ \t]*)?"
_BOLD = r"(?:\*\*|__|\*|_)?"
_NUMBER = r"(?:[ \t]*(?:\#[ \t]*)?\d{1,4})?"


@dataclass(frozen=True, slots=True)
class MarkedText:
    """The text after one marker, the marker, and where in the reply the marker and the text stand."""

    name: str
    text: str
    start: int
    end: int
    marker: str = ""


def _style(kind: str, words: str) -> str:
    name = rf"(?P<name>{words}){_NUMBER}"
    match kind:
        case "bracket":
            return rf"{_LEAD}{_BOLD}\[[ \t]*{name}[ \t]*\]{_BOLD}[ \t]*:?{_BOLD}[ \t]*"
        case "tag":
            return rf"(?:{_LEAD}|(?<=>)[ \t]*)<{name}>[ \t]*"
        case "bold":
            closed = r"[ \t]*:[ \t]*(?:\*\*|__)|[ \t]*(?:\*\*|__)[ \t]*(?::|$)|(?<=\d)[.)][ \t]*(?:\*\*|__)"
            return rf"{_LEAD}(?:\*\*|__){name}(?:{closed})[ \t]*"
        case "heading":
            return rf"^[ \t]*#{{1,6}}[ \t]*(?:\d{{1,4}}[.)][ \t]*)?{_BOLD}{name}{_BOLD}[ \t]*:?{_BOLD}[ \t]*$"
        case _:
            return rf"{_LEAD}{_BOLD}{name}(?:{_BOLD}[ \t]*[:：]|(?<=\d)[.)]){_BOLD}[ \t]*"


def find_parts(
    text: str, words: Mapping[str, Sequence[str]], styles: Sequence[str], needed: Sequence[str]
) -> tuple[list[MarkedText], int]:
    """The parts in the first style that marks every name needed, else in all styles together.

    Returns the parts in the order of the text, and where the first marker begins (the text's length if none).
    """
    owner = {_fold(w): name for name, given in words.items() for w in given}
    spelled = "|".join(
        re.escape(w).replace(r"\ ", "[ _-]").replace("_", "[ _-]")
        for w in sorted({w for given in words.values() for w in given}, key=lambda w: (-len(w), w))
    )
    tries = [_style(s, spelled) for s in styles]
    best: list[re.Match[str]] = []
    for pattern in (*tries, "|".join(f"(?:{_unnamed(t, i)})" for i, t in enumerate(tries))):
        found = list(re.finditer(pattern, text, re.IGNORECASE | re.MULTILINE))
        if {owner[_fold(_name(m))] for m in found} >= set(needed):
            return _cut(text, found, owner)
        best = found
    return _cut(text, best, owner)


def _unnamed(pattern: str, index: int) -> str:
    return pattern.replace("(?P<name>", f"(?P<name{index}>")


def _name(match: re.Match[str]) -> str:
    return next(v for k, v in match.groupdict().items() if k.startswith("name") and v is not None)


def _fold(word: str) -> str:
    return re.sub(r"[\s_\-]+", "", word).casefold()


def _cut(text: str, found: Sequence[re.Match[str]], owner: Mapping[str, str]) -> tuple[list[MarkedText], int]:
    parts = []
    for i, m in enumerate(found):
        end = found[i + 1].start() if i + 1 < len(found) else len(text)
        parts.append(MarkedText(owner[_fold(_name(m))], text[m.end() : end].strip(), m.start(), end, m[0]))
    return parts, found[0].start() if found else len(text)
