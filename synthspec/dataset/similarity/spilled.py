"""A long run of 32-bit numbers of which the newest are in memory and all others in a temporary file without a name."""

from __future__ import annotations

import os
import tempfile
import weakref
from pathlib import Path
from typing import IO

import numpy as np

from synthspec.dataset.similarity.shingles import Array

ROOM = 1 << 18  # numbers in memory: a run that has no more makes no file
_WIDTH = 4


class SpilledNumbers:
    """Numbers in the order they came, read by place. The file is made in `folder`, or where the system has such."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._newest = np.empty(ROOM, np.uint32)
        self._spilled = 0  # how many are in the file
        self._count = 0
        self._file: IO[bytes] | None = None

    def __len__(self) -> int:
        return self._count

    def append(self, numbers: Array) -> None:
        """Take in numbers, which are then either all in memory or all in the file.

        Raises:
            OSError: the file cannot be made or written.
        """
        if self._count - self._spilled + len(numbers) > len(self._newest):
            self._spill(self._newest[: self._count - self._spilled])
            if len(numbers) > len(self._newest):
                self._spill(numbers)
        at = self._count - self._spilled
        if len(numbers) <= len(self._newest):
            self._newest[at : at + len(numbers)] = numbers
            self._count += len(numbers)

    def between(self, start: int, end: int) -> Array:
        """Those from one place up to another.

        Raises:
            OSError: the file cannot be read.
        """
        return np.frombuffer(self._bytes(start, end), np.uint32)

    def gathered(self, starts: Array, ends: Array) -> Array:
        """Those of several stretches, one stretch after another.

        Raises:
            OSError: the file cannot be read.
        """
        parts = [self._bytes(start, end) for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        return np.frombuffer(b"".join(parts), np.uint32)

    def _bytes(self, start: int, end: int) -> bytes:
        spilled = self._spilled
        if start >= spilled:
            return self._newest[start - spilled : end - spilled].tobytes()
        assert self._file is not None
        found = os.pread(self._file.fileno(), (min(end, spilled) - start) * _WIDTH, start * _WIDTH)
        return found if end <= spilled else found + self._bytes(spilled, end)

    def _spill(self, numbers: Array) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - open for as long as this is there
            weakref.finalize(self, self._file.close)
        self._file.write(numbers.data)
        self._file.flush()
        self._spilled += len(numbers)
        self._count = max(self._count, self._spilled)
