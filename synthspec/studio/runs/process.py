"""Processes that outlive the studio: started apart from its terminal, known again by their number and birth."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_STARTED: dict[int, subprocess.Popen[bytes]] = {}  # by this process, to be asked how they ended


def start(command: Sequence[str], home: Path, log: Path) -> int:
    """Start a command of synthspec in a folder; what it says of errors goes to a file. The number of its process.

    It has a session of its own: Ctrl-C in the terminal of the studio does not reach it. Modules are not looked for in
    the folder, which holds data.
    """
    with log.open("ab") as told:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "synthspec", *command],
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=told,
            start_new_session=True,
            env={**os.environ, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"},
        )
    _STARTED[child.pid] = child
    return child.pid


def status_of(pid: int, born: str) -> int | None:
    """The exit status of a process that this one started and that ended; None where that is not known."""
    child = _STARTED.get(pid)
    if child is None or is_running(pid, born):
        return None
    return child.poll()


def birth_of(pid: int) -> str:
    """When a process began, where the system tells that: a number may be given to another later. "" where not."""
    with suppress(OSError, IndexError):
        said = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return said.rpartition(")")[2].split()[19]
    return ""


def is_running(pid: int, born: str) -> bool:
    """Whether the process that was started is still there."""
    if pid <= 0:
        return False
    child = _STARTED.get(pid)
    if child is not None:
        child.poll()  # or it stays, as one that ended and was not asked about
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return not born  # of somebody else, so another one
    if not born:
        return True
    with suppress(OSError, IndexError):
        said = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return said[0] != "Z" and said[19] == born
    return False


def interrupt(pid: int, born: str) -> bool:
    """Ask a process to stop, as Ctrl-C does; whether it was there."""
    if not is_running(pid, born):
        return False
    try:
        os.kill(pid, signal.SIGINT)
    except (ProcessLookupError, PermissionError):
        return False
    return True
