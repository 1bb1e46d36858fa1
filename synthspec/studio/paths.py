"""From the path in an address to a file below a folder, and to no other."""

from __future__ import annotations

import stat
from pathlib import Path, PurePosixPath

from synthspec.diagnostics.errors import SynthspecError

SPECS = (".yaml", ".yml")


class OutsideFolder(SynthspecError):
    """A path leads out of the folder, or through a link."""


def confined(folder: Path, path: str) -> Path:
    """The file at a relative path with `/` below a folder. It need not be there.

    Raises:
        OutsideFolder: the path is absolute, climbs, is written in a way that only some systems understand, or goes
            through a symbolic link, wherever that leads.
    """
    parts = PurePosixPath(path).parts
    strange = any(c in path for c in "\0\\") or any(ord(c) < 32 or ord(c) == 127 for c in path)
    if strange or not parts or PurePosixPath(path).is_absolute() or "/".join(parts) != path or ".." in parts:
        raise OutsideFolder(f"{path!r} is not a path below the folder of the studio", "name a file in the folder")
    if ":" in parts[0]:  # a drive, or a stream of a file, elsewhere
        raise OutsideFolder(f"{path!r} is not a path below the folder of the studio", "name a file in the folder")
    found = folder
    for part in parts:
        found = found / part
        try:
            mode = found.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (OSError, ValueError) as e:
            raise OutsideFolder(f"'{path}' cannot be looked at", str(getattr(e, "strerror", "") or "")) from None
        if stat.S_ISLNK(mode):
            raise OutsideFolder(f"'{path}' goes through a symbolic link", "copy what it leads to into the folder")
    return found


def confined_spec(folder: Path, path: str) -> Path:
    """The spec at a relative path below a folder. It need not be there.

    Raises:
        OutsideFolder: as `confined`, or it does not end as specs do.
    """
    if not path.endswith(SPECS):
        raise OutsideFolder(f"'{path}' is not a spec", "the names of specs end in .yaml")
    return confined(folder, path)
