"""How far the review of a dataset has come, and how far its reviewers agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from synthspec.dataset.manifest import read_manifest
from synthspec.evaluation.agreement import Agreement, agreement_of
from synthspec.generation.reviewing.decisions import decide, digest_of_decisions
from synthspec.generation.reviewing.retries import read_retries
from synthspec.inference.store.derived.row_views import LoggedRow, count_kept, rows_at
from synthspec.inference.store.reader import StoreReader
from synthspec.inference.store.reviews import Review, read_reviews
from synthspec.lazy_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ReviewProgress:
    """The figures of a review. A row is reviewed where it was accepted, rejected or edited, or is to be asked again."""

    rows: int  # that the build kept
    reviewed: int
    verbs: Mapping[str, int]  # rows by what is to become of them
    flagged: int
    noted: int
    stale: tuple[str, ...]  # rows that are no longer what was reviewed, or are gone
    waiting: tuple[str, ...]  # rows that the next build asks again
    reviewers: Mapping[str, int]  # rows by who judged them
    agreements: Mapping[tuple[str, str], Agreement]  # of each two reviewers
    disputed: tuple[str, ...]  # rows on which reviewers do not agree
    applied: bool  # whether the dataset that stands is as the reviews have it

    def as_dict(self) -> dict[str, Any]:
        """For a program."""
        return {
            "rows": self.rows,
            "reviewed": self.reviewed,
            "verbs": dict(self.verbs),
            "flagged": self.flagged,
            "noted": self.noted,
            "stale": list(self.stale),
            "waiting": list(self.waiting),
            "reviewers": dict(self.reviewers),
            "agreements": [
                {"reviewers": list(who), "rows": a.rows, "agreed": a.agreed, "share": a.share, "kappa": a.kappa}
                for who, a in self.agreements.items()
            ],
            "disputed": list(self.disputed),
            "applied": self.applied,
        }


def review_progress(folder: Path) -> ReviewProgress:
    """The figures of a build folder.

    Raises:
        StoreFault: its rows or its reviews cannot be read.
    """
    reviews = read_reviews(folder)
    decisions = decide(reviews)
    rows = rows_at(folder, decisions)
    now = {path: of_path[rows[path].digest] for path, of_path in decisions.items() if _holds(rows, path, of_path)}
    verbs = Counter(d.verb for d in now.values() if d.verb)
    by_reviewer = _by_reviewer(reviews, rows)
    names = sorted(by_reviewer)
    pairs = {
        (one, other): [
            (by_reviewer[one][p], by_reviewer[other][p]) for p in by_reviewer[one] if p in by_reviewer[other]
        ]
        for one, other in combinations(names, 2)
    }
    told: dict[str, set[str]] = {}
    for judged in by_reviewer.values():
        for path, verb in judged.items():
            told.setdefault(path, set()).add(verb)
    waiting = tuple(sorted((p for p, d in now.items() if d.verb == "retry"), key=_order))
    return ReviewProgress(
        rows=count_kept(folder),
        reviewed=verbs.total(),
        verbs={verb: verbs[verb] for verb in ("accept", "edit", "reject", "retry") if verbs[verb]},
        flagged=sum(d.flagged for d in now.values()),
        noted=sum(bool(d.notes) for d in now.values()),
        stale=tuple(sorted((p for p in decisions if p not in now and not _is_done(decisions[p])), key=_order)),
        waiting=waiting,
        reviewers={name: len(by_reviewer[name]) for name in names},
        agreements={who: agreement_of(both) for who, both in pairs.items()},
        disputed=tuple(sorted((p for p, verbs in told.items() if len(verbs) > 1), key=_order)),
        applied=_is_applied(folder, reviews, rows, len(waiting)),
    )


def _holds(rows: Mapping[str, LoggedRow], path: str, of_path: Mapping[str, Any]) -> bool:
    return path in rows and rows[path].digest in of_path


def _is_done(of_path: Mapping[str, Any]) -> bool:
    """Whether the row was asked again since: it is another by that."""
    return any(d.retried is not None for d in of_path.values())


def _by_reviewer(reviews: Sequence[Review], rows: Mapping[str, LoggedRow]) -> dict[str, dict[str, str]]:
    """The verdict of each reviewer on each row as it stands."""
    found: dict[str, dict[str, str]] = {}
    for name in {r.reviewer for r in reviews}:
        own = decide(r for r in reviews if r.reviewer == name)
        judged = {p: of[rows[p].digest].verb for p, of in own.items() if _holds(rows, p, of)}
        found[name] = {p: verb for p, verb in judged.items() if verb}
    return {name: judged for name, judged in found.items() if judged}


def _is_applied(folder: Path, reviews: Sequence[Review], rows: Mapping[str, LoggedRow], waiting: int) -> bool:
    """Whether the manifest names the digest of what the reviews come to now."""
    of_rows = [d for p, of in decide(reviews).items() if p in rows for d in of.values() if d.digest == rows[p].digest]
    acting = [d for d in of_rows if d.acts]
    retries: dict[str, str] = {}
    if any(r.verb == "retry" for r in reviews):
        with StoreReader.open_readonly(folder) as store:
            retries = {key: remark.said for key, remark in read_retries(reviews, store, made=True).items()}
    said = (read_manifest(folder) or {}).get("reviews")
    if not acting and not retries and not waiting and not isinstance(said, Mapping):
        return True
    return isinstance(said, Mapping) and not waiting and said.get("digest") == digest_of_decisions(acting, retries)


def _order(path: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in path.split("."))
