"""Language: how long and how hard the texts are, and how rich in words."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from synthspec.dataset.similarity.shingles import words_of
from synthspec.evaluation.corpus.words import Tokens, tokens_of
from synthspec.evaluation.metrics.metric import Array, Context, Figure, Metric

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


# The commonest words that join others, by language. English prose holds 25 to 40 in a hundred of the first list, and
# of its own list each other language as many; what two languages share is left out of both.
_JOINING = {
    "en": "the of and to that is was for with as are this they at be from have or had by but not what were we when "
          "your can said there an which their if do will how about then them these would has it you his her she",
    "es": "el los las de que y en un una por con para su del lo como pero sus le ya este sí porque esta entre cuando "
          "muy sin sobre también hasta hay donde quien desde todo nos durante todos les ni contra eso ante ellos",
    "pt": "o os as do da em um uma com não uma dos das mas ao ele seu sua ou quando muito já eu também só pelo pela "
          "até isso ela entre depois sem mesmo aos seus quem nas esse eles você essa num nem suas às minha",
    "fr": "le les des du et un une dans pour qui sur pas plus au je avec ce il sont ne par mais nous vous elle leur "
          "cette ces aux être aussi même où tout était c'est d'une fait ont leurs comme",
    "de": "der die und den von zu das mit sich des auf für ist im dem nicht ein eine als auch es werden aus hat dass "
          "sie nach wird bei einer um am sind noch wie einem über einen so zum haben nur oder aber vor zur bis ich",
    "it": "il di che la per una sono della con non si da le dei nel alla più anche gli ma delle al lo questo ha come "
          "sua suo dal essere ho mi tutto alle stato quando questa loro",
    "nl": "de het een van en dat niet te zijn voor met op aan hij er maar om ook bij nog naar uit heb wel geen deze "
          "worden door wordt hun zo dan haar wat kunnen",
}  # fmt: skip
_JOINING_SETS = {language: frozenset(words.split()) for language, words in _JOINING.items()}
_LEAST_JOINING = 0.12


def joining_counts(words: Sequence[str]) -> dict[str, int]:
    """How many of some words (in normal form) are among those that join others, by language."""
    return {language: sum(w in known for w in words) for language, known in _JOINING_SETS.items()}


def is_english(words: Sequence[str]) -> bool:
    """Whether words (in normal form) are English, told from those that join others. Not of a handful of names.

    >>> is_english("the meter in the hall was read by a man from the company".split())
    True
    >>> is_english("el contador de la casa no funciona desde que lo cambiaron".split())
    False
    """
    found = joining_counts(words)
    return found["en"] >= _LEAST_JOINING * len(words) and max(found, key=lambda n: (found[n], n == "en")) == "en"


def reading_ease(texts: Sequence[str]) -> float | None:
    """Flesch 1948: 206.835 - 1.015 words a sentence - 84.6 syllables a word. None for any language but English."""
    words = [w for t in texts for w in words_of(t) if w[0].isalpha()]
    sentences = sum(map(sentence_count, texts))
    if not sentences or not words or not is_english(words):
        return None
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


def _share(context: Context, tokens: Tokens) -> float:
    return len(tokens.flat) / max(len(context.corpus.tokens.flat), 1)


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
    if value is None:
        return None
    size = f"windows of {WINDOW} in {len(tokens.flat):,} words"
    return Figure(value, size, share=_share(context, tokens))


def _mtld(context: Context) -> Figure | None:
    tokens = _stream(context)
    value = mtld(tokens.flat)
    return None if value is None else Figure(value, f"{len(tokens.flat):,} words", share=_share(context, tokens))


def _ease(context: Context) -> Figure | None:
    texts = _texts(context)
    value = reading_ease(texts)
    share = len(texts) / len(context.corpus)
    return None if value is None else Figure(value, f"{len(texts):,} rows", share=share)


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
