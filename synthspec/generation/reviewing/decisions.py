"""Reviews folded into what is to become of each row. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from synthspec.inference.store.reviews import Review
from synthspec.lazy_dataclass import dataclass


@dataclass(slots=True)
class Decision:
    """What the reviews of one row, as it stood, come to: the last word of all reviewers counts."""

    path: str
    digest: str
    rejected: bool = False
    reason: str = ""  # why it is rejected
    reviewer: str = ""  # who rejected it
    patch: dict[str, Any] = field(default_factory=dict)  # of all edits that hold, the later over the earlier
    accepted: bool = False
    flagged: bool = False
    notes: list[str] = field(default_factory=list)
    retried: Review | None = None  # the latest wish to have it asked again
    reviews: list[Review] = field(default_factory=list)  # in the order in which they were made

    @property
    def verb(self) -> str:
        """What is to become of the row: `reject`, `edit`, `retry`, `accept`, or nothing decided (``)."""
        if self.rejected:
            return "reject"
        if self.retried is not None:
            return "retry"
        return "edit" if self.patch else "accept" if self.accepted else ""

    @property
    def acts(self) -> bool:
        """Whether the dataset is another by it."""
        return self.rejected or bool(self.patch)

    def take(self, review: Review) -> None:
        """The next review of the row."""
        self.reviews.append(review)
        match review.verb:
            case "accept":
                self.accepted, self.rejected, self.retried = True, False, None
            case "reject":
                self.rejected, self.accepted, self.retried = True, False, None
                self.reason, self.reviewer = review.reason, review.reviewer
            case "edit":
                self.patch.update(review.patch)
                self.rejected, self.retried = False, None
            case "retry":
                self.retried, self.rejected, self.accepted = review, False, False
            case "flag":
                self.flagged = True
        if review.verb in ("flag", "note") and review.reason:
            self.notes.append(review.reason)


Decisions = dict[str, dict[str, Decision]]  # by path, then by digest


def decide(reviews: Iterable[Review]) -> Decisions:
    """What is to become of each row that was reviewed. `reviews` are those not taken back, in order.

    >>> said = [Review(1, "3", "d", "ana", "reject", "dull"), Review(2, "3", "d", "ben", "edit", patch={"a": 1})]
    >>> decide(said)["3"]["d"].verb
    'edit'
    """
    found: Decisions = {}
    for review in reviews:
        of_path = found.setdefault(review.path, {})
        if review.digest not in of_path:
            of_path[review.digest] = Decision(review.path, review.digest)
        of_path[review.digest].take(review)
    return found


def digest_of_decisions(applied: Iterable[Decision], retries: Mapping[str, str]) -> str:
    """What tells the reviews that a dataset was made with from any others, for its manifest: what they changed, and the
    remarks with which requests were made again, by key."""
    said = sorted([d.path, d.digest, d.rejected, d.reason, json.dumps(d.patch, sort_keys=True)] for d in applied)
    text = json.dumps([said, sorted(retries.items())])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
