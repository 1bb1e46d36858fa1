"""The rows of a dataset as its reviews have them: rejected ones left out, edits laid over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from synthspec.dataset.switch_changes import INCOMPLETE
from synthspec.generation.reviewing.editing import RowEditor, open_editor
from synthspec.generation.reviewing.overlay import Leaving, ReviewOverlay
from synthspec.inference.store.derived.row_views import kept_rows
from synthspec.inference.store.reviews import FILE, read_reviews
from synthspec.spec.rows import Row
from synthspec.studio.context import Studio
from synthspec.studio.makers import other_maker
from synthspec.studio.workspace import Workspace


def reviews_file(folder: Path) -> Path:
    """Where the reviews of a dataset are: of an incomplete one, in the folder of its build."""
    return (folder.parent if folder.name == INCOMPLETE else folder) / FILE


def reviewed_rows(studio: Studio, folder: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The path and the values of each row of a dataset, with the reviews that hold.

    Raises:
        StoreFault: its rows or its reviews cannot be read.
    """
    reviews = read_reviews(reviews_file(folder).parent)
    edited = any(r.verb == "edit" for r in reviews)
    overlay = ReviewOverlay(reviews, _editor_of(studio, folder) if edited else None, {})
    for row in kept_rows(folder):
        found = overlay.of(Row(row.combination, row.ordinal or 0, row.values, path=row.names))
        if not isinstance(found, Leaving):
            yield row.path, found.values


def _editor_of(studio: Studio, folder: Path) -> RowEditor | None:
    """The rules of the spec that a dataset is of; None where no spec of the studio is, or it has errors."""
    known = studio.service(Workspace)
    for name in known.paths():
        compiled = known.compiled(studio.spec(name))
        if compiled.spec is None or not compiled.ok:
            continue
        built = studio.dataset_folder(compiled.spec.name) in (folder, *folder.parents)
        if built and other_maker(folder, studio.spec(name), known.files()) is None:
            return open_editor(compiled.spec, compiled.tables)
    return None
