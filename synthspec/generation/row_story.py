"""How a row came about: what was asked, what came back, why it was rejected, what was told, where it is now."""

from __future__ import annotations

import json
import mmap
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from synthspec.dataset.cells import cell_text, plain
from synthspec.dataset.manifest import listed_files, read_manifest
from synthspec.dataset.row_shapes import open_shape
from synthspec.dataset.similarity.shingles import shingle_set, words_of
from synthspec.dataset.writers import Column, find_opener
from synthspec.inference.store.derived.row_search import RowTable
from synthspec.inference.store.derived.row_views import LoggedRow
from synthspec.inference.store.derived.rows import StoredCall
from synthspec.inference.store.file import StoreFault
from synthspec.inference.store.reader import StoreReader
from synthspec.spec import Spec
from synthspec.spec.conversation import said_in
from synthspec.spec.fan_outs import novelty_fields

LINES = ("csv", "jsonl")  # formats whose files have a line a row
MOST_CALLS = 60  # of one combination that are shown
MOST_WORDS = 40  # of a text by which rows like it are looked for
BETWEEN = (
    "near_duplicates",
    "unique",
    "semantic",
    "too much like a row",
    "the same ",
)  # what says that it is like another


def calls_of(folder: Path, table: RowTable, row: LoggedRow) -> list[dict[str, Any]]:
    """The calls made for a row, in order: messages, reply, figures, whether the row is made of it, and why it was
    rejected where it was. Those of rows beside it are among them where these cannot be told apart."""
    own = table.made_by(row.id)
    tries = {(t.prompt, t.attempt): t.reasons for t in table.tries(row.id)}
    keys = list(own)
    body = table.noted(row.combination)
    if body is not None:
        with suppress(ValueError, TypeError, LookupError):
            noted = json.loads(body)[1]
            alone = table.siblings(row.combination) == 1
            keys = [c[0] for c in noted if alone or c[0] in own or (c[1], c[2]) in tries][:MOST_CALLS]
            keys += [key for key in own if key not in keys]
    try:
        with StoreReader.open_readonly(folder) as store:
            found = store.calls_of(keys)
    except StoreFault:
        return []
    return [_call(call, call.key in own, tries) for call in found]


def _call(call: StoredCall, used: bool, tries: Mapping[tuple[str, int], Sequence[str]]) -> dict[str, Any]:
    request = call.request
    return {
        "prompt": call.prompt,
        "attempt": call.attempt,
        "used": used,
        "model": call.model,
        "finish": call.finish,
        "prompt_tokens": call.prompt_tokens,
        "completion_tokens": call.completion_tokens,
        "cost": call.cost,
        "latency": call.latency,
        "messages": [{"role": role, "text": text} for role, text in (request.messages if request is not None else ())],
        "reply": call.text,
        "reasons": [] if used else list(tries.get((call.prompt, call.attempt), ())),
    }


def rows_like(
    table: RowTable, row: LoggedRow, spec: Spec, most: int = 3, *, after: bool = False
) -> list[tuple[LoggedRow, float]]:
    """The rows kept before one (and `after` it) that are most like it: the share of words and pairs of words that they
    have in common (0 to 1), in the fields that the rules between rows read. Needs the index of words."""
    fields = sorted(novelty_fields(spec.novelty) & row.values.keys()) or _texts(row)
    own = [cell_text(said_in(row.values.get(name))) for name in fields]
    words = sorted(set(words_of(" ".join(own))), key=lambda w: (-len(w), w))[:MOST_WORDS]
    shingles = set(shingle_set(own).tolist())
    found = []
    for other in table.like_words(words, None if after else row.id):
        if other.id == row.id:
            continue
        its = set(shingle_set([cell_text(said_in(other.values.get(name))) for name in fields]).tolist())
        both = len(shingles | its)
        if both and (share := len(shingles & its) / both) > 0.1:
            found.append((other, share))
    return sorted(found, key=lambda pair: -pair[1])[:most]


def _texts(row: LoggedRow) -> list[str]:
    return [name for name, value in row.values.items() if isinstance(value, str) and " " in value]


def is_like_another(reasons: Sequence[str]) -> bool:
    """Whether a row was rejected for being like one before it."""
    return any(mark in reason for reason in reasons for mark in BETWEEN)


def places_of(folder: Path, spec: Spec, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Where in the files of a dataset a row with these values is: the file, and the line where it has lines. Of equal
    rows the first is found; a row of several tables is not looked for."""
    manifest = read_manifest(folder)
    if manifest is None or spec.output.tables:
        return []
    columns = [Column(f.name, f.type) for f in spec.fields]
    chosen = [c for c in columns if c.name in spec.output.columns] if spec.output.columns else columns
    chosen.sort(key=lambda c: spec.output.columns.index(c.name) if spec.output.columns else 0)
    shape = open_shape(spec.output.shape, chosen, spec.output.tools)
    found = []
    for form in LINES:
        files = [f for f in listed_files(manifest) if f.format == form]
        if not files:
            continue
        line = _written(form, shape.columns, shape.of(values), spec)
        for file in files:
            number = _line_of(folder / file.path, line)
            if number is not None:
                found.append(
                    {"file": file.path, "line": number, "split": file.split, "partition": list(file.partition)}
                )
    return found


def _written(form: str, columns: Sequence[Column], row: Mapping[str, Any], spec: Spec) -> bytes:
    """The bytes of a row as the writer of a format puts them."""
    opener = find_opener(form)
    style = {k: v for k, v in asdict(spec.output.csv).items() if v} if form == "csv" else {}
    with tempfile.TemporaryDirectory() as name:
        empty, one = Path(name) / "empty", Path(name) / "one"
        for path, rows in ((empty, []), (one, [row])):
            writer = opener(path, columns, **style)
            writer.write(rows)
            writer.close()
        return one.read_bytes()[len(empty.read_bytes()) :]


def _line_of(path: Path, line: bytes) -> int | None:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
            at = held.find(line)
            while at > 0 and held[at - 1 : at] not in (b"\n", b"\r"):
                at = held.find(line, at + 1)
            if at < 0:
                return None
            return held[:at].count(b"\n") + 1
    except (OSError, ValueError):  # an empty file cannot be mapped
        return None


def as_told(row: LoggedRow) -> dict[str, Any]:
    """A row for a page: what became of it, and its values in JSON's terms."""
    return {
        "id": row.id,
        "ordinal": row.ordinal,
        "path": row.path,
        "combination": row.combination,
        "state": row.state,
        "stage": row.stage,
        "reason": row.reason,
        "digest": row.digest,
        "values": plain(dict(row.values)),
    }
