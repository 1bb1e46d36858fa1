"""The tests' mock of a server, in a process of its own, for a benchmark."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOOPBACK = Path(__file__).parent.parent / "tests" / "loopback.py"


@contextmanager
def mock_server(*, words: int = 0, latency: float = 0.0) -> Iterator[str]:
    """The address of a server on 127.0.0.1 that keeps no record of its calls.

    `words` are those of every reply, the mock's own number where it is 0; `latency` is in seconds.
    """
    command = [sys.executable, str(LOOPBACK), "--forget", "--latency", str(latency), "--words", str(words)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.communicate("")  # it ends with its standard input
