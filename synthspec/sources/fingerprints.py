"""What tells whether data is still what it was: digests of files and of values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from synthspec.sources.table import Table


def files_digest(paths: Iterable[Path], *about: Any) -> str:
    """Of the bytes of some files, in their order, and of how they are read: 32 hex digits.

    Raises:
        OSError: a file cannot be read.
    """
    whole = hashlib.blake2b(repr(about).encode("utf-8", "surrogatepass"), digest_size=16)
    for path in paths:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def values_digest(table: Table) -> str:
    """Of every value of a table, and of the names of its columns: 32 hex digits."""
    whole = hashlib.blake2b(repr(table.names).encode("utf-8", "surrogatepass"), digest_size=16)
    for row in table.iterate():
        whole.update(repr(tuple(row.values())).encode("utf-8", "surrogatepass"))
    return whole.hexdigest()
