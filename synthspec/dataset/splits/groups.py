"""Which rows must share a split: no text is trained on whose near duplicate is tested on.

A row is near to an earlier one where the texts that prompts wrote are alike in `ALIKE` of their shingles. It
then joins the group of the row most like it, and goes to that group's split. Rows are joined from `JOINED` on
already: two rows that are each 0.8 like a third are at least 0.6 like each other (Jaccard's distance is a
metric; Lipkus, 1999), so a row that comes later does not find itself between two splits. Only a longer chain
could part a pair. That is the price of a row's group depending on the rows before it alone: as a dataset
grows, no row moves.

Texts of fewer than `SHORT` words, labels and the like, are alike by chance and join nothing.

`output.group` says itself which rows belong together: those with the same value go with the first of them.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

from synthspec.dataset.cells import cell_text
from synthspec.dataset.similarity.index import NearIndex
from synthspec.dataset.similarity.shingles import shingle_sets
from synthspec.spec import Spec
from synthspec.spec.conversation import holds_prose, said_in
from synthspec.spec.fan_outs import shared_level
from synthspec.spec.rows import RowPath

ALIKE = 0.8
JOINED = 0.6
SHORT = 5
MOST_COMPARED = 500_000  # different texts held, about 0.7 KB each for a page of prose, 10 KB at most

RowValues = Mapping[str, Any]


class SplitGroups:
    """Groups handed out in plan order."""

    def __init__(
        self, fields: Sequence[str], most: int = MOST_COMPARED, shared: int | None = None, folder: Path | None = None
    ) -> None:
        self._fields, self._most, self._shared = tuple(fields), most, shared
        self._above: RowPath = ()  # the row above a fan-out that the last row came of
        self._of_above = 0  # its group
        self._index = NearIndex(JOINED, folder)
        self._groups = array("q")  # of each text in the index
        self._count = 0
        self._followed = 0
        self._compared = 0
        self._named: dict[bytes, int] = {}  # the group of each value of `output.group`

    @property
    def facts(self) -> dict[str, int]:
        """For the manifest: rows that were compared with all before them, and rows that followed another."""
        return {"compared": self._compared, "followed": self._followed}

    def of(
        self, rows: Sequence[RowValues], paths: Sequence[RowPath] = (), named: Sequence[Any] | None = None
    ) -> list[int | None]:
        """The group of each row: the number of its first row; None where it is like no other yet and none
        can become like it. Rows of the same `named` value, or else those that share what was written above a
        fan-out, go with the first of them."""
        sets = shingle_sets([[cell_text(said_in(row.get(f))) for f in self._fields] for row in rows])
        if named is not None:
            return [self._of_name(value, sets[i]) for i, value in enumerate(named)]
        if self._shared is None:
            return [self._group(sets[i]) for i in range(len(sets))]
        return [self._beside(path[: self._shared + 1], sets[i]) for i, path in enumerate(paths)]

    def _of_name(self, value: Any, shingles: Any) -> int | None:
        if value is None:
            return self._group(shingles)
        key = blake2b(cell_text(value).encode(), digest_size=16).digest()
        if key in self._named:
            self._group(shingles, self._named[key])
        else:
            number = self._count
            group = self._group(shingles)
            self._named[key] = number if group is None else group
        return self._named[key]

    def _beside(self, above: RowPath, shingles: Any) -> int:
        if above == self._above:
            self._group(shingles, self._of_above)
            return self._of_above
        number = self._count
        group = self._group(shingles)
        self._above, self._of_above = above, number if group is None else group
        return self._of_above

    def _group(self, shingles: Any, given: int | None = None) -> int | None:
        number, self._count = self._count, self._count + 1
        full = len(self._groups) >= self._most
        self._compared += not full
        if len(shingles) < 2 * SHORT - 1:  # as many as so many words and their pairs
            return None
        near = self._index.nearest(shingles)
        group = number if near is None else self._groups[near[0]]
        group = group if given is None else given
        self._followed += near is not None
        if full:
            return None if near is None else group
        if near is None or near[1] < 1.0:  # a copy is near to what its original is near to
            self._index.add(shingles)
            self._groups.append(group)
        return group


def _shared(spec: Spec) -> int | None:
    """The level from which rows share a split: what was written above a fan-out, and of several tables the first."""
    levels = [table.level for table in spec.output.tables]
    if not levels or min(levels) == max(levels):
        return shared_level(spec)
    written = shared_level(spec)
    return min(levels) if written is None else min(written, *levels)


def open_split_groups(spec: Spec, folder: Path | None = None) -> SplitGroups | None:
    """What keeps near duplicates in one split, with its temporary file in this folder; None where there is no split, or
    novelty lets none through."""
    fields = tuple(f.name for f in spec.fields if f.value is None and holds_prose(f))
    shared = _shared(spec)
    named = spec.output.group is not None
    if not spec.output.split or (not fields and shared is None and not named):
        return None
    near = spec.novelty.near_duplicates
    if near is not None and near.fields == fields and near.similarity <= ALIKE and shared is None and not named:
        return None
    return SplitGroups(fields, shared=shared, folder=folder)
