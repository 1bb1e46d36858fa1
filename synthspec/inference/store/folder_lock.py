"""One process at a time in a build folder: a lock that the system drops when its holder dies."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

_held: dict[str, int] = {}  # lock file -> process that holds it here: a forked child does not inherit it
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)  # what a link named so points to would be written over
_guard = threading.Lock()  # POSIX locks belong to a process: a second one of ours would not be refused


class FolderLocked(Exception):
    """Another build holds the folder. `pid` is None where the holder could not be read."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(f"locked by process {pid}")
        self.pid = pid


class FolderLock:
    """An exclusive lock on the file at `path`, from construction to `release`.

    Raises:
        FolderLocked: someone else holds it.
        OSError: the folder is missing, read-only, or its file system keeps no locks.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._name = os.path.realpath(path)
        with _guard:
            if _held.get(self._name) == os.getpid():
                raise FolderLocked(os.getpid())
            self._file = _take(path)
            _held[self._name] = os.getpid()

    def release(self) -> None:
        """Give the folder back and remove the lock file. A second call does nothing."""
        with _guard:
            if self._file < 0:
                return
            _held.pop(self._name, None)
            _drop(self._file, self._path)
            self._file = -1


def _take(path: Path) -> int:
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | _NOFOLLOW, 0o644)
        try:
            _lock(file)
        except (BlockingIOError, PermissionError):
            pid = _read_pid(file)
            os.close(file)
            raise FolderLocked(pid) from None
        except BaseException:
            os.close(file)
            raise
        if _is_at(file, path):
            os.ftruncate(file, 0)
            os.write(file, f"{os.getpid()}\n".encode())
            return file
        os.close(file)  # its last holder removed it between our opening and locking it: try the one there now


def _read_pid(file: int) -> int | None:
    try:
        return int(os.read(file, 32).decode("ascii").strip())
    except (OSError, ValueError):
        return None


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except OSError:
        return False


if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    _FAR = 1 << 30  # the locked byte lies past the number, which others could not read otherwise

    def _lock(file: int) -> None:
        os.lseek(file, _FAR, os.SEEK_SET)
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        os.lseek(file, 0, os.SEEK_SET)

    def _drop(file: int, path: Path) -> None:
        os.close(file)
        path.unlink(missing_ok=True)

else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # not flock: a forked child would go on holding it

    def _drop(file: int, path: Path) -> None:
        try:
            if _is_at(file, path):  # not one that a later build made in a folder made again
                path.unlink()
        except OSError:
            pass  # the folder became read-only: an unlocked file left behind does no harm
        finally:
            os.close(file)
