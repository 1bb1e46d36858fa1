"""What a person says of rows, checked against the rows as they stand before it is noted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from synthspec.generation.reviewing.decisions import decide
from synthspec.generation.reviewing.editing import RowEditor
from synthspec.generation.reviewing.retries import RetryRefused, unheard, wish_for
from synthspec.inference.store.derived.row_views import LoggedRow, completions_of, rows_at
from synthspec.inference.store.reader import StoreReader
from synthspec.inference.store.reviews import VERBS, Review, Reviews
from synthspec.lazy_dataclass import dataclass
from synthspec.spec import Prompt

NEED_REASON = {
    "reject": "say why it is rejected",
    "note": "a note without a word says nothing",
    "retry": "say what should be corrected: the model is shown it",
}


@dataclass(frozen=True, slots=True)
class RowRemark:
    """What is said of one row. `digest` is that of the row as it was seen; "" for the row as it is."""

    path: str
    verb: str
    reviewer: str
    reason: str = ""
    patch: Mapping[str, Any] = field(default_factory=dict)
    prompt: str | None = None  # of a `retry`
    digest: str = ""


def changes_nothing(remark: RowRemark) -> bool:
    """Whether it is an edit that names no field."""
    return remark.verb == "edit" and not remark.patch


@dataclass(frozen=True, slots=True)
class Noted:
    """What is to be noted of a row; nothing (`entry` is None) where that is the last that its reviewer said of it.
    `fault` is why it cannot be, `note` what is to be known of it."""

    entry: tuple[str, str, str, str, str, Mapping[str, Any]] | None = None
    fault: str = ""
    note: str = ""


class ReviewDesk:
    """Takes what people say of the rows of a build folder. Without an `editor` edits are not checked until they are
    applied; `prompts` are those of the spec, where it is known."""

    def __init__(self, folder: Path, editor: RowEditor | None = None, prompts: Sequence[Prompt] = ()) -> None:
        self.folder, self.editor = folder, editor
        self._prompts = {p.name: p for p in prompts}

    def check(self, said: Sequence[RowRemark], reviews: Sequence[Review]) -> list[Noted]:
        """Each of these beside the reviews that hold now.

        Raises:
            StoreFault: the rows or the store cannot be read.
        """
        rows = rows_at(self.folder, [one.path for one in said])
        wanted = [one.path for one in said if one.verb == "retry"]
        keys, sharing = completions_of(self.folder, [p for p in wanted if p in rows])
        last = {(r.path, r.digest, r.reviewer): (r.verb, r.reason, dict(r.patch)) for r in reviews}
        decisions = decide(reviews)
        found = []
        for one in said:
            row = rows.get(one.path)
            fault = self._fault(one, row)
            if fault or row is None:
                found.append(Noted(fault=fault))
                continue
            try:
                patch = dict(one.patch) if one.verb == "edit" else self._wish(one, keys, sharing, wanted)
            except RetryRefused as e:
                found.append(Noted(fault=f"row {one.path}: {e}"))
                continue
            if one.verb == "edit" and self.editor is not None:
                before = decisions.get(one.path, {}).get(row.digest)
                merged = {**(before.patch if before is not None else {}), **patch}
                made = self.editor.edit(row.names, row.combination, row.values, merged)
                if made.faults:
                    found.append(Noted(fault=f"row {one.path}: {'; '.join(made.faults)}"))
                    continue
            entry = (one.path, row.digest, one.reviewer, one.verb, one.reason.strip(), patch)
            again = last.get(entry[:3]) == entry[3:]
            prompt = self._prompts.get(str(patch.get("prompt"))) if one.verb == "retry" else None
            found.append(Noted(None if again else entry, note=unheard(prompt) if prompt is not None else ""))
        return found

    def say(self, said: Sequence[RowRemark]) -> list[Noted]:
        """Check and note these, all or none: nothing is noted where one of them cannot be.

        Raises:
            StoreFault: the rows or the reviews cannot be read or written.
        """
        with Reviews(self.folder) as reviews:
            noted = self.check(said, [r for r in reviews.iterate() if r.undone_by is None])
            if not any(one.fault for one in noted):
                reviews.add_all(one.entry for one in noted if one.entry is not None)
        return noted

    def _fault(self, one: RowRemark, row: LoggedRow | None) -> str:
        if one.verb not in VERBS:
            return f"'{one.verb}' is not something to say of a row: {', '.join(VERBS)}"
        if row is None:
            return f"there is no row {one.path}"
        if one.digest and one.digest != row.digest:
            return f"row {one.path} is another than the one that was looked at; look at it again"
        if not row.is_kept and one.verb not in ("flag", "note"):
            return f"row {one.path} is not in the dataset ({row.state}: {row.reason or row.stage}); it can be flagged"
        if one.verb in NEED_REASON and not one.reason.strip():
            return f"row {one.path}: {NEED_REASON[one.verb]}"
        if not one.reviewer.strip():
            return "say who reviews"
        return f"row {one.path}: an edit names the fields that it changes" if changes_nothing(one) else ""

    def _wish(
        self, one: RowRemark, keys: Mapping[str, list[str]], sharing: Mapping[str, list[str]], wanted: Sequence[str]
    ) -> dict[str, Any]:
        if one.verb != "retry":
            return {}
        with StoreReader.open_readonly(self.folder) as store:
            wish = wish_for(one.path, keys[one.path], sharing, wanted, self._prompts, store, one.prompt)
        return dict(wish.patch)
