"""Matching that cannot hang.

Python's `re` runs what is proved to finish soon, for the pattern and the length of the text at hand. Anything
else runs on the `regex` package, which can be told to stop. Both follow `re` in what matches.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from synthspec.languages.patterns.ambiguity.safety import Verdict, judge
from synthspec.languages.patterns.tree import check_replacement, parse_tree, tokens

SECONDS = 0.25
STEPS = 2e6  # how much `re` is let do: up to a quarter of a second


class PatternTimeout(Exception):
    """A match that took more than a quarter of a second and was stopped."""

    def __init__(self, pattern: str) -> None:
        super().__init__(f"the pattern {pattern!r} took more than {SECONDS} seconds on one text")
        self.pattern = pattern


@dataclass(frozen=True, slots=True)
class SafeRegex:
    """A compiled pattern. Every method raises PatternTimeout rather than run on."""

    text: str
    verdict: Verdict

    def search(self, text: str) -> bool:
        """Whether some part of the text matches."""
        return bool(self._run("search", text, 0))

    def fullmatch(self, text: str) -> bool:
        """Whether the whole text matches."""
        return bool(self._run("fullmatch", text, 0))

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """Every match, from left to right, none overlapping; all are found before the first is given."""
        return iter(self._run("finditer", text, 1, collect=list))

    def sub(self, replacement: str | Callable[[re.Match[str]], str], text: str) -> str:
        """The text with every match replaced; `\\1` and `\\g<name>` in the replacement stand for groups.

        Raises PatternFault as `check_replacement` does.
        """
        if isinstance(replacement, str):
            check_replacement(self.text, replacement)
        return str(self._run("sub", text, 1, replacement))

    def is_fast(self, length: int, more: int = 0) -> bool:
        """Whether `re` is proved to finish soon on a text of that length."""
        verdict = self.verdict
        if verdict.reason is not None or verdict.degree is None:
            return False
        steps: float = 2.0**verdict.bits * float(max(length, 2)) ** (verdict.degree + more)
        return steps <= STEPS

    def _run(
        self, method: str, text: str, more: int, *before: Any, collect: Callable[[Any], Any] | None = None
    ) -> Any:
        if self.is_fast(len(text), more):
            found = getattr(_compiled(self.text), method)(*before, text)
            return collect(found) if collect else found
        try:
            found = getattr(_stoppable(self.text), method)(*before, text, timeout=SECONDS)
            return collect(found) if collect else found
        except (TimeoutError, MemoryError):
            raise PatternTimeout(self.text) from None


def compile_pattern(text: str) -> SafeRegex:
    """A pattern to match with. Raises PatternFault for what is no regular expression of Python's `re`."""
    return SafeRegex(text, judge(text))


@lru_cache(maxsize=1024)
def _compiled(text: str) -> re.Pattern[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return re.compile(text)


@lru_cache(maxsize=256)
def _stoppable(text: str) -> Any:
    import regex

    parse_tree(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return regex.compile(translate(text), regex.VERSION0)


# `regex` takes its classes from Unicode properties, `re` from str.isalnum, str.isdecimal and str.isspace.
_WORD = r"\p{L}\p{N}_"
_SPACE = r"\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_NO_WORD = (
    r"\p{M}\p{Pd}\p{Ps}\p{Pe}\p{Pi}\p{Pf}\p{Po}\p{S}\p{Z}\p{C}"
    r"\u203f\u2040\u2054\ufe33\ufe34\ufe4d-\ufe4f\uff3f")
_NO_SPACE = (
    r"\x00-\x08\x0e-\x1b\x21-\x84\x86-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e\u2030-\u205e"
    r"\u2060-\u2fff\u3001-\U0010ffff")
_OUTSIDE = {
    r"\w": f"[{_WORD}]", r"\W": f"[^{_WORD}]", r"\s": f"[{_SPACE}]", r"\S": f"[^{_SPACE}]",
    r"\b": f"(?:(?<=[{_WORD}])(?![{_WORD}])|(?<![{_WORD}])(?=[{_WORD}]))",
    r"\B": f"(?:(?<=[{_WORD}])(?=[{_WORD}])|(?<![{_WORD}])(?![{_WORD}]))",
}
_INSIDE = {r"\w": _WORD, r"\W": _NO_WORD, r"\s": _SPACE, r"\S": _NO_SPACE, "[": r"\["}
_REPEAT = re.compile(r"\{(?:\d+(?:,\d*)?|,\d*)\}")


def translate(text: str) -> str:
    """A pattern of `re` as one of `regex` that matches the same."""
    ascii_only = re.compile(r"\(\?[a-z]*a").search(text) is not None
    pieces = []
    opened = False
    for offset, token, inside in tokens(text):
        if inside:
            first = opened and token == "["
            piece = _INSIDE.get(token, token) if not ascii_only or token == "[" else token
            pieces.append(r"\[" if first else piece)
        elif token == "{" and not _REPEAT.match(text, offset):
            pieces.append(r"\{")
        else:
            pieces.append(token if ascii_only else _OUTSIDE.get(token, token))
        opened = token == "[" and not inside
    return "".join(pieces)
