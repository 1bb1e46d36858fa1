"""The smallest pieces that a chunk is made of: sentences, lines of code and rows of tables; what is longer than a
whole chunk, in parts that end with a clause or a word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from synthspec.lazy_dataclass import dataclass
from synthspec.sources.documents.document import Block
from synthspec.sources.documents.sentences import BETWEEN_WORDS, ends_clause, sentence_spans
from synthspec.sources.documents.units import LengthUnit

_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,4}[.)])\s+")


@dataclass(frozen=True, slots=True)
class Atom:
    """A piece of a block. `before` is the space between it and the piece before, where both are in one chunk."""

    text: str
    before: str
    weight: int
    block: Block
    opens: bool = False  # the first of its block
    whole: bool = True  # not a part of a longer sentence
    holds_next: bool = False  # must not be the last of a chunk, where that can be


def atoms_of(block: Block, unit: LengthUnit, size: int) -> Iterator[Atom]:
    """The pieces of a block, in order; none weighs more than `size` of the unit, but for one long word."""
    found = [
        Atom(text, before, unit.weigh(text), block, whole=whole)
        for start, end, gap in _spans(block)
        for text, before, whole in _fitting(block.text[start:end], gap, unit, size * unit.scale)
    ]
    last = len(found) - 1
    for i, atom in enumerate(found):
        before = "\n\n" if i == 0 else atom.before
        holds = block.kind == "heading" or (i == last and atom.text.endswith((":", "：")))
        yield Atom(atom.text, before, atom.weight, block, i == 0, atom.whole, holds or _holds(block, i, last))


def paragraphs(atoms: Sequence[Atom]) -> Iterator[list[Atom]]:
    """The pieces by block; one that holds what follows it, such as a heading, is with the next block."""
    group: list[Atom] = []
    for atom in atoms:
        if atom.opens and group and not group[-1].holds_next:
            yield group
            group = []
        group.append(atom)
    if group:
        yield group


def _holds(block: Block, index: int, last: int) -> bool:
    """Whether a line is nothing without the next: the fences of code, and the head of a table with its rule."""
    if block.kind == "code":
        return block.text.startswith("```") and (index == 0 or index == last - 1) and last > 0
    return block.kind == "table" and index < min(2, last)


def _spans(block: Block) -> Iterator[tuple[int, int, str]]:
    """Where each sentence, or line, begins and ends, and the space before it."""
    text = block.text
    if block.kind == "heading":
        yield 0, len(text), ""
        return
    if block.kind == "text":
        yield from _with_gaps(text, sentence_spans(text))
        return
    spans: list[tuple[int, int]] = []
    at = 0
    for line in text.split("\n"):
        if line.strip():
            spans += _item(line, at) if block.kind == "list" else [(at, at + len(line.rstrip()))]
        at += len(line) + 1
    yield from _with_gaps(text, spans)


def _item(line: str, at: int) -> list[tuple[int, int]]:
    """The sentences of a list's item; its mark is part of the first."""
    mark = _ITEM.match(line)
    begin = mark.end() if mark is not None else 0
    inner = [(at + begin + start, at + begin + end) for start, end in sentence_spans(line[begin:])]
    return [(at, inner[0][1]), *inner[1:]] if inner else [(at, at + len(line.rstrip()))]


def _with_gaps(text: str, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, str]]:
    end = 0
    for start, stop in spans:
        yield start, stop, text[end:start]
        end = stop


def _fitting(text: str, before: str, unit: LengthUnit, limit: int) -> Iterator[tuple[str, str, bool]]:
    """The text, or where it is too long its parts: as much as fits up to a clause, else up to a word."""
    if unit.weigh(text) <= limit:
        yield text, before, True
        return
    start = len(text) - len(text.lstrip())
    gap = before + text[:start]
    while start < len(text):
        end, following = _far(text, start, unit, limit)
        yield text[start:end], gap, False
        start, gap = following, text[end:following]


def _far(text: str, start: int, unit: LengthUnit, limit: int) -> tuple[int, int]:
    """How far a part goes that begins here, and where the next one begins."""
    best: tuple[int, int] | None = None
    clause: tuple[int, int] | None = None
    weight, at = 0, start
    for gap in BETWEEN_WORDS.finditer(text, start):
        if gap.end() == start:
            continue
        weight += unit.weigh(text[at : gap.start()])
        if weight > limit and best is not None:
            break
        best = (gap.start(), gap.end())
        if 2 * weight >= limit and ends_clause(text, gap.start()):
            clause = best
        if weight > limit:
            return best
        weight += unit.weigh(gap[0])
        at = gap.end()
    else:
        if best is None or weight + unit.weigh(text[at:]) <= limit:
            return len(text), len(text)
    return clause or best
