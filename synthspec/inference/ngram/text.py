"""One text of a field: the best of several walks that keep the field's rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field

from synthspec.inference.ngram.corpus import TextCorpus
from synthspec.inference.ngram.dice import Dice
from synthspec.inference.ngram.reading import normal
from synthspec.inference.ngram.tokens import GROUP_OF, ends_sentence, split
from synthspec.inference.ngram.walk import Aim, Draft, Walk
from synthspec.languages.expressions.functions.texts import count_sentences, count_words
from synthspec.languages.patterns import PatternTimeout, SafeRegex
from synthspec.lazy_dataclass import dataclass

WALKS = 20  # walks at most for one text, each bolder than the one before
SETTLE = 8  # walks after which one good one is enough
OTHERS = 6  # failed texts handed on, to be made to match
BOLDER = 0.7
ENOUGH = 2  # good ones to choose the most fluent from
MOST_COPIED = 0.7  # share of a text's words that may come from one row
WIDEST, NARROWEST = 5.8, 4.5  # characters a word, with its space
_REPEATED = re.compile(r"\b(\w+)\s+\1\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TextRules:
    """What a text must keep. Lengths are inclusive, None is open."""

    words: tuple[int | None, int | None] = (None, None)
    sentences: tuple[int | None, int | None] = (None, None)
    length: tuple[int | None, int | None] = (None, None)  # characters
    wanted: int | None = None  # words, where the combination says how many
    patterns: tuple[SafeRegex, ...] = ()
    rejects: tuple[SafeRegex, ...] = ()

    def broken(self, text: str) -> int:
        """How many rules the text breaks."""
        found = [not _within(count_words(text), self.words), not _within(len(text), self.length)]
        try:
            found += [not p.search(text) for p in self.patterns]
            found.append(any(r.search(text) for r in self.rejects))
        except PatternTimeout:
            found.append(True)
        if self.sentences != (None, None):
            found.append(not _within(count_sentences(text), self.sentences))
        return sum(found)


@dataclass(frozen=True, slots=True)
class WrittenText:
    """A text and the rows it is made of: row -> share of its words."""

    text: str
    shares: Mapping[int, float] = field(default_factory=dict)
    broken: int = 0  # rules it breaks: 0 unless nothing better was found
    others: tuple[str, ...] = ()  # if it breaks some: more texts that do


def write_text(
    corpus: TextCorpus,
    start: Callable[[], int],
    weight: Sequence[float],
    rules: TextRules,
    dice: Dice,
    seen: set[str],
    fill: Callable[[str], str] = str,
) -> WrittenText:
    """A text that keeps the rules, is not in `seen` (texts as `normal` gives them) and copies no row.

    `start` draws the row to begin with; `fill` puts values in the text's slots. Where no walk
    gives such a text, the least bad one comes back.
    """
    good: list[tuple[float, Draft, str]] = []
    spare: tuple[float, Draft, str] | None = None
    others: list[str] = []
    for number in range(WALKS):
        first = start()
        draft = Walk(corpus, weight, _aim(corpus, start(), rules, dice), dice, 1 + BOLDER * number).go(first)
        text = fit(fill(render(corpus, draft)), rules)
        badness = _badness(corpus, draft, text, rules, seen)
        if badness < 1:
            good.append((draft.cost / max(draft.words, 1) * (0.6 + dice.roll()) + badness, draft, text))
            if len(good) == ENOUGH or number >= SETTLE:
                break
        else:
            others.append(text)
            if spare is None or badness < spare[0]:
                spare = (badness, draft, text)
    if not good and spare is None:
        return WrittenText("", {}, 1)
    _, draft, text = min(good, key=lambda g: g[0]) if good else spare  # type: ignore[misc]
    shares = {row: n / max(draft.words, 1) for row, n in draft.shares.items()}
    broken = 0 if good else rules.broken(text)
    return WrittenText(text, shares, broken, tuple(others[:OTHERS]) if broken else ())


def _aim(corpus: TextCorpus, like: int, rules: TextRules, dice: Dice) -> Aim:
    """How long the next text should be: as long as the text of row `like`, within the rules."""
    low, high = rules.words
    wanted = corpus.size[like]
    if rules.wanted is not None:
        low = max(low or 0, int(0.6 * rules.wanted))
        high = max(low, min(high or rules.wanted + 2, rules.wanted + 2))
        wanted = rules.wanted
    if rules.length[1] is not None:
        fitting = max(1, int(rules.length[1] / WIDEST))
        high = fitting if high is None else min(high, fitting)
    if rules.length[0] is not None:
        low = max(low or 0, int(rules.length[0] / NARROWEST) + 1)
    few, many = rules.sentences
    least = max(1, low or min(2, wanted))
    most = high if high is not None else max(least + 30, wanted + wanted // 2 + 4, 30 * (few or 0))
    target = min(max(wanted, least), most)
    if low is not None and wanted < low and high is not None:
        target = low + int((high - low) * 0.4 * dice.roll())
    return Aim(least, max(most, least), target, (few or 0, many if many is not None else 10_000))


def _badness(corpus: TextCorpus, draft: Draft, text: str, rules: TextRules, seen: set[str]) -> float:
    """Under 1 for a text that may be used."""
    bad = 4.0 * rules.broken(text)
    same = normal(text)
    if same in seen:
        bad += 3
    if same in corpus.known:
        bad += 2
    elif draft.words >= 8 and draft.copied() > MOST_COPIED:
        bad += 1 + draft.copied()
    if corpus.closes and not draft.closed:
        bad += 1.5
    if _REPEATED.search(text):
        bad += 0.5
    return bad


def render(corpus: TextCorpus, draft: Draft) -> str:
    """The draft as text."""
    words, token, last = corpus.words, corpus.token, corpus.last
    return "".join([words[token[p]] + " " if last[p] else words[token[p]] for p in draft.positions]).strip()


def fit(text: str, rules: TextRules) -> str:
    """The text, cut to its limits where it is over them."""
    most, long = rules.words[1], rules.length[1]
    if (most is not None and count_words(text) > most) or (long is not None and len(text) > long):
        text = cut(text, most, long)
    return text


def cut(text: str, words: int | None, length: int | None) -> str:
    """The longest beginning within the limits that can end a sentence, with the full stop if it had one."""
    stop = text[-1:] if text[-1:] in ".!?。！？" else ""
    tokens: list[str] = []
    size = count = 0
    for token in split(text):
        count += not tokens or token[0] in " \n"
        size += len(token)
        if (words is not None and count > words) or (length is not None and size + len(stop) > length):
            break
        tokens.append(token)
    while len(tokens) > 1 and (tokens[-1].strip().lower() in GROUP_OF or not tokens[-1].strip()[-1:].isalnum()):
        if ends_sentence(tokens, len(tokens) - 1):
            return "".join(tokens).strip()
        tokens.pop()
    return "".join(tokens).strip() + stop


def _within(value: int, bounds: tuple[int | None, int | None]) -> bool:
    low, high = bounds
    return (low is None or value >= low) and (high is None or value <= high)
