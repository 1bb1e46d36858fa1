"""Kinds of source: what the map of a source may be, each told by a key of its own (`file`, `rows`, …).

One module a kind, named like its key; a package adds one through the entry point group `synthspec.source_kinds`, whose
names are the keys. A module has a literal-free constant:

    KIND = SourceKind(key="rows", describes="Rows written inline.", schema={"type": "array"}, open=open_rows)

and `open(options, place) -> Opened`, which looks at the data as little as it can: a spec is checked with it. What is
heavy is imported inside `open`.
"""

from __future__ import annotations

from synthspec.plugins import find_plugin, plugin_names
from synthspec.sources.source_kind import (
    NO_ACCESS,
    NO_OTHERS,
    SHARED,
    Access,
    Opened,
    OpenedBefore,
    Others,
    Place,
    SourceFault,
    SourceKind,
    UnreadSource,
)
from synthspec.sources.table import Note

__all__ = [
    "NO_ACCESS", "NO_OTHERS", "SHARED", "Access", "Note", "Opened", "OpenedBefore", "Others", "Place", "SourceFault",
    "SourceKind", "UnreadSource", "find_kind", "kind_names",
]  # fmt: skip


def kind_names() -> tuple[str, ...]:
    """The key of every kind that is installed, in alphabetical order."""
    return plugin_names("source_kinds")


def find_kind(name: str) -> SourceKind:
    """The kind of this key.

    Raises:
        LookupError: there is none.
    """
    kind: SourceKind = find_plugin("source_kinds", name).KIND
    return kind
