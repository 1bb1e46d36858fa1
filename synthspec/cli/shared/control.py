"""`build --control FILE`: a file by which another program holds a build, and lets it go on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synthspec.generation.build import Build

PAUSE = b"pause"
EVERY = 0.1  # seconds between two looks


def says_pause(path: Path) -> bool:
    """Whether the file's first word is `pause`. One that is not there, or cannot be read, holds nothing up."""
    try:
        with path.open("rb") as file:
            return file.read(len(PAUSE) + 1).split()[:1] == [PAUSE]
    except OSError:
        return False


@asynccontextmanager
async def following(path: Path | None, build: Build) -> AsyncIterator[None]:
    """Pause the build whenever the file says so, from before its first call."""
    if path is None:
        yield
        return
    build.pause(says_pause(path))
    task = asyncio.create_task(_follow(path, build))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _follow(path: Path, build: Build) -> None:
    while True:
        await asyncio.sleep(EVERY)
        build.pause(says_pause(path))
