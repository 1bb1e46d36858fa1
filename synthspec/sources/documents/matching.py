"""The documents that a source names, by patterns or one by one."""

from __future__ import annotations

from collections.abc import Sequence

from synthspec.sources.matching import matching_files
from synthspec.sources.paths import instead_of
from synthspec.sources.source_kind import Place, SourceFault
from synthspec.sources.wildcards import is_pattern


def named_files(patterns: Sequence[str], place: Place) -> list[str]:
    """The files that any of the patterns matches, each once, sorted by path.

    Raises:
        SourceFault: a pattern matches none (E382), or leads outside the spec's folder (E513).
    """
    found: set[str] = set()
    for pattern in patterns:
        files = matching_files(pattern, place)
        if not files:
            raise SourceFault(f"no file matches '{pattern}'", _instead_of(pattern, place), "E382")
        found.update(files)
    return sorted(found, key=lambda p: p.split("/"))


def _instead_of(pattern: str, place: Place) -> str:
    """What to write where nothing matches."""
    if is_pattern(pattern):
        return "check the pattern; it is relative to the file it is written in, and `**/` matches any folders"
    if (place.folder / pattern).is_dir():
        return f"write '{pattern.rstrip('/')}/**/*.md' for the Markdown files in that folder"
    return instead_of(pattern, place)
