"""Text made safe to show: what others wrote may hold characters that a terminal obeys instead of showing.

A provider's error, a model's text or a file may hold escape sequences (moving the cursor, hiding or rewriting
lines, setting the clipboard) and characters that reverse the order of what is shown. Tabs and line ends stay.
"""

from __future__ import annotations

import re

# C0 and C1 controls and DEL; marks of direction that reorder a line; halves of characters, which cannot be written.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_UNSAFE_IN_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    r"""The text with each unsafe character written as its escape.

    >>> print(visible("red \x1b[31mtext"))
    red \x1b[31mtext
    """
    return _UNSAFE.sub(_escape, text.replace("\r\n", "\n"))


def visible_json(text: str) -> str:
    r"""JSON with each unsafe character, all of which stand inside its strings, as the JSON escape for it.

    >>> print(visible_json('"\x9b31m"'))
    "\u009b31m"
    """
    return _UNSAFE.sub(lambda m: f"\\u{ord(m[0]):04x}", text)


def one_line(text: str) -> str:
    """The text on one line, its white space single, what is unsafe left out."""
    return " ".join(_UNSAFE_IN_LINE.sub(" ", text).split())


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
