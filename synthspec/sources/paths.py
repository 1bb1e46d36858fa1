"""Files that a source names: relative to the file it is written in, and below the spec's folder."""

from __future__ import annotations

from pathlib import Path

from synthspec.diagnostics import nearest
from synthspec.document.inheritance import inside
from synthspec.document.source import path_fault
from synthspec.sources.kinds import Place, SourceFault


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
        folder = text[: text.rfind("/") + 1]
        there = [f"{folder}{p.name}" for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = nearest(text, there)
        help = f"did you mean '{near}'?" if near else "check the path; it is relative to the file it is written in"
        raise SourceFault(f"there is no file '{text}'", help)
    return path
