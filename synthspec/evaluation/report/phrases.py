"""Phrases that many rows of a dataset have in common, and which rows these are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from synthspec.dataset.similarity.shingles import normal_form, words_of
from synthspec.evaluation.corpus.corpus import Corpus
from synthspec.evaluation.corpus.words import Array, Tokens
from synthspec.lazy_dataclass import dataclass

LONGEST, SHORTEST = 10, 4  # words
FEWEST = 3  # rows that hold a phrase
SHARE = 0.02  # of all rows, the least
MOST = 12  # phrases
LOOKED_AT = 20_000  # rows
OVERLAP = 0.5  # of a phrase's rows that a longer one already names


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that several rows hold, as one of them writes them, and the indices of those rows."""

    text: str
    words: int
    rows: tuple[int, ...]
    share: float  # of the rows that were looked at

    def as_dict(self) -> dict[str, Any]:
        return {"phrase": self.text, "words": self.words, "rows": len(self.rows), "share": self.share}


def repeated_phrases(corpus: Corpus, most: int = MOST) -> tuple[Phrase, ...]:
    """Runs of four to ten words that at least three rows, and two in a hundred, hold: those of most rows first.

    Of runs within one another the longest stands, unless the shorter one has twice as many rows. Of more than 20,000
    rows as many are looked at, drawn at random.
    """
    if not len(corpus):
        return ()
    looked = corpus.chosen(LOOKED_AT)
    tokens = corpus.tokens.part(looked)
    least = max(FEWEST, int(np.ceil(len(looked) * SHARE)))
    found: list[tuple[int, Array, int]] = []  # words, rows, place of the first in `flat`
    taken: list[tuple[set[int], str]] = []
    shown: list[Phrase] = []
    for n in range(LONGEST, SHORTEST - 1, -1):
        found += [(n, rows, place) for rows, place in _common(tokens, n, least)]
    for n, rows, place in sorted(found, key=lambda f: (-len(f[1]) * f[0], -f[0], f[2])):
        owner = int(np.searchsorted(tokens.starts, place, side="right")) - 1
        text = _surface(corpus.rows[int(looked[owner])], place - int(tokens.starts[owner]), n)
        its = {int(r) for r in rows}
        if not text or any(_alike(text, its, other, theirs) for theirs, other in taken):
            continue
        taken.append((its, text))
        shown.append(Phrase(text, n, tuple(int(looked[r]) for r in sorted(its)), len(its) / len(looked)))
        if len(shown) >= most:
            break
    return tuple(sorted(shown, key=lambda p: (-len(p.rows), -p.words, p.text)))


def common_openings(corpus: Corpus, words: int = 3, most: int = 6) -> tuple[Phrase, ...]:
    """The words with which most rows begin, where another row begins with them too."""
    begins: dict[tuple[str, ...], list[int]] = {}
    looked = corpus.chosen(LOOKED_AT)
    for i in looked:
        first = words_of(corpus.rows[int(i)][:200])[:words]
        if len(first) == words:
            begins.setdefault(tuple(first), []).append(int(i))
    often = sorted((its for its in begins.values() if len(its) > 1), key=lambda its: (-len(its), its))
    shown = [(_surface(corpus.rows[its[0]], 0, words), its) for its in often[:most]]
    return tuple(Phrase(text, words, tuple(its), len(its) / len(looked)) for text, its in shown if text)


def _common(tokens: Tokens, n: int, least: int, most: int = 200) -> list[tuple[Array, int]]:
    """Runs of `n` words that so many texts hold: the texts, and where the first run stands."""
    if len(tokens.flat) < n:
        return []
    owners = np.repeat(np.arange(len(tokens)), tokens.lengths)
    whole = owners[: len(owners) - n + 1] == owners[n - 1 :]
    places, grams, owner = np.flatnonzero(whole), tokens.grams(n), owners[: len(owners) - n + 1][whole]
    order = np.lexsort((owner, grams))
    grams, owner, places = grams[order], owner[order], places[order]
    new = np.ones(len(grams), bool)
    new[1:] = (grams[1:] != grams[:-1]) | (owner[1:] != owner[:-1])  # a text counts once
    grams, owner, places = grams[new], owner[new], places[new]
    starts = np.flatnonzero(np.concatenate([[True], grams[1:] != grams[:-1]]))
    sizes = np.diff(np.concatenate([starts, [len(grams)]]))
    often = np.flatnonzero(sizes >= least)
    often = often[np.argsort(-sizes[often], kind="stable")][:most]
    return [
        (owner[starts[i] : starts[i] + sizes[i]], int(places[starts[i] : starts[i] + sizes[i]].min())) for i in often
    ]


def _alike(text: str, rows: set[int], other: str, theirs: set[int]) -> bool:
    """Whether a phrase says again what another one said: words in common, rows in common."""
    mine, its = normal_form(text).split(), normal_form(other).split()
    runs = {tuple(its[i : i + 3]) for i in range(len(its) - 2)}
    shared = any(tuple(mine[i : i + 3]) in runs for i in range(len(mine) - 2))
    return shared and len(rows & theirs) > OVERLAP * len(rows)


_CHUNK = re.compile(r"\S+")


def _surface(text: str, start: int, words: int) -> str:
    """The words of a text from number `start` on, as they are written there; empty where they cannot be placed."""
    at, begin, end = 0, None, 0
    for piece in _CHUNK.finditer(text):
        size = len(words_of(piece.group()))
        if at + size > start and begin is None:
            begin = piece.start()
        at += size
        end = piece.end()
        if at >= start + words:
            break
    found = text[begin:end] if begin is not None else ""
    across = "\n" in found  # from one column or paragraph into the next
    return "" if across else found.strip(" ,;:.!?\"'()[]…–-“”‘’")


def rows_holding(texts: Sequence[str], phrase: str) -> list[int]:
    """Which texts hold the words of a phrase one after another, ignoring case and punctuation.

    >>> rows_holding(["I love it: really!", "I love"], "love it really")
    [0]
    """
    wanted = f" {normal_form(phrase)} "
    return [i for i, text in enumerate(texts) if wanted in f" {normal_form(text)} "]
