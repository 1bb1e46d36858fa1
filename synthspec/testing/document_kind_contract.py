"""The contract of a kind of document: what a module that reads documents must do. `docs/extending.md` shows its use."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from types import ModuleType
from typing import get_args

from synthspec.plugins import declared
from synthspec.sources.documents.chunker import Chunking, cut
from synthspec.sources.documents.document import Block, BlockKind, Document
from synthspec.testing.light_import import check_light
from synthspec.testing.suffixes import check_suffixes
from synthspec.testing.unreadable import broken, check_refused

KINDS = get_args(BlockKind)


class DocumentKindContract:
    """Subclass it, set `module`, `examples` and `wrong`, and let pytest collect it."""

    module: ModuleType
    examples: Sequence[tuple[bytes, str, Sequence[str]]] = ()  # a file's bytes, the title, the texts of its blocks
    wrong: Sequence[bytes] = ()  # the bytes of files that are not of this kind

    def read(self, data: bytes) -> Document:
        """The document of these bytes."""
        document = self.module.read(data, None)
        assert isinstance(document, Document), "read gives a Document"
        return document

    def test_describes_itself(self) -> None:
        """The module has every name of the contract, of the right type."""
        m = self.module
        check_suffixes(m, ".eml")
        assert all("." not in s[1:] for s in m.SUFFIXES), "such as '.eml', with one dot"
        packages = getattr(m, "PACKAGES", ())
        assert declared(m.__name__, "PACKAGES") == packages, "write PACKAGES as a plain literal: it is read as text"
        assert isinstance(getattr(m, "VERSION", ""), str), "VERSION is a text: '1'"
        assert callable(m.read)

    def test_loads_nothing_heavy(self) -> None:
        """`synthspec check` imports the module: what is heavy is imported inside `read`."""
        check_light(self.module, "read")

    def test_reads_its_examples(self) -> None:
        """The title and the blocks of a file, in reading order; the same each time."""
        assert self.examples, "give at least one example: (bytes of a file, its title, the texts of its blocks)"
        for data, title, texts in self.examples:
            document = self.read(data)
            assert (document.title, [b.text for b in document.blocks]) == (title, list(texts))
            assert self.read(data) == document, "another document the second time"
            check_blocks(document.blocks)

    def test_its_blocks_can_be_cut(self) -> None:
        """Chunks of any size hold all of the text, in its order."""
        for data, _, texts in self.examples:
            document, letters = self.read(data), "".join("".join(texts).split())
            for size in (1, 7, 10_000):
                chunks = cut(document, Chunking(size))
                assert "".join("".join(c.text for c in chunks).split()) == letters
                assert [c.part for c in chunks] == list(range(1, len(chunks) + 1))

    def test_refuses_what_it_cannot_read(self) -> None:
        """A file that is not of this kind is a DocumentFault with a message of one line and what to do."""
        assert self.wrong, "give at least one file that is wrong"
        for data in self.wrong:
            fault = check_refused(partial(self.read, data), f"{data[:40]!r}")
            assert fault.help, "say what to do"

    def test_a_cut_or_strange_file_is_read_or_refused(self) -> None:
        """What comes of a file cut off anywhere, an empty one, or bytes at random is an error, or a sound document."""
        for one in broken(self.examples[0][0]):
            try:
                document = self.module.read(one, None)
            except Exception:  # whatever it raises is a broken file
                continue
            assert isinstance(document, Document)
            check_blocks(document.blocks)


def check_blocks(blocks: Sequence[Block]) -> None:
    """That blocks are of the shape that chunks are cut from."""
    page = 0
    for block in blocks:
        assert isinstance(block, Block)
        assert isinstance(block.text, str)
        assert block.text.strip(), "a block has text"
        assert "\r" not in block.text, "lines end in a line feed: tidy(text)"
        assert block.kind in KINDS, f"a block is one of {', '.join(KINDS)}"
        assert isinstance(block.headings, tuple)
        assert all(isinstance(h, str) and "\n" not in h for h in block.headings)
        assert block.kind != "heading" or block.headings, "a heading stands under itself: its own is the last"
        assert block.page is None or block.page >= max(page, 1), "pages count from 1, in order"
        page = block.page or page
