"""`files`: documents below the spec's folder, cut into chunks: a row for each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthspec.diagnostics import did_you_mean
from synthspec.sources.documents.chunker import BY, Chunking
from synthspec.sources.documents.gathered import ChunkedDocuments
from synthspec.sources.documents.matching import named_files
from synthspec.sources.documents.units import UNITS
from synthspec.sources.encodings import ENCODINGS, is_encoding
from synthspec.sources.source_kind import Opened, Place, SourceFault, SourceKind
from synthspec.sources.table import MemoryTable


def open_files(options: Mapping[str, Any], place: Place) -> Opened:
    """The chunks of every document that is named, by path and then in the document's order."""
    patterns = [options["files"]] if isinstance(options["files"], str) else list(options["files"])
    gathered = ChunkedDocuments(place, _chunking(options.get("chunk")), _encoding(options))
    gathered.add(named_files([str(p) for p in patterns], place))
    # Its digest is that of its values: another version of a package may read other text from the same file.
    return Opened(MemoryTable(gathered.columns), None, tuple(gathered.notes()), gathered.origin)


def _reads(options: Mapping[str, Any], place: Place) -> list[Path]:
    patterns = [options["files"]] if isinstance(options["files"], str) else list(options["files"])
    return [place.folder / name for name in named_files([str(p) for p in patterns], place)]


def _chunking(chunk: Mapping[str, Any] | None) -> Chunking | None:
    """How documents are cut; None leaves them whole.

    Raises:
        SourceFault: the map says no size, more than one, or an overlap that is none.
    """
    if chunk is None:
        return None
    sizes = [unit for unit in UNITS if unit in chunk]
    if len(sizes) != 1:
        what = f"`chunk` gives its size in {' and in '.join(sizes)}" if sizes else "`chunk` gives no size"
        raise SourceFault(what, "give one of `words`, `tokens` and `characters`: `words: 300`", "E380", "chunk")
    unit = sizes[0]
    size, overlap = int(chunk[unit]), int(chunk.get("overlap", 0))
    if overlap >= size:
        what = f"an `overlap` of {overlap} {unit} is not less than a chunk of {size}"
        raise SourceFault(what, f"lower `overlap`, to {size // 5} for instance, or raise `{unit}`", "E381", "chunk")
    return Chunking(size, unit, overlap, str(chunk.get("by", BY[0])))


def _encoding(options: Mapping[str, Any]) -> str | None:
    encoding = options.get("encoding")
    if encoding is None or is_encoding(str(encoding)):
        return encoding
    help = did_you_mean(str(encoding), ENCODINGS, "write one such as utf-8, utf-16 or cp1252")
    raise SourceFault(f"there is no encoding '{encoding}'", help, "E130", "encoding")


def _size(description: str) -> dict[str, Any]:
    return {"type": "integer", "minimum": 1, "maximum": 10_000_000, "description": description}


KIND = SourceKind(
    key="files",
    describes="Documents, a row for each chunk: text, path, title, page, part.",
    schema={
        "anyOf": [
            {"type": "string", "minLength": 1},
            {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}},
        ],
        "description": "Documents below the spec's folder (md, txt, html, epub, pptx; pdf and docx by an extra): a path"
        " or a pattern such as 'docs/**/*.md', or a list of them.",
    },
    open=open_files,
    reads=_reads,
    options={
        "chunk": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "words": _size("The most words in a chunk. A character of Chinese, Japanese or Thai is a word."),
                "tokens": _size(
                    "The most tokens in a chunk, estimated: a quarter for each character, a fifth for each byte of its "
                    "UTF-8 beyond the first."
                ),
                "characters": _size("The most characters in a chunk."),
                "overlap": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "The most of these repeated from the chunk before, in whole sentences. Default 0.",
                },
                "by": {
                    "enum": list(BY),
                    "description": "What is kept together: a chunk contains text of one section (headings) or one page"
                    " (pages), or whole paragraphs or sentences of any. Default headings.",
                },
            },
            "description": "How documents are cut: into chunks of one of words, tokens or characters. Left out, a"
            " document is one row.",
        },
        "encoding": {
            "type": "string",
            "minLength": 1,
            "description": "Encoding of a text file, such as utf-8, utf-16 or cp1252. Found out where it is not given.",
        },
    },
)
