"""Rows of one request: all different, each from another anchor row of the source where there are enough."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from synthspec.inference.ngram.dice import Dice
from synthspec.inference.ngram.draft import RowDraft
from synthspec.inference.ngram.material import Material, topics_of
from synthspec.inference.ngram.origin import Origin
from synthspec.inference.ngram.scene import Scene
from synthspec.spec.asked import fields_asked
from synthspec.spec.backends_used import endpoints_of_speaker

if TYPE_CHECKING:
    from synthspec.spec import Prompt
    from synthspec.spec.messages import Request

SAME_ROW_TRIES = 12


class RowWriter:
    """Writes the rows of one request."""

    def __init__(self, material: Material, prompt: Prompt, request: Request) -> None:
        self.material, self.prompt, self.request = material, prompt, request
        self.fields = fields_asked(prompt, material.fields)
        self.known = material.conditions(request.values)
        self.lengths = {name: n for name in prompt.writes if (n := _length(name, self.known)) is not None}
        self.demands = material.demands(prompt)
        self.topics = topics_of(request.values)
        self.speaker = _speaker(prompt, request.endpoint)
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

    def source_of(self, name: str) -> tuple[Origin | None, str]:
        """The source to learn a field from, and its column: for a message the one named like who says it, if any is."""
        if self.speaker:
            spoken = next((o for o in self.material.origins.values() if self.speaker in o.texts), None)
            if spoken is not None:
                return spoken, self.speaker
        return self.material.origin(self.prompt, name), name

    def _dice(self, index: int, attempt: int) -> Dice:
        r = self.request
        values = sorted((str(k), repr(v)) for k, v in r.values.items())
        return Dice("rows", r.seed, r.prompt, r.rows, r.attempt, values, index, attempt)

    def scene(self, origin: Origin) -> Scene:
        if id(origin) not in self._scenes:
            hints = self.material.hints(origin, self.request.values)
            weight = origin.weights(self.known, hints)
            pool = origin.pool(weight, self.request.seed % 2)
            self._scenes[id(origin)] = Scene(pool, pool.of(weight), self.request.attempt)
        return self._scenes[id(origin)]


def _speaker(prompt: Prompt, endpoint: str) -> str:
    """Who of a dialogue is asked; "" where it is no dialogue."""
    if prompt.dialogue is None:
        return ""
    asked = (s.name for s in prompt.dialogue.speakers if endpoint in endpoints_of_speaker(prompt, s))
    return next(asked, "")


def _length(name: str, known: Mapping[str, Any]) -> int | None:
    """How many words a combination asks of a field, by a number named `summary_length`, `summary_words`."""
    for ending in ("length", "words"):
        value = known.get(f"{name}_{ending}")
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 1:
            return int(value)
    return None
