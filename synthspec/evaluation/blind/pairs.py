"""Rows of two datasets that were made for the same combination, side by side."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from synthspec.dataset.manifest import read_manifest
from synthspec.evaluation.corpus.values import measured_text
from synthspec.inference.store.derived.row_log import FILE, KEPT, reading_log
from synthspec.lazy_dataclass import dataclass

MOST = 500  # pairs to vote on
LONGEST = 6_000  # characters of a value shown


@dataclass(frozen=True, slots=True)
class RowPair:
    """Two rows of one combination. `shared` are the values that both have in common."""

    path: str
    shared: Mapping[str, str]
    first: Mapping[str, str]
    second: Mapping[str, str]
    digest: str  # of both rows


@dataclass(frozen=True, slots=True)
class Pairing:
    """The pairs of two datasets. `same` tells whether their combinations are the same; None where nothing tells."""

    pairs: tuple[RowPair, ...]
    same: bool | None
    unlike: tuple[str, ...] = ()  # parameters of which the two plans have other values


def kept_values(folder: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The path and the values of each row that a build kept, as the build made it.

    Raises:
        StoreFault: `rows.sqlite` is damaged.
    """
    with reading_log(folder / FILE) as connection:
        if connection is None:
            return
        query = "SELECT path, vals FROM outcomes WHERE state = ? ORDER BY id"
        for path, values in connection.execute(query, (KEPT,)):
            try:
                found = json.loads(values)
            except (ValueError, RecursionError, TypeError):
                continue
            if isinstance(found, dict):
                yield str(path), found


def pair_rows(
    first: Path,
    second: Path,
    most: int = MOST,
    rows_of: Callable[[Path], Iterable[tuple[str, Mapping[str, Any]]]] = kept_values,
) -> Pairing:
    """Pair rows by their paths, an even sample of at most `most`. Rows that are equal are no pair to choose from.
    `rows_of` gives the path and the values of each row of a dataset.

    Raises:
        StoreFault: `rows.sqlite` of one is damaged.
    """
    same, unlike = same_combinations(read_manifest(first), read_manifest(second))
    if same is False:
        return Pairing((), False, unlike)
    mine, others = dict(rows_of(first)), dict(rows_of(second))
    both = [p for p in mine if p in others]
    step = max(1, -(-len(both) // most))
    pairs = (_pair(p, mine[p], others[p]) for p in both[::step])
    return Pairing(tuple(p for p in pairs if p.first != p.second), same)


def same_combinations(
    first: Mapping[str, Any] | None, second: Mapping[str, Any] | None
) -> tuple[bool | None, tuple[str, ...]]:
    """Whether two plans have the same values of the parameters that both have, and those of which they have not."""
    (count, mine), (other, theirs) = _marks(first), _marks(second)
    if not mine or not theirs or count != other:
        return None, ()
    common = [name for name in mine if name in theirs]
    unlike = tuple(n for n in common if mine[n] != theirs[n])
    return bool(common) and not unlike, unlike


def _marks(manifest: Mapping[str, Any] | None) -> tuple[Any, Mapping[str, str]]:
    """How many combinations a manifest knows its plan by, and the mark of each parameter over them."""
    asked = (manifest or {}).get("asked")
    beginning = asked.get("beginning") if isinstance(asked, Mapping) else None
    marks = beginning.get("parameters") if isinstance(beginning, Mapping) else None
    return (beginning.get("combinations"), marks) if beginning and isinstance(marks, Mapping) else (None, {})


def _pair(path: str, first: Mapping[str, Any], second: Mapping[str, Any]) -> RowPair:
    digest = sha256(json.dumps([first, second], sort_keys=True, default=str).encode()).hexdigest()[:32]
    shared = [n for n in first if n in second and first[n] == second[n]]
    mine, other = ({n: shown(v) for n, v in row.items() if n not in shared} for row in (first, second))
    return RowPair(path, {n: shown(first[n]) for n in shared}, mine, other, digest)


def shown(value: Any) -> str:
    """A value as a person reads it: a conversation turn by turn.

    >>> shown([{"role": "user", "content": "Hello?"}, {"role": "assistant", "content": "Hi."}])
    'user: Hello?\\n\\nassistant: Hi.'
    """
    if (
        isinstance(value, list)
        and value
        and all(isinstance(t, dict) and {"role", "content"} <= t.keys() for t in value)
    ):
        text = "\n\n".join(f"{t['role']}: {measured_text(t['content'])}" for t in value)
    elif isinstance(value, list | dict):
        text = json.dumps(value, ensure_ascii=False, indent=1, default=str)
    else:
        text = measured_text(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text) - LONGEST:,} more characters)"
