"""Doing something again whenever one of some files has changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

PAUSE = 0.4  # seconds between two looks

_State = dict[Path, tuple[int, int] | None]


def watch(work: Callable[[], Iterable[Path]], changed: Callable[[list[Path]], None]) -> None:
    """Work, then again each time that one of the files which it returns is changed, made or removed. Never ends by
    itself: Ctrl-C is a KeyboardInterrupt here as everywhere."""
    while True:
        before = _state(work())
        while not (others := [path for path, mark in _state(before).items() if mark != before[path]]):
            wait(PAUSE)
        changed(sorted(others))


def wait(seconds: float) -> None:
    """Let time pass."""
    time.sleep(seconds)


def _state(paths: Iterable[Path]) -> _State:
    return {path: _mark(path) for path in paths}


def _mark(path: Path) -> tuple[int, int] | None:
    """What tells that a file has changed; of a folder, that a file in it was made or removed."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size
