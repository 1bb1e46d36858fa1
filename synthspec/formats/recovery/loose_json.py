"""A forgiving JSON reader: finds every value in a text, and says which are whole. Guesses nothing.

It reads what models write for JSON: comments, trailing commas, single or typographic quotes, bare keys,
Python literals, raw line breaks in strings, quotation marks inside strings where prose pairs them, missing
closing brackets. A number stays as it was written (`Raw`), so that a text field loses no digit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from synthspec.formats.recovery.quotes import paired
from synthspec.languages.lazy_patterns import lazy_pattern
from synthspec.lazy_dataclass import dataclass

DEPTH = 40  # deeper nesting is no row
_INNER_MARKS = 40  # unescaped quotation marks in one string
_TRIES = 50_000  # values begun in one reply
_NEXT_OBJECT = lazy_pattern(r"\}\s*,?\s*\{")
_ENTRY = lazy_pattern(r"""\{\s*["']""")
_SPACE = lazy_pattern(r"\s*")
_OPEN = lazy_pattern(r"[{\[]")
_NUMBER = lazy_pattern(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])")
_WORD = lazy_pattern(r"[+-]?[A-Za-z]+(?![\w.])")
_WORDS = {"true": True, "false": False, "null": None, "none": None}
_NOT_NUMBERS = frozenset({"nan", "infinity", "inf"})
_BARE_KEY = lazy_pattern(r"[A-Za-z_][\w\-]*(?=\s*:)")
_CLOSING = {'"': '"', "'": "'", "“": "”"}
_AFTER_KEY = lazy_pattern(r"\s*:")
_AFTER_ITEM = lazy_pattern(r"\s*(?:[,\]}]|//|/\*|#|\Z)")
_NEXT_ITEM = lazy_pattern(
    r"""\s*(?:[\]}]|//|/\*|\#|\Z|,\s*(?:[\]}\[{"'“+.\d\-]|//|/\*|\#|\Z|(?:true|false|null|none|nan|inf)))""",
    re.IGNORECASE,
)
_NEXT_KEY = lazy_pattern(
    r"""\s*(?:[}\]]|//|/\*|\#|\Z|,\s*(?:[}\]{]|//|/\*|\#|\Z|(?:"[^"\n]{0,80}"|'[^'\n]{0,80}'|“[^”\n]{0,80}”|\w[\w\-]{0,80})\s*:)"""
    r"""|"[^"\n]{0,80}"\s*:)"""
)
_ESCAPE = lazy_pattern(r'\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|U[0-9a-fA-F]{8}|["\\/bfnrt]|.)|[\x00-\x1f]|"', re.DOTALL)


class Raw(str):
    """A number, or `NaN` and its like, as written."""

    __slots__ = ()


class Object(dict[str, Any]):
    """A JSON object. `doubled`: a key came twice with another value. `whole`: its end was there."""

    doubled = False
    whole = True
    span = (0, 0)


@dataclass(frozen=True, slots=True)
class FoundValue:
    """A value and where in the text it stood. `whole` is False where the text ended, or broke, inside it."""

    value: Any
    span: tuple[int, int]
    whole: bool


class _BrokenError(Exception):
    """No JSON from here on. `at` is where, `deep` whether nesting is the reason."""

    def __init__(self, at: int, deep: bool = False) -> None:
        super().__init__(at)
        self.at = at
        self.deep = deep


def _object(pairs: list[tuple[str, Any]]) -> Object:
    made = Object()
    for key, value in pairs:
        if key in made and made[key] != value:
            made.doubled = True
        made[key] = value
    return made


def decode(text: str) -> list[FoundValue]:
    """Every outermost object and array of the text, in order. Never raises."""
    try:
        value = json.loads(text, object_pairs_hook=_object, parse_float=Raw, parse_int=Raw, parse_constant=Raw)
    except (ValueError, RecursionError):
        return list(_scan(text))
    return [FoundValue(value, (0, len(text)), True)]


def _scan(text: str) -> Iterator[FoundValue]:
    reader = _Reader(text)
    effort = 8 * len(text) + 10_000  # characters looked at, all attempts together
    tries = _TRIES
    opening = _OPEN.search(text)
    while opening and effort > 0 and tries > 0:
        start = opening.start()
        try:
            value, end, whole = reader.value(start, 0)
            yield FoundValue(value, (start, end), whole)
        except _BrokenError as broken:
            if _ENTRY.match(text, start) and not broken.deep:
                lost, _ = reader.lost(start, broken.at)
                yield FoundValue(lost, lost.span, False)
            effort -= broken.at - start
            end = broken.at if broken.deep else start + 1
        effort -= 8
        tries -= 1
        opening = _OPEN.search(text, max(end, start + 1))


