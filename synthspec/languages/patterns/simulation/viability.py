"""From where in a text a match can be completed, for every instruction at once, found from the end of the text.

The sets of viable instructions are the states of an automaton that is made as far as texts need it, so most
characters cost one look into a table. Steps are counted as if no table were there: what was matched before
changes no verdict.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import field

from synthspec.languages.patterns.simulation.program import Instruction, Op, PatternProgram, tester
from synthspec.languages.patterns.tree import Anchor
from synthspec.lazy_dataclass import dataclass

MOST_STEPS = 20_000_000  # viable instructions, over all characters of one text
MOST_BITS = 1 << 29  # of all sets that are kept for one text
_TABLE_BITS = 1 << 26  # of the sets in the table
_TABLE_SIZE = 20_000
_WORD, _ASCII_WORD, _BREAK, _START, _LAST = 1, 2, 4, 8, 16  # what is known of a place: see `_keys`
_NO_BOUNDARY_OF_NOTHING = sys.version_info >= (3, 14)


class StepsExceededError(Exception):
    """More steps than one text is worth."""


@dataclass(eq=False, slots=True)
class _State:
    mask: int
    cost: int
    live: bool
    after: dict[int, _State] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Kind:
    """Characters that the pattern cannot tell apart; the end of the text is one too."""

    accepted: int  # a bit for every set
    about: int  # _WORD, _ASCII_WORD, _BREAK


class Viability:
    """The table of one program; `whole` where a match must end with the text."""

    def __init__(self, program: PatternProgram, whole: bool) -> None:
        self.program, self.whole = program, whole
        self._tests = [tester(chars) for chars in program.sets]
        self._kinds = [_Kind(0, 0)]
        self._numbers: dict[_Kind, int] = {}
        self._letters: dict[str, int] = {}
        self._states: dict[int, _State] = {}
        self._ends: dict[int, _State] = {}
        self._most = min(_TABLE_SIZE, max(64, _TABLE_BITS // len(program.code)))
        self._filled = 0
        self._link()

    def _link(self) -> None:
        """What becomes viable by an instruction: in place, or by the character before."""
        code = self.program.code
        self._here: list[list[int]] = [[] for _ in code]
        self._before: list[list[tuple[int, int]]] = [[] for _ in code]
        self._seeds = [pc for pc, it in enumerate(code) if it.op in (Op.LOOK_END, Op.ATOMIC_END)]
        guarded: dict[int, list[int]] = {}
        for pc, it in enumerate(code):
            for target in _targets(it):
                self._here[target].append(pc)
            if it.op is Op.CHAR:
                self._before[it.b].append((pc, it.a))
            elif it.op is Op.BACKREFERENCE:
                self._before[pc].append((pc, -1))
            elif it.op in (Op.ANCHOR, Op.LOOK):
                guarded.setdefault(it.depth, []).append(pc)
        self._guarded = [guarded[depth] for depth in sorted(guarded, reverse=True)]

    def any(self, text: str) -> bool:
        """Whether a match can begin anywhere. Raises StepsExceededError."""
        return any(state.live for state in self._walk(text))

    def first(self, text: str) -> bool:
        """Whether a match can begin with the text. Raises StepsExceededError."""
        live = False
        for state in self._walk(text):
            live = state.live
        return live

    def masks(self, text: str) -> list[int]:
        """For every place of the text, its end included, a bit for each viable instruction."""
        if (len(text) + 1) * len(self.program.code) > MOST_BITS:
            raise StepsExceededError
        return [state.mask for state in self._walk(text)][::-1]

    def _walk(self, text: str) -> Iterator[_State]:
        """The state at each place, from the end of the text to its start."""
        keys = self._keys(text)
        state = self._ends.get(keys[-1]) or self._ends.setdefault(keys[-1], self._made(0, keys[-1], last=True))
        steps = state.cost
        yield state
        for key in reversed(keys[:-1]):
            before = state.after.get(key)
            if before is None:
                before = state.after[key] = self._made(state.mask, key)
                self._filled += 1
                if self._filled > self._most:
                    self._states, self._ends, self._filled, state.after = {}, {}, 0, {}
            state = before
            steps += state.cost
            if steps > MOST_STEPS:
                raise StepsExceededError
            yield state

    def _keys(self, text: str) -> list[int]:
        """What decides the step to each place: the kind of its character and, for anchors, what is around it."""
        letters = self._letters
        if len(letters) > _TABLE_SIZE:
            letters.clear()
        for char in set(text):
            if char not in letters:
                letters[char] = self._kind(char)
        kinds = [letters[char] for char in text]
        if not self.program.anchors:
            return [*(kind * 32 for kind in kinds), 0]
        about = [kind.about for kind in self._kinds]
        keys = [
            kind * 32 + around
            for kind, around in zip([*kinds, 0], [_START, *(about[kind] for kind in kinds)], strict=True)
        ]
        if text.endswith("\n"):
            keys[-2] += _LAST
        return keys

    def _kind(self, char: str) -> int:
        accepted = sum(1 << number for number, test in enumerate(self._tests) if test(char))
        word = char.isalnum() or char == "_"
        about = _WORD * word + _ASCII_WORD * (word and char.isascii()) + _BREAK * (char == "\n")
        kind = _Kind(accepted, about if self.program.anchors else 0)
        if kind not in self._numbers:
            self._kinds.append(kind)
            self._numbers[kind] = len(self._kinds) - 1
        return self._numbers[kind]

    def _made(self, mask: int, key: int, last: bool = False) -> _State:
        """The state before a character, from the mask after it."""
        kind = self._kinds[key // 32]
        found = self._seeds if self.whole and not last else [*self._seeds, 0]
        found = [
            *found,
            *(
                pc
                for target in _bits(mask)
                for pc, number in self._before[target]
                if number < 0 or kind.accepted >> number & 1
            ),
        ]
        viable: set[int] = set()
        self._close(viable, found)
        for group in self._guarded:
            changed = True
            while changed:
                more = [pc for pc in group if pc not in viable and self._holds(pc, viable, key)]
                changed = bool(more)
                self._close(viable, more)
        made = sum(1 << pc for pc in viable)
        if made not in self._states:
            self._states[made] = _State(made, len(viable) + 1, self.program.entry in viable)
        return self._states[made]

    def _close(self, viable: set[int], found: list[int]) -> None:
        while found:
            pc = found.pop()
            if pc not in viable:
                viable.add(pc)
                found.extend(self._here[pc])

    def _holds(self, pc: int, viable: set[int], key: int) -> bool:
        it = self.program.code[pc]
        if it.b not in viable:
            return False
        if it.op is Op.ANCHOR:
            return _stands(self.program.anchors[it.a], key & 31, self._kinds[key // 32].about, key < 32)
        _, negated, behind, _ = it.c
        if behind is not None or (negated and not self.program.exact):
            return True
        return (it.a in viable) != bool(negated)


def _stands(anchor: Anchor, around: int, about: int, end: bool) -> bool:
    """Whether an anchor holds, from what is known of the characters on both sides."""
    match anchor.kind:
        case "start":
            return bool(around & _START)
        case "line start":
            return bool(around & (_START | _BREAK))
        case "text end":
            return end
        case "end":
            return end or bool(around & _LAST)
        case "line end":
            return end or bool(about & _BREAK)
    word = _ASCII_WORD if anchor.ascii else _WORD
    differ = (around & word) != (about & word)
    if anchor.kind == "boundary":
        return differ
    return not differ and (_NO_BOUNDARY_OF_NOTHING or not (end and around & _START))


def _targets(it: Instruction) -> tuple[int, ...]:
    """By which instructions one is viable in place, whatever the text."""
    match it.op:
        case Op.SPLIT | Op.LOOP | Op.CONDITION:
            return (it.a, it.b)
        case Op.SAVE | Op.MARK | Op.ATOMIC | Op.BACKREFERENCE:
            return (it.b,)
        case _:
            return ()


def _bits(mask: int) -> Iterator[int]:
    digits = bin(mask)[:1:-1]
    at = digits.find("1")
    while at >= 0:
        yield at
        at = digits.find("1", at + 1)
