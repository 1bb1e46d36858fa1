"""What a model may not do, what of the system it may use, and what it reads."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

STARTS = frozenset(("os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.spawn", "os.system", "os.startfile",
                    "pty.spawn", "subprocess.Popen"))  # fmt: skip
CONNECTS = frozenset(("socket.connect", "socket.sendto", "socket.getaddrinfo"))
SYSTEM = ("/proc/", "/sys/", "/dev/", "/etc/", "/usr/", "/lib")  # no data of the model's
MAX_READ = 256_000_000  # bytes of the files that a model reads, for its rows to be kept


def guard(home: Path, read: dict[str, None], code: Path) -> None:
    """From now on no process is started and nothing connected to; files that are opened are remembered."""
    places = (sys.prefix, sys.base_prefix, str(home), *sys.path)
    own = tuple({str(Path(p).absolute()) + os.sep for p in places if p})

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event in STARTS:
            raise PermissionError("a model starts no process")
        if event in CONNECTS:
            raise PermissionError("a model makes no connection")
        if event == "open" and isinstance(arguments[0], str) and not str(arguments[1] or "").strip("rbtU"):
            path = os.path.abspath(arguments[0])  # noqa: PTH100 (nothing that opens a file may be called in here)
            if not path.startswith((*own, *SYSTEM)) and not (path.startswith(str(code)) and path.endswith(".py")):
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
