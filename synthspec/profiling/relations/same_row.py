"""Columns of which every value brings those of others with it: a country its continent, a product its maker and price.

Drawn apart, they would make rows that cannot be; so such values are taken together, from one row of the sample.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from synthspec.profiling.columns.classify import mark
from synthspec.profiling.columns.personal import sensitive
from synthspec.profiling.columns.profile import Codes, ColumnProfile, Labels, Numbers, SampledTexts
from synthspec.profiling.relations.dependencies import MOST_CELLS
from synthspec.profiling.relations.numbers import MOST_CASES
from synthspec.profiling.relations.relation import SameRow

FEWEST = 20  # rows that could have shown another value beside one that came before
AGREEING = 0.98  # share of those that show the same: a few slips are no other rule
COMMONEST = 0.9  # share of a value from which on agreement is chance

Columns = Mapping[str, Sequence[Any]]


def find_same_row(profiles: Sequence[ColumnProfile], columns: Columns) -> tuple[SameRow, ...]:
    """What hangs on short texts, and on labels too many to list the cases of; a column is taken once."""
    owners = sorted((p for p in profiles if _owns(p)), key=lambda p: -p.distinct)
    taken: set[str] = set()
    found = []
    for owner in owners:
        if owner.name in taken:
            continue
        free = [p for p in profiles if p is not owner and p.name not in taken and _can_hang(owner, p)]
        brought = [p for p in free if _hangs(columns[owner.name], columns[p.name], exact=isinstance(p.kind, Numbers))]
        if all(_can_be_listed(owner, p) for p in brought):
            continue  # cases say more than a row
        names = tuple(p.name for p in brought)
        found.append(SameRow(owner.name, names))
        taken |= {owner.name, *names}
    return tuple(found)


def _owns(profile: ColumnProfile) -> bool:
    kind = profile.kind
    return (isinstance(kind, SampledTexts) and not kind.lists) or (
        isinstance(kind, Labels) and not kind.ordered and len(kind.values) > MOST_CASES
    )


def _can_hang(owner: ColumnProfile, child: ColumnProfile) -> bool:
    if child.missing or sensitive(child.header) or child.distinct > owner.distinct:
        return False
    match child.kind:
        case Numbers():
            return True
        case SampledTexts(lists=lists):
            return not lists
        case Codes(unique=unique):
            return not unique
        case Labels():
            return True
        case _:
            return False


def _can_be_listed(owner: ColumnProfile, child: ColumnProfile) -> bool:
    """Whether `given` can name the labels of each label."""
    both = isinstance(owner.kind, Labels) and isinstance(child.kind, Labels)
    return both and owner.distinct * child.distinct <= MOST_CELLS


def _hangs(owners: Sequence[Any], children: Sequence[Any], *, exact: bool) -> bool:
    """Whether a value of the one has one value of the other."""
    beside: dict[Any, Counter[Any]] = defaultdict(Counter)
    for owner, child in zip(owners, children, strict=True):
        if owner is not None and child is not None:
            beside[mark(owner)][mark(child)] += 1
    shown = sum(counts.total() - 1 for counts in beside.values())
    if shown < FEWEST:
        return False
    same = sum(max(counts.values()) - 1 for counts in beside.values())
    every = sum(beside.values(), Counter[Any]())
    varies = max(every.values()) <= COMMONEST * every.total()
    return varies and (same == shown if exact else same >= AGREEING * shown)
