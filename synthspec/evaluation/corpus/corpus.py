"""A dataset to be measured: from a build's folder or from any CSV, JSONL, JSON or Parquet file.

Of very many rows an even sample is read: every second, every fourth … so that memory stays bounded. Which of
its columns are text and which are labels is told from their values.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthspec.dataset.manifest import FILE_NAME as MANIFEST
from synthspec.dataset.manifest import listed_files
from synthspec.dataset.similarity.shingles import scrambled
from synthspec.diagnostics.errors import system_reason
from synthspec.evaluation.corpus.files import find_data, read_rows
from synthspec.evaluation.corpus.sample import MOST_ROWS, EvenSample
from synthspec.evaluation.corpus.values import level_names, measured_text
from synthspec.evaluation.corpus.words import Tokens, tokens_of
from synthspec.lazy_dataclass import dataclass
from synthspec.sources import TableFault

Array = NDArray[Any]

MOST_LABELS = 30  # different values a label column may have
NEAR = 0.8  # Jaccard similarity from which two rows are near duplicates


@dataclass(frozen=True)
class Corpus:
    """Rows in their order, as columns. `places[i]` is the index of row `i` in the whole dataset."""

    name: str
    total: int  # rows of the whole dataset
    columns: Mapping[str, list[Any]]
    places: Array
    texts: tuple[str, ...]  # names of the columns that are free text
    labels: tuple[str, ...]  # names of the columns with few values
    manifest: Mapping[str, Any] | None = None
    folder: Path | None = None
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.places)

    def column(self, name: str) -> list[str]:
        """A column's values as text; nothing is an empty text, and a value has one name whatever file it is from."""
        values = self.columns[name]
        return [measured_text(v) for v in values] if name in self.texts else level_names(values)

    @cached_property
    def rows(self) -> list[str]:
        """The text of each row: its text columns, one a line."""
        return ["\n".join(parts) for parts in zip(*map(self.column, self.texts), strict=True)]

    @cached_property
    def tokens(self) -> Tokens:
        """The words of each row, as hashes."""
        return tokens_of(self.rows)

    @cached_property
    def groups(self) -> Array:
        """For each row the first row that it repeats, exactly or nearly; its own index where there is none."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        from synthspec.dataset.similarity.pairs import near_pairs

        if len(self) < 2:
            return np.zeros(len(self), np.int64)
        pairs = near_pairs(self.rows, NEAR)
        links = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(self), len(self)))
        group = connected_components(links, directed=False)[1]
        _, firsts, inverse = np.unique(group, return_index=True, return_inverse=True)
        first: Array = firsts[inverse]
        return first

    def mixed(self, seed: int = 0) -> Array:
        """All rows in an order that is random, and hangs on their texts alone: not on files or the order in them."""
        digests = self.tokens.digests()
        order = np.argsort(digests, kind="stable")
        same = np.concatenate([[False], digests[order][1:] == digests[order][:-1]]) if len(order) else order
        at = np.arange(len(order))
        nth = at - np.maximum.accumulate(np.where(same, 0, at))  # of equal texts, which one
        keys = np.empty(len(order), np.uint64)
        keys[order] = scrambled(digests[order] + scrambled(nth.astype(np.uint64) + np.uint64(seed * 0x10001 + 1)))
        return np.argsort(keys, kind="stable")

    def chosen(self, size: int, seed: int = 0) -> Array:
        """Indices of `size` rows drawn at random without replacement, or of all, in order."""
        if size >= len(self):
            return np.arange(len(self))
        return np.sort(np.random.default_rng(seed).choice(len(self), size, replace=False))

    def part(self, rows: Array) -> Corpus:
        """Only these rows."""
        columns = {n: [v[i] for i in rows] for n, v in self.columns.items()}
        return Corpus(self.name, len(rows), columns, self.places[rows], self.texts, self.labels)


def read_corpus(path: Path, *, most: int = MOST_ROWS, empty: bool = False) -> Corpus:
    """The dataset in a build's folder, or in a file; with `empty`, also that of a build that came to no rows.

    Raises:
        TableFault: there is none, it cannot be read, or it has no rows.
    """
    files, manifest = find_data(path)
    sample = _Reading(EvenSample(most))
    notes: list[str] = []
    if manifest is None and (path / MANIFEST).is_file():
        notes.append(f"{MANIFEST} cannot be read: what was asked for and what it cost is not known")
    written = {path / f.path: f.rows for f in listed_files(manifest)}
    for file in files:
        sample.file += 1
        try:
            for row in read_rows(file):
                sample.add(row)
        except OSError as e:
            raise TableFault(f"{file}: {system_reason(e)}") from None
        except TableFault as e:
            raise TableFault(f"{file}: {e}") from None
        if (read := sample.sizes.get(sample.file, 0)) != written.get(file, read):
            notes.append(f"{file.name} was changed: {read:,} rows are read of {written[file]:,} that the build wrote")
    if not sample.sizes and not (empty and manifest is not None):
        raise TableFault(f"{path} has no rows")
    name = str((manifest or {}).get("name") or (path.stem if path.is_file() else path.resolve().name))
    found = _corpus(name, sample, manifest, path if path.is_dir() else None, len(files))
    return replace(found, notes=(*notes, *found.notes)) if notes else found


def corpus_of(name: str, rows: Iterable[Mapping[str, Any]], *, most: int = MOST_ROWS) -> Corpus:
    """Rows at hand as a dataset to be measured."""
    sample = _Reading(EvenSample(most))
    for row in rows:
        sample.add(row)
    return _corpus(name, sample, None, None, 1)


_Placed = tuple[int, int, Mapping[str, Any]]  # file, index in it, row


@dataclass(slots=True)
class _Reading:
    """Rows of one or several files, evenly sampled."""

    sample: EvenSample[_Placed]
    file: int = 0
    sizes: dict[int, int] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any]) -> None:
        place = self.sizes.get(self.file, 0)
        self.sizes[self.file] = place + 1
        self.sample.add((self.file, place, row))

    def in_order(self) -> list[_Placed]:
        """Rows of several files interleaved by their place in each: about the order they were written in."""
        if len(self.sizes) == 1:
            return self.sample.items
        return sorted(self.sample.items, key=lambda r: ((r[1] + 0.5) / self.sizes[r[0]], r[0]))


def _corpus(
    name: str, reading: _Reading, manifest: Mapping[str, Any] | None, folder: Path | None, files: int
) -> Corpus:
    rows, sample = reading.in_order(), reading.sample
    spread = [_spread(r) for _, _, r in rows]
    names = list(dict.fromkeys(n for r in spread for n in r))
    columns = {n: [r.get(n) for r in spread] for n in names}
    kinds = {n: column_kind(v) for n, v in columns.items()}
    written = {n: columns[n] for n in _written(manifest, columns)}
    texts = tuple(n for n in written if kinds[n] == "text") or _longest(written, kinds)
    notes = []
    if sample.stride > 1:
        notes.append(f"of {sample.seen:,} rows, 1 in {sample.stride} was read ({len(rows):,})")
    if files > 1:
        notes.append(f"{files} files are read as one, their rows interleaved; so row order is approximate")
    stride = len(rows) and sample.seen / len(rows)
    places = (np.arange(len(rows)) * stride).astype(np.int64)
    labels = tuple(n for n in names if kinds[n] == "label" and n not in texts)
    return Corpus(name, sample.seen, columns, places, texts, labels, manifest, folder, tuple(notes))


def _written(manifest: Mapping[str, Any] | None, columns: Mapping[str, Any]) -> Sequence[str]:
    """The columns in which texts are looked for: those that prompts wrote, where the build tells, so that its gates and
    the report speak of the same texts."""
    said = (manifest or {}).get("texts")
    known = isinstance(said, list) and said and all(isinstance(c, str) and c in columns for c in said)
    return said if known else list(columns)  # type: ignore[return-value]


def column_kind(values: list[Any]) -> str:
    """`text`, `label`, `number` or `other`, told from a column's values.

    >>> column_kind(["yes", "no"] * 9), column_kind([f"this is row {i}" for i in range(18)])
    ('label', 'text')
    """
    present = [measured_text(v) for v in values if v is not None and v != ""]
    if not present:
        return "other"
    distinct = len(set(present))
    numeric = all(_is_number(t) for t in present[:1000])
    words = sum(len(t.split()) for t in present) / len(present)
    if 2 <= distinct <= (12 if numeric else MOST_LABELS) and distinct * 3 <= len(present) and words < 8:
        return "label"
    if numeric:
        return "number"
    wide = sum(map(len, present)) / len(present)  # scripts without spaces have no words to count
    return "text" if distinct > 1 and (words >= 3 or (wide >= 12 and not present[0].isascii())) else "other"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _longest(columns: Mapping[str, list[Any]], kinds: Mapping[str, str]) -> tuple[str, ...]:
    """Where nothing looks like text: the widest column that is neither number nor label, else the widest."""
    if not columns:
        return ()
    candidates = [n for n in columns if kinds[n] == "other"] or list(columns)
    return (max(candidates, key=lambda n: sum(len(measured_text(v)) for v in columns[n])),)


def _spread(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row with its conversations as columns, one a role; other lists and maps as JSON."""
    if not any(isinstance(v, list | dict) for v in row.values()):
        return row
    found: dict[str, Any] = {}
    for name, value in row.items():
        turns = _turns(value)
        if turns is None:
            nested = isinstance(value, list | dict)
            found[name] = json.dumps(value, ensure_ascii=False, default=str) if nested else value
            continue
        for role, text in turns:
            key = f"{name}.{role}"
            found[key] = f"{found[key]}\n{text}" if key in found else text
    return found


def _turns(value: Any) -> list[tuple[str, str]] | None:
    if not isinstance(value, list) or not value or not all(isinstance(t, dict) for t in value):
        return None
    for role, content in (("role", "content"), ("from", "value")):
        if all(role in t and content in t for t in value):
            return [(measured_text(t[role]), measured_text(t[content])) for t in value]
    return None
