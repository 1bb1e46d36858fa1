"""What the functions of text count and change."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from synthspec.languages.expressions.evaluation.values import MAX_SIZE, whole
from synthspec.languages.lazy_patterns import lazy_pattern

# Scripts without spaces between words: Thai, Lao, Burmese, Khmer, kana, Han. Ranges, not properties: these do not
# change with the version of Python.
UNSPACED = (
    "\u0e00-\u0e4f\u0e80-\u0ecf\u1000-\u1049\u1780-\u17d3\u3041-\u3096\u3099-\u309f\u30a1-\u30fa\u30fc-\u30ff"
    "\u3005-\u3007\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9d\U00020000-\U0003ffff"
)
_WORD = lazy_pattern(r"[^\W_]\S*")
_QUOTED_WORD = lazy_pattern(rf"[{UNSPACED}]|[^\W{UNSPACED}]+")
_SENTENCE_END = lazy_pattern(r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*+(?=\s|\Z)|[。！？]+|\n\s*+\n")
_LETTER_OR_DIGIT = lazy_pattern(r"[^\W_]")
_CAPITALISED = lazy_pattern(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_NUMBER = lazy_pattern(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")


def count_words(text: str) -> int:
    """Runs of characters other than spaces that hold a letter or a digit."""
    return len(_WORD.findall(text))


def count_sentences(text: str) -> int:
    """Stretches with a letter or digit, ended by `.`, `!`, `?` or `…` before a space or the end, by `。`,
    `！`, `？`, by an empty line, or by the end of the text. `Mr. Fox ran.` therefore counts as two."""
    return sum(1 for piece in _SENTENCE_END.split(text) if _LETTER_OR_DIGIT.search(piece))


def count_lines(text: str) -> int:
    """Lines, the empty ones between others too; a line break at the end begins no line."""
    return len(text.splitlines())


def title(text: str) -> str:
    """Each word with a capital: `don't stop` becomes `Don't Stop`."""
    return _CAPITALISED.sub(lambda m: m[0].capitalize(), text)


def replace(text: str, old: str, new: str) -> str | None:
    """Every `old` replaced; null where the result would be beyond all use."""
    if len(text) + text.count(old) * (len(new) - len(old)) > MAX_SIZE:
        return None
    return text.replace(old, new)


def join(items: Iterable[Any], separator: str = ", ") -> str | None:
    """The items as text, nulls left out."""
    texts = [t for t in (as_text(i) for i in items) if t is not None]
    if sum(map(len, texts)) + len(separator) * len(texts) > MAX_SIZE:
        return None
    return separator.join(texts)


def split(text: str, separator: str | None = None) -> list[str]:
    """The pieces between separators, or between runs of space where none is given."""
    return list(text) if separator == "" else text.split(separator)


def count_items(where: Any, what: Any) -> int:
    """How often a value is in a list, or a part in a text (without overlap)."""
    if isinstance(where, str):
        return where.count(what) if what else 0
    return sum(1 for item in where if item == what)


def similarity(a: str, b: str) -> float:
    """Shared words over all words, case aside: 0 nothing in common, 1 the same set of words."""
    ours, theirs = word_set(a), word_set(b)
    everything = len(ours | theirs)
    return len(ours & theirs) / everything if everything else 1.0


def overlap(a: str, b: str) -> float:
    """The share of the words of `a` that are also in `b`, case aside."""
    ours = word_set(a)
    return len(ours & word_set(b)) / len(ours) if ours else 0.0


def quoted(text: str, chunk: str, run: int = 4) -> float:
    """The share of the text's runs of so many words that stand in the chunk, ignoring case and punctuation.

    A text with fewer words is one run; one without words has nothing that is quoted. Each character of a script that
    puts no spaces between words is one. Linear in both lengths.
    """
    words, others = (_QUOTED_WORD.findall(t.casefold()) for t in (text, chunk))
    length = min(max(1, run), len(words))
    if not words:
        return 0.0
    there = set(_runs(others, length))
    runs = list(_runs(words, length))
    return sum(r in there for r in runs) / len(runs)


def _runs(words: list[str], length: int) -> Iterable[tuple[str, ...]]:
    return zip(*(words[n:] for n in range(length)), strict=False)


def word_set(text: str) -> set[str]:
    """The different words of a text in small letters, without the punctuation around them."""
    return {w.casefold() for w in re.findall(r"\w+", text)}


def as_text(value: Any) -> str | None:
    """A value as text: 3.0 as 3, true as true, a date in ISO form, lists and maps as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 1e16 else repr(value)
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=as_text)
    return str(value)


def as_number(value: Any) -> int | float | None:
    """A number, or a text that is one (spaces around it do not count); null for anything else."""
    if isinstance(value, str):
        text = value.strip()
        if not _NUMBER.fullmatch(text):
            return None
        value = float(text)
    if isinstance(value, bool):
        return int(value)
    return value if isinstance(value, int | float) and math.isfinite(value) else None


def as_integer(value: Any) -> int | float | None:
    """A number without what is after the point; a text only where nothing but zeros is after it."""
    number = as_number(value)
    if number is None or (isinstance(value, str) and number != math.floor(number)):
        return None
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,19}", value.strip()):
        return whole(int(value))  # type: ignore[no-any-return]
    return whole(float(math.trunc(number)) if isinstance(number, float) else number)  # type: ignore[no-any-return]


def fixed(number: float, digits: int = 2) -> str:
    """A number with just so many digits after the point, at most 20."""
    return f"{number:.{max(0, min(20, int(digits)))}f}"
