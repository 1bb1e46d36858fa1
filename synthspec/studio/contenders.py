"""The datasets that can be set side by side: those of the specs, and those that `compare` built beside them."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from synthspec.dataset.manifest import FILE_NAME, read_manifest, rows_in_dataset
from synthspec.dataset.switch_changes import INCOMPLETE
from synthspec.evaluation.blind.pairs import Pairing
from synthspec.evaluation.report.build_figures import build_figures
from synthspec.inference.store.derived.row_log import FILE as ROWS
from synthspec.lazy_dataclass import dataclass
from synthspec.studio.context import RequestRefused, Studio
from synthspec.studio.reviewed_rows import reviews_file

MOST = 500  # datasets


@dataclass(frozen=True, slots=True)
class Contender:
    """A dataset: its folder below `build/`, the model that made it, its rows."""

    folder: str
    name: str
    model: str
    rows: int | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Contenders:
    """The datasets below `build/` of where the studio was started."""

    def __init__(self, studio: Studio) -> None:
        self._build = studio.home / "build"
        self._pairings: dict[tuple[Path, Path], tuple[Any, Pairing]] = {}
        self._lock = threading.Lock()

    def listed(self) -> list[Contender]:
        """Every dataset with rows, by its folder."""
        found = []
        for folder in self._folders():
            manifest = read_manifest(folder)
            if manifest is not None and (folder / ROWS).is_file():
                figures = build_figures(manifest)
                name, rows = str(manifest.get("name") or folder.name), rows_in_dataset(manifest)
                found.append(Contender(self._named(folder), name, figures["backend"] or "no model", rows))
        return found

    def folder(self, name: str) -> Path:
        """The dataset's folder of this name.

        Raises:
            RequestRefused: there is no such dataset.
        """
        found = next((f for f in self._folders() if self._named(f) == name), None)
        if found is None:
            raise RequestRefused(404, f"there is no dataset '{name}'", "choose one of those that are listed")
        return found

    def tried(self, name: str, backend: str) -> str:
        """The folder in which `synthspec compare` builds a spec on a backend."""
        return f"{name}/compare-{re.sub(r'[^A-Za-z0-9._-]+', '-', backend)}"

    def pairing(self, first: Path, second: Path, pair: Callable[[Path, Path], Pairing]) -> Pairing:
        """The pairs of two datasets, kept as long as both stay what they are."""
        files = [[folder / FILE_NAME, folder / ROWS, reviews_file(folder)] for folder in (first, second)]
        stamps = [_stamp(file) for of_one in files for file in of_one]
        with self._lock:
            known = self._pairings.get((first, second))
            if known is not None and known[0] == stamps:
                return known[1]
            found = pair(first, second)
            self._pairings = {(first, second): (stamps, found)}  # one at a time is looked at
            return found

    def _named(self, folder: Path) -> str:
        return folder.relative_to(self._build).as_posix()

    def _folders(self) -> Iterator[Path]:
        count = 0
        for folder in _below(self._build):
            inside = [folder, *_below(folder)]
            for each in inside:
                if (each / FILE_NAME).is_file() and each.name != INCOMPLETE and count < MOST:
                    count += 1
                    yield each
                elif (each / INCOMPLETE / FILE_NAME).is_file() and count < MOST:
                    count += 1
                    yield each / INCOMPLETE


def _below(folder: Path) -> list[Path]:
    """Folders in a folder. No link is followed, and none that begins with a dot."""
    try:
        return sorted(p for p in folder.iterdir() if p.is_dir() and not p.is_symlink() and not p.name.startswith("."))
    except OSError:
        return []


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
