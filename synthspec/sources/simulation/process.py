"""A model in a process of its own: started, watched, ended with all that it started."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthspec.lazy_dataclass import dataclass
from synthspec.sources.child_environment import child_environment
from synthspec.sources.table import MAX_VALUES

MAX_ROWS = 1_000_000
MAX_BYTES = 256_000_000  # of the rows
MEMORY = 4 * 2**30  # bytes of address space, where the system limits it
KEPT = 4_000  # bytes at the end of what it prints
PAUSE = 0.02  # seconds between looks
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class EndedRun:
    """How a run ended: what the process told, else what is known of it; the end of what it printed; the rows."""

    about: Mapping[str, Any]  # "how" is one of done, raised, exits, memory, … of `child`, or time, gone, garbage
    printed: str
    columns: Mapping[str, list[Any]]


def run_model(job: Mapping[str, Any], timeout: float) -> EndedRun:
    """Run a job. Whatever happens here, Ctrl-C too, nothing that it started goes on."""
    limits = {"max_rows": MAX_ROWS, "max_values": MAX_VALUES, "max_bytes": MAX_BYTES, "memory": MEMORY}
    with tempfile.TemporaryDirectory(prefix="synthspec-agents-", ignore_cleanup_errors=True) as name:
        home = Path(name).resolve()
        work = home / "work"
        work.mkdir()
        whole = {**job, **limits, "timeout": timeout, "repeat": True}
        (home / "job.json").write_text(json.dumps(whole), encoding="utf-8")
        about, printed = _watched(home, work, timeout)
        return _read(home, about, printed)


def _watched(home: Path, work: Path, timeout: float) -> tuple[dict[str, Any], str]:
    command = [sys.executable, "-P", "-B", "-X", "utf8", str(Path(__file__).parent / "start.py"), str(home)]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=work,
        env=_environment(work), start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    tail: deque[int] = deque(maxlen=KEPT)
    reader = threading.Thread(target=_drain, args=(process.stdout.fileno(), tail), daemon=True)
    reader.start()
    try:
        in_time = _wait(process, time.monotonic() + timeout)
    finally:
        _end(process)
        reader.join(1)
        if not reader.is_alive():  # else something that left the group holds the other end
            process.stdout.close()
    printed = _ESCAPE.sub("", bytes(tail).decode("utf-8", "replace")).strip()
    if not in_time:
        return {"how": "time"}, printed
    return {"how": "gone", "status": process.returncode}, printed


def _environment(work: Path) -> dict[str, str]:
    """No key or token: only what is listed, and what makes runs alike."""
    passed = child_environment("HOME", "PYTHONPATH", "TZ")
    alike = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    return {**passed, **alike, "TMPDIR": str(work), "TEMP": str(work), "TMP": str(work)}


def _drain(pipe: int, tail: deque[int]) -> None:
    """Read what is printed, however much it is, and keep its end."""
    with contextlib.suppress(OSError, ValueError):
        while piece := os.read(pipe, 1 << 16):
            tail.extend(piece[-KEPT:])


def _wait(process: subprocess.Popen[bytes], end: float) -> bool:
    """Whether it ended in time. It stays a zombie until `_end`, so that its group's number is not another's."""
    while time.monotonic() < end:
        if _is_over(process):
            return True
        time.sleep(PAUSE)
    return _is_over(process)


def _is_over(process: subprocess.Popen[bytes]) -> bool:
    if not hasattr(os, "waitid"):
        return process.poll() is not None
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill it with its whole group, also where it has ended by itself and left others."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _read(home: Path, about: dict[str, Any], printed: str) -> EndedRun:
    """What the process left. Whatever is not as `child` writes it is garbage."""
    told, rows = home / "ended.json", home / "rows.jsonl"
    if about["how"] == "time" or not told.is_file() or told.is_symlink():
        return EndedRun(about, printed, {})
    try:
        if told.stat().st_size > MAX_BYTES or rows.stat().st_size > MAX_BYTES:
            raise ValueError
        ended = json.loads(told.read_text(encoding="utf-8"))
        if not isinstance(ended["how"], str):
            raise ValueError
        columns = _columns(rows, ended) if ended["how"] == "done" else {}
        return EndedRun(ended, printed, columns)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return EndedRun({"how": "garbage"}, printed, {})


def _columns(path: Path, ended: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The rows by column.

    Raises:
        ValueError: they are not as many, or as wide, as was told.
    """
    names = ended["names"]
    columns: list[list[Any]] = [[] for _ in names]
    count = 0
    with path.open(encoding="ascii") as file:
        for line in file:
            count += 1
            for column, value in zip(columns, json.loads(line), strict=True):
                column.append(value)
    if count != ended["rows"] or not all(isinstance(n, str) for n in names) or len(set(names)) != len(names):
        raise ValueError(count)
    return dict(zip(names, columns, strict=True))
