"""A file of lines that others read while it is written: whole lines, appended, so that a byte offset in it stays good.

What cannot be written now, as on a full disk or in a pipe that nobody empties, is kept up to a limit and tried again
with the next line; lines beyond that are left out whole.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

from synthspec.diagnostics.errors import SynthspecError, system_reason

MOST_WAITING = 1 << 20  # bytes
_BLOCK = 1 << 16
_NEVER_AGAIN = (errno.EPIPE, errno.EBADF)  # nobody reads it any more


class LineFileFault(SynthspecError):
    """The file cannot be used; `help` says what to do about it."""


class LineFile:
    """An open file of lines. `warn` is told once that something could not be written, in a sentence.

    A file that is there is gone on with: a line that was cut off at its end is removed first. `mark` is how each of
    its lines begins; a file that begins otherwise is somebody else's.

    Raises:
        LineFileFault: the file cannot be opened, is another one's, or is written by another build.
    """

    def __init__(self, path: Path, mark: bytes, warn: Callable[[str], None]) -> None:
        self._path, self._warn = path, warn
        self._waiting = b""
        self._left_out = self._warned = self._over = False
        self._file = _open(path)
        try:
            self._regular = stat.S_ISREG(os.fstat(self._file).st_mode)
            if self._regular:
                _lock(self._file, path)
                _refuse_foreign(self._file, path, mark)
                _remove_part_of_line(self._file)
        except BaseException:
            os.close(self._file)
            raise

    def put(self, line: bytes) -> None:
        """Write a line, with its end."""
        if self._over:
            return
        if self._waiting:
            self._flush()
        if len(self._waiting) + len(line) > MOST_WAITING:
            self._left_out = True
            return
        self._waiting += line
        self._flush()

    def close(self) -> None:
        """Close the file; a line of which only a part could be written is removed."""
        if not self._over:
            self._flush()
        if self._waiting and self._regular:
            with contextlib.suppress(OSError):
                _remove_part_of_line(self._file)
        with contextlib.suppress(OSError):
            os.close(self._file)
        self._over = True

    def _flush(self) -> None:
        try:
            while self._waiting:
                self._waiting = self._waiting[os.write(self._file, self._waiting) :]
        except BlockingIOError:  # a pipe that is full
            if len(self._waiting) > MOST_WAITING // 2:
                self._tell("nobody reads it fast enough")
        except OSError as e:
            self._over = e.errno in _NEVER_AGAIN
            self._tell(system_reason(e))

    def _tell(self, why: str) -> None:
        if not self._warned:
            self._warned = True
            self._warn(f"events cannot be written to {self._path}: {why}; the build continues")


def _open(path: Path) -> int:
    try:
        if path.is_dir():
            raise LineFileFault(f"events cannot be written to {path}: it is a folder", "name a file in it", 2)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_fifo():
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
    except OSError as e:
        if e.errno == errno.ENXIO:
            help = "start what reads it first"
            raise LineFileFault(f"events cannot be written to {path}: nobody reads this pipe", help, 3) from None
        said = system_reason(e)
        raise LineFileFault(f"events cannot be written to {path}: {said}", "name another file", 3) from None


def _lock(file: int, path: Path) -> None:
    """Keep other builds out of the file while this one writes to it, where the system can do that."""
    try:
        import fcntl
    except ImportError:  # pragma: no cover
        return
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as e:
        if e.errno in (errno.EACCES, errno.EAGAIN):
            help = "give each build a file of its own"
            raise LineFileFault(f"{path} is being written by another build", help, 3) from None


def _refuse_foreign(file: int, path: Path, mark: bytes) -> None:
    begun = os.pread(file, len(mark), 0) if hasattr(os, "pread") else mark
    if begun != mark[: len(begun)]:
        raise LineFileFault(f"{path} is not an event file, and would be appended to", "name another file", 2)


def _remove_part_of_line(file: int) -> None:
    """Cut off what follows the last whole line."""
    end = size = os.lseek(file, 0, os.SEEK_END)
    while end:
        start = max(0, end - _BLOCK)
        os.lseek(file, start, os.SEEK_SET)
        place = os.read(file, end - start).rfind(b"\n")
        if place >= 0:
            end = start + place + 1
            break
        end = start
    if end < size:
        os.ftruncate(file, end)
