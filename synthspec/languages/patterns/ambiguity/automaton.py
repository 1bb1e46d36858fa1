"""The position automaton of a pattern (Glushkov 1961), with how many ways lead from one position to the next.

A position is one character class of the pattern; "q follows p" means that a match can take a character at p
and the next one at q. Counting the ways (none, one, or several: 2) keeps what the automaton alone forgets,
such as that `(a*)*` can go from `a` to `a` within the inner repeat or through the outer.
"""

from __future__ import annotations

from dataclasses import field
from enum import Enum
from functools import reduce
from math import inf
from operator import or_
from typing import NamedTuple

from synthspec.languages.patterns.ambiguity.measures import has_loop, idle_bits, is_fixed
from synthspec.languages.patterns.tree import (
    ANY,
    Alternation,
    Anchor,
    Atomic,
    Backreference,
    CaptureGroup,
    Chars,
    Concatenation,
    Condition,
    Look,
    PatternNode,
    Quantifier,
    cases,
    walk,
)
from synthspec.lazy_dataclass import dataclass

MOST_POSITIONS = 4_000
MOST_STEPS = 60_000  # from one position to the next, counted as often as they are found
LOOP_LIKE = 8  # a bounded repeat of so many rounds, with those around it, is as good as a loop
LOOP_LONG = 64  # and of so many, where they only follow one another
COPIES = 7  # of a bounded repeat whose body holds a loop: enough to see that they add up

# Characters that stand for all others: every ASCII one, letters first so that examples read well, and one or
# two of each other kind that a class can tell apart.
PROBES = [*map(chr, (*range(97, 123), *range(48, 58), *range(32, 128), *range(32))), *"éÉß漢٣²\u2003\u0301—€"]


class TooLargeError(Exception):
    """A pattern too large to analyse in little time."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How many ways, at most 2: `free` ones, and ones that cross a word boundary (\\b)."""

    free: int = 0
    across: int = 0

    def __add__(self, other: Ways) -> Ways:
        return Ways(min(self.free + other.free, 2), min(self.across + other.across, 2))

    def __mul__(self, other: Ways) -> Ways:
        across = self.free * other.across + self.across * other.free + self.across * other.across
        return Ways(min(self.free * other.free, 2), min(across, 2))

    def __bool__(self) -> bool:
        return bool(self.free or self.across)


