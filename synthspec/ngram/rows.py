"""Rows of one request: all different, each from another anchor row of the source where there are enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from synthspec.ngram.dice import Dice
from synthspec.ngram.draft import RowDraft
from synthspec.ngram.material import Material, topics_of
from synthspec.ngram.origin import Origin
from synthspec.ngram.scene import Scene

if TYPE_CHECKING:
    from synthspec.records import Request
    from synthspec.spec import Prompt

SAME_ROW_TRIES = 12


class RowWriter:
    """Writes the rows of one request."""

    def __init__(self, material: Material, prompt: Prompt, request: Request) -> None:
        self.material, self.prompt, self.request = material, prompt, request
        self.fields = tuple(material.fields[name] for name in prompt.writes if name in material.fields)
        self.known = material.conditions(request.values)
        self.topics = topics_of(request.values)
        self.seen: dict[str, set[str]] = {}
        self._scenes: dict[int, Scene] = {}

    def write(self) -> list[dict[str, Any]]:
        """As many rows as the request asks for; different ones as far as their fields allow."""
        rows: list[dict[str, Any]] = []
        taken: set[str] = set()
        for index in range(self.request.rows):
            for attempt in range(SAME_ROW_TRIES):
                row = RowDraft(self, self._dice(index, attempt)).write()
                mark = repr(row)
                if mark not in taken:
                    break
            taken.add(mark)
            rows.append(row)
        return rows

    def _dice(self, index: int, attempt: int) -> Dice:
        r = self.request
        values = sorted((str(k), repr(v)) for k, v in r.values.items())
        return Dice("rows", r.seed, r.prompt, r.rows, r.attempt, values, index, attempt)

    def scene(self, origin: Origin) -> Scene:
        if id(origin) not in self._scenes:
            hints = self.material.hints(origin, self.request.values)
            weight = origin.weights(self.known, hints)
            pool = origin.pool(weight, self.request.seed % 2)
            self._scenes[id(origin)] = Scene(pool, pool.of(weight))
        return self._scenes[id(origin)]
