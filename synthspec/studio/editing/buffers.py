"""The texts that are being edited, analysed: one analysis a spec, kept while its text stays the same."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from synthspec.diagnostics import has_errors
from synthspec.document.source import read_source
from synthspec.language_service import (
    Analysis,
    Location,
    Position,
    actions,
    analyse,
    complete,
    definition,
    hover,
    lasting_access,
    references,
)
from synthspec.language_service.coloring import tokens
from synthspec.language_service.renaming import rename
from synthspec.studio.context import RequestRefused, Studio
from synthspec.studio.editing.plan_panel import NoPlan, PlanPanel

KEPT = 8  # specs whose analysis is kept
MOST_ACTIONS = 40  # remedies looked for at once


class Buffers:
    """What is known of the texts in the editors of a studio. Each question comes with the whole text."""

    def __init__(self, studio: Studio) -> None:
        self._folder = studio.folder
        self._access = lasting_access()
        self._known: dict[Path, Analysis] = {}
        self._plans: dict[Path, tuple[Analysis, PlanPanel]] = {}
        self._locks: dict[Path, threading.Lock] = {}
        self._guard = threading.Lock()

    def analysis(self, path: Path, text: str) -> Analysis:
        """The analysis of a text as if it were saved at a path."""
        with self._lock(path):
            found = self._known.pop(path, None)
            if found is None or found.text != text:
                found = analyse(path, text, access=self._access)
            self._known[path] = found
            while len(self._known) > KEPT:
                gone = next(iter(self._known))
                del self._known[gone]
                self._plans.pop(gone, None)
            return found

    def plan(self, path: Path, text: str) -> PlanPanel:
        """The plan of a text.

        Raises:
            NoPlan: the text has errors, or none can be made.
        """
        found = self.analysis(path, text)
        if found.spec is None or has_errors(found.diagnostics):
            raise NoPlan("the plan is there when the spec has no errors", "the problems beside the text say what to do")
        known = self._plans.get(path)
        if known is None or known[0] is not found:
            known = self._plans[path] = (found, PlanPanel(found.spec, found.tables))
        return known[1]

    def diagnostics(self, path: Path, text: str) -> dict[str, Any]:
        """What is wrong with a text."""
        found = self.analysis(path, text)
        return {"diagnostics": [{**d.as_dict(), "own": d.span.file == found.file} for d in found.diagnostics]}

    def words(self, path: Path, text: str) -> dict[str, Any]:
        """What each word of the templates and expressions of a text is, by its place."""
        spans = [(t.span, t.kind) for t in tokens(self.analysis(path, text))]
        return {"words": [[s.line, s.column, s.end_line, s.end_column, kind] for s, kind in spans]}

    def remedies(self, path: Path, text: str) -> dict[str, Any]:
        """Remedies that can be applied as they are, by the place of their diagnostic among all."""
        found = self.analysis(path, text)
        made: list[dict[str, Any]] = []
        for number, diagnostic in enumerate(found.diagnostics):
            if diagnostic.span.file != found.file or len(made) >= MOST_ACTIONS:
                continue
            start = Position(diagnostic.span.line, diagnostic.span.column)
            made += [
                {"diagnostic": number, "title": a.title, "edits": [_edit(e) for e in a.edits], "certain": a.certain}
                for a in actions(found, start)
                if a.diagnostic == diagnostic
            ]
        return {"remedies": made}

    def at(self, what: str, path: Path, text: str, position: Position) -> dict[str, Any]:
        """What an editor asks of a place in a text.

        Raises:
            RequestRefused: there is no such question.
        """
        found = self.analysis(path, text)
        match what:
            case "complete":
                return {"items": [i.as_dict() for i in complete(found, position)]}
            case "hover":
                told = hover(found, position)
                return {"hover": None if told is None else told.as_dict()}
            case "definition":
                return {"places": [self._place(found, p) for p in definition(found, position)]}
            case "references":
                return {"places": [self._place(found, p) for p in references(found, position)]}
        raise RequestRefused(400, f"there is no question '{what}'")

    def rename(self, path: Path, text: str, position: Position, name: str) -> dict[str, Any]:
        """The edits that give what stands at a place another name."""
        return rename(self.analysis(path, text), position, name).as_dict()

    def _place(self, analysis: Analysis, location: Location) -> dict[str, Any]:
        """A place in a file: that of a spec of the folder by its path there, another with its text to look at."""
        path = Path(location.path)
        span = location.span
        place: dict[str, Any] = {
            "own": path == analysis.path,
            "name": path.name,
            "spec": None,
            "line": span.line,
            "column": span.column,
            "end_line": span.end_line,
            "end_column": span.end_column,
        }
        if path.is_relative_to(self._folder) and path.suffix in (".yaml", ".yml"):
            place["spec"] = path.relative_to(self._folder).as_posix()
        elif path in analysis.files:
            source, _ = read_source(path)
            place["text"] = source.text if source is not None else None
        lines = analysis.lines if place["own"] else []
        place["shown"] = lines[span.line - 1].strip() if span.line <= len(lines) else ""
        return place

    def _lock(self, path: Path) -> threading.Lock:
        with self._guard:
            return self._locks.setdefault(path, threading.Lock())


def _edit(edit: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = edit.as_dict()
    return found
