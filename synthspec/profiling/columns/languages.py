"""The language that texts are written in, told by their script or by the words that join others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from synthspec.dataset.similarity.shingles import words_of
from synthspec.evaluation.metrics.language import joining_counts

NAMES = {
    "en": "English", "es": "Spanish", "pt": "Portuguese", "fr": "French", "de": "German", "it": "Italian",
    "nl": "Dutch", "ja": "Japanese",
    "zh": "Chinese", "ko": "Korean", "ru": "Russian or another language in Cyrillic script",
    "ar": "Arabic", "el": "Greek", "he": "Hebrew", "hi": "Hindi or another language in Devanagari script", "th": "Thai",
}  # fmt: skip
LOCALES = {"en": "en_US", "es": "es_ES", "pt": "pt_PT", "fr": "fr_FR", "de": "de_DE", "it": "it_IT", "nl": "nl_NL",
           "ja": "ja_JP", "zh": "zh_CN", "ko": "ko_KR", "ru": "ru_RU", "el": "el_GR", "he": "he_IL",
           "th": "th_TH"}  # fmt: skip
_SCRIPTS = {
    "ja": r"[\u3040-\u30ff]", "ko": r"[\uac00-\ud7af]", "zh": r"[\u4e00-\u9fff]", "ru": r"[\u0400-\u04ff]",
    "ar": r"[\u0600-\u06ff]", "el": r"[\u0370-\u03ff]", "he": r"[\u0590-\u05ff]", "hi": r"[\u0900-\u097f]",
    "th": r"[\u0e00-\u0e7f]",
}  # fmt: skip
MOST = 300  # texts looked at
FEWEST = 8  # words of a text that is judged by itself


def guess_language(texts: Sequence[str]) -> tuple[str, float] | None:
    """The code of a language, and the share of the texts that agree, 0 to 1; None where none can be told.

    >>> guess_language(["el contador de la casa no funciona desde que lo cambiaron para siempre"] * 3)
    ('es', 1.0)
    """
    votes: Counter[str] = Counter()
    for text in texts[:MOST]:
        found = _script(text) or _joining(words_of(text[:2000]))
        votes[found] += 1
    told = votes.total() - votes[""]
    if not told or told < 0.2 * votes.total():
        together = _joining([w for t in texts[:MOST] for w in words_of(t[:2000])])
        return (together, 0.5) if together else None
    best, count = max(((n, c) for n, c in votes.items() if n), key=lambda vote: vote[1])
    return best, count / told


def _script(text: str) -> str:
    letters = sum(c.isalpha() for c in text[:2000])
    for language, script in _SCRIPTS.items():
        if letters and len(re.findall(script, text[:2000])) >= (0.1 if language == "ja" else 0.5) * letters:
            return language
    return ""


def _joining(words: Sequence[str]) -> str:
    if len(words) < FEWEST:
        return ""
    counts = joining_counts(words)
    best = max(counts, key=lambda n: counts[n])
    others = max(c for n, c in counts.items() if n != best)
    return best if counts[best] >= max(0.1 * len(words), 2) and counts[best] > others else ""