NO, ONE = Ways(), Ways(1)


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of the pattern: where it can begin and end, and in how many ways it can match nothing."""

    first: dict[int, Ways]
    last: dict[int, Ways]
    empty: Ways


@dataclass(slots=True)
class Automaton:
    """`sets[p]` is a bit mask over sample characters; `follow[p]` maps what can come next to the ways to it.

    A bounded repeat that is neither a loop nor written out appears once: `again[p]` is what comes next on its
    next round, `times[p]` its most rounds, `spans[p]` how many counts a repeat of one character can have.
    `apart` are bodies matched on their own.
    """

    samples: str
    sets: list[int] = field(default_factory=list)
    follow: list[dict[int, int]] = field(default_factory=list)
    again: list[dict[int, int]] = field(default_factory=list)
    spans: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    first: dict[int, int] = field(default_factory=dict)
    apart: list[PatternNode] = field(default_factory=list)

    def atoms(self) -> list[int]:
        """One bit for each group of sample characters that no set tells apart."""
        masks = set(self.sets)
        groups = {tuple(mask >> bit & 1 for mask in masks): 1 << bit for bit in range(len(self.samples))}
        return list(groups.values())


class RepeatReading(Enum):
    """What a bounded repeat, `{1,20}`, is taken for."""

    UNBOUNDED = 1  # inside a repeat without end, a loop if it is long, else written out; elsewhere one round
    LOOPS = 2  # a loop, if it has more than one way through
    ROUNDS = 3  # a loop where it is very long, else one round; or a few copies, if a loop is inside


def build_automaton(tree: PatternNode, reading: RepeatReading) -> Automaton:
    """The automaton of a tree. Raises TooLargeError beyond `MOST_POSITIONS` or `MOST_STEPS`."""
    automaton = Automaton(sample(tree))
    part = _Builder(automaton, reading).build(tree, Around(1, False))
    automaton.first = {p: 1 for p, ways in part.first.items() if ways}
    return automaton


def sample(tree: PatternNode) -> str:
    """Characters of which two classes of the tree share one whenever they share any."""
    found = dict.fromkeys(PROBES)
    for node in walk(tree):
        if isinstance(node, Chars):
            for item in node.items:
                if isinstance(item, tuple):
                    low, high = item
                    points = {low - 1, low, high, high + 1, *range(low, min(high, low + 64))}
                    letters = [chr(point) for point in points if 0 <= point < 0x110000]
                    found.update(dict.fromkeys(form for letter in letters for form in cases(letter)))
    return "".join(found)


class Around(NamedTuple):
    """What a node is inside of: the rounds of all bounded repeats (since the last loop), and if a loop."""

    times: int
    looped: bool


@dataclass(slots=True)
class _Builder:
    automaton: Automaton
    reading: RepeatReading
    masks: dict[Chars, int] = field(default_factory=dict)
    steps: int = 0

    def build(self, node: PatternNode, around: Around) -> Fragment:
        match node:
            case Chars():
                return self.position(self.mask(node), around)
            case Concatenation(items):
                return reduce(self.then, (self.build(item, around) for item in items), Fragment({}, {}, ONE))
            case Alternation(branches):
                return reduce(either, (self.build(branch, around) for branch in branches))
            case Condition(_, yes, no):
                return either(self.build(yes, around), self.build(no, around))
            case CaptureGroup(_, body):
                return self.build(body, around)
            case Quantifier(_, _, _, True) | Atomic():
                return self.closed(node, around)
            case Quantifier():
                return self.repeat(node, around)
            case Backreference():
                return self.repeat(Quantifier(ANY, 0, None), around)
            case Anchor("boundary"):
                return Fragment({}, {}, Ways(0, 1))
            case Look(body):
                self.automaton.apart.append(body)
        return Fragment({}, {}, ONE)

    def mask(self, chars: Chars) -> int:
        if chars not in self.masks:
            self.masks[chars] = sum(1 << bit for bit, char in enumerate(self.automaton.samples) if chars.contains(char))
        return self.masks[chars]

    def position(self, mask: int, around: Around, span: int = 1) -> Fragment:
        automaton = self.automaton
        if len(automaton.sets) == MOST_POSITIONS:
            raise TooLargeError
        automaton.sets.append(mask)
        automaton.follow.append({})
        automaton.again.append({})
        automaton.spans.append(span)
        automaton.times.append(around.times)
        here = len(automaton.sets) - 1
        return Fragment({here: ONE}, {here: ONE}, NO)

    def closed(self, node: Quantifier | Atomic, around: Around) -> Fragment:
        """What never gives back characters: seen from outside one position, analysed apart."""
        inside = Quantifier(node.body, node.low, node.high) if isinstance(node, Quantifier) else node.body
        self.automaton.apart.append(inside)
        mask = reduce(or_, (self.mask(n) for n in walk(inside) if isinstance(n, Chars)), 0)
        part = self.position(mask, around)
        return Fragment(part.first, part.last, NO if idle_bits(inside) == -inf else ONE)

    def repeat(self, node: Quantifier, around: Around) -> Fragment:
        low, high, body = node.low, node.high, node.body
        if high == 0:
            return Fragment({}, {}, ONE)
        if high is None:
            inside = Around(1, True)
            if 1 < low < LOOP_LIKE and idle_bits(body) > -inf:  # which of the first rounds match nothing?
                return self.then(self.copies(body, low, low, inside), self.loop(Quantifier(body, 0, None), inside))
            return self.loop(node, inside)
        times = high * around.times
        inside = Around(times, around.looped)
        if low == high and is_fixed(body):
            return self.copies(body, min(high, LOOP_LIKE - 1), min(high, LOOP_LIKE - 1), inside)
        if self.reading is RepeatReading.ROUNDS:
            if high >= LOOP_LONG:
                return self.loop(node, around)
            if has_loop(body, LOOP_LONG):
                each = Around(around.times * -(-high // COPIES), around.looped)  # rounds that a copy stands for
                return self.copies(body, min(low, COPIES), min(high, COPIES), each)
            return self.rounds(node, inside)
        if self.reading is RepeatReading.UNBOUNDED and not around.looped:
            return self.rounds(node, inside)
        if high > 1 and (times >= LOOP_LIKE or self.reading is RepeatReading.LOOPS):
            return self.loop(node, inside)
        return self.copies(body, low, high, inside)

    def rounds(self, node: Quantifier, inside: Around) -> Fragment:
        """A bounded repeat as one round of its body."""
        high = node.high or 0
        if isinstance(node.body, Chars):
            outside = Around(inside.times // high, inside.looped)
            part = self.position(self.mask(node.body), outside, high - max(node.low, 1) + 1)
        else:
            part = self.build(node.body, inside)
            for _ in range(2 if part.empty and node.low > 1 else 1):  # which of the rounds match nothing?
                self.connect(part, part, self.automaton.again)
        return more_rounds(part, node)

    def copies(self, body: PatternNode, low: int, high: int, inside: Around) -> Fragment:
        """A bounded repeat written out: `a{1,3}` as `a(a(a)?)?`."""
        part = Fragment({}, {}, ONE)
        for _ in range(high - low):
            part = optional(self.then(self.build(body, inside), part))
        for _ in range(low):
            part = self.then(self.build(body, inside), part)
        return part

    def loop(self, node: Quantifier, inside: Around) -> Fragment:
        body = self.build(node.body, inside)
        least = 2 if node.high else LOOP_LIKE
        for _ in range(2 if body.empty and node.low >= least else 1):  # as above
            self.connect(body, body, self.automaton.follow)
        return more_rounds(body, node)

    def then(self, left: Fragment, right: Fragment) -> Fragment:
        self.connect(left, right, self.automaton.follow)
        first = join(left.first, {p: left.empty * ways for p, ways in right.first.items()})
        last = join(right.last, {p: right.empty * ways for p, ways in left.last.items()})
        return Fragment(first, last, left.empty * right.empty)

    def connect(self, left: Fragment, right: Fragment, edges: list[dict[int, int]]) -> None:
        self.steps += len(left.last) * len(right.first)
        if self.steps > MOST_STEPS:
            raise TooLargeError
        for p, ending in left.last.items():
            for q, beginning in right.first.items():
                ways = ending * beginning
                count = ways.free + (ways.across if self.boundary(p, q) else 0)
                if count:
                    edges[p][q] = min(edges[p].get(q, 0) + count, 2)

    def boundary(self, p: int, q: int) -> bool:
        """Whether a word can begin or end between a character of p and one of q."""
        word = self.mask(Chars(("w",)))
        a, b = self.automaton.sets[p], self.automaton.sets[q]
        return bool((a & word and b & ~word) or (a & ~word and b & word))


def join(left: dict[int, Ways], right: dict[int, Ways]) -> dict[int, Ways]:
    joined = dict(left)
    for p, ways in right.items():
        if ways:
            joined[p] = joined.get(p, NO) + ways
    return joined


def either(left: Fragment, right: Fragment) -> Fragment:
    return Fragment(join(left.first, right.first), join(left.last, right.last), left.empty + right.empty)


def more_rounds(body: Fragment, node: Quantifier) -> Fragment:
    """The whole of a repeat, from one round. If a round can match nothing, one may follow any other round."""
    if body.empty and node.low != node.high:
        again = {p: ways + ways for p, ways in body.last.items()}
        body = Fragment(body.first, again, body.empty if node.low == 0 else body.empty + body.empty)
    return optional(body) if node.low == 0 else body


def optional(part: Fragment) -> Fragment:
    return Fragment(part.first, part.last, part.empty + ONE)