class _Reader:
    """Reads values at positions of one text: the value, its end, and whether it is whole."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.following = -1  # where the next `}, {` after the last lost element stands; the end if nowhere

    def value(self, at: int, depth: int) -> tuple[Any, int, bool]:
        if depth > DEPTH:
            raise _BrokenError(at, deep=True)
        first = self.text[at : at + 1]
        if first == "{":
            return self.members(at, depth)
        if first == "[":
            return self.items(at, depth)
        if first in _CLOSING:
            return self.string(at, _NEXT_KEY if depth else _AFTER_ITEM)
        number = _NUMBER.match(self.text, at)
        if number:
            return Raw(number[0]), number.end(), number.end() < len(self.text)
        word = _WORD.match(self.text, at)
        name = word[0].lower() if word else ""
        if word and name in _WORDS:
            return _WORDS[name], word.end(), True
        if word and name.lstrip("+-") in _NOT_NUMBERS:
            return Raw(word[0]), word.end(), True
        raise _BrokenError(at)

    def item(self, at: int, depth: int) -> tuple[Any, int, bool]:
        """A value of a list: a text in it ends where another item may begin, not another key."""
        return self.string(at, _NEXT_ITEM) if self.text[at] in _CLOSING else self.value(at, depth)

    def skip(self, at: int) -> int:
        """Past spaces and comments."""
        while True:
            space = _SPACE.match(self.text, at)
            at = space.end() if space else at
            if self.text.startswith("//", at) or self.text.startswith("#", at):
                end = self.text.find("\n", at)
            elif self.text.startswith("/*", at):
                end = self.text.find("*/", at)
                end = end + 2 if end >= 0 else end
            else:
                return at
            at = end if end >= 0 else len(self.text)

    def members(self, start: int, depth: int) -> tuple[Object, int, bool]:
        pairs: list[tuple[str, Any]] = []
        at, whole = self.skip(start + 1), True
        while at < len(self.text) and self.text[at] not in "}]{":
            if self.text[at] == "," and pairs:
                at = self.skip(at + 1)
                continue
            key, at = self.key(at)
            at = self.skip(at)
            if at >= len(self.text):
                whole = False
                break
            value, at, complete = self.value(at, depth + 1)
            whole = whole and complete
            pairs.append((key, value))
            at = self.skip(at)
        closed = self.text[at : at + 1]
        made = _object(pairs)
        made.whole = whole and (closed != "" or (bool(pairs) and not self.text.rstrip().endswith((",", ":"))))
        at += closed == "}"
        made.span = (start, at)
        return made, at, made.whole

    def key(self, at: int) -> tuple[str, int]:
        if self.text[at] in _CLOSING:
            key, end, whole = self.string(at, _AFTER_KEY)
            if not whole:
                return key, len(self.text)
        else:
            bare = _BARE_KEY.match(self.text, at)
            if not bare:
                raise _BrokenError(at)
            key, end = bare[0], bare.end()
        end = self.skip(end)
        if end < len(self.text) and self.text[end] != ":":
            raise _BrokenError(end)
        return key, end + 1

    def items(self, start: int, depth: int) -> tuple[list[Any], int, bool]:
        found: list[Any] = []
        at, whole = self.skip(start + 1), True
        while at < len(self.text) and self.text[at] not in "]}":
            if self.text[at] == ",":
                at = self.skip(at + 1)
                continue
            try:
                value, at, complete = self.item(at, depth + 1)
                if not isinstance(value, dict):
                    whole = whole and complete
            except _BrokenError as broken:
                if broken.deep or self.text[at] != "{":
                    raise
                value, at = self.lost(at, broken.at)
                whole = False
            found.append(value)
            at = self.skip(at)
        closed = self.text[at : at + 1]
        return found, at + (closed == "]"), whole and closed == "]"

    def lost(self, start: int, broken: int) -> tuple[Object, int]:
        """An element that cannot be read: its stretch, up to where the next object opens."""
        if self.following < start + 1:
            after = _NEXT_OBJECT.search(self.text, start + 1)
            self.following = after.start() if after else len(self.text)
        found = self.following < len(self.text)
        end = self.text.find("{", self.following if found else max(broken, start + 1))
        made = Object()
        made.whole = False
        made.span = (start, end if end >= 0 else len(self.text))
        return made, made.span[1]

    def string(self, start: int, after: re.Pattern[str]) -> tuple[str, int, bool]:
        mark = self.text[start]
        closing = _CLOSING[mark]
        at = start + 1
        for passed in range(_INNER_MARKS):
            at = self.closing(at, closing)
            if at < 0 and passed:
                raise _BrokenError(start)
            if at < 0:
                return _unescape(self.text[start + 1 :]), len(self.text), False
            inside = self.text[start + 1 : at]
            if after.match(self.text, at + 1) and self.natural(inside, mark):
                return _unescape(inside), at + 1, True
            at += 1
        raise _BrokenError(at)

    def closing(self, at: int, mark: str) -> int:
        """The next mark that no backslash escapes; -1 where there is none."""
        while True:
            at = self.text.find(mark, at)
            back = at - 1
            while back >= 0 and self.text[back] == "\\":
                back -= 1
            if at < 0 or (at - back) % 2:
                return at
            at += 1

    def natural(self, inside: str, mark: str) -> bool:
        if mark == "'":
            return re.search(r"(?<!\\)(?<!\w)'|(?<!\\)'(?!\w)", inside) is None
        return mark != '"' or paired(inside.replace('\\"', ""))


def _unescape(text: str) -> str:
    """The text of a string: JSON's escapes read, unknown ones left as they stand."""
    if "\\" not in text:
        return text
    whole = '"' + _ESCAPE.sub(_escape, text) + '"'
    try:
        return str(json.loads(whole, strict=False))
    except ValueError:
        return text


def _character(code: int) -> str:
    """JSON's spelling of a code point that Python's `\\x` or `\\U` gave; empty where there is none."""
    return json.dumps(chr(code))[1:-1] if code <= 0x10FFFF else ""


def _escape(match: re.Match[str]) -> str:
    escaped = match[1]
    if escaped is None:
        return '\\"' if match[0] == '"' else match[0]
    if escaped == "'":
        return "'"
    if len(escaped) in (3, 9):
        return _character(int(escaped[1:], 16)) or "\\" + match[0]
    return match[0] if len(escaped) > 1 or escaped in '"\\/bfnrt' else "\\" + match[0]
