"""The files below a spec's folder that a pattern such as `docs/**/*.md` names, in the order of their paths."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from synthspec.diagnostics.errors import system_reason
from synthspec.document.inheritance import inside
from synthspec.document.source import path_fault
from synthspec.sources.source_kind import Place, SourceFault
from synthspec.sources.wildcards import is_pattern, matches_name, parts_of_pattern

MAX_FILES = 200_000


def matching_files(pattern: str, place: Place) -> list[str]:
    """The paths of the files, as they are written from the folder of the spec, sorted; none may match.

    `*`, `?` and `[a-z]` stand for signs of one name, `**` for any folders or none. Names that begin with a dot are
    matched only by one that does.

    Raises:
        SourceFault: the pattern, or a link on its way, leaves the spec's folder (E513), or is no path (E511).
    """
    wrong = path_fault(pattern)
    if wrong is not None:
        raise SourceFault(*wrong)
    parts = parts_of_pattern(pattern)
    fixed = next((i for i, p in enumerate(parts) if is_pattern(p)), max(0, len(parts) - 1))
    base = "/".join(parts[:fixed])
    if pattern.startswith("/") or not inside(place.folder / base, place.home):
        help = "copy the files below the spec's folder and name them there"
        raise SourceFault(f"'{pattern}' lies outside the spec's folder", help, "E513")
    found: list[str] = []
    for name in _walk(base, parts[fixed:], place, frozenset()):
        if len(found) == MAX_FILES:
            raise SourceFault(f"'{pattern}' matches more than {MAX_FILES:,} files", "name fewer")
        found.append(name)
    return sorted(set(found), key=lambda p: p.split("/"))


def _walk(base: str, parts: tuple[str, ...], place: Place, above: frozenset[str]) -> Iterator[str]:
    """The files below a folder that the parts match. `above`: the folders on the way, against circles of links."""
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _walk(base, rest or ("*",), place, above)
    folder = place.folder / base
    real = os.path.realpath(folder)
    if real in above or not folder.is_dir():
        return
    for name in _names(folder, base, asked=is_pattern(part)):
        path = f"{base}/{name}" if base else name
        hidden = name.startswith(".") and not part.startswith(".")
        if hidden or not matches_name(name, "*" if part == "**" else part):
            continue
        target = folder / name
        wanted = bool(rest) or part == "**"
        if target.is_symlink() and (target.is_dir() == wanted) and not inside(target, place.home):
            help = "copy what it leads to below the spec's folder, or remove the link"
            raise SourceFault(f"'{path}' is a link that leads outside the spec's folder", help, "E513")
        if wanted and target.is_dir():
            yield from _walk(path, parts if part == "**" else rest, place, above | {real})
        elif not wanted and target.is_file():
            yield path


def _names(folder: Path, base: str, asked: bool) -> list[str]:
    """What is in a folder. `asked`: by a pattern, which does not look into the folder of a dataset."""
    try:
        names = sorted(p.name for p in folder.iterdir())
    except OSError as e:
        why = system_reason(e)
        raise SourceFault(f"the folder '{base}' cannot be read: {why}", "allow it to be read, or name others") from None
    return [] if asked and "run.sqlite" in names else names
