"""Files that ship with the package: the JSON Schema, the example specs and the library."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from synthspec.document.reader import MapNode
from synthspec.plugins import find_plugin, is_plugin, plugin_fault

_PACKAGE = Path(__file__).parent.parent


def _shipped(inside: str, checkout: str) -> Path:
    packaged = _PACKAGE / "data" / inside
    return packaged if packaged.exists() else _PACKAGE.parent / checkout


def schema_path() -> Path:
    """The JSON Schema of the language."""
    return _shipped("synthspec.schema.json", "schemas/synthspec.schema.json")


@cache
def language_schema(kinds: tuple[str, ...] = ()) -> dict[str, Any]:
    """The JSON Schema of the language, as shipped, with these kinds of source that packages brought."""
    loaded: dict[str, Any] = json.loads(schema_path().read_text(encoding="utf-8"))
    del loaded["anyOf"]  # a file that extends others may leave its version to them; all of them together have one
    loaded["required"] = ["synthspec"]
    branches = loaded["$defs"]["source"]["anyOf"]
    branches += [_schema_of(name) for name in kinds]
    return loaded


def _schema_of(kind: str) -> dict[str, Any]:
    """The JSON Schema of a kind of source; any map of one that cannot be used, which is told later."""
    if plugin_fault("source_kinds", kind) is not None:
        return {"type": "object", "required": [kind]}
    schema: dict[str, Any] = find_plugin("source_kinds", kind).KIND.map_schema()
    return schema


def installed_kinds(document: MapNode) -> tuple[str, ...]:
    """The kinds of source that a document uses and that the shipped schema does not have."""
    sources = document.get("sources")
    maps = [e.value for e in sources.entries if isinstance(e.value, MapNode)] if isinstance(sources, MapNode) else []
    strange = {e.key.text for m in maps for e in m.entries} - _own_keys()
    return tuple(sorted(n for n in strange if is_plugin("source_kinds", n)))


@cache
def _own_keys() -> frozenset[str]:
    """Every key of the kinds of source that the shipped schema has."""
    return frozenset(k for branch in language_schema()["$defs"]["source"]["anyOf"] for k in branch["properties"])


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
