"""A walk over a corpus: follow one text, pass to another where their contexts agree, stop at a sentence's end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from synthspec.ngram.corpus import Corpus
from synthspec.ngram.dice import Dice

STRENGTH = (1.0, 0.7, 0.35)  # how readily a context of each order is taken
PENALTY = (0.2, 1.0, 2.5)  # what it costs a draft's fluency
TRIES = (6, 6, 8)
SHORTEST_RUN = 3  # words between two passages
LONGEST_RUN = 14


@dataclass(frozen=True, slots=True)
class Draft:
    """One text, as the positions it is made of."""

    positions: tuple[int, ...]
    words: int
    shares: Mapping[int, int]  # row of the source -> words taken from it
    cost: float  # lower reads better
    closed: bool  # ends where a sentence ends

    def copied(self) -> float:
        """The share of its words, 0 to 1, that come from one text."""
        return max(self.shares.values()) / max(self.words, 1)


@dataclass(frozen=True, slots=True)
class Aim:
    """How long a text should be, in words and sentences, all inclusive."""

    least: int
    most: int
    target: int
    sentences: tuple[int, int] = (0, 10_000)


def walk(corpus: Corpus, start: int, weight: Sequence[float], aim: Aim, dice: Dice) -> Draft:
    """One draft from the text of row `start`. `weight` (by row, about 0 to 1) is how welcome each text is."""
    row_of, begins, ends, last = corpus.row, corpus.begins, corpus.ends, corpus.last
    position, words, sentences, run, cost = corpus.opening[start], 0, 0, 0, 0.0
    positions: list[int] = []
    shares: dict[int, int] = {}
    limit = aim.most * 4 + 200
    while True:
        positions.append(position)
        here = row_of[position]
        if begins[position]:
            words += 1
            run += 1
            shares[here] = shares.get(here, 0) + 1
        if ends[position] or last[position]:
            sentences += 1
            if _enough(corpus, position, words, sentences, aim):
                break
        if len(positions) >= limit or words > aim.most + 20:
            break
        if last[position]:
            following = _another(corpus, positions, weight, words, aim, dice)
            if following is None:
                break
            position, run = following, 0
            continue
        if run >= SHORTEST_RUN:
            order, passage = _passage(corpus, position, positions, weight, words, run, aim, dice)
            if passage >= 0:
                cost += PENALTY[order]
                position, run = passage, 0
        position += 1
    return Draft(tuple(positions), words, shares, cost, bool(ends[positions[-1]]))


def _enough(corpus: Corpus, position: int, words: int, sentences: int, aim: Aim) -> bool:
    low, high = aim.sentences
    if words < aim.least or sentences < low:
        return False
    if sentences >= high:
        return True
    if corpus.last[position]:
        return True
    if corpus.turns:
        return words + corpus.rest[position] > aim.most and words >= aim.target
    following = corpus.left[position + 1] + 1
    return words >= aim.target or words + following > aim.most or words + following // 2 > aim.target


def _another(
    corpus: Corpus, positions: Sequence[int], weight: Sequence[float], words: int, aim: Aim, dice: Dice
) -> int | None:
    """The opening of one more text, for where a text is over too early."""
    used = {corpus.row[p] for p in positions}
    best, found = 0.0, None
    for _ in range(24):
        row = dice.pick(corpus.rows)
        if row in used or words + corpus.left[corpus.opening[row]] + 1 > aim.most:
            continue
        score = weight[row] * (0.5 + dice.roll())
        if score > best:
            best, found = score, row
    return None if found is None else corpus.opening[found]


def _passage(
    corpus: Corpus,
    position: int,
    positions: Sequence[int],
    weight: Sequence[float],
    words: int,
    run: int,
    aim: Aim,
    dice: Dice,
) -> tuple[int, int]:
    """A position to pass to, with the order of the context it shares; (0, -1) to stay."""
    roll, row_of, left, rest = dice.roll, corpus.row, corpus.left, corpus.rest
    here = row_of[position]
    urgency = min(2.0, run / 5) if run < LONGEST_RUN else 4.0
    slack = 3 + 0.3 * aim.target
    for order, context in enumerate(corpus.orders):
        low, count = context.low[position], context.high[position] - context.low[position]
        if count < 2:
            continue
        ready = STRENGTH[order] * urgency
        for _ in range(TRIES[order] if count > TRIES[order] else count):
            other = context.members[low + int(roll() * count)]
            row = row_of[other]
            if row == here or words + left[other] > aim.most:
                continue
            gap = abs(words + rest[other] - aim.target)
            near = 1.0 if gap <= slack else slack / gap
            if roll() < ready * weight[row] * near and other not in positions:
                return order, other
    return 0, -1
