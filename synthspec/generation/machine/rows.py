"""The rows of a combination that are worked on, by path: a map that is never changed, only followed by another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from synthspec.spec.rows import RowPath

if TYPE_CHECKING:
    from synthspec.generation.machine.states import FanState, RowState

FEW = 32  # rows up to which there is one part
PARTS = 64


class RowStates(Mapping[RowPath, "RowState | FanState"]):
    """Kept in parts, so that a row more or less copies one of them and not all: with 4,096 rows about 130 places."""

    __slots__ = ("_count", "_parts")

    def __init__(
        self, parts: tuple[Mapping[RowPath, RowState | FanState], ...] = ({},), count: int | None = None
    ) -> None:
        self._parts = parts
        self._count = sum(map(len, parts)) if count is None else count

    def _part(self, path: RowPath) -> int:
        return hash(path) % len(self._parts)

    def __getitem__(self, path: RowPath) -> RowState | FanState:
        return self._parts[self._part(path)][path]

    def __iter__(self) -> Iterator[RowPath]:
        for part in self._parts:
            yield from part

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"Rows({dict(self)!r})"

    def having(self, path: RowPath, row: RowState | FanState) -> RowStates:
        """The same with this row at this path."""
        if len(self._parts) == 1 and self._count >= FEW:
            return self._divided().having(path, row)
        at = self._part(path)
        part = {**self._parts[at], path: row}
        return RowStates(
            (*self._parts[:at], part, *self._parts[at + 1 :]), self._count + len(part) - len(self._parts[at])
        )

    def without(self, path: RowPath) -> RowStates:
        """The same without this path."""
        at = self._part(path)
        if path not in self._parts[at]:
            return self
        part = dict(self._parts[at])
        del part[path]
        return RowStates((*self._parts[:at], part, *self._parts[at + 1 :]), self._count - 1)

    def _divided(self) -> RowStates:
        parts: tuple[dict[RowPath, RowState | FanState], ...] = tuple({} for _ in range(PARTS))
        for path, row in self._parts[0].items():
            parts[hash(path) % PARTS][path] = row
        return RowStates(parts, self._count)
