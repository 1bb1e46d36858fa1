"""Why attempts were rejected, as `rows.sqlite` keeps it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from synthspec.spec.rows import Rejection, Stage

NO_REJECTIONS: Mapping[str, Rejection] = {}
LONGEST_RULE = 80  # characters of a reason that stands for its rule


def noted_rejections(rejections: Iterable[Rejection]) -> list[list[Any]]:
    """What is kept of each: its stage, its rule, its reason, and whether it is about a row kept before."""
    return [[r.stage.value, r.rule, r.reason, r.like_row] for r in rejections]


def read_rejections(noted: Sequence[Any], known: Mapping[str, Rejection] = NO_REJECTIONS) -> tuple[Rejection, ...]:
    """What was kept of some. Before synthspec 0.2 was released only reasons were: the rules of these are in `known`,
    where the build noted them (`rejections_counted`), and a reason stands for its rule where it did not."""
    return tuple([_unnoted(one, known) if isinstance(one, str) else noted_rejection(*one) for one in noted])


def rejections_counted(body: str) -> dict[str, Rejection]:
    """The rejections that a build counted for a combination, by their reasons, of what it noted (`generation/reuse/`).
    Where that does not say whether they are about a row kept before, those between rows are taken to be."""
    try:
        _, _, counted, *_ = json.loads(body)
        return {
            str(reason): noted_rejection(stage, str(rule), str(reason), stage == Stage.NOVEL)
            for _, _, told in counted
            for stage, rule, reason in told
        }
    except (ValueError, TypeError):
        return {}


@lru_cache(maxsize=1024)
def noted_rejection(stage: str, rule: str, reason: str, like_row: bool = False) -> Rejection:
    """A rejection of what is kept of it."""
    return Rejection(Stage(stage), rule, reason, like_row=like_row)


def _unnoted(reason: str, known: Mapping[str, Rejection]) -> Rejection:
    return known.get(reason) or Rejection(Stage.VALID, reason[:LONGEST_RULE], reason)
