"""Rows to look at: an even sample of a dataset, each with the calls it was made by where a build's store has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import islice
from typing import Any

import numpy as np

from synthspec.dataset.manifest import listed_files
from synthspec.dataset.similarity.shingles import normal_form, words_of
from synthspec.dataset.switch_changes import INCOMPLETE
from synthspec.evaluation.corpus.corpus import Corpus
from synthspec.evaluation.corpus.values import measured_text
from synthspec.evaluation.metrics.metric import Array
from synthspec.inference.store import FILE, Store, StoredCall, StoreFault
from synthspec.inference.store.derived.row_histories import read_histories
from synthspec.lazy_dataclass import dataclass

SHOWN = 60
SEARCHED = 50_000  # completions looked through
PROBE = 5  # words by which a row is found in its completion
LONGEST = 6_000  # characters of a text shown
MOST_CALLS = 8  # of one row


@dataclass(frozen=True, slots=True)
class RowCall:
    """One call that a row came from."""

    prompt: str
    attempt: int
    model: str
    finish: str
    tokens: str
    latency: float
    cost: float | None  # US dollars
    messages: tuple[tuple[str, str], ...]
    text: str


@dataclass(frozen=True, slots=True)
class Shown:
    """One row with its verdicts: pairs of `good`, `bad` or `plain` and a sentence."""

    number: int  # from 1
    values: Mapping[str, str]
    labels: tuple[str, ...]
    lead: str
    verdicts: tuple[tuple[str, str], ...] = ()
    calls: tuple[RowCall, ...] = field(default=())


def sample_rows(
    corpus: Corpus, copied: Array | None = None, most: int = SHOWN, also: Iterable[int] = ()
) -> tuple[Shown, ...]:
    """An even sample, and `also` these. `copied` tells of each row whether it copies the original, where every row was
    looked at.
    """
    if not len(corpus):
        return ()
    even = np.linspace(0, len(corpus) - 1, min(most, len(corpus))).astype(np.int64)
    rows = np.unique(np.concatenate([even, np.array([*also], np.int64)]))
    calls = _calls_of(corpus, rows)
    return tuple(_shown(corpus, int(i), copied, calls.get(int(i), ())) for i in rows)


def _shown(corpus: Corpus, row: int, copied: Array | None, calls: tuple[RowCall, ...]) -> Shown:
    values = {n: cut(measured_text(v[row])) for n, v in corpus.columns.items()}
    labels = tuple(f"{n}: {values[n]}" for n in corpus.labels if values[n])
    verdicts = [("good", "kept")] if corpus.folder is not None else []
    first = int(corpus.groups[row])
    if first != row:
        verdicts.append(("bad", f"nearly repeats row {int(corpus.places[first]) + 1:,}"))
    if copied is not None and len(copied) == len(corpus) and copied[row]:
        verdicts.append(("bad", "copies the original"))
    tries = max((c.attempt for c in calls), default=1)
    if tries > 1:
        verdicts.append(("plain", f"asked for {tries} times"))
    lead = " · ".join(values[t] for t in corpus.texts)
    return Shown(int(corpus.places[row]) + 1, values, labels, lead[:220], tuple(verdicts), calls)


def cut(text: str, most: int = LONGEST) -> str:
    """A text that fits the page; what is left out is said."""
    text = text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters)"


def _calls_of(corpus: Corpus, rows: Array) -> dict[int, tuple[RowCall, ...]]:
    """For each row the completions that it was made of, as its build's row log tells."""
    if corpus.folder is None:
        return {}
    apart = corpus.folder.name == INCOMPLETE and not (corpus.folder / FILE).is_file()  # calls are beside
    try:
        kept = [h.keys for h in read_histories(corpus.folder) if h.kept]
        with Store.open_readonly(corpus.folder.parent if apart else corpus.folder) as store:
            keys = _by_place(corpus, rows, kept) or _by_words(corpus, rows, store, kept)
            return {row: tuple(_shown_calls(store.calls_of(its))) for row, its in keys.items()}
    except StoreFault:
        return {}


