"""The contract of a reply format: what every module that reads replies must do. `docs/extending.md` shows its use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any

from synthspec.diagnostics import Span
from synthspec.formats import Parsed, Shape
from synthspec.languages.expressions.types import INTEGER, TEXT
from synthspec.spec import Field
from synthspec.spec.messages import Constraint

NOWHERE = Span("contract.yaml", 1, 1, 1, 1)
FIELDS = (
    Field("title", TEXT, {"type": "string"}, NOWHERE),
    Field("rating", INTEGER, {"type": "integer"}, NOWHERE),
)
ROWS: tuple[Mapping[str, Any], ...] = (
    {"title": "Strong tea", "rating": 4},
    {"title": "Not for me", "rating": 1},
    {"title": "Cheap and works well", "rating": 3},
)
JUNK = (
    "",
    " \n",
    "I cannot help with that.",
    "{" * 300,
    "[]",
    '{"title": ',
    "\0\ud800",
    "title,rating\n,,,\n",
    "a\r\nb" * 99,
)


class FormatContract:
    """Subclass it, set `module`, and let pytest collect it."""

    module: ModuleType
    options: Mapping[str, Any] = {}
    fields: Sequence[Field] = FIELDS
    rows: Sequence[Mapping[str, Any]] = ROWS  # one alone where a reply cannot hold more

    def shape(self, rows: int = 1) -> Shape:
        """A reply of so many rows."""
        return Shape(tuple(self.fields), rows, self.options)

    def test_describes_itself(self) -> None:
        """The module has every name of the contract, of the right type."""
        m = self.module
        assert isinstance(m.SUMMARY, str)
        assert m.SUMMARY
        assert isinstance(m.OPTIONS, Mapping)
        assert set(self.options) <= set(m.OPTIONS)
        for name in ("faults", "instructions", "constraint", "write", "parse"):
            assert callable(getattr(m, name)), f"{name} is a function"

    def test_carries_these_fields(self) -> None:
        """No fault, instructions for the model, and a constraint that backends may hold to."""
        for rows in {1, len(self.rows)}:
            shape = self.shape(rows)
            assert list(self.module.faults(shape)) == []
            assert self.module.instructions(shape).strip()
            assert isinstance(self.module.constraint(shape), Constraint)

    def test_reads_what_it_writes(self) -> None:
        """The rows that `write` wrote come back, in order, and nothing is rejected."""
        for count in (1, len(self.rows)):
            shape = self.shape(count)
            parsed: Parsed = self.module.parse(self.module.write(self.rows[:count], shape), shape)
            assert [dict(r) for r in parsed.rows] == [dict(r) for r in self.rows[:count]]
            assert not parsed.rejections

    def test_reads_anything_without_an_error(self) -> None:
        """Whatever a model replies: rows, or rejections that say why, never an exception."""
        whole = self.module.write(self.rows, self.shape(len(self.rows)))
        cuts = tuple(whole[: len(whole) * i // 9] for i in range(9))
        for text in (*JUNK, *cuts, whole[::-1], whole * 3):
            parsed = self.module.parse(text, self.shape(len(self.rows)))
            assert isinstance(parsed, Parsed)
            assert all(set(r) <= {f.name for f in self.fields} for r in parsed.rows)

    def test_makes_nothing_up(self) -> None:
        """Of a reply cut off anywhere, every text that is read stands in the reply."""
        whole = self.module.write(self.rows, self.shape(len(self.rows)))
        for cut in range(0, len(whole), max(1, len(whole) // 40)):
            for row in self.module.parse(whole[:cut], self.shape(len(self.rows))).rows:
                assert all(text in whole[:cut] for v in row.values() for text in _texts(v))


def _texts(value: Any) -> Iterator[str]:
    """Every text in a value, but for the names of a map's members and the roles of messages."""
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _texts(item if name != "role" else None)
    elif value is not None:
        yield str(value)
