"""Rules between rows: repeats, near duplicates, copies of the examples, overlap with texts kept apart.

The caller asks in plan order and takes in what it keeps, so the same rows are rejected however calls
overlapped. No verdict depends on chance: near duplicates are found exactly, up to 2,000 words a text
(`dataset.similarity.index`), and no reason says which earlier row was met, for the reason is told to the model and
must not change when other rows do.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from synthspec.dataset.cells import cell_text, plain
from synthspec.dataset.similarity.index import NearIndex
from synthspec.dataset.similarity.shingles import Array, normal_form, shingle_set, shingle_sets, word_hashes, words_of
from synthspec.diagnostics.errors import system_reason
from synthspec.languages.expressions.random.splitmix64 import GOLDEN
from synthspec.sources import Table, TableFault, read_table
from synthspec.spec import Decontaminate, NearDuplicates, NoCopies, Novelty
from synthspec.spec.conversation import said_in
from synthspec.spec.rows import Rejection, Stage, texts_in

RowValues = Mapping[str, Any]
SHORT_MOST_WORDS = 5  # an entry of fewer words is too common to be told from chance


class CrossRowRule(Protocol):
    """One rule between rows. `grows`: what is kept adds to what later rows are compared with."""

    grows: bool

    def check(self, row: RowValues) -> Rejection | None: ...

    def keep(self, rows: Sequence[RowValues]) -> None: ...


class NoveltyIndex:
    """What has been kept so far, and whether a row is new beside it."""

    def __init__(self, rules: Sequence[CrossRowRule]) -> None:
        self._rules = tuple(rules)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def check(self, row: RowValues) -> Rejection | None:
        """Why the row is not new, or None. Changes nothing."""
        return next((r for rule in self._rules if (r := rule.check(row)) is not None), None)

    def check_early(self, row: RowValues) -> Rejection | None:
        """Why the row will not be new at its turn, for what reason it will be told then; None where that is open.

        Rows before it are still to be kept, so a rule that grows may come to fire. A rejection stands early only
        where no rule listed before it can: all of these are about fixed texts, and passed.
        """
        for rule in self._rules:
            rejection = rule.check(row)
            if rejection is not None or rule.grows:
                return rejection
        return None

    def keep(self, slot: int, row: RowValues) -> None:
        """Take in a row that was kept."""
        self.keep_all([row])

    def keep_all(self, rows: Sequence[RowValues]) -> None:
        """Take in many rows at once, as a resumed build does; the same as one by one, and faster."""
        for rule in self._rules:
            rule.keep(rows)
        self._count += len(rows)


def open_novelty(novelty: Novelty, tables: Mapping[str, Table], folder: Path | None = None) -> NoveltyIndex:
    """An empty index for these rules; `tables` are the spec's sources by name, columns renamed. What the rules need not
    hold in memory goes to temporary files in `folder`, or where the system has such.

    Raises:
        TableFault: the file to keep apart from cannot be read.
        ModelFault: the model of the semantic rule cannot be loaded.
        LookupError: a source or column that a rule names does not exist.
    """
    rules: list[CrossRowRule] = []
    if novelty.unique:
        rules.append(Unique(novelty.unique))
    if novelty.no_copies is not None:
        rules.append(Copies(novelty.no_copies, tables[novelty.no_copies.source], folder))
    if novelty.decontaminate is not None:
        against = novelty.decontaminate.against
        texts = read_texts(against) if isinstance(against, Path) else texts_of(tables[against])
        rules.append(Contamination(novelty.decontaminate, texts))
    if novelty.near_duplicates is not None:
        rules.append(NearRows(novelty.near_duplicates, folder))
    if novelty.semantic is not None:  # the last, for it costs most
        from synthspec.dataset.similarity.semantic import SemanticRows

        rules.append(SemanticRows(novelty.semantic))
    return NoveltyIndex(rules)


class Unique:
    """No two rows with the same normal form of all the fields. A row with none of them is not looked at."""

    grows = True

    def __init__(self, fields: tuple[str, ...]) -> None:
        self._fields = fields
        self._seen: set[int] = set()
        reason = "the same {} as in a row written before; write something clearly different"
        self._rejection = _rejection("unique", fields, reason, like_row=True)

    def check(self, row: RowValues) -> Rejection | None:
        return self._rejection if self._digest(row) in self._seen else None

    def keep(self, rows: Sequence[RowValues]) -> None:
        self._seen.update(d for r in rows if (d := self._digest(r)) is not None)

    def _digest(self, row: RowValues) -> int | None:
        values = [said_in(row.get(f)) for f in self._fields]
        if all(v is None for v in values):
            return None
        forms = [normal_form(v) if isinstance(v, str) else [plain(v)] for v in values]
        text = json.dumps(forms, sort_keys=True).encode()
        return int.from_bytes(blake2b(text, digest_size=8).digest(), "little")


class NearRows:
    """No row too much like one kept before."""

    grows = True

    def __init__(self, rule: NearDuplicates, folder: Path | None) -> None:
        self._texts = _Texts(rule.fields)
        self._index = NearIndex(rule.similarity, folder)
        reason = "{} too much like a row written before; write something clearly different"
        self._rejection = _rejection("near_duplicates", rule.fields, reason, like_row=True)

    def check(self, row: RowValues) -> Rejection | None:
        return self._rejection if self._index.has_near(self._texts.shingles(row)) else None

    def keep(self, rows: Sequence[RowValues]) -> None:
        if len(rows) == 1:
            self._index.add(self._texts.shingles(rows[0]))
        else:
            self._index.extend(shingle_sets([self._texts.of(r) for r in rows]))


class Copies:
    """No row too much like one of a source: the examples shown to the model must not come back as its own."""

    grows = False

    def __init__(self, rule: NoCopies, table: Table, folder: Path | None) -> None:
        self._texts = _Texts(rule.fields)
        self._index = NearIndex(rule.similarity, folder)
        columns = [table.columns[f] for f in rule.fields]
        self._index.extend(shingle_sets([[cell_text(v) for v in row] for row in zip(*columns, strict=True)]))
        reason = "{} too close to an example of the source; write something new, not a copy"
        self._rejection = _rejection("no_copies", rule.fields, reason)

    def check(self, row: RowValues) -> Rejection | None:
        return self._rejection if self._index.has_near(self._texts.shingles(row)) else None

    def keep(self, rows: Sequence[RowValues]) -> None:
        """Nothing: the source does not grow."""


class Contamination:
    """No row that shares a run of words with texts kept apart, such as an evaluation set.

    An entry shorter than the run, but not shorter than `SHORT_MOST_WORDS`, counts where the whole of it
    stands in the row. The measure of thirteen words is that of Brown et al., "Language models are few-shot
    learners", 2020.
    """

    grows = False

    def __init__(self, rule: Decontaminate, texts: Iterable[str]) -> None:
        self._fields = rule.fields
        found: dict[int, list[Array]] = {}
        for text in texts:
            words = word_hashes(words_of(text))
            length = min(rule.ngram, len(words))
            if length >= min(rule.ngram, SHORT_MOST_WORDS):
                found.setdefault(length, []).append(_runs(words, length))
        self._runs = {n: np.unique(np.concatenate(parts)) for n, parts in sorted(found.items())}
        reason = f"{{}} shares a run of {rule.ngram} words with a text that must not appear; use other words"
        self._rejection = _rejection("decontaminate", rule.fields, reason)

    def check(self, row: RowValues) -> Rejection | None:
        for field in self._fields:
            words = word_hashes(words_of(cell_text(said_in(row.get(field)))))
            for length, known in self._runs.items():
                runs = _runs(words, length)
                places = np.minimum(np.searchsorted(known, runs), len(known) - 1)
                if (known[places] == runs).any():
                    return self._rejection
        return None

    def keep(self, rows: Sequence[RowValues]) -> None:
        """Nothing: the texts do not grow."""


def read_texts(path: Path) -> Iterator[str]:
    """The texts of a file: each line of a .txt, each text of a row of any other kind of source.

    Raises:
        TableFault: it cannot be read.
    """
    if path.suffix.lower() != ".txt":
        yield from texts_of(read_table(path))
        return
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as e:
        raise TableFault(system_reason(e)) from None
    except UnicodeDecodeError as e:
        raise TableFault(f"not UTF-8 text (byte {e.start})") from None
    yield from text.splitlines()
    yield from text.split("\n\n")  # runs that go on from line to line


def texts_of(table: Table) -> Iterator[str]:
    """Each text of each row."""
    for row in table.iterate():
        yield from texts_in(row)


def _runs(words: Array, length: int) -> Array:
    """A hash of every run of so many words."""
    count = max(len(words) - length + 1, 0)
    runs = np.zeros(count, np.uint64)
    for at in range(length):
        runs = runs * GOLDEN + words[at : at + count]
    return runs


class _Texts:
    """The fields of a row as shingles; the last row is remembered, for what is checked is often kept next."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self._fields = fields
        self._last: tuple[list[str], Array] = ([], shingle_set([]))

    def of(self, row: RowValues) -> list[str]:
        return [cell_text(said_in(row.get(f))) for f in self._fields]

    def shingles(self, row: RowValues) -> Array:
        texts = self.of(row)
        if texts != self._last[0]:
            self._last = (texts, shingle_set(texts))
        return self._last[1]


def _rejection(rule: str, fields: Sequence[str], reason: str, *, like_row: bool = False) -> Rejection:
    names = ", ".join(fields)
    return Rejection(Stage.NOVEL, f"{rule}({names})", reason.format(" and ".join(fields)), like_row=like_row)
