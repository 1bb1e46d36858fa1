"""Text that fully matches a regular expression, as a function of one uniform number.

Every choice is even: over the branches of an alternation, the characters of a class, the counts of a repeat.
Choices come from BLAKE2b in counter mode, keyed by the 64 bits of u, so one u is enough for any number of them
and the same u always gives the same text.

What a class writes: `.` and negated classes printable ASCII, `\\d` 0-9, `\\w` A-Z a-z 0-9 _, `\\s` a space;
other characters as they are listed, in either case under `(?i)`. A repeat without end stops: `*` after 8, `+`
after 8, `{n,}` after n + 7.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from functools import lru_cache, partial
from hashlib import blake2b
from typing import TYPE_CHECKING

from synthspec.languages.patterns.alphabets import alphabet
from synthspec.languages.patterns.matcher import PatternTimeout, compile_pattern
from synthspec.languages.patterns.tree import (
    Alternation,
    Anchor,
    Atomic,
    Backreference,
    CaptureGroup,
    Chars,
    Concatenation,
    Condition,
    Look,
    PatternFault,
    PatternNode,
    Quantifier,
    parse_tree,
    tokens,
    walk,
)
from synthspec.lazy_dataclass import dataclass

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

LONGEST = 10_000  # characters of a generated text
MORE = 7  # repeats without end stop this many after the fewest, but never before 8
ATTEMPTS = 2_000
PROBES, ENOUGH = 64, 4  # of so many first attempts, so many must match

RandomBits = Iterator[int]  # 64-bit numbers
TextWriter = Callable[[RandomBits, list[str], dict[int, str]], None]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A regular expression to generate from. `longest` is the most characters a text can have."""

    text: str
    longest: int
    _write: TextWriter = field(repr=False, compare=False)
    _checked: bool = field(repr=False, compare=False)

    def generate(self, u: float) -> str:
        """The text at u, in (0, 1). Raises PatternFault if none is found; `parse_pattern` makes that unlikely."""
        return self._at(struct.pack("<d", u))

    def generate_many(self, u: ArrayLike) -> list[str]:
        """The text at each u of a one-dimensional array, as `generate` gives it."""
        import numpy as np

        keys = np.ascontiguousarray(u, dtype="<f8").tobytes()
        return [self._at(keys[start : start + 8]) for start in range(0, len(keys), 8)]

    def _at(self, key: bytes) -> str:
        if not self._checked:
            return self._attempt(key)
        regex = compile_pattern(self.text)
        for attempt in range(ATTEMPTS):
            text = self._attempt(key + attempt.to_bytes(2, "little"))
            if regex.fullmatch(text):
                return text
        raise PatternFault(*_IMPOSSIBLE)

    def _attempt(self, key: bytes) -> str:
        written: list[str] = []
        self._write(_draws(key), written, {})
        return "".join(written)


_IMPOSSIBLE = (
    "hardly any text matches this pattern, if any does",
    0,
    "look for a ^, $ or \\b in the middle, or a group that cannot have taken part",
)


def parse_pattern(text: str) -> Pattern:
    """A pattern to generate from.

    Raises PatternFault for what is no regular expression of Python's `re`, for look-arounds, for classes that
    hold no character to write, for texts of more than 10,000 characters, and where next to no text would match.
    """
    return _parse_pattern(text)


@lru_cache(maxsize=256)
def _parse_pattern(text: str) -> Pattern:
    tree = parse_tree(text)
    nodes = list(walk(tree))
    if any(isinstance(node, Look) for node in nodes):
        places = [offset for offset, token, _ in tokens(text) if token in ("(?=", "(?!", "(?<=", "(?<!")]
        raise PatternFault(
            "text cannot be generated from a look-ahead or look-behind",
            min(places, default=0),
            "write what the text contains, or check it with a field's pattern",
        )
    longest = longest_text(tree)
    if longest > LONGEST:
        raise PatternFault(
            f"the pattern writes texts of up to {longest:,} characters; the most is {LONGEST:,}",
            max(text.find("{"), 0),
            "lower the repeats",
        )
    pattern = Pattern(text, longest, _writer(tree, text), _needs_checking(tree, nodes))
    if pattern._checked:
        _probe(pattern)
    return pattern


def _probe(pattern: Pattern) -> None:
    regex = compile_pattern(pattern.text)
    try:
        hits = sum(regex.fullmatch(pattern._attempt(bytes([probe, 0]))) for probe in range(PROBES))
    except PatternTimeout:
        raise PatternFault("the pattern takes too long to match", 0, "see `synthspec explain`") from None
    if hits < ENOUGH:
        raise PatternFault(*_IMPOSSIBLE)


