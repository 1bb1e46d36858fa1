"""One combination while it is worked on: what the row machine knows of it, and what is told once its rows are final."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from synthspec.generation.machine.states import ReplyNote, State
from synthspec.generation.scheduling.request_writer import Firsts
from synthspec.generation.scheduling.variety import Chain
from synthspec.lazy_dataclass import dataclass
from synthspec.spec.rows import RowPath


@dataclass(slots=True)
class OpenCombination:
    """One combination being worked on."""

    state: State
    firsts: Firsts
    mark: str  # its listed values
    chain: tuple[Chain, int] | None = None  # where its texts are told to later rows, and its place there
    kept: dict[RowPath, Mapping[str, Any]] = field(default_factory=dict)
    notes: dict[RowPath, list[ReplyNote]] = field(default_factory=dict)
    moved: dict[RowPath, tuple[Firsts, str]] = field(default_factory=dict)
    empty: dict[RowPath, Mapping[str, Any]] = field(
        default_factory=dict
    )  # rows that had none of the next level to make

    def mark_at(self, path: RowPath) -> str:
        """The listed values of the combination that a row is made under: another one where it was moved."""
        return self.moved[path][1] if path in self.moved else self.mark

    def firsts_at(self, path: RowPath) -> Firsts:
        """The first requests of the combination that a row is made under."""
        return self.moved[path][0] if path in self.moved else self.firsts

    def finish_texts(self, fields: tuple[str, ...]) -> None:
        """Its rows are made: later ones may avoid the texts of these fields."""
        if self.chain is None:
            return
        chain, place = self.chain
        self.chain = None
        rows = [row for _, row in sorted(self.kept.items())]
        chain.finish(place, [" ".join(str(r.get(f) or "") for f in fields).strip() for r in rows])
