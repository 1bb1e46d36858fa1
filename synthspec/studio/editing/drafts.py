"""Edits that are not saved yet, kept beside the specs in `.synthspec/studio/drafts/`: a crash loses nothing."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from synthspec.dataset.atomic_files import write_whole
from synthspec.lazy_dataclass import dataclass
from synthspec.studio.context import RequestRefused, Studio

MOST = 50  # drafts of one spec
_TAB = re.compile(r"[a-z0-9]{6,40}")


@dataclass(frozen=True, slots=True)
class TextDraft:
    """A text that a tab of a browser holds, and the one it began from, whose digest is `base_digest`."""

    tab: str
    text: str
    base: str
    base_digest: str
    saved: float  # seconds since 1970


class Drafts:
    """The drafts of a studio's specs, one a tab of a browser."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def of(self, spec: str) -> list[TextDraft]:
        """The drafts of a spec, the newest first. One that cannot be read is passed over and left where it is."""
        return sorted(self._all(spec), key=lambda d: -d.saved)

    def put(self, spec: str, tab: Any, text: Any, base: Any, base_digest: Any) -> TextDraft:
        """Keep the text of a tab, in place of its earlier one.

        Raises:
            RequestRefused: it is no draft, or cannot be kept.
        """
        if not all(isinstance(v, str) for v in (text, base, base_digest)):
            raise RequestRefused(400, "a draft is a text, and the one it began from")
        path = self._path(spec, tab)
        draft = TextDraft(str(tab), text, base, base_digest, time.time())
        try:
            self._studio.state_folder("drafts")
            path.parent.mkdir(exist_ok=True)
            write_whole(path, json.dumps({"spec": spec, **asdict(draft)}))
            old = sorted(path.parent.glob("*.json"), key=_written_at)
            for each in old[:-MOST]:
                each.unlink(missing_ok=True)
        except (OSError, UnicodeEncodeError) as e:
            raise RequestRefused(422, f"the draft cannot be kept: {e}", "save the spec, or copy its text") from None
        return draft

    def drop(self, spec: str, tab: Any) -> None:
        """Forget the draft of a tab."""
        self._path(spec, tab).unlink(missing_ok=True)

    def _all(self, spec: str) -> Iterator[TextDraft]:
        for path in self._of(spec).glob("*.json"):
            try:
                read = json.loads(path.read_text(encoding="utf-8"))
                draft = TextDraft(*(read[k] for k in ("tab", "text", "base", "base_digest", "saved")))
            except (OSError, ValueError, KeyError, TypeError):
                continue
            kinds = all(isinstance(v, str) for v in (draft.tab, draft.text, draft.base, draft.base_digest))
            if kinds and isinstance(draft.saved, int | float) and read.get("spec") == spec:
                yield draft

    def _of(self, spec: str) -> Path:
        return self._studio.folder / ".synthspec" / "studio" / "drafts" / sha256(spec.encode()).hexdigest()[:24]

    def _path(self, spec: str, tab: Any) -> Path:
        if not isinstance(tab, str) or not _TAB.fullmatch(tab):
            raise RequestRefused(400, "a draft is of a tab")
        return self._of(spec) / f"{tab}.json"


def _written_at(path: Path) -> float:
    """When a draft was written; the start of time for one that another tab just removed."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
