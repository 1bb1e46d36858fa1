"""Cleaning steps: one small function each, applied to a value in the order the spec writes them.

Every step takes time in proportion to the text, whatever stands in it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal
from itertools import groupby
from typing import Any, Literal

from synthspec.languages.lazy_patterns import lazy_pattern
from synthspec.spec import Clean

CleaningStep = Callable[[str], str]

_EXACT = Context(prec=400)  # digits of the longest float, and more
_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'", "´": "'"})
_EMOJI = lazy_pattern("[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u200d\U000e0020-\U000e007f]")
_CONTROL = lazy_pattern(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060\ufeff]")
_HEADING = lazy_pattern(r"^ {0,3}(#{1,6}|>|[-*+]) +", re.MULTILINE)
_WHITE = lazy_pattern(r"\s+")
_MARKS = lazy_pattern(r"[\u0300-\U0010ffff]{32,}")
_EMPHASIS = lazy_pattern(r"(\*\*\*|\*\*|\*|__|`)(?=\S)([^*_`\n]+?)(?<=\S)\1")


def strip(text: str) -> str:
    """No white space at either end."""
    return text.strip()


def collapse_spaces(text: str) -> str:
    """One space for a run of spaces and tabs; none before the end of a line."""
    return re.sub(r" +(?=\n)", "", re.sub(r"[ \t\u00a0\u2000-\u200a\u202f\u3000]+", " ", text))


def collapse_lines(text: str) -> str:
    """All on one line."""
    return _WHITE.sub(lambda m: " " if "\n" in m[0] or "\r" in m[0] else m[0], text)


def nfc(text: str) -> str:
    """Unicode normal form C: one character for a letter and its accent."""
    return unicodedata.normalize("NFC", _ordered("NFD", text))


def nfkc(text: str) -> str:
    """Unicode normal form KC: also full-width letters, ligatures and the like as plain ones."""
    return unicodedata.normalize("NFKC", _ordered("NFKD", text))


def _ordered(form: Literal["NFD", "NFKD"], text: str) -> str:
    """The text with its long runs of combining marks in canonical order; `unicodedata` sorts those by insertion."""

    def order(run: re.Match[str]) -> str:
        marks = "".join(unicodedata.normalize(form, c) for c in run[0])
        parts: list[str] = []
        for combining, group in groupby(marks, key=lambda c: unicodedata.combining(c) > 0):
            parts.extend(sorted(group, key=unicodedata.combining if combining else lambda c: 0))
        return "".join(parts)

    return text if text.isascii() else _MARKS.sub(order, text)


def straight_quotes(text: str) -> str:
    """Typographic quotation marks and apostrophes as straight ones."""
    return text.translate(_QUOTES)


def no_quotes(text: str) -> str:
    """Without a pair of quotation marks around the whole."""
    bare = text.strip()
    for left, right in (('"', '"'), ("'", "'"), ("“", "”"), ("«", "»"), ("„", "“")):
        inner = bare[1:-1]
        if len(bare) > 1 and bare[0] == left and bare[-1] == right and left not in inner and right not in inner:
            return inner.strip()
    return text


def no_markdown(text: str) -> str:
    """Without headings, list marks, bold, italics and code marks."""
    return _EMPHASIS.sub(r"\2", _HEADING.sub("", text.replace("```", "")))


def no_emoji(text: str) -> str:
    """Without emoji and pictographs."""
    return _EMOJI.sub("", text)


def no_control(text: str) -> str:
    """Without control and invisible characters; line ends and tabs stay."""
    return _CONTROL.sub("", text)


def capitalize(text: str) -> str:
    """The first letter a capital, the rest as it is."""
    for index, char in enumerate(text):
        if char.isalpha():
            return text[:index] + char.upper() + text[index + 1 :]
    return text


def end_stop(text: str) -> str:
    """A full stop at the end where there is no mark."""
    bare = text.rstrip()
    return f"{bare}." if bare and (bare[-1].isalnum() or bare[-1] in ")%") else text


def space_punctuation(text: str) -> str:
    """No space before , . ; : ! ? and one after a comma or semicolon that a letter follows."""
    return re.sub(r"([,;])(?=[^\W\d])", r"\1 ", re.sub(r"(?<![ \t])[ \t]++([,.;:!?])(?!\w)", r"\1", text))


STEPS: Mapping[str, CleaningStep] = {
    "strip": strip,
    "collapse_spaces": collapse_spaces,
    "collapse_lines": collapse_lines,
    "nfc": nfc,
    "nfkc": nfkc,
    "straight_quotes": straight_quotes,
    "no_quotes": no_quotes,
    "no_markdown": no_markdown,
    "no_emoji": no_emoji,
    "no_control": no_control,
    "lower": str.lower,
    "upper": str.upper,
    "capitalize": capitalize,
    "end_stop": end_stop,
    "space_punctuation": space_punctuation,
}


def compile_cleaning(steps: tuple[Clean, ...]) -> Callable[[Any], Any] | None:
    """One function for all steps of a field; None where there are none.

    `round` is for numbers, those in lists and objects too; the other steps are for texts. Other values pass unchanged.
    """
    if not steps:
        return None
    functions = tuple(map(_function, steps))

    def clean(value: Any) -> Any:
        for function in functions:
            value = function(value)
        return value

    return clean


def _function(step: Clean) -> Callable[[Any], Any]:
    if step.rule == "round":
        return lambda value: round_numbers(value, step.digits)
    change = _replacing(step) if step.rule == "replace" else STEPS[step.rule]
    return lambda value: change(value) if isinstance(value, str) else value


def round_numbers(value: Any, digits: int) -> Any:
    """The number, or every number of a list or an object, with that many decimals. What is no number stays.

    Halves go away from zero, as the digits are written: 2.675 becomes 2.68. A whole number stays one; with no
    decimals every number becomes a whole one.

    >>> round_numbers([2.675, -0.001, 3, True], 2)
    [2.68, 0.0, 3, True]
    """
    if isinstance(value, list):
        return [round_numbers(v, digits) for v in value]
    if isinstance(value, dict):
        return {k: round_numbers(v, digits) for k, v in value.items()}
    if not isinstance(value, float) or not math.isfinite(value):
        return value
    rounded = Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, _EXACT)
    return int(rounded) if digits == 0 else float(rounded) + 0.0


def _replacing(step: Clean) -> CleaningStep:
    from synthspec.languages.patterns import compile_pattern

    compiled = compile_pattern(step.pattern)

    def replace(text: str) -> str:
        return compiled.sub(step.replacement, text)

    return replace