def _by_place(corpus: Corpus, rows: Array, kept: Sequence[tuple[str, ...]]) -> dict[int, tuple[str, ...]]:
    """Where one file holds every row in order, row *i* of it is the *i*-th that was kept."""
    files = listed_files(corpus.manifest)
    whole = len(corpus) == corpus.total == len(kept) and len(files) == len({f.format for f in files})
    return {int(row): kept[int(row)] for row in rows} if whole else {}


def _by_words(corpus: Corpus, rows: Array, store: Store, kept: Sequence[tuple[str, ...]]) -> dict[int, tuple[str, ...]]:
    """Of the completions that made the dataset, those that hold most of a row's texts."""
    forms = {int(r): [normal_form(measured_text(corpus.columns[t][r])) for t in corpus.texts] for r in rows}
    probes: dict[tuple[str, ...], list[int]] = {}
    for row, texts in forms.items():
        words = max(texts, key=len, default="").split()
        if len(words) >= PROBE:
            probes.setdefault(tuple(words[:PROBE]), []).append(row)
    made = {key: keys for keys in kept for key in keys}
    best: dict[int, tuple[int, str]] = {}  # texts held, completion
    for part in _batched(islice(made, SEARCHED), 500):
        for call in store.calls_of(part):
            words = words_of(call.text)
            hits = probes.keys() & set(zip(*(words[k:] for k in range(PROBE)), strict=False))
            whole = " ".join(words) if hits else ""
            for row in (r for hit in hits for r in probes[hit]):
                held = sum(form in whole for form in forms[row])
                if held > best.get(row, (0, ""))[0]:
                    best[row] = (held, call.key)
    return {row: made[key] for row, (_, key) in best.items()}


def _batched(items: Iterable[str], size: int) -> Iterator[list[str]]:
    """Lists of so many items; the last is shorter."""
    waiting = iter(items)
    while part := list(islice(waiting, size)):
        yield part


def _shown_calls(calls: Sequence[StoredCall]) -> Iterator[RowCall]:
    for call in calls[:MOST_CALLS]:
        asked, given = call.prompt_tokens, call.completion_tokens
        tokens = f"{asked:,} + {given:,} tokens" if asked is not None and given is not None else "tokens unknown"
        messages = tuple((role, cut(text)) for role, text in call.request.messages) if call.request else ()
        spent = (tokens, call.latency, call.cost)
        yield RowCall(call.prompt, call.attempt, call.model, call.finish, *spent, messages, cut(call.text))


@dataclass(frozen=True, slots=True)
class LostGroup:
    """Missing rows with one reason in common."""

    reason: str
    count: int
    examples: tuple[Mapping[str, Any], ...]


def lost_groups(entries: Sequence[Mapping[str, Any]], most: int = 20, each: int = 8) -> tuple[LostGroup, ...]:
    """The quarantine by reason, the commonest first; a row with two reasons is in both."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        reasons = entry.get("reasons")
        for reason in (
            dict.fromkeys(map(str, reasons)) if isinstance(reasons, list) and reasons else ["no reason given"]
        ):
            groups.setdefault(reason, []).append(entry)
    order = sorted(groups.items(), key=lambda g: (-len(g[1]), g[0]))
    return tuple(LostGroup(cut(r, 500), len(g), tuple(map(_lost, g[:each]))) for r, g in order[:most])


def _lost(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    values, tries = entry.get("values"), entry.get("tries")
    return {
        "row": entry.get("row"),
        "lost_at": str(entry.get("lost_at", "")),
        "values": {str(k): cut(measured_text(v)) for k, v in values.items()} if isinstance(values, dict) else {},
        "tries": [
            {"prompt": str(t.get("prompt", "")), "attempt": t.get("attempt"),
             "reasons": [str(r) for r in t.get("reasons") or []], "completion": cut(measured_text(t.get("completion")))}
            for t in (tries if isinstance(tries, list) else [])[:MOST_CALLS] if isinstance(t, dict)
        ],
    }  # fmt: skip
