"""How long a backtracking engine can take over a pattern, told without running it.

It tries, at worst, every way in which a pattern can match a text. The number of ways grows exponentially when
some word leads from a position back to it along two paths, and like a power of the length when some word leads
from p to p, from p to q, and from q to q (Weber & Seidl 1991, On the degree of ambiguity of finite automata;
for regular expressions Weideman et al. 2016). Both are searched for in products of the automaton with itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from functools import lru_cache, reduce
from itertools import product
from math import log2
from operator import and_, or_

from synthspec.languages.circles import components
from synthspec.languages.patterns.ambiguity.automaton import Automaton, RepeatReading, TooLargeError, build_automaton
from synthspec.languages.patterns.ambiguity.graphs import BUDGET, Search, WalkState, loops, path_between
from synthspec.languages.patterns.ambiguity.measures import most_idle_bits
from synthspec.languages.patterns.tree import Anchor, CaptureGroup, Concatenation, PatternNode, parse_tree
from synthspec.lazy_dataclass import dataclass

SAME, OVERLAPPING, DEGREE, BITS = 3, 4, 6, 24  # what makes a pattern a runaway; see `_polynomial` and `_finite`


@dataclass(frozen=True, slots=True)
class PatternSafety:
    """`reason` is why a pattern can run away, or None.

    Otherwise a search takes about 2^bits · length^degree steps; `degree` is None where that is too hard to say.
    """

    reason: str | None
    degree: int | None
    bits: float = 0.0


def runaway(text: str) -> str | None:
    """Why a pattern could take exponential (or high polynomial) time on some text; None where it could not.

    A pattern too large to analyse also gives None. Raises PatternFault for what is no regular expression.
    """
    return assess(text).reason


@lru_cache(maxsize=1024)
def assess(text: str) -> PatternSafety:
    """The verdict on a pattern. Raises PatternFault for what is no regular expression."""
    return judge_tree(parse_tree(text))


def judge_tree(tree: PatternNode) -> PatternSafety:
    """The verdict on the tree of a pattern."""
    return _judge(tree)


def _judge(tree: PatternNode, searched: bool = True) -> PatternSafety:
    try:
        reason = _exponential(build_automaton(tree, RepeatReading.UNBOUNDED))
        rounds = build_automaton(tree, RepeatReading.ROUNDS)
        bits = _finite_bits(rounds, repeated=_multiplies(tree)) + most_idle_bits(tree)
        reason = reason or _finite(bits) or _polynomial(rounds)
        if reason is not None:
            return PatternSafety(reason, None)
        degree = 1 + _degree(_searching(rounds) if searched and not _anchored(tree) else rounds)
    except TooLargeError:
        return PatternSafety(None, None)
    parts = [_judge(inside, searched=False) for inside in rounds.apart]
    for part in parts:
        if part.reason is not None or part.degree is None:
            return part
    degree += max((part.degree or 0 for part in parts), default=0)
    apart = max((part.bits for part in parts), default=0.0) + log2(1 + len(parts))  # one after the other
    return PatternSafety(None, degree, bits + apart)


def _multiplies(tree: PatternNode) -> bool:
    """Whether the rounds of a bounded repeat may multiply the ways, as those of a loop would."""
    try:
        return ambiguity(build_automaton(tree, RepeatReading.LOOPS)) is not None
    except TooLargeError:
        return True


def _anchored(tree: PatternNode) -> bool:
    while isinstance(tree, Concatenation | CaptureGroup):
        if isinstance(tree, Concatenation) and not tree.items:
            return False
        tree = tree.items[0] if isinstance(tree, Concatenation) else tree.body
    return tree == Anchor("start")


def _searching(automaton: Automaton) -> Automaton:
    """The automaton of a search: any characters may come before."""
    start = len(automaton.sets)
    return Automaton(
        automaton.samples,
        [*automaton.sets, (1 << len(automaton.samples)) - 1],
        [*automaton.follow, {start: 1, **automaton.first}],
        [*automaton.again, {}],
        [*automaton.spans, 1],
        [*automaton.times, 1],
    )


# --- the three ways to run away, each as a reason or None


def _exponential(automaton: Automaton) -> str | None:
    """Two paths from a position to itself over one word."""
    word = ambiguity(automaton)
    if word is None:
        return None
    return (
        f"a repeat inside a repeat can match {_quote(word)} in more than one way, so a text that almost matches "
        "can take exponentially long"
    )


def ambiguity(automaton: Automaton) -> str | None:
    """A word with two paths from some position back to it, or None."""
    return next((word for loop in loops(automaton) if (word := _two_ways(automaton, loop)) is not None), None)


def _two_ways(automaton: Automaton, loop: frozenset[int]) -> str | None:
    """A word with two paths from some position of a loop back to it, or None."""
    for p in sorted(loop):
        for q, ways in automaton.follow[p].items():
            if q in loop and ways > 1:
                return _spell(automaton, [(q,), *path_between(automaton, (q,), {(p,)}, [loop]), (q,)])
    search = Search(automaton, [loop, loop])
    twice: list[WalkState] = [(p, p) for p in sorted(loop)]
    for component in components(twice, search.successors):
        apart = {state for state in component if state[0] != state[1]}
        together = {state for state in component if state[0] == state[1]}
        if apart and together:
            start = min(together)
            away = [start, *path_between(automaton, start, apart, [loop, loop])]
            return _spell(automaton, [*away, *path_between(automaton, away[-1], {start}, [loop, loop])])
    return None


def _polynomial(automaton: Automaton) -> str | None:
    """Several repeats in a row that can share out the same characters."""
    selves = [p for p, follow in enumerate(automaton.follow) if p in follow]
    for most, same in ((SAME, True), (OVERLAPPING, False)):
        row = _longest_row(automaton, selves, same)
        if len(row) >= most:
            shared = reduce(and_, (automaton.sets[p] for p in row))
            run = _quote(_letter(automaton, shared))
            return (
                f"{len(row)} repeats in a row can share out a run of {run} in very many ways, so a long one takes "
                f"time that grows with its length to the power of {len(row)}"
            )
    degree = _degree(automaton)
    if degree >= DEGREE:
        return f"{degree + 1} of its repeats can share out the same text, in very many ways"
    return None


def _longest_row(automaton: Automaton, selves: list[int], same: bool) -> list[int]:
    """The longest row of one-character loops, each right after the last, that share a character, or all."""
    best: list[int] = []
    rows: list[tuple[list[int], int]] = [([p], automaton.sets[p]) for p in selves]
    for _ in range(OVERLAPPING):
        longer = []
        for row, shared in rows:
            best = max(best, row, key=len)
            for q in automaton.follow[row[-1]]:
                mask = automaton.sets[q]
                fits = mask == shared if same else mask & shared
                if fits and q in automaton.follow[q] and q not in row:
                    longer.append(([*row, q], mask & shared))
        rows = longer[:5_000]
    return max([best, *(row for row, _ in rows)], key=len)


def _finite(bits: float) -> str | None:
    """No loop, but optional parts that overlap: `a?a?a?…aaa`, `(a|a){40}`."""
    if bits <= BITS:
        return None
    return "its optional parts overlap, so a text that almost matches can be divided among them in millions of ways"


def _finite_bits(automaton: Automaton, repeated: bool) -> float:
    """Log2 of an upper bound on the ways to pass through what is no loop, along the worst path.

    Unless `repeated`, the rounds of bounded repeats are known not to multiply.
    """
    looping: set[int] = set().union(*loops(automaton))
    atoms = automaton.atoms()
    bits: dict[int, float] = {}
    for component in components(range(len(automaton.sets)), lambda p: automaton.follow[p]):
        ahead = max((bits[q] for p in component for q in automaton.follow[p] if q not in component), default=0.0)
        for p in component:
            times = automaton.times[p] if repeated else 1
            ways = 1 if p in looping else _branching(automaton, atoms, p, repeated)
            bits[p] = ahead + times * log2(ways)
    return max(bits.values(), default=0.0) + log2(_overlap(automaton, atoms, list(automaton.first)))


def _branching(automaton: Automaton, atoms: list[int], p: int, repeated: bool) -> int:
    """Among how many positions the next character may leave the choice; a span adds its length."""
    ways = [*automaton.follow[p].items(), *(automaton.again[p].items() if repeated else ())]
    after = [q for q, count in ways for _ in range(count)]
    shared = sum(bool(automaton.sets[q] & automaton.sets[p]) for q in after)
    return max(_overlap(automaton, atoms, after), automaton.spans[p] * shared if automaton.spans[p] > 1 else 1)


def _overlap(automaton: Automaton, atoms: list[int], positions: list[int]) -> int:
    """The most of these positions that one character fits, or 1."""
    if len(positions) < 2:
        return 1
    return max(1, *(sum(bool(automaton.sets[q] & atom) for q in positions) for atom in atoms))


# --- the degree of ambiguity


def _degree(automaton: Automaton) -> int:
    """d such that the ways to match grow like length^d, exponential ambiguity left aside."""
    order = components(range(len(automaton.sets)), lambda p: automaton.follow[p])
    looping = set(loops(automaton))
    best: dict[frozenset[int], int] = {}
    behind: dict[frozenset[int], set[frozenset[int]]] = {}
    home = {p: component for component in order for p in component}
    budget = [BUDGET]
    for component in order:  # what follows comes first
        reached: set[frozenset[int]] = set()
        for p in component:
            for q in automaton.follow[p]:
                if home[q] != component:
                    reached |= {home[q]} | behind[home[q]]
        behind[component] = reached
        best[component] = max((best[other] for other in reached), default=0)
        if component in looping:
            for other in sorted(reached & looping, key=lambda c: -best[c]):
                if best[other] + 1 > best[component] and _feeds(automaton, component, other, reached, budget):
                    best[component] = best[other] + 1
    return max(best.values(), default=0)


def _feeds(
    automaton: Automaton,
    left: frozenset[int],
    right: frozenset[int],
    between: set[frozenset[int]],
    budget: list[int],
) -> bool:
    """Whether some word leads from a p of one loop to p, from p to a q of the other, and from q to q."""
    if not _union(automaton, left) & _union(automaton, right):
        return False
    middle = frozenset().union(left, *between)
    for p, q in product(sorted(left), sorted(right)):
        if not automaton.sets[p] & automaton.sets[q]:  # the word's last character is read at both
            continue
        search = Search(automaton, [left, middle, right], budget)
        start: WalkState = (p, p, q)
        seen, queue = {start}, deque([start])
        while queue:
            for state in search.successors(queue.popleft()):
                if state == (p, q, q):
                    return True
                if state not in seen:
                    seen.add(state)
                    queue.append(state)
    return False


def _union(automaton: Automaton, loop: Iterable[int]) -> int:
    return reduce(or_, (automaton.sets[p] for p in loop), 0)


def _spell(automaton: Automaton, states: list[WalkState]) -> str:
    """A word read along a closed walk of states, the first of which is where it begins."""
    masks = (reduce(and_, (automaton.sets[p] for p in state)) for state in states[1:])
    return "".join(_letter(automaton, mask) for mask in masks)


def _letter(automaton: Automaton, mask: int) -> str:
    return automaton.samples[(mask & -mask).bit_length() - 1]


def _quote(word: str) -> str:
    shown = word if word.isprintable() else word.encode("unicode_escape").decode("ascii")
    return f'"{shown}"'
