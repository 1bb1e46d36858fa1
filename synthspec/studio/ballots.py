"""Votes between two datasets, kept as a log: lines of JSON that are only ever added, each on the disk before it counts.

The first line draws the lot by which the order of each pair is decided, so that it is the same after a reload and in
another tab, and nobody can tell it from the page. A later vote on a pair stands for an earlier one.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import field
from hashlib import sha256
from pathlib import Path
from typing import Any

from synthspec.evaluation.blind.tally import CHOICES
from synthspec.lazy_dataclass import dataclass

SKIPPED = "none"  # takes a vote back


@dataclass(frozen=True, slots=True)
class Ballot:
    """A vote on a pair: for which dataset, on which texts, and whether its person could know which is which."""

    choice: str
    digest: str
    blind: bool


@dataclass(slots=True)
class VoteBox:
    """What a log says."""

    lot: str = ""
    revealed: bool = False
    ballots: dict[str, Ballot] = field(default_factory=dict)
    damaged: int = 0  # lines that cannot be read

    def swapped(self, path: str) -> bool:
        """Whether the second dataset of a pair stands on the left."""
        return sha256(f"{self.lot}/{path}".encode()).digest()[0] % 2 == 1

    def note(self, entry: Mapping[str, Any]) -> None:
        """One line more."""
        if isinstance(entry.get("lot"), str):
            self.lot = self.lot or entry["lot"]  # of two studios that began at once, the first counts
        elif "revealed" in entry:
            self.revealed = self.revealed or bool(entry["revealed"])
        elif isinstance(entry.get("path"), str) and entry.get("choice") in CHOICES:
            ballot = Ballot(str(entry["choice"]), str(entry.get("digest", "")), not self.revealed)
            earlier = self.ballots.get(entry["path"])
            if earlier is None or earlier.digest != ballot.digest or earlier.blind <= ballot.blind:
                self.ballots[entry["path"]] = ballot  # what was voted blind is not unsaid by what was not
        elif isinstance(entry.get("path"), str) and entry.get("choice") == SKIPPED and not self.revealed:
            self.ballots.pop(entry["path"], None)


class VoteLog:
    """The log of two datasets."""

    _lock = threading.Lock()

    def __init__(self, file: Path) -> None:
        self._file = file

    def read(self) -> VoteBox:
        """All that was voted; the lot is drawn where none is."""
        box = self._read()
        if not box.lot:
            self.add({"lot": secrets.token_hex(16)})
            box = self._read()
        return box

    def _read(self) -> VoteBox:
        box = VoteBox()
        with suppress(FileNotFoundError):
            for line in self._file.read_bytes().splitlines():
                try:
                    entry = json.loads(line)
                    box.note(entry)
                except (ValueError, RecursionError, AttributeError, TypeError):
                    box.damaged += bool(line.strip())
        return box

    def add(self, entry: Mapping[str, Any]) -> None:
        """Add a line, on the disk when this returns."""
        line = json.dumps(dict(entry), ensure_ascii=True).encode() + b"\n"
        with self._lock:
            handle = os.open(self._file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                size = os.fstat(handle).st_size
                if size and os.pread(handle, 1, size - 1) != b"\n":
                    line = b"\n" + line  # what a power cut left of a line
                os.write(handle, line)
                os.fsync(handle)
            finally:
                os.close(handle)
