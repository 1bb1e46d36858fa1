"""The files below a folder that a pattern such as `docs/**/*.md` names, in the order of their paths."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from synthspec.document.inheritance import inside
from synthspec.document.source import path_fault
from synthspec.sources.kinds import Place, SourceFault
from synthspec.sources.paths import instead_of

MAX_FILES = 200_000
_MAGIC = re.compile(r"[*?\[]")


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
        return "check the pattern; it is relative to the file it is written in, and `**/` stands for any folders"
    if (place.folder / pattern).is_dir():
        return f"write '{pattern.rstrip('/')}/**/*.md' for the Markdown files in that folder"
    return instead_of(pattern, place)


def is_pattern(text: str) -> bool:
    """Whether a path has signs that stand for others."""
    return _MAGIC.search(text) is not None


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
    parts = [p for p in re.sub(r"(\*\*/)+", "**/", pattern).split("/") if p not in ("", ".")]
    fixed = next((i for i, p in enumerate(parts) if is_pattern(p)), max(0, len(parts) - 1))
    base = "/".join(parts[:fixed])
    if pattern.startswith("/") or not inside(place.folder / base, place.home):
        help = "copy the documents below the spec's folder and name them there"
        raise SourceFault(f"'{pattern}' lies outside the spec's folder", help, "E513")
    found: list[str] = []
    for name in _walk(base, tuple(parts[fixed:]), place, frozenset()):
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
        if not _matches(name, "*" if part == "**" else part):
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
        why = (e.strerror or str(e)).lower()
        raise SourceFault(f"the folder '{base}' cannot be read: {why}", "allow it to be read, or name others") from None
    return [] if asked and "run.sqlite" in names else names


def _matches(name: str, part: str) -> bool:
    if name.startswith(".") and not part.startswith("."):
        return False
    return _regex(part).fullmatch(name) is not None


@cache
def _regex(part: str) -> re.Pattern[str]:
    """Of one name. A run of stars is one, so that no name takes long."""
    found, at = "", 0
    while at < len(part):
        sign = part[at]
        if sign == "*":
            found += "" if found.endswith(".*") else ".*"
        elif sign == "?":
            found += "."
        elif sign == "[" and (end := part.find("]", at + 2)) > 0:
            inner = part[at + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            found += f"[{'^' + inner[1:] if inner[0] in '!^' else inner}]"
            at = end
        else:
            found += re.escape(sign)
        at += 1
    try:
        return re.compile(found, re.DOTALL)
    except re.error:
        return re.compile(re.escape(part))
