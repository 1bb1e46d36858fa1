"""New specs: blank, from the library, from one that ships, or from data that a person dropped."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from synthspec.compiler import compile_spec
from synthspec.dataset.names import safe_name
from synthspec.document.resources import library_folder, library_names, schema_path, specs_folder
from synthspec.document.starters import (
    SCHEMA,
    blank_spec,
    copied_spec,
    extending_spec,
    is_name,
    shipped_specs,
)
from synthspec.sources import readable, suffix_of
from synthspec.studio.context import RequestRefused, Studio
from synthspec.studio.looking import LookedAt, look_at_file
from synthspec.studio.paths import confined

OLD = 24 * 3600  # seconds after which dropped data that nobody took is removed
MOST_BYTES = 512 << 20


@cache
def examples() -> list[dict[str, Any]]:
    """The specs that ship, with what each is for."""
    found = []
    for name in shipped_specs():
        spec = compile_spec(specs_folder() / f"{name}.yaml").spec
        if spec is not None:
            rows = None if spec.open_ended else spec.rows
            found.append({"name": name, "description": " ".join(spec.description.split()), "rows": rows})
    return found


@cache
def blocks() -> list[dict[str, Any]]:
    """The specs of the library, with the parameters that they bring."""
    found = []
    for name in library_names():
        spec = compile_spec(library_folder() / f"{name}.yaml").spec
        if spec is not None:
            parameters = [p.name for p in spec.parameters]
            found.append({"name": name, "description": " ".join(spec.description.split()), "parameters": parameters})
    return found


class DroppedData:
    """Files that were dropped on the page, until a spec is made of them."""

    def __init__(self, studio: Studio) -> None:
        self._folder = studio.state_folder("dropped")

    def place(self, name: str) -> tuple[str, Path]:
        """A name and a path for a file that comes.

        Raises:
            RequestRefused: files of its kind cannot be read.
        """
        base = name.replace("\\", "/").rpartition("/")[2]
        suffix = suffix_of(Path(base))
        if suffix not in readable():
            message = f"'{base[:80]}' cannot be read" + (f": no table ends with {suffix}" if suffix else "")
            raise RequestRefused(422, message, f"drop a file that ends with one of {', '.join(readable())}")
        self._forget()
        id = secrets.token_hex(12)
        (self._folder / id).mkdir()
        return id, self._folder / id / safe_name(base)

    def find(self, id: str) -> Path:
        """The file of this name.

        Raises:
            RequestRefused: there is none, or it is gone.
        """
        known = id.isalnum() and id.isascii() and (self._folder / id).is_dir()
        files = list((self._folder / id).iterdir()) if known else []
        if len(files) != 1:
            raise RequestRefused(404, "this file is not there any more", "drop it again")
        return files[0]

    def remove(self, id: str) -> None:
        """Forget a file."""
        shutil.rmtree(self.find(id).parent, ignore_errors=True)

    def _forget(self) -> None:
        for folder in self._folder.iterdir():
            with suppress(OSError):
                if time.time() - folder.stat().st_mtime > OLD:
                    shutil.rmtree(folder, ignore_errors=True)


def look(studio: Studio, id: str, reading: Mapping[str, Any], name: str) -> LookedAt:
    """What is in data that was dropped, and the spec that would be made of it.

    Raises:
        RequestRefused: it is gone.
        SynthspecError: it cannot be read so.
    """
    return look_at_file(studio.service(DroppedData).find(id), reading, name)


def make_spec(studio: Studio, asked: Mapping[str, Any]) -> str:
    """Write a new spec. Its path below the folder.

    Raises:
        RequestRefused: it cannot be called so, is there already, or nothing says what to make.
    """
    name = asked.get("name")
    if not isinstance(name, str) or not is_name(name) or name.lower().endswith((".yaml", ".yml")):
        raise RequestRefused(422, "that cannot be its name", "use letters, digits, - and _, a letter or digit first")
    files = _files(studio, name, asked)
    spec = f"{name}.yaml"
    if confined(studio.folder, spec).exists():
        raise RequestRefused(409, f"'{spec}' is there already", "choose another name")
    _write(studio.folder, files, spec)
    if isinstance(asked.get("data"), str):
        studio.service(DroppedData).remove(asked["data"])
    return spec


def _files(studio: Studio, name: str, asked: Mapping[str, Any]) -> dict[Path, bytes]:
    match asked.get("from"):
        case "blank":
            return blank_spec(name)
        case "example" if asked.get("example") in shipped_specs():
            return copied_spec(name, str(asked["example"]))
        case "library" if isinstance(asked.get("blocks"), list):
            known = {b["name"]: b["parameters"] for b in blocks()}
            chosen = {b: known[b] for b in asked["blocks"] if isinstance(b, str) and b in known}
            if chosen:
                return extending_spec(name, chosen)
        case "data" if isinstance(asked.get("data"), str):
            reading = asked.get("reading")
            return dict(look(studio, asked["data"], reading if isinstance(reading, Mapping) else {}, name).files)
    raise RequestRefused(400, "say what the spec is made from", "choose an example, or drop a file")


def _write(folder: Path, files: Mapping[Path, bytes], spec: str) -> None:
    """Write the files, the spec last and never over another; data that is there stays where it is the same."""
    others = {confined(folder, p.as_posix()): data for p, data in files.items() if p.as_posix() != spec}
    taken = [p for p, data in others.items() if p.exists() and p.read_bytes() != data]
    if taken:
        raise RequestRefused(
            409, f"'{taken[0].relative_to(folder)}' is there already, and is another", "choose another name"
        )
    schema = folder / SCHEMA
    if not schema.is_symlink() and (not schema.exists() or schema.read_bytes() != schema_path().read_bytes()):
        others[schema] = schema_path().read_bytes()
    for path, data in others.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    try:
        with confined(folder, spec).open("xb") as file:
            file.write(files[Path(spec)])
    except FileExistsError:
        raise RequestRefused(409, f"'{spec}' is there already", "choose another name") from None
