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

    The folder's store notes the spec of its last build. Where it does not, or the dataset that stands is of another
    file, the manifest has the name of that file, which is looked for beside `spec` and among the `known` ones.
    """
    if not folder.is_dir():
        return None
    noted, name = _noted(folder), _named(folder)
    if noted is not None and name in (None, noted.name):
        return noted if noted.is_file() and not _same(noted, spec) else None
    if name is None or name == spec.name:
        return None
    candidates = chain((spec.parent / name,), (path for path in known if path.name == name))
    return next((path for path in candidates if path.is_file() and not _same(path, spec)), None)


def _named(folder: Path) -> str | None:
    """The name of the file of the spec from which the dataset that stands was made; None where none is known."""
    about = (read_manifest(folder) or {}).get("spec")
    name = about.get("file") if isinstance(about, dict) else None
    return name if isinstance(name, str) and name and Path(name).name == name else None


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
