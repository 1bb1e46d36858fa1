"""What a whole reply may be put into: a JSON string, a box of LaTeX, a block quote, lines written as `\\n`.

Marks without width, such as those of writing direction, go with them where they stand around lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from textwrap import dedent

from synthspec.languages.lazy_patterns import lazy_pattern

WITHOUT_WIDTH = "\u00ad\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
_HOLDS_MARKS = lazy_pattern(f"[{WITHOUT_WIDTH}]")
_STRING = lazy_pattern(r'(?m)^[ \t]*("(?:[^"\\\n]|\\.)+")[ \t]*$')
_QUOTED = lazy_pattern(r"(?:(?<=\n)|\A)(?:[ \t]*>[^\n]*(?:\n|\Z)){2,}")
_BLOCK = lazy_pattern(
    r"\A\s*(?:(?:output|answer|result|response|reply|content|text|csv|data|rows)[ \t]*:[ \t]*)?"
    r"[|>][-+]?[ \t]*\n(?=[ \t])",
    re.IGNORECASE,
)
BOX = "\\boxed{"
_LITERAL = "\\n"
_OF_LINES = ("csv", "sections", "pairs", "turns")  # formats in which lines mark what is what


def opened(text: str, form: str) -> str:
    """The reply without what it is in as a whole, for a reply read by `form`.

    A text is left in its box, its quote and with its marks: they may be its own.

    >>> opened("> Q: Why?\\n> A: Because.", "pairs"), opened('"Q: Why?\\\\nA: Because."', "pairs")
    ('Q: Why?\\nA: Because.', 'Q: Why?\\nA: Because.')
    """
    text = _from_block(_from_string(text))
    if form != "json" and form not in _OF_LINES:
        return text
    if _HOLDS_MARKS.search(text):
        text = "\n".join(map(_without_unseen, text.split("\n")))
    if form not in _OF_LINES:
        return text
    return _unquoted(_with_lines(text))


def _without_unseen(line: str) -> str:
    """A line without marks that have no width at its ends, and the spaces beside them."""
    if line.lstrip(" \t")[:1] in WITHOUT_WIDTH:
        line = line.lstrip(WITHOUT_WIDTH + " \t")
    return line.rstrip(WITHOUT_WIDTH + " \t") if line.rstrip(" \t")[-1:] in WITHOUT_WIDTH else line


def _from_string(text: str) -> str:
    """The text of a reply that is one JSON string with lines in it."""
    bare = text.strip()
    if len(bare) > 2 and bare[0] == bare[-1] == '"' and _LITERAL in bare and "\n" not in bare:
        try:
            found = json.loads(bare)
        except ValueError:
            return text
        return found.replace("\r\n", "\n") if isinstance(found, str) else text
    return text


def _from_block(text: str) -> str:
    """The text of a YAML block under a name that says no more than that this is the answer."""
    found = _BLOCK.match(text)
    if found is None:
        return text
    rest = text[found.end() :]
    return dedent(rest).strip("\n") if all(v[:1] in (" ", "\t") for v in rest.split("\n") if v.strip()) else text


def held(text: str, form: str) -> Iterator[str]:
    """What stands in a box, a JSON string or a block quote of several lines within a reply, the last of each kind."""
    if form not in _OF_LINES:
        return
    if BOX in text and (inside := _box(text)) is not None and "\n" in inside.strip():
        yield inside
    strings = _STRING.findall(text) if _LITERAL in text else ()
    if strings and (decoded := _from_string(strings[-1])) != strings[-1]:
        yield decoded
    quotes = _QUOTED.findall(text) if "\n>" in text else ()
    if quotes:
        yield _unquoted(quotes[-1])


def without_box_end(text: str, answer: str) -> str:
    """The answer of a reply without the brace that closes a box which began before its thinking."""
    if BOX not in text or BOX in answer or answer.count("}") <= answer.count("{"):
        return answer
    end = _BOX_END.search(answer)
    return answer[: end.start()] + answer[end.start() + 1 :] if end else answer


_BOX_END = lazy_pattern(r"\}(?=(?:\s*(?:```+|~~~+|</\w+>|[$]+))*\s*\Z)")


def boxed(text: str) -> str | None:
    """What is in the box around a whole text; None where there is none, or something stands beside it."""
    inside = _box(text)
    return inside if inside is not None and text == f"{BOX}{inside}}}" else None


def _box(text: str) -> str | None:
    """What is between the braces of the last box that begins a line and ends one; None without such a box."""
    begin = text.rfind(BOX)
    if text[text.rfind("\n", 0, begin) + 1 : begin].strip(" \t$"):
        return None
    depth = 0
    for at in range(begin + len(BOX) - 1, len(text)):
        depth += (text[at] == "{") - (text[at] == "}")
        if not depth:
            return text[begin + len(BOX) : at] if not text[at + 1 :].partition("\n")[0].strip(" \t$") else None
    return None


def _with_lines(text: str) -> str:
    """The lines of a text of one line that says `\\n` between its lines, outside quotation marks."""
    at = text.find(_LITERAL)
    if at < 0 or "\n" in text.strip() or text.count('"', 0, at) % 2:
        return text
    return text.replace("\\r\\n", "\n").replace(_LITERAL, "\n")


def _unquoted(text: str) -> str:
    """The lines of a reply of which each stands in a block quote."""
    if not text.lstrip().startswith(">"):
        return text
    lines = text.strip("\n").split("\n")
    if len(lines) < 2 or not all(line.lstrip().startswith(">") for line in lines if line.strip()):
        return text
    return "\n".join(re.sub(r"\A[ \t]*>[ \t]?", "", line) for line in lines)
