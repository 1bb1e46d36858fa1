"""Documents that were read before: the last ones in memory, and those that take a while in the user's cache folder.

Both are found by the bytes of the file, so a file that is changed, moved or copied is never taken for another.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections import OrderedDict
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from synthspec.diagnostics.errors import system_reason
from synthspec.extras import install_command
from synthspec.plugins import is_built_in
from synthspec.sources.documents.document import Block, Document, DocumentFault, MissingDocumentPackage
from synthspec.sources.documents.reader import (
    GROUP,
    is_document,
    missing_packages,
    packages_of,
    parse_document,
    suffixes,
    version_of,
)
from synthspec.sources.user_folders import cache_folder

MAX_BYTES = 128 * 1024 * 1024  # of one document
FORM = 1  # of what is stored, and of how documents are read: another number leaves older entries alone
LARGE = 4 * 1024  # bytes: from here on any kind is kept on disk; PDF and Word always are
MOST_HELD = 64_000_000  # characters in memory
_held: OrderedDict[str, tuple[Document, int]] = OrderedDict()  # with their characters


def read_document_file(path: Path, encoding: str | None = None) -> Document:
    """The document of a file, with a title: its own, its first heading, or its name.

    Raises:
        MissingPackage: its kind needs a package that is not installed.
        DocumentFault: it is missing, unreadable, too large, protected, broken or without text.
    """
    suffix = path.suffix.lower()
    if not is_document(path.name):
        raise DocumentFault(f"a document is one of {', '.join(suffixes())}, not '{suffix or path.name}'")
    if missing := missing_packages(suffix):
        words = f"{suffix} documents need the package{'s' * (len(missing) > 1)} {' and '.join(missing)}"
        built_in = is_built_in(GROUP, suffix[1:])
        raise MissingDocumentPackage(
            words, install_command("documents") if built_in else f"pip install {' '.join(missing)}"
        )
    try:
        if (size := path.stat().st_size) > MAX_BYTES:
            raise DocumentFault(f"{size / 1e6:.0f} MB; a document has at most {MAX_BYTES // 1_000_000} MB")
        return parsed(path.read_bytes(), path.name, encoding)
    except OSError as e:
        raise DocumentFault(system_reason(e)) from None


def parsed(data: bytes, name: str, encoding: str | None = None) -> Document:
    """The document of these bytes, as `parse_document` gives it.

    Raises:
        DocumentFault: it cannot be read, or has no text. That is found anew each time.
    """
    suffix = Path(name).suffix.lower()
    packages = packages_of(suffix)
    read_by = version_of(suffix)
    told = (FORM, suffix, Path(name).stem, encoding, _versions(packages), *filter(None, [read_by]))
    about = repr(told).encode("utf-8", "surrogatepass")
    key = hashlib.sha256(about + hashlib.sha256(data).digest()).hexdigest()
    if key in _held:
        _held.move_to_end(key)
        return _held[key][0]
    slow = packages or len(data) >= LARGE
    home = cache_folder() if slow and read_by is not None else None
    entry = home / "documents" / key[:2] / f"{key}.json" if home is not None else None
    document = _load(entry) if entry is not None else None
    if document is None:
        document = parse_document(data, name, encoding)
        if entry is not None:
            _store(entry, document)
    _hold(key, document)
    return document


@cache
def _versions(packages: tuple[str, ...]) -> tuple[str, ...]:
    """Of all that decides how a document is read."""
    found = [sys.version.split()[0]]
    for package in ("synthspec", "markdown-it-py", *packages):
        try:
            found.append(version(package))
        except PackageNotFoundError:  # synthspec run from a folder that was never installed
            found.append("")
    return tuple(found)


def _hold(key: str, document: Document) -> None:
    """Keeps it in memory, and lets those go that were not asked for the longest."""
    size = sum(len(b.text) for b in document.blocks)
    _held[key] = (document, size)
    held = sum(size for _, size in _held.values()) if len(_held) % 64 == 0 or size > MOST_HELD // 64 else 0
    while held > MOST_HELD and len(_held) > 1:
        held -= _held.popitem(last=False)[1][1]


def _load(entry: Path) -> Document | None:
    """What is stored; None where nothing is, or nothing that can be read."""
    try:
        title, guessed, blocks = json.loads(entry.read_text(encoding="utf-8"))
        return Document(title, tuple(Block(t, kind, tuple(under), page) for t, kind, under, page in blocks), guessed)
    except (OSError, ValueError, TypeError):
        return None


def _store(entry: Path, document: Document) -> None:
    """Whole or not at all; a folder that cannot be written costs time alone."""
    blocks = [[b.text, b.kind, b.headings, b.page] for b in document.blocks]
    text = json.dumps([document.title, document.guessed_encoding, blocks], ensure_ascii=False)
    with suppress(OSError, UnicodeError):
        entry.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=entry.parent, delete=False, encoding="utf-8") as file:
            file.write(text)
        Path(file.name).replace(entry)
