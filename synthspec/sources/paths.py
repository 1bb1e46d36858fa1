"""Files that a source names: relative to the file it is written in, and below the spec's folder."""

from __future__ import annotations

from pathlib import Path

from synthspec.diagnostics import nearest_file
from synthspec.diagnostics.remedies import suggest
from synthspec.document.inheritance import inside
from synthspec.document.source import path_fault
from synthspec.sources import wildcards
from synthspec.sources.matching import matching_files
from synthspec.sources.source_kind import Place, SourceFault


def find_file(text: str, place: Place) -> Path:
    """The file of a path in a spec.

    Raises:
        SourceFault: there is none (E511), or it lies outside (E513).
    """
    wrong = path_fault(text)
    if wrong is not None:
        raise SourceFault(*wrong)
    path = place.folder / text
    if not inside(path, place.home):
        help = "copy the file below the spec's folder and name it there"
        raise SourceFault(f"'{text}' lies outside the spec's folder", help, "E513")
    if not path.is_file():
        raise SourceFault(f"there is no file '{text}'", instead_of(text, place))
    return path


def instead_of(text: str, place: Place) -> str:
    """What to write in place of a path at which there is nothing."""
    parent, folder = (place.folder / text).parent, text[: text.rfind("/") + 1]
    near = nearest_file(text[len(folder) :], [p.name for p in parent.iterdir()] if parent.is_dir() else [])
    return suggest(f"{folder}{near}") if near else "check the path; it is relative to the file it is written in"


def is_pattern(text: str, place: Place) -> bool:
    """Whether a path stands for several files: it has a wildcard, and there is no file of that very name."""
    return wildcards.is_pattern(text) and path_fault(text) is None and not (place.folder / text).is_file()


def find_files(text: str, place: Place) -> list[Path]:
    """The file of a path in a spec, or the files that a pattern finds, in the order of their names.

    Raises:
        SourceFault: there is none (E511), or one lies outside (E513).
    """
    if not is_pattern(text, place):
        return [find_file(text, place)]
    if ".." in Path(text).parts:
        help = "copy the files below the spec's folder and name them there"
        raise SourceFault(f"'{text}' lies outside the spec's folder", help, "E513")
    found = sorted(matching_files(text, place))
    if not found:
        help = "check the pattern; it is relative to the file it is written in"
        raise SourceFault(f"no file matches '{text}'", help)
    return [place.folder / name for name in found]
