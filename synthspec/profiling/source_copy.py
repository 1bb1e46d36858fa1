"""The rows of a sample that its spec reads: only the columns it needs, and no row that tells of people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

import numpy as np

from synthspec.lazy_dataclass import dataclass
from synthspec.profiling.columns.personal import sensitive, tells_of_people
from synthspec.profiling.columns.profile import ColumnProfile, Labels, Moments, Numbers, People, SampledTexts, Texts
from synthspec.profiling.profile import Profile
from synthspec.profiling.sample import LONGEST

MOST_ROWS = 2000
MOST_BESIDE = 12  # columns of labels and numbers that stand beside the texts


@dataclass(frozen=True, slots=True)
class SampleCopy:
    """The rows, the columns in them that prompts show beside texts, and what was left out, in sentences."""

    rows: Sequence[Mapping[str, Any]] = ()
    beside: tuple[ColumnProfile, ...] = ()
    remarks: tuple[str, ...] = ()


def copy_of(profile: Profile) -> SampleCopy:
    """What the spec reads of the sample; nothing where it reads nothing."""
    texts = [c for c in profile.columns if isinstance(c.kind, Texts)]
    whole = {s.owner: s.brought for s in profile.relations.same_row}
    brought = {name for names in whole.values() for name in names}
    drawn = [c for c in profile.columns if isinstance(c.kind, SampledTexts) or c.name in whole]
    beside = _beside(profile) if texts else ()
    if not texts and not drawn:
        return SampleCopy()
    values = {c.name: c.values for c in profile.sample.columns}
    people = [c.name for c in profile.columns if isinstance(c.kind, People)]
    kept, telling, long = [], 0, 0
    for row in range(profile.sample.rows):
        cells = [str(values[c.name][row]) for c in (*texts, *drawn) if values[c.name][row] is not None]
        if any(values[c.name][row] is None for c in (*texts, *drawn) if not c.missing):
            continue
        if not cells or (all(values[c.name][row] is None for c in texts) and texts):
            continue
        if any(len(cell) > LONGEST for cell in cells):
            long += 1
        elif _tells(cells, [values[n][row] for n in people]):
            telling += 1
        elif all(values[c.name][row] is not None for c in drawn):
            kept.append(row)
    held = kept if len(kept) <= MOST_ROWS else _spread(kept)
    columns = [c for c in profile.columns if c in (*texts, *drawn, *beside) or c.name in brought]
    rows = [{c.name: _json(values[c.name][r]) for c in columns if values[c.name][r] is not None} for r in held]
    return SampleCopy(rows, beside, tuple(_remarks(profile, columns, len(held), len(kept), telling, long)))


def _beside(profile: Profile) -> tuple[ColumnProfile, ...]:
    computed = {c.child for c in profile.relations.computed}
    kinds = (Labels, Numbers, Moments, SampledTexts)
    found = [
        c for c in profile.columns if isinstance(c.kind, kinds) and c.name not in computed and not sensitive(c.header)
    ]
    return tuple(found[:MOST_BESIDE])


def _spread(rows: list[int]) -> list[int]:
    places = np.linspace(0, len(rows) - 1, MOST_ROWS).round().astype(int)
    return [rows[p] for p in places.tolist()]


def _tells(cells: list[str], people: list[Any]) -> bool:
    """Whether texts hold data about people: of a known form, or a value of such a column of the same row."""
    if any(tells_of_people(c) for c in cells):
        return True
    named = [str(v).casefold() for v in people if v is not None and len(str(v)) > 3]
    return any(n in c.casefold() for n in named for c in cells)


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime | date | time) else value


def _remarks(
    profile: Profile, columns: list[ColumnProfile], held: int, kept: int, telling: int, long: int
) -> list[str]:
    left = [c.name for c in profile.columns if c not in columns and isinstance(c.kind, People)]
    said = f"{held:,} rows of {profile.sample.file}, with the columns that are read here"
    if held < kept:
        said += f", evenly spaced among {kept:,}"
    found = [said + (f"; without {', '.join(left)}." if left else ".")]
    if telling:
        found.append(f"{telling:,} rows are not among them: their texts mention people (an address, a number, a name).")
    if long:
        found.append(f"{long:,} rows are not among them: they have a text of more than {LONGEST:,} characters.")
    return found
