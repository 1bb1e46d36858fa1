"""What a model may not do, what of the system it may use, and what it reads."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import sys
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

STARTS = frozenset(("os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.spawn", "os.system", "os.startfile",
                    "pty.spawn", "subprocess.Popen"))  # fmt: skip
CONNECTS = frozenset(("socket.connect", "socket.sendto", "socket.getaddrinfo"))
SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/", "/lib")  # no data of the model's
CODE = (".py", ".pyc", ".so", ".pyd", ".pth")
MAX_READ = 256_000_000  # bytes of the files that a model reads, for its rows to be kept


def guard(home: Path, read: dict[str, None], folder: Path, files: Collection[str]) -> None:
    """From now on no process is started and nothing connected to, and data that is opened is remembered in `read`.

    Data is what lies in the model's folder, but for the listed code, and elsewhere what is neither Python's nor code.
    """
    below, code = str(folder) + os.sep, {str(folder / name) for name in files}
    others = (*(str(p) + os.sep for p in (sys.prefix, sys.base_prefix, home)), *SYSTEM)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in STARTS:
            raise PermissionError("a model starts no process")
        if event in CONNECTS:
            raise PermissionError("a model makes no connection")
        if event == "open" and isinstance(arguments[0], str | bytes) and not str(arguments[1] or "").strip("rbtU"):
            path = os.path.abspath(os.fsdecode(arguments[0]))  # noqa: PTH100 (nothing in here may open a file)
            if path.startswith(below):
                data = path not in code
            else:
                data = not path.startswith(others) and not path.endswith(CODE)
            if data:
                read[path] = None

    sys.addaudithook(watch)


def digests_of(read: Mapping[str, None]) -> dict[str, str] | None:
    """The digest of each file that was read; None where there are too many to tell whether they change."""
    found: dict[str, str] = {}
    size = 0
    for name in list(read):
        path = Path(name)
        try:
            size += path.stat().st_size if path.is_file() else 0
            if size > MAX_READ or len(found) > 1000:
                return None
            if path.is_file():
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            return None
    return found


def limit_resources(memory: int, file: int) -> None:
    """Bytes of memory and of a file, where the system can."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_FSIZE, (file, file))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def watch_parent(parent: int, seconds: float) -> None:
    """End with all that was started when the one who waits is gone, or long after the time is up."""
    end = time.monotonic() + seconds + 5
    while os.getppid() == parent and time.monotonic() < end:
        time.sleep(0.5)
    os.killpg(0, signal.SIGKILL)
