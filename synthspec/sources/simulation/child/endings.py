"""How a run ended, as the process tells it to the one that waits."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Ending(BaseException):
    """The run cannot give rows: how it ended, and what there is to say. No `except Exception` of a model takes it."""

    def __init__(self, how: str, **about: Any) -> None:
        super().__init__(how)
        self.about = {"how": how, **about}


def told(e: BaseException, job: Mapping[str, Any]) -> dict[str, Any]:
    """How a run ended that raised something."""
    if isinstance(e, Ending):
        return e.about
    if isinstance(e, MemoryError):
        return {"how": "memory"}
    how = "exits" if isinstance(e, SystemExit) else "raised"
    folder = Path(job["folder"])
    frames = [(f.filename, f.lineno) for f in traceback.extract_tb(e.__traceback__)]
    if isinstance(e, SyntaxError) and e.filename:
        frames.append((e.filename, e.lineno))
    own = [(name, line) for name, line in frames if Path(name).is_relative_to(folder)]
    file, line = own[-1] if own else ("", 0)
    try:
        said = " ".join(str(e).split())[:200]
    except BaseException:  # its own
        said = "(it cannot be shown)"
    shown = Path(file).relative_to(folder).as_posix() if file else ""
    return {"how": how, "error": type(e).__name__, "said": said, "file": shown, "line": line or 0}
