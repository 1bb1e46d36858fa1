"""Compressed files: what is inside is unpacked to a file of its own, up to what a source may hold."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from synthspec.sources.table import TableFault

BLOCK = 1 << 20


def _zstd(path: Path) -> Any:
    import pyarrow as pa

    return pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")


OPENERS: dict[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".zst": _zstd}


def suffix_of(path: Path) -> str:
    """What says how a file is read: of a compressed one, the suffix of what is inside.

    >>> suffix_of(Path("a.CSV")), suffix_of(Path("a.b.jsonl.gz")), suffix_of(Path("a.gz"))
    ('.csv', '.jsonl', '.gz')
    """
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() or suffix if suffix in OPENERS else suffix


def is_compressed(path: Path) -> bool:
    """Whether it is unpacked before it is read."""
    return path.suffix.lower() in OPENERS and suffix_of(path) != path.suffix.lower()


@contextmanager
def unpacked(path: Path, most: int) -> Iterator[Path]:
    """What is inside a compressed file, as a file of its own that is there meanwhile.

    Raises:
        OSError: it cannot be read, or there is no room.
        TableFault: it is broken, or unpacks to more than `most` bytes.
    """
    with tempfile.TemporaryDirectory(prefix="synthspec-") as folder:
        inside = Path(folder) / path.stem
        with inside.open("wb") as target:
            _unpack(path, target, most)
        yield inside


def _unpack(path: Path, target: IO[bytes], most: int) -> None:
    broken = TableFault(
        f"no whole {path.suffix.lower()[1:]} file", "compress it again, or name the file it was made from"
    )
    if not path.stat().st_size:
        raise broken
    size = 0
    try:
        with OPENERS[path.suffix.lower()](path) as source:
            while block := source.read(BLOCK):
                size += len(block)
                if size > most:
                    raise TableFault(f"it unpacks to more than {most // 1_000_000} MB", "unpack it, or make it smaller")
                target.write(block)
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile):
        raise broken from None
    except OSError as e:
        if e.errno is not None:
            raise
        raise broken from None
