"""Files that ship with the package: the JSON Schema, the example specs and the library."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parent.parent


def _shipped(inside: str, checkout: str) -> Path:
    packaged = _PACKAGE / "data" / inside
    return packaged if packaged.exists() else _PACKAGE.parent / checkout


def schema_path() -> Path:
    """The JSON Schema of the language."""
    return _shipped("synthspec.schema.json", "schemas/synthspec.schema.json")


@cache
def language_schema() -> dict[str, Any]:
    """The JSON Schema of the language, as shipped."""
    loaded: dict[str, Any] = json.loads(schema_path().read_text(encoding="utf-8"))
    return loaded


def specs_folder() -> Path:
    """The example specs."""
    return _shipped("specs", "specs")


def library_folder() -> Path:
    """The reusable fragments."""
    return specs_folder() / "library"


@cache
def library_names() -> tuple[str, ...]:
    """Names of the shipped fragments, in alphabetical order."""
    return tuple(sorted(p.stem for p in library_folder().glob("*.yaml")))
