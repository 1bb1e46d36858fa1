"""What is made of source files once and used again: digests, indexes of lines. Losing it costs time alone.

It lies in `files` of the user's cache folder of synthspec. Where nothing can be written there, nothing is remembered.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import tempfile
from pathlib import Path
from typing import IO

from synthspec.sources.user_folders import cache_folder

MOST = 2 << 30  # bytes kept; the oldest are removed beyond


def _made_folder() -> Path | None:
    """The folder, made if it is not there; None where there can be none."""
    home = cache_folder()
    if home is None:
        return None
    try:
        (home / "files").mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    return home / "files"


def cached_path(name: str) -> Path | None:
    """Where something is remembered; None where it is not."""
    folder = _made_folder()
    path = folder / name if folder is not None else None
    return path if path is not None and path.is_file() else None


def read_cached(name: str) -> bytes | None:
    """What is remembered under a name."""
    path = cached_path(name)
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError:
        return None


def write_cached(name: str, content: bytes | IO[bytes]) -> None:
    """Remember some bytes, or a file from where it stands, whole or not at all."""
    folder = _made_folder()
    if folder is None:
        return
    path, made = folder / name, ""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".", delete=False) as file:
            made = file.name
            shutil.copyfileobj(io.BytesIO(content) if isinstance(content, bytes) else content, file)
        Path(made).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(made).unlink(missing_ok=True)
        return
    _prune(folder, path)


def _prune(folder: Path, newest: Path) -> None:
    """Remove the oldest files until no more than MOST bytes are left."""
    try:
        files = [p for p in folder.iterdir() if p.is_file()]
        found = sorted(((p.stat().st_mtime, p.stat().st_size, p) for p in files), reverse=True)
    except OSError:  # another process removed one
        return
    held = 0
    for _, size, path in found:
        held += size
        if held > MOST and path != newest:
            with contextlib.suppress(OSError):
                path.unlink()
