"""Language: how long and how hard the texts are, and how rich in words."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from synthspec.metrics.metric import Array, Context, Figure, Metric
from synthspec.metrics.tokens import Tokens, tokens_of
from synthspec.shingles import words_of

WINDOW = 50  # words of a MATTR window
THRESHOLD = 0.72  # type-token ratio at which a factor of MTLD ends
_SENTENCE = re.compile(r"[.!?…]+[\"'”’)\]]*(?=\s|$)|[。！？]")
_VOWELS = re.compile(r"[aeiouyáéíóúàèìòùâêîôûäëïöü]+")
_FAMILY = "language"


def sentence_count(text: str) -> int:
    """Sentences, told by their closing marks; at least one where there is text.

    >>> sentence_count("Well... Yes! It costs 3.50 now"), sentence_count("")
    (3, 0)
    """
    if not text.strip():
        return 0
    ends = list(_SENTENCE.finditer(text))
    return len(ends) + bool(text[ends[-1].end() if ends else 0 :].strip())


def syllable_count(word: str) -> int:
    """About how many syllables an English word has: its groups of vowels, without a silent e.

    >>> [syllable_count(w) for w in ("make", "table", "idea", "readable", "the")]
    [1, 2, 2, 3, 1]
    """
    count = len(_VOWELS.findall(word))
    if word.endswith("e") and not word.endswith(("le", "ee")) and count > 1:
        count -= 1
    return max(1, count)


def reading_ease(texts: Sequence[str]) -> float | None:
    """Flesch 1948: 206.835 - 1.015 words a sentence - 84.6 syllables a word. For English."""
    words = [w for t in texts for w in words_of(t) if w[0].isalpha()]
    sentences = sum(map(sentence_count, texts))
    if not sentences or sum(w.isascii() for w in words) * 2 <= len(words):
        return None  # nothing, or another script: its syllables cannot be counted so
    return 206.835 - 1.015 * len(words) / sentences - 84.6 * sum(map(syllable_count, words)) / len(words)


def mattr(words: Array, window: int = WINDOW) -> float | None:
    """Moving-average type-token ratio (Covington & McFall 2010): the mean over all windows of so many words.

    A word adds a type to those windows that hold it and not its last occurrence before.
    """
    count = len(words)
    if count < window:
        return None
    order = np.lexsort((np.arange(count), words))
    before = np.full(count, -1)
    same = words[order][1:] == words[order][:-1]
    before[order[1:][same]] = order[:-1][same]
    at = np.arange(count)
    first = np.maximum(np.maximum(before + 1, at - window + 1), 0)
    last = np.minimum(at, count - window)
    return float(np.maximum(last - first + 1, 0).sum() / ((count - window + 1) * window))


def mtld(words: Array, threshold: float = THRESHOLD) -> float | None:
    """Measure of textual lexical diversity (McCarthy & Jarvis 2010): words it takes for the type-token ratio to
    fall to the threshold, on average, read from both ends."""
    if len(words) < WINDOW:
        return None
    return (_mtld_one_way(words, threshold) + _mtld_one_way(words[::-1], threshold)) / 2


def _mtld_one_way(words: Array, threshold: float) -> float:
    factors, seen, length, ratio = 0.0, set[int](), 0, 1.0
    for word in words.tolist():
        length += 1
        seen.add(word)
        ratio = len(seen) / length
        if ratio < threshold:
            factors += 1
            seen, length, ratio = set(), 0, 1.0
    factors += (1 - ratio) / (1 - threshold)
    return len(words) / factors if factors else float(len(words))


def language_figures(texts: Sequence[str], words: int) -> dict[str, float | None]:
    """The figures of one group of texts; those on richness over at most so many of its words."""
    tokens = tokens_of(texts)
    lengths = tokens.lengths
    sentences = sum(map(sentence_count, texts))
    flat = tokens.flat[:words]
    return {
        "words": float(lengths.mean()) if len(texts) else None,
        "sentence_words": float(lengths.sum() / sentences) if sentences else None,
        "mattr": mattr(flat),
        "mtld": mtld(flat),
        "reading_ease": reading_ease(texts),
    }


def _texts(context: Context) -> list[str]:
    return [context.corpus.rows[i] for i in context.drawn]


def _stream(context: Context) -> Tokens:
    return context.corpus.tokens.part(context.mixed).first(context.sizes.words)


def _words(context: Context) -> Figure:
    lengths = context.corpus.tokens.lengths
    return Figure(float(lengths.mean()), f"{len(lengths):,} rows", lengths.astype(np.float64))


def _spread(context: Context) -> Figure | None:
    lengths = context.corpus.tokens.lengths
    mean = float(lengths.mean())
    return Figure(float(lengths.std()) / mean, f"{len(lengths):,} rows") if mean else None


def _sentence(context: Context) -> Figure | None:
    texts = _texts(context)
    counts = np.array([sentence_count(t) for t in texts])
    words = context.corpus.tokens.lengths[context.drawn]
    if not counts.sum():
        return None
    value = float(words.sum() / counts.sum())
    return Figure(value, f"{len(texts):,} rows", value + (words - value * counts) / counts.mean())


def _word_letters(context: Context) -> Figure | None:
    means = [float(np.mean([len(w) for w in found])) for t in _texts(context) if (found := words_of(t))]
    return Figure(float(np.mean(means)), f"{len(means):,} rows", np.array(means)) if means else None


def _mattr(context: Context) -> Figure | None:
    tokens = _stream(context)
    value = mattr(tokens.flat)
    return None if value is None else Figure(value, f"windows of {WINDOW} in {len(tokens.flat):,} words")


def _mtld(context: Context) -> Figure | None:
    tokens = _stream(context)
    value = mtld(tokens.flat)
    return None if value is None else Figure(value, f"{len(tokens.flat):,} words")


def _ease(context: Context) -> Figure | None:
    texts = _texts(context)
    value = reading_ease(texts)
    return None if value is None else Figure(value, f"{len(texts):,} rows")


METRICS = (
    Metric("words", "Words a row", _FAMILY, "depends", "The mean length of a row's texts.", "", _words),
    Metric(
        "length_spread",
        "Spread of lengths",
        _FAMILY,
        "depends",
        "Standard deviation of a row's words, of their mean. People vary; near 0 every row is as long.",
        "",
        _spread,
    ),
    Metric("sentence_words", "Words a sentence", _FAMILY, "depends", "The mean length of a sentence.", "", _sentence),
    Metric("word_letters", "Letters a word", _FAMILY, "depends", "The mean length of a word.", "", _word_letters),
    Metric(
        "mattr",
        "Word variety (MATTR)",
        _FAMILY,
        "higher",
        "Different words in a window of 50, as a share; length of the data does not matter.",
        "Covington & McFall 2010",
        _mattr,
        "ratio",
    ),
    Metric(
        "mtld",
        "Word variety (MTLD)",
        _FAMILY,
        "higher",
        "How many words go by before repeats bring the share of different ones down to 0.72.",
        "McCarthy & Jarvis 2010",
        _mtld,
    ),
    Metric(
        "reading_ease",
        "Reading ease",
        _FAMILY,
        "depends",
        "Flesch's score for English: 90 is a comic strip, 60 plain prose, 30 an academic paper.",
        "Flesch 1948",
        _ease,
    ),
)
