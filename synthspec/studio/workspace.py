"""The specs of the studio's folder, and how each of them stands."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from synthspec.analysis.compiled import Compiled
from synthspec.compiler import compile_spec
from synthspec.dataset.manifest import read_manifest, rows_in_dataset
from synthspec.lazy_dataclass import dataclass
from synthspec.studio.context import RequestRefused, Studio
from synthspec.studio.makers import other_maker
from synthspec.studio.paths import SPECS

DEEPEST = 4  # folders below that of the studio in which specs are looked for
MOST_SPECS = 500
_PASSED_OVER = frozenset({"build", "data", "node_modules", "__pycache__", "venv"})
_READ = 64 << 10  # bytes at the start of a file in which a spec says that it is one
_NAMED = re.compile(rb"(?m)^name:[ \t]*[\"']?([A-Za-z0-9][A-Za-z0-9._-]{0,99})[\"']?[ \t]*(?:#.*)?\r?$")
STALE = 20.0  # seconds after which a spec is checked again though its file is the same: what it reads may have changed


@dataclass(frozen=True, slots=True)
class Checked:
    """A spec as it was checked."""

    compiled: Compiled
    stamp: tuple[int, int]
    at: float


class Workspace:
    """The specs below the studio's folder."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._checked: dict[Path, Checked] = {}
        self._lock = threading.Lock()

    def paths(self) -> list[str]:
        """The specs, by their paths below the folder, in the order of people: those of the folder first."""
        found = []
        for path in _files(self._studio.folder, DEEPEST):
            if _is_spec(path):
                found.append(path.relative_to(self._studio.folder).as_posix())
            if len(found) >= MOST_SPECS:
                break
        return sorted(found, key=lambda p: (p.count("/"), p.lower()))

    def listed(self) -> list[dict[str, Any]]:
        """The specs with what can be told of them at once, unchecked; those known to have errors first."""
        found = []
        paths = self.paths()
        files = [self._studio.folder / path for path in paths]
        for path in paths:
            file = self._studio.folder / path
            head = _head(file)
            named = _NAMED.search(head)
            name = named[1].decode() if named is not None else file.stem
            part = not any(_has_key(head, key) for key in (b"prompts", b"rows", b"fields"))
            known = self._checked.get(file)
            errors = known is not None and not known.compiled.ok
            built = None if part else self._built(name, file, files)
            found.append({"path": path, "part": part, "built": built, "errors": errors})
        return sorted(found, key=lambda s: not s["errors"])

    def compiled(self, path: Path) -> Compiled:
        """The spec as it is on the disk, checked."""
        stamp = _stamp(path)
        with self._lock:
            known = self._checked.get(path)
            if known is not None and known.stamp == stamp and time.monotonic() - known.at < STALE:
                return known.compiled
            compiled = compile_spec(path)
            self._checked[path] = Checked(compiled, stamp, time.monotonic())
            return compiled

    def state(self, path: Path) -> dict[str, Any]:
        """How a spec stands: what is wrong with it, and what was built of it."""
        compiled = self.compiled(path)
        errors = [d for d in compiled.diagnostics if d.severity == "error"]
        spec = compiled.spec
        return {
            "path": path.relative_to(self._studio.folder).as_posix(),
            "name": spec.name if spec is not None else path.stem,
            "description": " ".join(spec.description.split()) if spec is not None else "",
            "rows": None if spec is None or spec.open_ended else spec.rows,
            "errors": len(errors),
            "warnings": len(compiled.diagnostics) - len(errors),
            "first": next((d.message for d in errors), None),
            "library": spec is not None and not errors and not spec.prompts and not spec.fields,
            "built": None if spec is None else self._built(spec.name, path, self.files()),
        }

    def files(self) -> Iterator[Path]:
        """The files of the specs, found as they are asked for."""
        yield from (self._studio.folder / path for path in self.paths())

    def maker(self, name: str, path: Path) -> Path | None:
        """The other spec from which the dataset of this name was made; None where it is of this spec, or of none."""
        return other_maker(self._studio.dataset_folder(name), path, self.files())

    def dataset_folder(self, name: str, path: Path) -> Path:
        """Where the dataset of a spec is built.

        Raises:
            RequestRefused: the dataset that is there was made from another spec of the same name.
        """
        maker = self.maker(name, path)
        if maker is not None:
            message, help = anothers(self._studio, path, name, maker)
            own = (
                maker.relative_to(self._studio.folder).as_posix() if maker.is_relative_to(self._studio.folder) else None
            )
            raise RequestRefused(409, message, help, maker=own)
        return self._studio.dataset_folder(name)

    def _built(self, name: str, path: Path, known: Iterable[Path]) -> dict[str, Any] | None:
        folder = self._studio.dataset_folder(name)
        return None if other_maker(folder, path, known) is not None else built_state(folder)


def anothers(studio: Studio, path: Path, name: str, maker: Path, would: str = "") -> tuple[str, str]:
    """That a dataset is of another spec, and what to do, in words; `would`, what a build of this one would do to it."""
    mine, other = (
        p.relative_to(studio.folder).as_posix() if p.is_relative_to(studio.folder) else str(p) for p in (path, maker)
    )
    rows = rows_in_dataset(read_manifest(studio.dataset_folder(name)))
    what = "the dataset" if rows is None else f"the {rows:,} row{'' if rows == 1 else 's'}"
    many = rows not in (None, 1)
    then = f", and a build of {mine} would {would} {'them' if many else 'it'}" if would else f", not from {mine}"
    return (
        f"{what} in build/{name} {'were' if many else 'was'} made from {other}{then}",
        f"give {mine} another `name:`, so that it has a folder of its own, or move build/{name} elsewhere",
    )


def built_state(folder: Path) -> dict[str, Any] | None:
    """What a manifest says was built; None where nothing was. Cost is None where it is not known."""
    manifest = read_manifest(folder)
    if manifest is None:
        return None
    funnel, run, gates = (_map(manifest.get(key)) for key in ("funnel", "run", "gates"))
    return {
        "rows": rows_in_dataset(manifest),
        "planned": _count(funnel.get("planned")),
        "missing": _count(manifest.get("quarantined")),
        "cost": manifest.get("cost") if isinstance(manifest.get("cost"), int | float) else None,
        "created": run.get("created") if isinstance(run.get("created"), str) else None,
        "failed_gates": sorted(str(name) for name, passed in gates.items() if not passed),
    }


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def _files(folder: Path, depth: int) -> Iterator[Path]:
    """Files that end as specs do. No link is followed."""
    try:
        entries = sorted(os.scandir(folder), key=lambda e: e.name)
    except OSError:
        return
    folders = []
    for entry in entries:
        if entry.name.startswith(".") or entry.is_symlink():
            continue
        if entry.is_file() and entry.name.endswith(SPECS):
            yield Path(entry.path)
        elif depth and entry.is_dir() and entry.name not in _PASSED_OVER:
            folders.append(Path(entry.path))
    for each in folders:
        yield from _files(each, depth - 1)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_READ)
    except OSError:
        return b""


def _has_key(head: bytes, key: bytes) -> bool:
    return head.startswith(key + b":") or b"\n" + key + b":" in head


def _is_spec(path: Path) -> bool:
    """Whether a file says that it is a spec: its key `synthspec` at the start of a line."""
    begun = _head(path)
    return begun.startswith((b"synthspec:", b"\xef\xbb\xbfsynthspec:")) or b"\nsynthspec:" in begun
