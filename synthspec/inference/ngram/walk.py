"""A walk over a corpus: follow one text, pass to another where contexts agree, stop at a sentence's end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from synthspec.inference.ngram.corpus import ContextOrder, TextCorpus
from synthspec.inference.ngram.dice import Dice
from synthspec.lazy_dataclass import dataclass

# By order of context, strongest first: how readily a passage is taken and what it costs a draft's fluency.
# The last is for the weakest order inside a clause.
STRENGTH = (1.0, 0.8, 0.6, 0.3)
COST = (0.2, 0.8, 1.0, 2.2)
PROBES = 8  # positions compared for one passage; three times as many where more than MANY share a context
MANY = 64
SHORTEST_RUN = 3  # words between two passages; 1 in a short text
LEAST_AFTER = 2  # words that must follow a passage before the sentence ends; 1 in a short text
TRODDEN = 3.0  # cost of a passage with no alternative: every walk would take it
PATIENCE = 4  # part of the words wanted that a walk may wait longer
SHORT = 10  # words under which a text is short
LONGEST_SHARE = 0.45  # of the words wanted, after which any passage will do


@dataclass(frozen=True, slots=True)
class Draft:
    """One text, as the positions it is made of."""

    positions: tuple[int, ...]
    words: int
    shares: Mapping[int, int]  # row of the source -> words taken from it
    cost: float  # lower reads better
    closed: bool  # ends where a sentence ends

    def copied(self) -> float:
        """The share of its words, 0 to 1, that come from one row."""
        return max(self.shares.values()) / max(self.words, 1)


@dataclass(frozen=True, slots=True)
class Aim:
    """How long a text should be, in words and sentences, all inclusive."""

    least: int
    most: int
    target: int
    sentences: tuple[int, int] = (0, 10_000)


class Walk:
    """One walk. `weight` (by row, 0 to 1) is how welcome each is; a bolder walk passes between texts more."""

    __slots__ = (
        "aim",
        "boldness",
        "corpus",
        "cost",
        "dice",
        "positions",
        "reached",
        "run",
        "shares",
        "weight",
        "words",
    )

    def __init__(
        self, corpus: TextCorpus, weight: Sequence[float], aim: Aim, dice: Dice, boldness: float = 1.0
    ) -> None:
        self.corpus, self.weight, self.aim, self.dice = corpus, weight, aim, dice
        self.boldness = boldness
        self.positions: list[int] = []
        self.shares: dict[int, int] = {}
        self.reached: dict[int, int] = {}  # row -> how far it was followed: nothing is said twice
        self.words = self.run = 0
        self.cost = 0.0

    def go(self, start: int) -> Draft:
        """A draft that begins as the text of row `start` does."""
        corpus, positions, shares, row_of = self.corpus, self.positions, self.shares, self.corpus.row
        begins, stops, doors = corpus.begins, corpus.stops, corpus.doors
        position, sentences = corpus.opening[start], 0
        limit = self.aim.most * 4 + 200
        wait = self._patience()
        while len(positions) < limit:
            positions.append(position)
            if begins[position]:
                self.words += 1
                self.run += 1
                here = row_of[position]
                shares[here] = shares.get(here, 0) + 1
            if stops[position]:
                sentences += 1
                if self._enough(position, sentences) or self.words > self.aim.most:
                    break
                if corpus.last[position]:
                    position, self.run = self._another(), 0
                    if position < 0:
                        break
                    continue
            if doors[position] and self.run >= wait:
                passage = self._passage(position)
                if passage >= 0:
                    position, self.run, wait = passage, 0, self._patience()
            position += 1
        closed = bool(positions) and bool(corpus.ends[positions[-1]])
        return Draft(tuple(positions), self.words, shares, self.cost, closed)

    def _patience(self) -> int:
        """Words to go before the next passage: by chance, so that walks from one row part at different words."""
        shortest = SHORTEST_RUN if self.aim.target >= SHORT else 1
        return shortest + self.dice.below(1 + self.aim.target // PATIENCE)

    def _enough(self, position: int, sentences: int) -> bool:
        """Whether the text may end at this sentence's end."""
        aim, words, corpus = self.aim, self.words, self.corpus
        low, high = aim.sentences
        if words < aim.least or sentences < low:
            return False
        if sentences >= high or corpus.last[position]:
            return True
        if corpus.turns:
            return words + corpus.rest[position] > aim.most and words >= aim.target
        following = corpus.left[position + 1] + 1
        return words + following > aim.most or words + following // 2 > aim.target

    def _another(self) -> int:
        """Where one more text opens, for when a text is over too early; -1 for none."""
        corpus, most = self.corpus, self.aim.most
        best, found = 0.0, -1
        for _ in range(16):
            row = self.dice.pick(corpus.rows)
            opening = corpus.opening[row]
            if row in self.shares or self.words + corpus.left[opening] + 1 > most:
                continue
            score = self.weight[row] * (0.5 + self.dice.roll())
            if score > best:
                best, found = score, opening
        return found

    def _passage(self, position: int) -> int:
        """A position of another text to go on from, by the strongest context that gives one; -1 to stay."""
        corpus, roll = self.corpus, self.dice.roll
        here = corpus.row[position]
        long = self.shares.get(here, 0) > LONGEST_SHARE * self.aim.target
        urgency = self.boldness * (4.0 if long else min(2.0, self.run / 5))
        doors = corpus.doors[position]
        for number, order in enumerate(corpus.orders):
            if not doors >> number & 1:
                continue
            level = number if number < 2 or doors & 8 else 3
            ready = STRENGTH[level] * urgency
            chance = roll()
            if chance >= ready:
                continue
            found, fitness, count = self._fittest(order, position)
            if found >= 0 and chance < ready * fitness and found > self.reached.get(corpus.row[found], -1):
                self.cost += COST[level] + 1.0 - fitness + TRODDEN / (count - 1)
                self.reached[here] = position
                return found
            if fitness > 0.5 or count > MANY:
                break
        return -1

    def _fittest(self, order: ContextOrder, position: int) -> tuple[int, float, int]:
        """Of some positions that share this context the one that fits best, how well, and how many share it."""
        corpus, words, target, most, roll = self.corpus, self.words, self.aim.target, self.aim.most, self.dice.roll
        row_of, left, rest, members, weight = corpus.row, corpus.left, corpus.rest, order.members, self.weight
        here, turns = row_of[position], corpus.turns
        slack = 3 + (0.15 if turns else 0.3) * target
        least = LEAST_AFTER if target >= SHORT else 1
        low = order.low[position]
        count = order.high[position] - low
        best, found, fitness = 0.0, -1, 0.0
        for probe in range(count) if count <= PROBES else range(PROBES if count <= MANY else 3 * PROBES):
            other = members[low + (probe if count <= PROBES else int(roll() * count))]
            row = row_of[other]
            after = left[other]
            if row == here or after < least or words + after > most:
                continue
            gap = abs(words + rest[other] - target)
            if turns:
                gap = max(gap, abs(words - corpus.size[row] + rest[other]))
            welcome = weight[row] if gap <= slack else weight[row] * slack / gap
            score = welcome * roll()
            if score > best:
                best, found, fitness = score, other, welcome
        return found, fitness, count
