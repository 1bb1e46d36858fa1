"""Files that are there whole or not at all, and stay there when the power fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path

from synthspec.durable import sync_file, sync_folder


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write a file at, which takes the place of `path` when all went well, and is gone when not. A device or
    a pipe is written to as it is.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "words.txt"
    >>> with replacing(target) as beside:
    ...     _ = beside.write_text("whole")
    ...     target.exists()
    False
    >>> target.read_text()
    'whole'
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        yield path
        return
    beside = path.with_name(f".{path.name}.partial")
    try:
        yield beside
        sync_file(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)


def write_whole(path: Path, text: str) -> None:
    """Put a text file in its place, whole or not at all."""
    with replacing(path) as beside, beside.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)


def digest_of(path: Path) -> str:
    """SHA-256 of a file, as hex digits."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
