"""Which code may run: what a person has trusted, by its digest, in a file of theirs. Nothing in a spec adds to it."""

from __future__ import annotations

import json
import os
from pathlib import Path

from synthspec.diagnostics.errors import system_reason
from synthspec.sources.user_folders import config_folder

FILE = "trusted"


def trust_file() -> Path | None:
    """The file: a line for each that is trusted, its digest and where it lay. What is removed is forgotten."""
    folder = config_folder()
    return None if folder is None else folder / FILE


def is_trusted(digest: str) -> bool:
    """Whether code of this digest was trusted before."""
    path = trust_file()
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path is not None else []
    except OSError:
        return False
    return any(line.split(maxsplit=1)[:1] == [digest] for line in lines)


def remember(digest: str, where: Path) -> str:
    """Remember that code is trusted: "" where that is done, or why it cannot be."""
    if is_trusted(digest):
        return ""
    path = trust_file()
    if path is None:
        return "the user has no home folder"
    line = f"{digest} {json.dumps(str(where))}\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line.encode())  # one write: two at once lose neither
        finally:
            os.close(file)
    except OSError as e:
        return f"'{path}' cannot be written: {system_reason(e)}"
    return ""
