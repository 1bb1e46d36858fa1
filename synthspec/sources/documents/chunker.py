"""A document in chunks: whole sections, paragraphs and sentences, as many as fit below a limit.

A chunk depends on its own section (or page, or document) and the settings alone: a document more, a section more or a
limit that a section does not reach changes none of the other chunks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from synthspec.lazy_dataclass import dataclass
from synthspec.sources.documents.atoms import Atom, atoms_of, paragraphs
from synthspec.sources.documents.document import Block, Document
from synthspec.sources.documents.units import UNITS, LengthUnit

BY = ("headings", "paragraphs", "sentences", "pages")


@dataclass(frozen=True, slots=True)
class Chunking:
    """How documents are cut."""

    size: int  # at most so many in a chunk
    unit: str = "words"  # "words", "tokens", "characters"
    overlap: int = 0  # at most so many of the chunk before, in whole sentences
    by: str = "headings"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document."""

    text: str
    title: str  # the headings that all of it stands under, the outermost first, with " > " between
    page: int | None  # where it begins, without what it repeats
    part: int  # from 1
    overlap: int = 0  # characters at its start that the chunk before has too


def whole(document: Document) -> Chunk:
    """The document as one chunk."""
    return Chunk("\n\n".join(b.text for b in document.blocks), document.title, _first_page(document.blocks), 1)


def cut(document: Document, chunking: Chunking) -> list[Chunk]:
    """The chunks of a document, in its order."""
    unit = UNITS[chunking.unit]
    found = []
    for part in _parts(document.blocks, chunking.by):
        atoms = [a for b in part for a in atoms_of(b, unit, chunking.size)]
        filling = _Filling(unit, chunking)
        for paragraph in _runs(atoms) if chunking.by == "sentences" else paragraphs(atoms):
            filling.lay(paragraph)
        found += filling.finish()
    return [_chunk(document, f, number) for number, f in enumerate(found, start=1)]


def _parts(blocks: Sequence[Block], by: str) -> Iterator[list[Block]]:
    """What no chunk reaches beyond."""
    if by == "pages":
        yield from (list(group) for _, group in groupby(blocks, lambda b: b.page))
    elif by == "headings":
        yield from _sections(blocks)
    elif blocks:
        yield list(blocks)


def _sections(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """A heading with what stands under it; one with nothing but further headings under it goes with the first."""
    section: list[Block] = []
    for block in blocks:
        if block.kind == "heading" and any(b.kind != "heading" for b in section):
            yield section
            section = []
        section.append(block)
    if section:
        yield section


@dataclass(slots=True)
class _Filled:
    repeated: list[Atom]
    fresh: list[Atom]


class _Filling:
    """Fills chunk after chunk."""

    def __init__(self, unit: LengthUnit, chunking: Chunking) -> None:
        self.unit = unit
        self.limit = chunking.size * unit.scale
        self.overlap = chunking.overlap * unit.scale
        self.done: list[_Filled] = []
        self.open = _Filled([], [])
        self.weight = 0
        self.head: list[Atom] = []  # of the table that the last atom is of, with its rule

    def lay(self, paragraph: Sequence[Atom]) -> None:
        """A paragraph whole where it fits into any chunk, else what hangs together in it, else sentence by sentence."""
        if self._put(paragraph):
            return
        for run in _runs(paragraph):
            if not self._put(run):
                for atom in run:
                    if not self._put([atom]):
                        self._begin([])  # one word that is longer than the limit
                        self._add([atom])

    def finish(self) -> list[_Filled]:
        """The chunks so far."""
        if self.open.fresh:
            self.done.append(self.open)
        return self.done

    def _put(self, atoms: Sequence[Atom]) -> bool:
        """Whether these went whole into the open chunk, or into one begun for them."""
        if self.weight + self._size(atoms, self.weight == 0) <= self.limit:
            self._add(atoms)
            return True
        if self._size(atoms, True) > self.limit:
            return False
        self._begin(atoms)
        self._add(atoms)
        return True

    def _add(self, atoms: Sequence[Atom]) -> None:
        self.weight += self._size(atoms, self.weight == 0)
        self.open.fresh.extend(atoms)
        for atom in atoms:
            if atom.opens or atom.block.kind != "table":
                self.head = [atom] if atom.block.kind == "table" else []
            elif len(self.head) == 1:
                self.head.append(atom)

    def _begin(self, following: Sequence[Atom]) -> None:
        """Closes the open chunk; the next begins with its last sentences, as far as they and what follows fit, and in
        the midst of a table with the table's head.
        """
        if not self.open.fresh:
            return
        self.done.append(self.open)
        head = self._head_over(following)
        room = min(self.overlap, self.limit - self._size([*head, *following], False)) if following else 0
        first = next((i for i, a in enumerate(self.open.fresh) if a.block.kind != "heading"), 0)  # never all of it
        repeated: list[Atom] = []
        size = 0
        for atom in reversed(self.open.fresh[first + 1 :]):
            more = atom.weight + (self.unit.weigh(repeated[-1].before) if repeated else 0)
            if not atom.whole or atom.block.kind == "heading" or size + more > room:
                break
            repeated.append(atom)
            size += more
        if head and repeated and repeated[-1].block is not head[0].block:
            head = []  # it stands among what is repeated
        repeated = [a for a in repeated if not any(a is h for h in head)]
        self.open = _Filled([*head, *repeated[::-1]], [])
        self.weight = self._size(self.open.repeated, True)

    def _head_over(self, following: Sequence[Atom]) -> list[Atom]:
        """The head of the table in whose midst a chunk would begin, where both fit into it."""
        head = self.head
        inside = len(head) == 2 and following and following[0].block is head[0].block and not following[0].opens
        if not inside or not all(a.whole and a.holds_next for a in head) or following[0] is head[1]:
            return []
        return list(head) if self._size([*head, *following], True) <= self.limit else []

    def _size(self, atoms: Sequence[Atom], first: bool) -> int:
        """What these add; the first of a chunk has nothing before it."""
        return sum(a.weight + (0 if first and i == 0 else self.unit.weigh(a.before)) for i, a in enumerate(atoms))


def _runs(paragraph: Sequence[Atom]) -> Iterator[list[Atom]]:
    """Atoms that hang together: a heading with the first sentence under it."""
    run: list[Atom] = []
    for atom in paragraph:
        run.append(atom)
        if not atom.holds_next:
            yield run
            run = []
    if run:
        yield run


def _chunk(document: Document, filled: _Filled, number: int) -> Chunk:
    repeated, text = _joined(filled.repeated), _joined([*filled.repeated, *filled.fresh])
    under = [a.block.headings for a in filled.fresh if a.block.kind != "heading"] or [filled.fresh[-1].block.headings]
    shared = _shared(under)
    title = shared if shared[:1] == (document.title,) else (document.title, *shared)
    return Chunk(
        text, " > ".join(filter(None, title)), _first_page([a.block for a in filled.fresh]), number, len(repeated)
    )


def _joined(atoms: Sequence[Atom]) -> str:
    return "".join((a.before if i else "") + a.text for i, a in enumerate(atoms))


def _shared(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """What all of them begin with."""
    least, most = min(paths), max(paths)
    length = next((i for i, pair in enumerate(zip(least, most, strict=False)) if pair[0] != pair[1]), len(least))
    return least[:length]


def _first_page(blocks: Sequence[Block]) -> int | None:
    return next((b.page for b in blocks if b.page is not None), None)
