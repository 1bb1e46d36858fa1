"""A file to a document, by its suffix."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from synthspec.plugins import declared, raised
from synthspec.sources import TableFault
from synthspec.sources.documents.document import Block, Document, DocumentFault
from synthspec.sources.documents.tidy import one_line

_HOME = "synthspec.sources.documents.kinds"


def suffixes() -> tuple[str, ...]:
    """The suffix of every kind of document, in alphabetical order."""
    return tuple(sorted(_modules()))


def is_document(path: str) -> bool:
    """Whether a file of this name is of a kind that is read."""
    return Path(path).suffix.lower() in _modules()


def missing_packages(suffix: str) -> tuple[str, ...]:
    """What is to be installed before documents of this suffix can be read."""
    return tuple(name for name in packages_of(suffix) if find_spec(name) is None)


@cache
def packages_of(suffix: str) -> tuple[str, ...]:
    """What reads documents of this suffix, beside what is always there."""
    return tuple(str(name) for name in declared(_modules()[suffix.lower()], "PACKAGES"))


def parse_document(data: bytes, name: str, encoding: str | None = None) -> Document:
    """The document that these bytes are, under the file's name.

    Raises:
        DocumentFault: it cannot be read, or has no text.
    """
    module = _modules()[Path(name).suffix.lower()]
    try:
        document: Document = import_module(module).read(data, encoding)
    except TableFault:
        raise
    except (Exception, RecursionError) as e:  # a parser's own errors are many, and all of them mean the same
        raise DocumentFault(f"it is broken: {raised(e)[:160]}", "open it and save it anew, or take it away") from None
    if not any(any(c.isalnum() for c in b.text) for b in document.blocks):
        help = "make a text of it first (by OCR where it is a scan), or take it away"
        raise DocumentFault("there is no text in it", help)
    title = document.title or _only_title(document.blocks) or one_line(Path(name).stem)
    return Document(title, document.blocks, document.guessed_encoding)


def _only_title(blocks: Sequence[Block]) -> str:
    """The first heading, where all others stand under it."""
    tops = {b.headings[0] for b in blocks if b.headings}
    return next(iter(tops)) if len(tops) == 1 else ""


@cache
def _modules() -> Mapping[str, str]:
    """Each suffix with the module that reads it."""
    package = import_module(_HOME)
    names = [m.name for m in pkgutil.iter_modules(package.__path__)]
    return {str(s): f"{_HOME}.{n}" for n in sorted(names) for s in declared(f"{_HOME}.{n}", "SUFFIXES")}
