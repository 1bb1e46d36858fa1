"""A file to a document, by its suffix."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from synthspec.plugins import (
    declared,
    find_plugin,
    is_built_in,
    is_plugin,
    plugin_module,
    plugin_names,
    plugin_package,
    raised,
)
from synthspec.sources import TableFault
from synthspec.sources.documents.document import Block, Document, DocumentFault
from synthspec.sources.documents.tidy import one_line

GROUP = "document_kinds"


def suffixes() -> tuple[str, ...]:
    """The suffix of every kind of document, in alphabetical order."""
    return tuple(f".{name}" for name in plugin_names(GROUP))


def is_document(path: str) -> bool:
    """Whether a file of this name is of a kind that is read."""
    return is_plugin(GROUP, _name(path))


def missing_packages(suffix: str) -> tuple[str, ...]:
    """What is to be installed before documents of this suffix can be read."""
    return tuple(name for name in packages_of(suffix) if find_spec(name) is None)


def packages_of(suffix: str) -> tuple[str, ...]:
    """What reads documents of this suffix, beside what is always there."""
    name = suffix[1:].lower()
    if is_built_in(GROUP, name):
        return _packages(plugin_module(GROUP, name))
    return tuple(getattr(find_plugin(GROUP, name), "PACKAGES", ()))


@cache
def _packages(module: str) -> tuple[str, ...]:
    return tuple(str(name) for name in declared(module, "PACKAGES"))


def version_of(suffix: str) -> str | None:
    """What tells how documents of this suffix are read, beside the versions of packages; None where nothing does, so
    that what was read is not to be kept.
    """
    name = suffix[1:].lower()
    if is_built_in(GROUP, name):
        return ""
    version = getattr(find_plugin(GROUP, name), "VERSION", None)
    return None if version is None else f"{plugin_module(GROUP, name)} {version}"


def parse_document(data: bytes, name: str, encoding: str | None = None) -> Document:
    """The document that these bytes are, under the file's name.

    Raises:
        DocumentFault: it cannot be read, or has no text.
    """
    kind = _name(name)
    try:
        document = find_plugin(GROUP, kind).read(data, encoding)
    except TableFault:
        raise
    except (Exception, RecursionError) as e:  # a parser's own errors are many, and all of them mean the same
        if is_built_in(GROUP, kind):
            help = "open it and save it again, or remove it"
            raise DocumentFault(f"it is broken: {raised(e)[:160]}", help) from None
        raise DocumentFault(f"the plug-in '{kind}' raised {raised(e)[:160]}", _report_to(kind)) from None
    if not isinstance(document, Document):
        raise DocumentFault(f"the plug-in '{kind}' gave no Document", _report_to(kind))
    if not any(any(c.isalnum() for c in b.text) for b in document.blocks):
        help = "make a text of it first (by OCR where it is a scan), or take it away"
        raise DocumentFault("there is no text in it", help)
    title = document.title or _only_title(document.blocks) or one_line(Path(name).stem)
    return Document(title, document.blocks, document.guessed_encoding)


def _only_title(blocks: Sequence[Block]) -> str:
    """The first heading, where all others stand under it."""
    tops = {b.headings[0] for b in blocks if b.headings}
    return next(iter(tops)) if len(tops) == 1 else ""


def _name(path: str) -> str:
    """The kind of a document, by the name of its file."""
    return Path(path).suffix[1:].lower()


def _report_to(name: str) -> str:
    return f"remove the document, or report it to the authors of {plugin_package(GROUP, name)}"
