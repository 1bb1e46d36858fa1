"""What the front end makes of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from synthspec.analysis.sections.context import ReadText
from synthspec.diagnostics import Diagnostic, has_errors
from synthspec.document.reader import MapNode
from synthspec.lazy_dataclass import dataclass
from synthspec.sources import Table
from synthspec.spec import Spec


@dataclass(frozen=True, slots=True)
class Compiled:
    """What the front end makes of a file: a spec if it could be understood, and every diagnostic, by place."""

    spec: Spec | None
    tables: Mapping[str, Table]
    diagnostics: tuple[Diagnostic, ...]
    document: MapNode | None = field(default=None, repr=False)  # as written, with all that it extends
    readings: tuple[ReadText, ...] = field(default=(), repr=False)  # its expressions and templates
    files: tuple[Path, ...] = ()  # itself, and what it extends

    @property
    def ok(self) -> bool:
        """Whether there is a spec and nothing is wrong with it (warnings aside)."""
        return self.spec is not None and not has_errors(self.diagnostics)
