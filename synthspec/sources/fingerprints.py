"""What tells whether data is still what it was: marks of files, digests of files and of values.

A digest is of every byte, also of a large file: a sample of it would miss a change between the samples, and a time
alone is what copying tools set. It is remembered under the file's mark, so that a file is read for it once: the mark
holds the time of the last change to the file's record (ctime), which no program sets at will. A file changed less than
`SETTLED` seconds ago might change again within one tick of the clock, so nothing is remembered of it.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable
from dataclasses import astuple
from pathlib import Path
from typing import Any

from synthspec.lazy_dataclass import dataclass
from synthspec.sources.cache import read_cached, write_cached
from synthspec.sources.table import Table, TableFault

SETTLED = 2.0  # seconds
REMEMBERED = 4 << 20  # bytes from which it takes longer to read a file than to look for what is remembered of it


@dataclass(frozen=True, slots=True)
class FileMark:
    """What changes when a file does."""

    size: int
    modified: int  # nanoseconds
    changed: int  # nanoseconds; of the file's record, which its contents cannot change without
    place: tuple[int, int]  # device and number on it

    def is_settled(self) -> bool:
        """Whether a change from now on would show."""
        return time.time() - max(self.modified, self.changed) / 1e9 > SETTLED

    def name(self, path: Path, what: str) -> str:
        """What something made of this file is remembered by."""
        said = repr((str(path.resolve()), *astuple(self), what))
        return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def mark_of(file: Path | int) -> FileMark:
    """The mark of a file, or of one that is open.

    Raises:
        OSError: it is gone.
    """
    about = file.stat() if isinstance(file, Path) else os.fstat(file)
    return FileMark(about.st_size, about.st_mtime_ns, about.st_ctime_ns, (about.st_dev, about.st_ino))


def file_digest(path: Path, mark: FileMark | None = None) -> str:
    """SHA-256 of a file's bytes, in hex. `mark` is the file's when it was opened.

    Raises:
        OSError: it cannot be read.
        TableFault: it is no longer what it was when it was opened.
    """
    now = mark_of(path)
    if mark is not None and now != mark:
        raise changed(path)
    name = now.name(path, "sha256")
    known = read_cached(name) if now.size > REMEMBERED else None
    if known is not None and len(known) == 64:
        return known.decode("ascii", "replace")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        after = mark_of(file.fileno())
    if after != now:
        raise changed(path)
    if now.size > REMEMBERED and now.is_settled():
        write_cached(name, found.encode("ascii"))
    return found


def changed(path: Path) -> TableFault:
    """That a file changed while it was used."""
    return TableFault(f"{path.name} has changed since it was opened", "run the command again when nothing writes to it")


def files_digest(paths: Iterable[Path], *about: Any, marks: Iterable[FileMark] | None = None) -> str:
    """Of the bytes of some files, in their order, and of how they are read: 32 hex digits.

    `marks` are those the files had when they were opened.

    Raises:
        OSError: a file cannot be read.
        TableFault: a file has changed since it was opened.
    """
    paths = list(paths)
    known: list[FileMark | None] = list(marks) if marks is not None else [None] * len(paths)
    found = [file_digest(path, mark) for path, mark in zip(paths, known, strict=True)]
    return hashlib.blake2b(repr((found, about)).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def values_digest(table: Table) -> str:
    """Of every value of a table, and of the names of its columns: 32 hex digits."""
    whole = hashlib.blake2b(repr(table.names).encode("utf-8", "surrogatepass"), digest_size=16)
    for row in table.iterate():
        whole.update(repr(tuple(row.values())).encode("utf-8", "surrogatepass"))
    return whole.hexdigest()
