"""When the build folder is removed under a running build, what was paid for is still in hand: put it back.

A file that was removed goes on taking writes for as long as it is open, so nothing fails; the work would go
with the process.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from synthspec.durable import sync_folder
from synthspec.inference.store.file import FAULTS, StoreFault, explain_fault
from synthspec.inference.store.folder_lock import FolderLock, FolderLocked
from synthspec.inference.store.opening import reopen


class Rescue:
    """Watches over the file at `path`, and keeps the lock of its folder."""

    def __init__(self, path: Path, lock_path: Path, lock: FolderLock) -> None:
        self._path = path
        self._lock_path = lock_path
        self._lock = lock
        self._identity = path.stat()

    def release(self) -> None:
        """Give the folder back."""
        self._lock.release()

    def is_there(self) -> bool:
        """Whether the file at the path is still the one that is written to."""
        try:
            return os.path.samestat(self._path.stat(), self._identity)
        except OSError:
            return False

    def restore(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        """Write all that `connection` holds to the path again, and lock it. Gives the connection to go on with.

        Raises:
            StoreFault: it could not be put back.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.release()  # the file it locked is out of reach
            self._lock = FolderLock(self._lock_path)
            fresh = self._write_again(connection)
            self._identity = self._path.stat()
        except (FolderLocked, *FAULTS) as error:
            raise self._failed(error) from error
        return fresh

    def _write_again(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        part = self._path.with_name(self._path.name + ".part")
        if self._path.exists():
            raise FileExistsError(f"another {self._path.name} took its place")
        part.unlink(missing_ok=True)
        connection.execute("VACUUM INTO ?", (str(part),))
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(self._path)
        sync_folder(self._path.parent)
        return reopen(self._path)

    def _failed(self, error: Exception) -> StoreFault:
        why = error if isinstance(error, FolderLocked) else explain_fault(error, self._path).message
        return StoreFault(
            f"the build folder {self._path.parent} was removed or moved during the build, and what was paid "
            f"for could not be put back: {why}",
            "If it was moved, move it back; then build again.",
        )
