"""The locks of a store: of its folder, and of the one that its file is in where a link leads there."""

from __future__ import annotations

import os
from pathlib import Path

from synthspec.inference.store.file import StoreFault, explain_fault
from synthspec.inference.store.folder_lock import FolderLock, FolderLocked

LOCK = "run.lock"


def lock_store(path: Path) -> list[FolderLock]:
    """The lock of the store's folder, and of the one that the file itself is in where a link leads there: two builds
    that reach one store by different names must not both run."""
    locks = [_lock(path)]
    real = Path(os.path.realpath(path))
    if real.parent != Path(os.path.realpath(path.parent)):
        try:
            locks.append(_lock(real))
        except BaseException:
            locks[0].release()
            raise
    return locks


def _lock(path: Path) -> FolderLock:
    lock = path.with_name(LOCK)
    try:
        if lock.is_symlink():
            raise StoreFault(f"{lock} is a symbolic link", "Remove it: a build locks its folder by a file of its own.")
        path.parent.mkdir(parents=True, exist_ok=True)
        return FolderLock(lock)
    except FolderLocked as locked:
        holder = f" (process {locked.pid})" if locked.pid else ""
        raise StoreFault(
            f"another build of {path.parent} is running{holder}",
            "Wait for it or stop it, or build elsewhere with --out: two at once would pay twice.",
        ) from None
    except OSError as error:
        raise explain_fault(error, path) from error
