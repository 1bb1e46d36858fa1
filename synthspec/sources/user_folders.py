"""The user's own folders, for what outlasts a build: XDG's on every system, or those that two variables name."""

from __future__ import annotations

import os
from pathlib import Path


def config_folder() -> Path | None:
    """Where settings are kept: `SYNTHSPEC_CONFIG`, or `synthspec` below `XDG_CONFIG_HOME` or `~/.config`."""
    return _folder("SYNTHSPEC_CONFIG", "XDG_CONFIG_HOME", ".config")


def cache_folder() -> Path | None:
    """Where what can be made again is kept: `SYNTHSPEC_CACHE`, or `synthspec` below `XDG_CACHE_HOME` or `~/.cache`."""
    return _folder("SYNTHSPEC_CACHE", "XDG_CACHE_HOME", ".cache")


def _folder(ours: str, shared: str, below_home: str) -> Path | None:
    """None where the user has no home."""
    named = os.environ.get(ours)
    if named:
        return Path(named).absolute()
    base = os.environ.get(shared, "")
    if Path(base).is_absolute():
        return Path(base) / "synthspec"
    try:
        return Path.home() / below_home / "synthspec"
    except RuntimeError:
        return None
