"""What becomes of the files that a source of documents names: rows, or a reason for each that gives none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthspec.diagnostics.remedies import write
from synthspec.plugins import plugin_error
from synthspec.sources.documents.chunker import Chunking, cut, whole
from synthspec.sources.documents.document import Document, DocumentFault, MissingDocumentPackage
from synthspec.sources.documents.parsed import read_document_file
from synthspec.sources.documents.reader import GROUP, is_document, suffixes
from synthspec.sources.source_kind import Place, SourceFault
from synthspec.sources.table import Note, TableFault, refuse_many

COLUMNS = ("text", "path", "title", "page", "part")
MAX_CHARACTERS = 512 * 1024 * 1024  # of all chunks
MOST_LISTED = 1_000  # documents left out that the manifest names


class ChunkedDocuments:
    """The chunks of many documents, and those left out. One that cannot be read does not cost the others."""

    def __init__(self, place: Place, chunking: Chunking | None, encoding: str | None) -> None:
        self.place, self.chunking, self.encoding = place, chunking, encoding
        self.columns: dict[str, list[Any]] = {name: [] for name in COLUMNS}
        self.files = self.documents = self._characters = 0
        self._paged = False
        self._left_out: list[tuple[str, TableFault]] = []
        self._others: list[str] = []  # of no kind that is read
        self._guessed: list[tuple[str, str]] = []  # path, encoding

    def add(self, paths: Sequence[str]) -> None:
        """Reads the documents of these paths.

        Raises:
            SourceFault: none of them can be read (E383), a package is missing (E350), or there is too much text (E511).
        """
        self.files += len(paths)
        for path in paths:
            if not path.isprintable() or not _is_text(path):
                why = DocumentFault("its name is not text", "name it with letters, digits, - and _")
                self._left_out.append((_short(path), why))
            elif is_document(path):
                self._add(path)
            else:
                self._others.append(path)
        if not self.documents:
            raise self._nothing()

    @property
    def origin(self) -> Mapping[str, Any]:
        """What a manifest says: how many documents were read, and which were left out."""
        left_out = [{"path": path, "reason": str(why)} for path, why in self._left_out[:MOST_LISTED]]
        return {"documents": self.documents, "left_out": len(self._left_out), "documents_left_out": left_out}

    def _add(self, path: str) -> None:
        unusable = plugin_error(GROUP, path.rpartition(".")[2].lower())
        if unusable is not None:
            raise SourceFault(*unusable, code="E608")
        try:
            document = read_document_file(self.place.folder / path, self.encoding)
        except MissingDocumentPackage as e:
            raise SourceFault(f"'{_short(path)}' cannot be read: {e}", e.help, "E350") from None
        except TableFault as e:
            self._left_out.append((path, e))
            return
        self.documents += 1
        if document.guessed_encoding:
            self._guessed.append((path, document.guessed_encoding))
        self._keep(path, document)

    def _keep(self, path: str, document: Document) -> None:
        self._paged = self._paged or any(b.page is not None for b in document.blocks)
        for chunk in cut(document, self.chunking) if self.chunking is not None else [whole(document)]:
            self._characters += len(chunk.text)
            for name, value in zip(COLUMNS, (chunk.text, path, chunk.title, chunk.page, chunk.part), strict=True):
                self.columns[name].append(value)
        if self._characters > MAX_CHARACTERS:
            limit = MAX_CHARACTERS // 1_000_000
            raise SourceFault(f"the documents contain more than {limit} million characters", "name fewer files")
        refuse_many(len(COLUMNS) * len(self.columns["text"]))

    def _nothing(self) -> SourceFault:
        """No document could be read."""
        if not self._left_out:
            first = _short(self._others[0])
            what = f"'{first}' is" if len(self._others) == 1 else f"'{first}' and {len(self._others) - 1} more are"
            return SourceFault(f"{what} of no kind that is read", f"name documents: {', '.join(suffixes())}", "E383")
        path, why = self._left_out[0]
        more = f"; nor can {len(self._left_out) - 1} more" if len(self._left_out) > 1 else ""
        what = f"'{_short(path)}' cannot be read: {str(why)[:90]}{more}"
        return SourceFault(what, why.help or "name another document", "E383")

    def notes(self) -> Iterator[Note]:
        """What is said of documents that were left out, or read by a guess."""
        if self._left_out:
            (path, why), count = self._left_out[0], len(self._left_out)
            said = f"{count} of {self.files:,} documents {_are(count)} left out: '{_short(path)}' ({str(why)[:60]})"
            if count > 1:
                said += f", '{_short(self._left_out[1][0])}'" + (f" and {count - 2} more" if count > 2 else "")
            yield Note("W780", said, why.help or "correct the document, or take it away")
        if self._others:
            count = len(self._others)
            said = f"{count} of {self.files:,} files {_are(count)} of no kind that is read: '{_short(self._others[0])}'"
            yield Note(
                "W781", f"{said}, …" if count > 1 else said, f"end the pattern with one of {', '.join(suffixes())}"
            )
        if self._guessed:
            path, encoding = self._guessed[0]
            more = f" and {len(self._guessed) - 1} more" if len(self._guessed) > 1 else ""
            help = f"add `encoding: {encoding}` to the source if that is right, or save the files as UTF-8"
            yield Note("W750", f"not UTF-8 text, and read as {encoding}: '{_short(path)}'{more}", help)
        if self.chunking is not None and self.chunking.by == "pages" and not self._paged:
            help = write("by: headings") + "; PDF, PowerPoint and text with form feeds have pages"
            yield Note("W782", "chunks are cut by pages, and none of the documents has any", help, "chunk")


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _is_text(path: str) -> bool:
    try:
        return bool(path.encode("utf-8"))
    except UnicodeEncodeError:  # bytes that are no UTF-8, as Python has them
        return False


def _short(path: str) -> str:
    path = "".join(c if c.isprintable() else "?" for c in path)
    return path if len(path) <= 40 else f"…{path[-39:]}"
