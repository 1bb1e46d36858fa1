"""Cleaning steps: one small function each, applied to a text in the order the spec writes them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from synthspec.spec import Clean

Step = Callable[[str], str]

_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'", "´": "'"})
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u200d\U000e0020-\U000e007f]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060\ufeff]")
_HEADING = re.compile(r"^ {0,3}(#{1,6}|>|[-*+]) +", re.MULTILINE)
_EMPHASIS = re.compile(r"(\*\*\*|\*\*|\*|__|`)(?=\S)([^*_`\n]+?)(?<=\S)\1")


def strip(text: str) -> str:
    """No white space at either end."""
    return text.strip()


def collapse_spaces(text: str) -> str:
    """One space for a run of spaces and tabs; none before the end of a line."""
    return re.sub(r" +(?=\n)", "", re.sub(r"[ \t\u00a0\u2000-\u200a\u202f\u3000]+", " ", text))


def collapse_lines(text: str) -> str:
    """All on one line."""
    return re.sub(r"\s*[\r\n]+\s*", " ", text)


def nfc(text: str) -> str:
    """Unicode normal form C: one character for a letter and its accent."""
    return unicodedata.normalize("NFC", text)


def nfkc(text: str) -> str:
    """Unicode normal form KC: also full-width letters, ligatures and the like as plain ones."""
    return unicodedata.normalize("NFKC", text)


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
    return re.sub(r"([,;])(?=[^\W\d])", r"\1 ", re.sub(r"[ \t]+([,.;:!?])(?!\w)", r"\1", text))


STEPS: Mapping[str, Step] = {
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
    """One function for all steps of a field; None where there are none. Values that are no text pass unchanged."""
    if not steps:
        return None
    functions = tuple(_replacing(s) if s.rule == "replace" else STEPS[s.rule] for s in steps)

    def clean(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        for function in functions:
            value = function(value)
        return value

    return clean


def _replacing(step: Clean) -> Step:
    from synthspec.patterns import compile_pattern

    compiled = compile_pattern(step.pattern)

    def replace(text: str) -> str:
        return compiled.sub(step.replacement, text)

    return replace
