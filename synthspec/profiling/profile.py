"""A sample to its profile: every column by itself, then what columns have to do with each other."""

from __future__ import annotations

from synthspec.lazy_dataclass import dataclass
from synthspec.profiling.columns.classify import profile_column
from synthspec.profiling.columns.profile import ColumnProfile, Labels, Moments, Numbers
from synthspec.profiling.relations.dependencies import find_dependencies
from synthspec.profiling.relations.derived import find_computed, find_following
from synthspec.profiling.relations.numbers import as_numbers, find_number_relations
from synthspec.profiling.relations.relation import Relations
from synthspec.profiling.relations.repeats import count_repeats, missing_together
from synthspec.profiling.relations.same_row import find_same_row
from synthspec.profiling.sample import Sample


@dataclass(frozen=True, slots=True)
class Profile:
    """All that was learnt from a sample."""

    sample: Sample
    columns: tuple[ColumnProfile, ...]
    relations: Relations


def profile_sample(sample: Sample) -> Profile:
    """What the columns of a sample hold, and how they hang together."""
    columns = tuple(profile_column(c) for c in sample.columns)
    values = {c.name: _as_labels(c.values, p) for c, p in zip(sample.columns, columns, strict=True)}
    numbers = {c.name: as_numbers(values[c.name]) for c in columns if isinstance(c.kind, Labels | Numbers | Moments)}
    computed = find_computed(columns, numbers)
    same_row = find_same_row([c for c in columns if c.name not in {x.child for x in computed}], values)
    fixed = frozenset(name for s in same_row for name in (s.owner, *s.brought))
    depends = find_dependencies(columns, values, fixed)
    children = frozenset(d.child for d in depends) | fixed
    follows = find_following(columns, numbers, children)
    set_apart = {c.child for c in computed} | {f.child for f in follows}
    set_apart |= {c.name for c in columns if c.name in fixed and isinstance(c.kind, Numbers)}
    free = tuple(c for c in columns if c.name not in set_apart)
    by_label, correlated, weaker = find_number_relations(free, values, children)
    together, repeats = missing_together(sample, columns), count_repeats(sample, columns)
    found = Relations(depends, by_label, correlated, computed, follows, same_row, weaker, together, repeats)
    return Profile(sample, columns, found)


def _as_labels(values: tuple[object, ...], profile: ColumnProfile) -> tuple[object, ...]:
    """Dates that are listed as labels are texts there."""
    if isinstance(profile.kind, Labels):
        return tuple(v.isoformat() if hasattr(v, "isoformat") else v for v in values)
    return values
