"""How a row came about: what was asked, what came back, why it was rejected, what was told, where it is now."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from synthspec.dataset.cells import cell_text, plain
from synthspec.dataset.similarity.shingles import shingle_set, words_of
from synthspec.inference.store.derived.row_histories import Attempt
from synthspec.inference.store.derived.row_search import RowTable
from synthspec.inference.store.derived.row_views import LoggedRow
from synthspec.inference.store.derived.rows import StoredCall
from synthspec.inference.store.file import StoreFault
from synthspec.inference.store.reader import StoreReader
from synthspec.spec import Spec
from synthspec.spec.conversation import said_in
from synthspec.spec.fan_outs import novelty_fields
from synthspec.spec.rows import Stage

MOST_CALLS = 60  # of one combination that are shown
MOST_REPLIES = 5  # rejected for being like another row, that are shown beside it
MOST_WORDS = 40  # of a text by which rows like it are looked for


def calls_of_row(folder: Path, table: RowTable, row: LoggedRow) -> list[dict[str, Any]]:
    """The calls made for a row, in order: messages, reply, figures, whether the row is made of it, and why it was
    rejected where it was. Those of rows beside it are among them where these cannot be told apart."""
    own = table.made_by(row.id)
    tries = {(t.prompt, t.attempt): t for t in table.tries(row)}
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


def _call(call: StoredCall, used: bool, tries: Mapping[tuple[str, int], Attempt]) -> dict[str, Any]:
    request, failed = call.request, None if used else tries.get((call.prompt, call.attempt))
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
        "reasons": list(failed.reasons) if failed is not None else [],
        "like_row": failed is not None and is_like_another(failed),
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


def replies_like(
    table: RowTable, row: LoggedRow, spec: Spec, calls: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The rejected replies among the calls of a row that were too much like a row before it, each with that row: the
    one of which the largest share of words and pairs of words is in the reply (0 to 1). Needs the index of words."""
    fields = novelty_fields(spec.novelty)
    found = []
    for call in calls:
        if not call["like_row"]:
            continue
        words = sorted(set(words_of(call["reply"])), key=lambda w: (-len(w), w))[:MOST_WORDS]
        own = set(shingle_set([call["reply"]]).tolist())
        best: tuple[float, LoggedRow, str] | None = None
        for other in table.like_words(words, row.id):
            text = "\n\n".join(
                cell_text(said_in(other.values.get(n))) for n in fields or _texts(other) if n in other.values
            )
            its = set(shingle_set([text]).tolist())
            share = len(own & its) / len(its) if its else 0.0
            if best is None or share > best[0]:
                best = share, other, text
        if best is not None and best[0] > 0.1:
            told = {"prompt": call["prompt"], "attempt": call["attempt"], "reply": call["reply"]}
            found.append({**told, "path": best[1].path, "text": best[2], "share": best[0]})
    return found[:MOST_REPLIES]


def _texts(row: LoggedRow) -> list[str]:
    return [name for name, value in row.values.items() if isinstance(value, str) and " " in value]


def is_like_another(attempt: Attempt) -> bool:
    """Whether an attempt was rejected for being like a row kept before it."""
    return any(rejection.like_row for rejection in attempt.rejections)


def was_like_another(row: LoggedRow, tries: Sequence[Attempt]) -> bool:
    """Whether a row is missing because the last attempt at it was like a row kept before it."""
    return row.stage == Stage.NOVEL and bool(tries) and is_like_another(tries[-1])


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
