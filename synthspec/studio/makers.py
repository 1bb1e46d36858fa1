"""Which spec's dataset is in a folder: specs of one `name:` share `build/NAME`, and none may take another's rows."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from itertools import chain
from pathlib import Path

from synthspec.dataset.manifest import read_manifest
from synthspec.generation.reviewing.spec_note import noted_spec
from synthspec.inference.store.file import StoreFault


def other_maker(folder: Path, spec: Path, known: Iterable[Path] = ()) -> Path | None:
    """The spec that a folder was built from, where it is there and is not `spec`; None of any other folder.

    The folder's store notes its spec. Where it does not, the manifest has the name of the file, which is looked for
    beside `spec` and among the `known` ones.
    """
    if not folder.is_dir():
        return None
    noted = _noted(folder)
    if noted is not None:
        return noted if noted.is_file() and not _same(noted, spec) else None
    about = (read_manifest(folder) or {}).get("spec")
    name = about.get("file") if isinstance(about, dict) else None
    if not isinstance(name, str) or not name or name == spec.name or Path(name).name != name:
        return None
    candidates = chain((spec.parent / name,), (path for path in known if path.name == name))
    return next((path for path in candidates if path.is_file() and not _same(path, spec)), None)


def _noted(folder: Path) -> Path | None:
    with suppress(StoreFault, OSError):
        note = noted_spec(folder)
        return note.path if note is not None else None
    return None


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one == other
