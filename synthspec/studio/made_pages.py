"""Pages that take a while: a report, a comparison. Made by a process of their own when somebody asks, kept by what they
were made of.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from synthspec.dataset.manifest import FILE_NAME, own_version
from synthspec.diagnostics.errors import system_reason
from synthspec.studio.context import Studio

MOST_KEPT = 40  # pages; the oldest go
MOST_TOLD = 2_000  # characters of what a process said of its failure


class MadePages:
    """The pages of one studio, by key: `absent`, `making`, `ready` or `failed`. One is made at a time."""

    def __init__(self, studio: Studio) -> None:
        self._home = studio.home
        self._folder = studio.state_folder("reports")
        self._making: set[str] = set()
        self._failed: dict[str, str] = {}
        self._lock = threading.Lock()
        self._turn = threading.Lock()

    def file(self, key: str) -> Path:
        """Where the page of a key is, once it is made."""
        return self._folder / f"{key}.html"

    def state(self, key: str) -> dict[str, Any]:
        """How the page of a key stands, and why it failed."""
        with self._lock:
            if key in self._making:
                return {"state": "making"}
            if self.file(key).is_file():
                return {"state": "ready"}
            if key in self._failed:
                return {"state": "failed", "message": self._failed[key]}
            return {"state": "absent"}

    def make(self, key: str, command: Sequence[str]) -> dict[str, Any]:
        """Have a page made by a command of synthspec that writes HTML; nothing where it is made or being made."""
        with self._lock:
            if key in self._making or self.file(key).is_file():
                return {"state": "making" if key in self._making else "ready"}
            self._failed.pop(key, None)
            self._making.add(key)
        threading.Thread(target=self._make, args=(key, tuple(command)), daemon=True).start()
        return {"state": "making"}

    def _make(self, key: str, command: Sequence[str]) -> None:
        message = ""
        try:
            with self._turn:
                message = self._run(key, command)
        except OSError as e:
            message = f"it cannot be made: {system_reason(e)}"
        finally:
            with self._lock:
                self._making.discard(key)
                if message:
                    self._failed[key] = message

    def _run(self, key: str, command: Sequence[str]) -> str:
        unfinished = self._folder / f".{key}.html"
        options = ("--format", "html", "--out", str(unfinished), "--quiet")
        done = subprocess.run(
            [sys.executable, "-P", "-m", "synthspec", *command, *options],
            cwd=self._home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={**os.environ, "NO_COLOR": "1"},
            check=False,
        )
        if done.returncode or not unfinished.is_file():
            unfinished.unlink(missing_ok=True)
            told = done.stderr.decode("utf-8", "replace").strip()[:MOST_TOLD]
            return told or f"the process ended with status {done.returncode}"
        unfinished.replace(self.file(key))
        self._forget_old()
        return ""

    def _forget_old(self) -> None:
        with suppress(OSError):
            pages = sorted(self._folder.glob("[!.]*.html"), key=lambda p: p.stat().st_mtime, reverse=True)
            for page in pages[MOST_KEPT:]:
                page.unlink(missing_ok=True)


def page_key(*parts: str, folders: Sequence[Path]) -> str:
    """What a page is known by: what it is asked for, and the manifests of the datasets that it is made of."""
    digest = sha256("\0".join((own_version(), *parts)).encode())
    for folder in folders:
        digest.update(b"\0")
        with suppress(OSError):
            digest.update((folder / FILE_NAME).read_bytes())
    return digest.hexdigest()[:32]
