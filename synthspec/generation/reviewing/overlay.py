"""Reviews laid over the rows of a build, as it hands them on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from synthspec.generation.reviewing.decisions import Decision, Decisions, decide, digest_of_decisions
from synthspec.generation.reviewing.editing import EditedRow, RowEditor
from synthspec.inference.store.derived.row_log import digest_of_values
from synthspec.inference.store.reviews import Review
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.rows import Row, path_text

COUNTED = ("accepted", "edited", "rejected", "refused", "flagged", "stale")


@dataclass(frozen=True, slots=True)
class Leaving:
    """A row that leaves the dataset by a review, and why."""

    row: Row
    reasons: tuple[str, ...]
    reviewer: str
    patch: Mapping[str, Any] = field(default_factory=dict)  # of an edit that its rules refuse


class ReviewOverlay:
    """What the reviews of a folder make of each row. `retries` are the remarks that this build makes requests again
    with, by key; they are told of in `facts` and change nothing here. Without an editor edits are taken as they are,
    for the rules are not known."""

    def __init__(self, reviews: Sequence[Review], editor: RowEditor | None, retries: Mapping[str, str]) -> None:
        self._decisions: Decisions = decide(reviews)
        self._editor, self._retries = editor, retries
        self._applied: list[Decision] = []
        self._done = set[str]()  # paths of which a review holds
        self.counts = dict.fromkeys(COUNTED, 0)

    def of(self, row: Row) -> Row | Leaving:
        """The row as it goes into the dataset, or why it does not."""
        name = path_text(row.path) or str(row.slot)
        if name not in self._decisions:
            return row
        decision = self._decisions[name].get(digest_of_values(row.values))
        if decision is None:
            return row
        self._done.add(name)
        self.counts["flagged"] += decision.flagged
        if decision.acts:
            self._applied.append(decision)
        if decision.rejected:
            self.counts["rejected"] += 1
            return Leaving(row, (decision.reason or "rejected by a reviewer",), decision.reviewer)
        if not decision.patch:
            self.counts["accepted"] += decision.accepted
            return row
        if self._editor is None:
            made = EditedRow({**row.values, **decision.patch})
        else:
            made = self._editor.edit(row.path, row.combination, row.values, decision.patch)
        if made.faults:
            self.counts["refused"] += 1
            last = next(r.reviewer for r in reversed(decision.reviews) if r.verb == "edit")
            return Leaving(row, tuple(f"the edit breaks a rule: {f}" for f in made.faults), last, decision.patch)
        self.counts["edited"] += 1
        return replace(row, values=made.values)

    @property
    def facts(self) -> dict[str, Any]:
        """For the manifest, once every row went by; nothing where there are no reviews."""
        if not self._decisions:
            return {}
        unseen = [self._decisions[path].values() for path in self._decisions.keys() - self._done]
        waiting = sum(any(d.retried is not None for d in of_path) for of_path in unseen)
        stale = len(unseen) - waiting
        said = {**self.counts, "stale": stale, "retried": len(self._retries)}
        return {"digest": digest_of_decisions(self._applied, self._retries), **{n: c for n, c in said.items() if c}}
