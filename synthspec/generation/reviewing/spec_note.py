"""Which spec a build folder was made from, as its store notes it: where a folder's own files do not say."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from synthspec.inference.store import Store
from synthspec.inference.store.reader import StoreReader
from synthspec.lazy_dataclass import dataclass

NOTE = "spec"


@dataclass(frozen=True, slots=True)
class SpecNote:
    """The spec's file, and what options set in it."""

    path: Path
    overrides: Mapping[str, str]


def note_spec(store: Store, folder: Path, path: Path, overrides: Mapping[str, str]) -> None:
    """Note the spec of a build, relative to its folder: they may be moved together.

    Raises:
        StoreFault: it could not be written.
    """
    if not path.is_file():
        return
    try:
        place = os.path.relpath(path.absolute(), folder.absolute())
    except ValueError:  # on another drive
        place = str(path.absolute())
    text = json.dumps({"path": Path(place).as_posix(), "overrides": dict(overrides)}, sort_keys=True)
    if store.get_meta(NOTE) != text:
        store.set_meta(NOTE, text)


def noted_spec(folder: Path) -> SpecNote | None:
    """The spec that a folder was last built from; None where that is not noted.

    Raises:
        StoreFault: there is no store, or it cannot be read.
    """
    with StoreReader.open_readonly(folder) as store:
        text = store.get_meta(NOTE)
    try:
        said = json.loads(text or "")
        path = folder / str(said["path"])
        return SpecNote(Path(os.path.normpath(path)), {str(k): str(v) for k, v in said["overrides"].items()})
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