def _needs_checking(tree: PatternNode, nodes: list[PatternNode]) -> bool:
    """Whether a text put together from left to right may still not match: what looks at its surroundings."""
    anchors = sum(isinstance(node, Anchor) for node in nodes)
    if isinstance(tree, Concatenation) and tree.items:
        anchors -= tree.items[0] in (Anchor("start"), Anchor("line start"))
        anchors -= len(tree.items) > 1 and tree.items[-1] in (Anchor("end"), Anchor("text end"), Anchor("line end"))
    return anchors > 0 or any(
        isinstance(node, Atomic | Backreference | Condition) or (isinstance(node, Quantifier) and node.possessive)
        for node in nodes
    )


def longest_text(node: PatternNode) -> int:
    """The most characters that can be written for a node; a backreference counts as its group would."""
    groups: dict[int, int] = {}

    def measure(node: PatternNode) -> int:
        match node:
            case Chars():
                return 1
            case Concatenation(items):
                return sum(map(measure, items))
            case Alternation(branches):
                return max(map(measure, branches))
            case Quantifier(body, low, high):
                return max(measure(body), 1) * _most(low, high)  # rounds that write nothing take time too
            case CaptureGroup(number, body):
                groups[number] = measure(body)
                return groups[number]
            case Atomic(body):
                return measure(body)
            case Condition(_, yes, no):
                return max(measure(yes), measure(no))
            case Backreference(number):
                return groups.get(number, 0)
            case _:
                return 0

    return measure(node)


def _most(low: int, high: int | None) -> int:
    return high if high is not None else max(low + MORE, 8)


def _draws(key: bytes) -> RandomBits:
    block = 0
    while True:
        salt = block.to_bytes(4, "little")
        yield from struct.unpack("<8Q", blake2b(key, salt=salt, person=b"synthspec text").digest())
        block += 1


# --- writers: one function for each node, made once


def _writer(node: PatternNode, text: str) -> TextWriter:
    again = partial(_writer, text=text)
    match node:
        case Chars():
            return _write_chars(alphabet(node, text), 1, 1)
        case Concatenation(items):
            return _write_sequence([again(item) for item in items])
        case Alternation(branches):
            return _write_choice([again(branch) for branch in branches])
        case Quantifier(Chars() as body, low, high):
            return _write_chars(alphabet(body, text), low, _most(low, high))
        case Quantifier(body, low, high):
            return _write_repeat(again(body), low, _most(low, high))
        case CaptureGroup(number, body):
            return _write_group(number, again(body))
        case Atomic(body):
            return again(body)
        case Condition(number, yes, no):
            return _write_condition(number, again(yes), again(no))
        case Backreference(number):
            return lambda draws, out, groups: out.append(groups.get(number, ""))
        case _:
            return lambda draws, out, groups: None


def _write_chars(letters: Sequence[str], low: int, high: int) -> TextWriter:
    size, counts = len(letters), high - low + 1
    if size == 1:
        letter = letters[0]
        if counts == 1:
            literal = letter * low
            return lambda draws, out, groups: out.append(literal)
        return lambda draws, out, groups: out.append(letter * (low + next(draws) % counts))
    batch = 1
    while size ** (batch + 1) < 2**40:  # several letters out of one draw, with less than 2^-24 of bias
        batch += 1

    def write(draws: RandomBits, out: list[str], groups: dict[int, str]) -> None:
        left = low if counts == 1 else low + next(draws) % counts
        while left > 0:
            number = next(draws)
            for _ in range(min(batch, left)):
                number, place = divmod(number, size)
                out.append(letters[place])
            left -= batch

    return write


def _write_sequence(writers: list[TextWriter]) -> TextWriter:
    def write(draws: RandomBits, out: list[str], groups: dict[int, str]) -> None:
        for writer in writers:
            writer(draws, out, groups)

    return write


def _write_choice(writers: list[TextWriter]) -> TextWriter:
    count = len(writers)
    return lambda draws, out, groups: writers[next(draws) % count](draws, out, groups)


def _write_repeat(writer: TextWriter, low: int, high: int) -> TextWriter:
    counts = high - low + 1

    def write(draws: RandomBits, out: list[str], groups: dict[int, str]) -> None:
        for _ in range(low if counts == 1 else low + next(draws) % counts):
            writer(draws, out, groups)

    return write


def _write_group(number: int, writer: TextWriter) -> TextWriter:
    def write(draws: RandomBits, out: list[str], groups: dict[int, str]) -> None:
        start = len(out)
        writer(draws, out, groups)
        groups[number] = "".join(out[start:])

    return write


def _write_condition(number: int, yes: TextWriter, no: TextWriter) -> TextWriter:
    return lambda draws, out, groups: (yes if number in groups else no)(draws, out, groups)
