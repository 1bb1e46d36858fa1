"""Imports the model, and what it may import of its own folder: the files that were looked at, and no others."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.machinery
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from types import CodeType
from typing import Any

from .endings import Ending


class ListedLoader(importlib.machinery.SourceFileLoader):
    """Loads a file of the model's folder if its bytes are those that were looked at; compiled code is not read."""

    digest = ""

    def get_code(self, fullname: str) -> CodeType:
        data = Path(self.path).read_bytes()
        if hashlib.sha256(data).hexdigest() != self.digest:
            raise Ending("changed", name=Path(self.path).name)
        return self.source_to_code(data, self.path)


class Finder:
    """Finds the listed files of the model's folder, and no others there."""

    def __init__(self, folder: Path, files: Mapping[str, str]) -> None:
        self.folder, self.files = folder, files

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """As `importlib` asks for it."""
        inside = fullname.replace(".", "/")
        for name in (f"{inside}/__init__.py", f"{inside}.py"):
            if name in self.files:
                return self.spec(fullname, name)
        if any(name.startswith(f"{inside}/") for name in self.files):
            spec = importlib.machinery.ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = [str(self.folder / inside)]
            return spec
        return None

    def spec(self, fullname: str, name: str) -> importlib.machinery.ModuleSpec | None:
        """The module of a file."""
        loader = ListedLoader(fullname, str(self.folder / name))
        loader.digest = self.files[name]
        return importlib.util.spec_from_file_location(fullname, self.folder / name, loader=loader)


def prepare(folder: Path, files: Mapping[str, str]) -> None:
    """Import what the model is made with, where its files speak of it, before anything of theirs can take its name."""
    texts = [(folder / name).read_bytes() for name in files]
    for name in ("numpy", "mesa"):
        if any(name.encode() in text for text in texts):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
