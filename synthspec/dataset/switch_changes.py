"""What a switch from one dataset to the next consists of: which files come, which go, and what would stop it."""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from synthspec.dataset.atomic_files import digest_of
from synthspec.dataset.manifest import FILE_NAME as MANIFEST
from synthspec.dataset.manifest import listed_files, read_manifest
from synthspec.lazy_dataclass import dataclass

INCOMPLETE = "incomplete"
REPORT = "report.html"
_BESIDE = ("README.md", "quarantine.jsonl", "rows.sqlite", MANIFEST)  # of every dataset, not listed in its manifest


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of a switch: what stood at its path (None: not known, or nothing) and what will (None: nothing)."""

    path: str  # in the folder, with `/`
    old: str | None
    new: str | None


def changes_of(folder: Path, prefix: str, new: Mapping[str, Path], digests: Mapping[str, str]) -> list[FileChange]:
    """Every file of the switch in the order they are done: the manifest comes last of those that stay."""
    before = dict(_listed(folder / prefix, prefix))
    changes = [FileChange(prefix + p, before.get(prefix + p), digests.get(p) or digest_of(q)) for p, q in new.items()]
    changes.sort(key=lambda c: c.path == prefix + MANIFEST)
    staged = next((path for p, path in new.items() if p == MANIFEST), None)
    manifest = read_manifest(staged.parent) if staged is not None else None
    name = (manifest or {}).get("name")
    going = dict(before) if prefix or (read_manifest(folder) or {}).get("name") == name else {}
    if not prefix:  # what was incomplete is superseded
        going |= _whole(folder / INCOMPLETE, f"{INCOMPLETE}/")
        if any(c.new != c.old for c in changes if c.path not in _BESIDE):
            going |= _report(folder)
    kept = {c.path for c in changes}
    return changes + [FileChange(path, digest, None) for path, digest in going.items() if path not in kept]


def _listed(place: Path, prefix: str) -> Iterator[tuple[str, str]]:
    for file in listed_files(read_manifest(place)):
        if is_inside(file.path) and not any(p.is_symlink() for p in parents_in(place, file.path)):
            yield prefix + file.path, file.sha256


def _whole(place: Path, prefix: str) -> dict[str, str]:
    """Every file of a dataset with its digest, the manifest and the rest too."""
    if read_manifest(place) is None or place.is_symlink():
        return {}
    found = dict(_listed(place, prefix))
    for name in _BESIDE:
        with suppress(OSError):
            found[prefix + name] = digest_of(place / name)
    return found


def _report(folder: Path) -> dict[str, str]:
    """The page about the dataset that stands: of no use beside another one."""
    path = folder / REPORT
    if path.is_symlink() or not path.is_file():
        return {}
    try:
        return {REPORT: digest_of(path)}
    except OSError:
        return {}


def refuse_blocked(folder: Path, changes: Iterable[FileChange]) -> None:
    """Whatever would stop a move must do so before the switch is decided."""
    going = {c.path: c for c in changes if c.new is None}

    def goes(path: Path) -> bool:
        change = going.get(path.relative_to(folder).as_posix())
        return change is not None and not path.is_symlink() and digest_of(path) == change.old

    for change in changes:
        target = folder / change.path
        if change.new is None:
            continue
        if target.is_dir() and not all(goes(p) for p in target.rglob("*") if not p.is_dir()):
            raise OSError(errno.EISDIR, "there is a folder where a file is needed", str(target))
        for place in parents_in(folder, change.path):
            if place.is_symlink() or (place.exists() and not place.is_dir() and not goes(place)):
                raise OSError(errno.ENOTDIR, "there is a file or a link where a folder is needed", str(place))


def parents_in(folder: Path, path: str) -> list[Path]:
    """The folders between a file of the dataset and the folder itself, the nearest first."""
    return list((folder / path).parents)[: len(PurePosixPath(path).parts) - 1]


def is_within(path: str, folder: str) -> bool:
    """Whether a path is inside a folder, both as they are listed."""
    return path.startswith(folder + "/")


def is_inside(path: str) -> bool:
    """Whether a listed path stays inside the dataset's folder."""
    pure = PurePosixPath(path)
    return bool(pure.parts) and not pure.is_absolute() and ".." not in pure.parts and "\0" not in path
