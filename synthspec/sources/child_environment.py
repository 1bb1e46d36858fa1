"""What a process that runs code of a spec is given of our environment: what Python needs, and no key or token."""

from __future__ import annotations

import os

PASSED_ON = ("PATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "SYSTEMROOT")


def child_environment(*also: str) -> dict[str, str]:
    """The variables that are passed on, those named besides among them."""
    return {name: os.environ[name] for name in (*PASSED_ON, *also) if name in os.environ}
