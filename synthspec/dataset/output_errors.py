"""What an error of the file system means for the output of a build, and how to go on."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from pathlib import Path

from synthspec.diagnostics.errors import system_reason

SHOWN = 120  # characters of a path in a message
_AGAIN = "and build again: no call is made for what was paid for"

_MEANINGS: Mapping[int, tuple[str, str]] = {
    errno.ENAMETOOLONG: ("its path is longer than this system allows", "name a shorter folder with --out"),
    errno.ENOSPC: ("no space left on the disk", f"make room {_AGAIN}"),
    errno.EDQUOT: ("no space left in your quota", f"make room {_AGAIN}"),
    errno.EFBIG: ("the file would be too large for this disk, or for the limit set with `ulimit -f`",
                  "write several smaller files with `output.partition_by`, or name another folder with --out"),
    errno.EACCES: ("it may not be written", f"make it writable {_AGAIN}, or name another folder with --out"),
    errno.EPERM: ("it may not be written", f"make it writable {_AGAIN}, or name another folder with --out"),
    errno.EROFS: ("the disk can only be read", "name another folder with --out"),
    errno.ENOTDIR: ("there is a file where a folder is needed", "remove that file, or name another folder with --out"),
    errno.EEXIST: ("there is a file where a folder is needed", "remove that file, or name another folder with --out"),
    errno.EISDIR: ("there is a folder where a file is needed", "remove that folder, or name another one with --out"),
    errno.EMFILE: ("too many files are open", f"allow more (`ulimit -n 1024`) {_AGAIN}"),
    errno.ENFILE: ("too many files are open on this machine", f"close some {_AGAIN}"),
    errno.EIO: ("the disk does not answer as it should", "name a folder on another disk with --out"),
}  # fmt: skip


def explain_output(error: OSError, folder: Path) -> tuple[str, str]:
    """A message and a remedy for an output that cannot be written.

    >>> explain_output(OSError(errno.ENOSPC, "No space left on device", "b/rows.csv"), Path("b"))[0]
    "the output 'b/rows.csv' cannot be written: no space left on the disk"
    """
    path = str(error.filename or folder)
    name = path if len(path) <= SHOWN else f"{path[:SHOWN]}… ({len(path):,} characters)"
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return _MEANINGS[error.errno]  # whatever was opened last is not to blame
    why, help = _MEANINGS.get(error.errno or 0, (system_reason(error), f"check the folder {_AGAIN}"))
    return f"the output '{name}' cannot be written: {why}", help
