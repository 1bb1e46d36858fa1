"""The switch of a folder from one dataset to the next: all files of the new one, or all of the old.

A build writes into `.next/files`. When everything is there and durable, `.next/list.json` names each file with the
digest of the one it replaces, and one rename, `.next` to `.commit`, decides. From then on the new dataset stands:
its files are moved to their places, the manifest last, files that no longer belong are removed, then `.commit` is.
Whatever opens the folder after a crash finishes that first (`settle`), so that no command sees a mixture.

A result that is poorer than the dataset that stands goes to `incomplete/` beside it, by the same switch.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from synthspec.dataset.atomic_files import digest_of
from synthspec.dataset.manifest import listed_files, read_manifest
from synthspec.dataset.switch_changes import (
    INCOMPLETE,
    FileChange,
    changes_of,
    is_inside,
    is_within,
    parents_in,
    refuse_blocked,
)
from synthspec.diagnostics.errors import SynthspecError, system_reason
from synthspec.durable import sync_file, sync_folder
from synthspec.inference.store.folder_lock import FolderLock, FolderLocked
from synthspec.inference.store.locking import LOCK

NEXT, COMMIT = ".next", ".commit"
FILES, LIST = "files", "list.json"  # inside either
PATIENCE = 30.0  # seconds that a reader waits for a build that is switching now


class SwitchFault(SynthspecError):
    """A switch that was cut off cannot be finished. `help` says how to go on."""


def stage(folder: Path) -> Path:
    """An empty folder for the files of the next dataset. The caller holds the lock of `folder`.

    Raises:
        OSError: it cannot be made.
    """
    clear_stage(folder)
    place = folder / NEXT / FILES
    place.mkdir(parents=True)
    return place


def clear_stage(folder: Path) -> None:
    """Remove what a build that ended early had staged; what stands is untouched."""
    shutil.rmtree(folder / NEXT, ignore_errors=True)


def commit(folder: Path, into: str = "", digests: Mapping[str, str] | None = None) -> None:
    """Put the staged dataset in its place: in the folder itself, or in `into` inside it.

    `digests` are those of staged files, by path, that are known already.

    Raises:
        OSError: before the switch was decided, and the old dataset stands; or after, and the next command finishes it.
    """
    staged = folder / NEXT / FILES
    new = {path.relative_to(staged).as_posix(): path for path in sorted(staged.rglob("*")) if path.is_file()}
    prefix = f"{into}/" if into else ""
    changes = changes_of(folder, prefix, new, digests or {})
    refuse_blocked(folder, changes)
    for path in new.values():
        sync_file(path)
    document = {"into": into, "files": [[c.path, c.old, c.new] for c in changes]}
    listing = folder / NEXT / LIST
    listing.write_text(json.dumps(document, indent=1, ensure_ascii=False), encoding="utf-8")
    sync_file(listing)
    for place in sorted((p for p in staged.rglob("*") if p.is_dir()), key=lambda p: -len(p.parts)):
        sync_folder(place)
    sync_folder(staged)
    sync_folder(folder / NEXT)
    (folder / NEXT).rename(folder / COMMIT)
    sync_folder(folder)
    roll_forward(folder)


def settle(folder: Path) -> None:
    """Finish a switch that was cut off, if there is one; for whatever reads the folder.

    Raises:
        SwitchFault: another build is at it and does not end, or it cannot be finished.
    """
    if folder.name == INCOMPLETE:
        settle(folder.parent)
    if not (folder / COMMIT).is_dir():
        return
    until = time.monotonic() + PATIENCE
    while True:
        try:
            lock = FolderLock(folder / LOCK)
            break
        except FolderLocked as held:
            if not (folder / COMMIT).is_dir():
                return
            if time.monotonic() > until:
                message = f"a build of {folder} (process {held.pid}) is putting a dataset in its place"
                raise SwitchFault(message, "wait for it and run this again") from None
            time.sleep(0.05)
        except OSError as e:
            raise _cut_off(folder, e) from None
    try:
        roll_forward(folder)
    except OSError as e:
        raise _cut_off(folder, e) from None
    finally:
        lock.release()


def roll_forward(folder: Path) -> None:
    """Finish a switch that was decided. Can be cut off and done again at any step. The caller holds the lock.

    Raises:
        SwitchFault: what is listed is not of this folder.
        OSError: a file cannot be moved; a later call goes on from there.
    """
    decided = folder / COMMIT
    if not decided.is_dir() or decided.is_symlink():
        return
    if (decided / LIST).is_file():
        into, changes = _read_changes(folder)
        coming = [c for c in changes if c.new is not None]
        going = [c for c in changes if c.new is None]
        for change in going:  # a file where a folder is to be, or the other way round
            if any(is_within(change.path, c.path) or is_within(c.path, change.path) for c in coming):
                _remove(folder, change, ())
        _move(folder, decided / FILES, into, coming)
        stands = tuple(identity for c in coming if (identity := _identity(folder / c.path)) is not None)
        for change in going:
            _remove(folder, change, stands)
        shutil.rmtree(decided / FILES, ignore_errors=True)
        sync_folder(folder)
        (decided / LIST).unlink()  # nothing is left to do: from here on it is only a folder to be removed
    shutil.rmtree(decided)
    sync_folder(folder)


def standing(folder: Path) -> Mapping[str, Any] | None:
    """The manifest of the dataset that stands in a folder; None where none does, or none of its files is left."""
    manifest = read_manifest(folder)
    files = listed_files(manifest)
    return manifest if any((folder / f.path).is_file() for f in files if is_inside(f.path)) else None


def is_poorer(kept: int, wanted: int, manifest: Mapping[str, Any] | None) -> bool:
    """Whether a result must not take the place of the dataset of this manifest.

    It is where rows are missing from it and either none are from the other, or it holds fewer rows.
    """
    if manifest is None or kept >= wanted:
        return False
    other_kept, other_wanted = _number(manifest, "funnel", "kept"), _number(manifest, "spec", "rows")
    return other_kept >= other_wanted or kept < other_kept


def _number(manifest: Mapping[str, Any], *path: str) -> int:
    value: Any = manifest
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value if isinstance(value, int) else 0


def _read_changes(folder: Path) -> tuple[str, list[FileChange]]:
    """Where the switch goes, and what it consists of. A folder may come from elsewhere: nothing outside is touched."""
    try:
        document = json.loads((folder / COMMIT / LIST).read_text(encoding="utf-8"))
        into, changes = str(document["into"]), [FileChange(str(p), old, new) for p, old, new in document["files"]]
    except (ValueError, KeyError, TypeError):
        raise _not_ours(folder, LIST) from None
    if into not in ("", INCOMPLETE):
        raise _not_ours(folder, into)
    for change in changes:
        staged = change.new is None or not into or is_within(change.path, into)
        if not staged or not is_inside(change.path) or any(p.is_symlink() for p in parents_in(folder, change.path)):
            raise _not_ours(folder, change.path)
    return into, changes


def _move(folder: Path, staged: Path, into: str, coming: Sequence[FileChange]) -> None:
    """Every file to its place. Folders are made durable before the last file, the manifest, is moved."""
    places = {folder, *(p for c in coming for p in parents_in(folder, c.path))}
    for number, change in enumerate(coming, start=1):
        if number == len(coming):
            _sync_all(places)
        source = staged / (change.path[len(into) + 1 :] if into else change.path)
        if source.exists():
            target = folder / change.path
            target.parent.mkdir(parents=True, exist_ok=True)
            source.replace(target)
    _sync_all(places)


def _sync_all(places: Iterable[Path]) -> None:
    for place in sorted(places, key=lambda p: -len(p.parts)):
        sync_folder(place)


def _remove(folder: Path, change: FileChange, stands: tuple[tuple[int, int], ...]) -> None:
    """Remove a file that no longer belongs; one that was changed since it was written is no longer ours."""
    path = folder / change.path
    if path.is_symlink() or not path.is_file() or _identity(path) in stands:  # case may not tell two names apart
        return
    if digest_of(path) == change.old:
        path.unlink()
        place = path.parent
        with suppress(OSError):
            while place != folder:
                place.rmdir()  # fails where something is left in it
                place = place.parent


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _cut_off(folder: Path, error: OSError) -> SwitchFault:
    why = system_reason(error)
    return SwitchFault(
        f"a build of {folder} ended while its files were put in their places, and that cannot be finished: {why}",
        "make the folder writable and run this again; every file is in .commit or in its place",
    )


def _not_ours(folder: Path, path: str) -> SwitchFault:
    return SwitchFault(
        f"{folder / COMMIT} is not what a build left there: '{path}' does not belong to this folder",
        "remove .commit and build again: no call is made for what was paid for",
    )
