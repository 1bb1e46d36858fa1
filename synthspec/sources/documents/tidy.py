"""Text as documents hold it, made plain: one form for each letter, no invisible characters, no stray space."""

from __future__ import annotations

import re
import unicodedata

# Soft hyphen, zero-width space, byte order mark, directional marks, control characters other than tab and line feed;
# the joiners of Persian and of emoji stay.
_INVISIBLE = re.compile(
    "[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\0-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]"
)
_SPACES = re.compile("[\t\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LIGATURES = {0xFB00: "ff", 0xFB01: "fi", 0xFB02: "fl", 0xFB03: "ffi", 0xFB04: "ffl", 0xFB05: "st", 0xFB06: "st"}


def tidy(text: str) -> str:
    """Lines end in a line feed, spaces are spaces, and what cannot be seen is gone. Indentation stays.

    >>> tidy("one\\u00a0two \\r\\nthe e\\ufb03cient\\u00ad end  ")
    'one two\\nthe efficient end'
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = _INVISIBLE.sub("", _SPACES.sub(lambda m: "    " if m[0] == "\t" else " ", text))
    text = unicodedata.normalize("NFC", _SURROGATE.sub("\ufffd", text)).translate(_LIGATURES)
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


def one_line(text: str) -> str:
    """The text on one line, single spaces between words.

    >>> one_line(" one\\n  two ")
    'one two'
    """
    return " ".join(tidy(text).split())


def table_lines(rows: list[list[str]]) -> str:
    """Rows of cells as a table of Markdown; the first is its head. Rows and columns without text are left out.

    >>> print(table_lines([["Part", "Torque"], ["Bolt", "8 Nm"]]))
    | Part | Torque |
    | --- | --- |
    | Bolt | 8 Nm |
    """
    rows = [[one_line(cell).replace("|", "\\|") for cell in row] for row in rows]
    rows = [row for row in rows if any(row)]
    width = max((len(row) for row in rows), default=0)
    if width == 0:
        return ""
    rows = [row + [""] * (width - len(row)) for row in rows]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], f"| {' | '.join(['---'] * width)} |", *lines[1:]])
