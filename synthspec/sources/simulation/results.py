"""Rows of runs, kept in the user's cache folder under the digest of all that they depend on."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from synthspec.lazy_dataclass import dataclass
from synthspec.sources.user_folders import cache_folder

FORMAT = 1
MOST_FILES = 40
MOST_BYTES = 2_000_000_000
_READERS: Mapping[str, Callable[[str], Any]] = {
    "date": datetime.date.fromisoformat,
    "datetime": datetime.datetime.fromisoformat,
    "time": datetime.time.fromisoformat,
}


@dataclass(frozen=True, slots=True)
class Result:
    """The rows of a run."""

    columns: Mapping[str, list[Any]]  # moments as ISO texts
    moments: Mapping[str, str]  # the columns of dates, datetimes or times
    steps: int  # that were made
    repeats: bool | None  # whether a second run began with the same rows
    read: Mapping[str, str] | None  # the files that it read, with their digests; None where they are not known

    def values(self) -> dict[str, list[Any]]:
        """The columns, with moments as such."""
        found = {}
        for name, column in self.columns.items():
            reader = _READERS.get(self.moments.get(name, ""))
            found[name] = column if reader is None else [None if v is None else reader(v) for v in column]
        return found

    def digest(self) -> str:
        """Of all rows: 32 hex digits."""
        whole = json.dumps([self.columns, self.moments], separators=(",", ":"))
        return hashlib.blake2b(whole.encode(), digest_size=16).hexdigest()


def key_of(job: Mapping[str, Any]) -> str:
    """The digest of a run: its job, and the versions of what runs it. 64 hex digits."""
    about = {k: v for k, v in job.items() if k != "folder"}
    whole = json.dumps([FORMAT, about, sys.version, versions()], sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()


def versions() -> dict[str, str]:
    """The packages on which rows depend, with their versions; "" for one that is not there."""
    found = {}
    for name in ("mesa", "numpy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    return found


def find_result(key: str) -> Result | None:
    """A run's rows, if they are kept and what it read is still what it was."""
    path = _path(key)
    if path is None:
        return None
    try:
        kept = json.loads(path.read_text(encoding="ascii"))
        result = Result(**kept["result"])
        if kept["key"] != key or result.digest() != kept["digest"]:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # used last is removed last
        return result if _is_unchanged(result.read) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def keep_result(key: str, result: Result) -> None:
    """Keep a run's rows: whole or not at all. Where that cannot be done, it runs again."""
    path = _path(key)
    if path is None or result.read is None:
        return
    about = {name: getattr(result, name) for name in ("columns", "moments", "steps", "repeats", "read")}
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False, encoding="ascii") as file:
            try:
                json.dump({"key": key, "digest": result.digest(), "result": about}, file, separators=(",", ":"))
                file.close()
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
        _remove_oldest(path.parent)


def _path(key: str) -> Path | None:
    folder = cache_folder()
    return None if folder is None else folder / "agents" / f"{key}.json"


def _is_unchanged(read: Mapping[str, str] | None) -> bool:
    return read is not None and all(
        hashlib.sha256(Path(name).read_bytes()).hexdigest() == digest for name, digest in read.items()
    )


def _remove_oldest(folder: Path) -> None:
    """Keep the files used last, as many as the bounds allow."""
    size = 0
    files = [(p.stat().st_mtime, p.stat().st_size, p) for p in folder.iterdir() if p.suffix in (".json", ".tmp")]
    for number, (_, bytes_, path) in enumerate(sorted(files, reverse=True)):
        size += bytes_
        if number and (number >= MOST_FILES or size > MOST_BYTES):
            path.unlink(missing_ok=True)
