"""What a spec gives the model to learn from, and which of it a combination asks for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from synthspec.inference.ngram.corpus import build_corpus
from synthspec.inference.ngram.demands import demands_of
from synthspec.inference.ngram.guided import Guide, make_guide
from synthspec.inference.ngram.origin import WORKING, Origin, is_running_text
from synthspec.inference.ngram.quotes import prose_of, quoted_texts
from synthspec.inference.ngram.stock import stock
from synthspec.languages.expressions.tree import Name

if TYPE_CHECKING:
    from synthspec.sources import Table
    from synthspec.spec import Prompt, Spec

HINT = 8  # words at most: a longer text is an instruction and names no topic
PHRASES = 5_000  # at most
LEARNED = 5_000  # rows of a source that is read by need
ENOUGH_WORDS = 400  # of running text; with fewer, the stock of sentences is added


class Material:
    """The sources of a spec as origins, and the phrases it holds itself."""

    def __init__(self, spec: Spec, tables: Mapping[str, Table]) -> None:
        self.spec = spec
        self.origins = {name: Origin(_learned(table)) for name, table in tables.items() if len(table)}
        self.fields = {f.name: f for f in spec.fields}
        self._phrases: dict[str, Origin] = {}
        self._demands: dict[str, dict[str, str]] = {}
        self._guides: dict[tuple[int, str, str], Guide | None] = {}
        self._inside: dict[tuple[int, str], Origin | None] = {}
        self.quoted = quoted_texts(spec)
        self._computed = tuple(
            (f.name, f.value.name) for f in spec.fields if f.value is not None and isinstance(f.value, Name)
        )

    def origin(self, prompt: Prompt, column: str) -> Origin | None:
        """The source to learn a field from: the one of the prompt's examples, else any with the column."""
        first = prompt.examples.source if prompt.examples else ""
        names = sorted(self.origins, key=lambda n: n != first)
        return next((self.origins[n] for n in names if column in self.origins[n].columns), None)

    def conditions(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """What is known of the row: parameters, fields written before, fields that repeat a parameter."""
        known: dict[str, Any] = {}
        for name, value in values.items():
            if isinstance(value, Mapping):
                known.update({str(k): v for k, v in value.items() if str(k) not in values})
            elif _is_plain(value):
                known[name] = value
        known.update({field: values[name] for field, name in self._computed if _is_plain(values.get(name))})
        return known

    def hints(self, origin: Origin, values: Mapping[str, Any]) -> list[str]:
        """Short texts of the combination that are no column; their words still say what it is about."""
        known = self.conditions(values)
        return [
            str(v)
            for n, v in known.items()
            if isinstance(v, str) and n not in origin.columns and len(v.split()) <= HINT
        ]

    def phrases(self, path: str, schema: Mapping[str, Any], framed: bool) -> Origin:
        """Something to learn a text from where no source has it; with SLOT for a topic if `framed`."""
        key = f"{path}{framed}"
        if key not in self._phrases:
            found = list(dict.fromkeys(islice(self._own(schema), PHRASES)))
            if sum(len(p.split()) for p in found) < ENOUGH_WORDS:
                found += stock(framed)
            self._phrases[key] = Origin({path: found})
        return self._phrases[key]

    def demands(self, prompt: Prompt) -> dict[str, str]:
        """What the prompt's format demands of each field's text: a pattern."""
        if prompt.name not in self._demands:
            self._demands[prompt.name] = demands_of(prompt.format, prompt.format_options)
        return self._demands[prompt.name]

    def guide(self, pattern: str, origin: Origin, column: str) -> Guide | None:
        """What holds texts of a column to a pattern; None where llguidance does not take the pattern."""
        key = (id(origin), column, pattern)
        if key not in self._guides:
            self._guides[key] = make_guide(build_corpus(origin.reading(column), range(WORKING)), pattern)
        return self._guides[key]

    def inside(self, origin: Origin, column: str) -> Origin | None:
        """The members (`column.name`) of a column of maps, or the items (`column[]`) of a column of lists."""
        key = (id(origin), column)
        if key not in self._inside:
            values = [v for v in origin.columns.get(column, ()) if v is not None]
            maps = [v for v in values if isinstance(v, Mapping)]
            items = [item for v in values if isinstance(v, list | tuple) for item in v]
            names = dict.fromkeys(str(n) for m in maps for n in m)
            columns = {f"{column}.{n}": [m.get(n) for m in maps] for n in names}
            self._inside[key] = Origin({f"{column}[]": items} if items else columns) if items or columns else None
        return self._inside[key]

    def _own(self, schema: Mapping[str, Any]) -> Iterator[str]:
        for example in [*schema.get("examples", ()), schema.get("default")]:
            if isinstance(example, str) and len(example.split()) > 2:
                yield example
        for origin in self.origins.values():
            for name, column in origin.columns.items():
                if is_running_text(column) and name not in self.fields:
                    yield from (p for v in column if v for p in prose_of(str(v)))

    def digest(self) -> str:
        """Of everything learned from: 16 hex digits."""
        digest = hashlib.sha256()
        for name, origin in sorted(self.origins.items()):
            for column, values in origin.columns.items():
                digest.update(f"\x1d{name}\x1e{column}\x1e".encode())
                digest.update("\x1f".join(map(str, values)).encode("utf-8", "surrogatepass"))
        for field in self.spec.fields:
            own = [field.schema.get("examples"), field.schema.get("default")]
            digest.update(f"\x1d{field.name}\x1e{own}".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:16]


def _learned(table: Table) -> Mapping[str, Sequence[Any]]:
    """The columns to learn from: of a table that is not in memory, those of some of its rows."""
    if table.in_memory:
        return table.columns
    rows = table.rows(table.some(LEARNED))
    return {name: [row[name] for row in rows] for name in table.names}


def topics_of(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Short texts of a combination that can stand in a sentence as a noun."""
    found: list[str] = []
    for value in values.values():
        if isinstance(value, str) and _is_noun(value):
            found.append(value.strip())
    longer = [f for f in found if " " in f]
    return tuple(dict.fromkeys(longer or found))


def _is_noun(text: str) -> bool:
    letters = sum(c.isalpha() or c == " " for c in text)
    return 2 < len(text) <= 60 and len(text.split()) <= 7 and letters >= 0.9 * len(text)


def _is_plain(value: Any) -> bool:
    return value is not None and not isinstance(value, Mapping | list | tuple)
