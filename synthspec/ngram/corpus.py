"""A column's texts as one array of tokens, with every position indexed by the contexts it stands in.

A context is what two positions must share for a text to pass from one to the other: the last two or three
words, or the last word and the classes of the next two; always with the same speaker and the same open quotes.
Each order of context is one sort of a 64-bit key, so 1.5 million tokens index in about two seconds.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthspec.ngram.tokens import ends_sentence, group, plain, split

MAX_TOKENS = 3_000_000
SLOT = "\ue000"  # stands in a text for a value of its row; so do the private-use characters after it
_SPEAKER = re.compile(r"^[^\W\d_][\w .'-]{0,30}:$")
_PAIRS = {"(": ")", "[": "]", "{": "}", "“": "”", "«": "»"}


@dataclass(frozen=True, slots=True)
class Order:
    """One order of context: `members[low[p]:high[p]]` are the positions with the context of position p."""

    members: array[int]
    low: array[int]
    high: array[int]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Texts of one column. Arrays run over positions unless they say otherwise."""

    words: tuple[str, ...]  # by token id, each with the space before it
    token: array[int]
    row: array[int]  # which row of the source the position is from
    begins: bytes  # 1 where a white-space separated word begins
    ends: bytes  # 1 where a sentence ends
    last: bytes  # 1 at the last position of a text
    left: array[int]  # words from here, exclusive, to the end of the sentence
    rest: array[int]  # words from here, exclusive, to the end of the text
    orders: tuple[Order, ...]  # strongest context first
    opening: Mapping[int, int]  # row -> first position; rows without a text are not in it
    size: Mapping[int, int]  # row -> words
    rows: tuple[int, ...]  # the rows that have a text
    closes: bool  # texts end where a sentence ends, as titles do not
    turns: bool  # texts are dialogues: "Agent: …" "Client: …"
    known: frozenset[str]  # every text, as `normal` gives it

    def __len__(self) -> int:
        return len(self.rows)


def normal(text: str) -> str:
    """A text without what does not make it another: case, white space, marks."""
    return re.sub(r"\W+", " ", text.lower()).strip()


def build_corpus(texts: Iterable[tuple[int, str]]) -> Corpus:
    """Index texts given as (row of the source, text). Blank texts are left out; so is what is over 3 M tokens."""
    ids: dict[str, int] = {}
    token, row, opening = array("i"), array("i"), {}
    begins, ends, last, state = bytearray(), bytearray(), bytearray(), array("i")
    speakers: dict[str, int] = {}
    known = set()
    kept = [(r, t.strip()) for r, t in texts if t.strip()]
    turns = _are_dialogues([t for _, t in kept[:200]])
    for index, content in kept:
        pieces = split(content)
        if len(token) + len(pieces) > MAX_TOKENS:
            break
        opening[index] = len(token)
        known.add(normal(content))
        token.extend([ids.setdefault(p, len(ids)) for p in pieces])
        row.extend([index] * len(pieces))
        begins.extend([i == 0 or p[0] in " \n" for i, p in enumerate(pieces)])
        ends.extend([ends_sentence(pieces, i) for i in range(len(pieces))])
        last.extend(bytes(len(pieces) - 1) + b"\x01")
        state.extend(_states(pieces, speakers if turns else None))
    words = tuple(ids)
    closes = 2 * sum(e & z for e, z in zip(ends, last, strict=True)) > len(opening)
    left, rest, size = _distances(begins, ends, last, opening)
    orders = _orders(words, token, row, state, last) if token else ()
    return Corpus(
        words, token, row, bytes(begins), bytes(ends), bytes(last), left, rest, orders,
        opening, size, tuple(opening), closes, turns, frozenset(known),
    )  # fmt: skip


def _are_dialogues(texts: Sequence[str]) -> bool:
    labels = Counter(re.match(r"[^:\n]{0,31}:|", t).group() for t in texts)  # type: ignore[union-attr]
    most = [label for label, n in labels.most_common(3) if _SPEAKER.match(label) and n >= 0.1 * len(texts)]
    return bool(texts) and sum(labels[label] for label in most) >= 0.8 * len(texts)


def _states(pieces: Sequence[str], speakers: dict[str, int] | None) -> list[int]:
    """Who speaks and what is open after each token, as one number. Splices keep it, so quotes are closed."""
    open_marks: list[str] = []
    speaker, states = 0, []
    for i, piece in enumerate(pieces):
        mark = piece.strip()
        if mark == '"':
            if '"' in open_marks:
                open_marks.remove('"')
            else:
                open_marks.append('"')
        elif mark in _PAIRS:
            open_marks.append(_PAIRS[mark])
        elif mark in open_marks:
            open_marks.remove(mark)
        elif speakers is not None and mark == ":" and _labels(pieces, i):
            label = pieces[i - 1].strip()
            speaker = speakers.setdefault(label, len(speakers) + 1)
        states.append(
            speaker * 64 + sum({'"': 1, ")": 2, "]": 4, "}": 8, "”": 16, "»": 32}[m] for m in set(open_marks))
        )
    return states


def _labels(pieces: Sequence[str], colon: int) -> bool:
    """Whether this colon ends a speaker's name: one capital word at the start of the text or of a sentence."""
    name = pieces[colon - 1].strip() if colon else ""
    if not name[:1].isupper():
        return False
    before = pieces[colon - 2].strip() if colon > 1 else ""
    return colon == 1 or pieces[colon - 1].startswith("\n") or before[-1:] in '.!?…"”'


def _distances(
    begins: bytearray, ends: bytearray, last: bytearray, opening: Mapping[int, int]
) -> tuple[array[int], array[int], dict[int, int]]:
    left, rest = array("i", bytes(4 * len(begins))), array("i", bytes(4 * len(begins)))
    to_end = to_last = 0
    for p in range(len(begins) - 1, -1, -1):
        if last[p]:
            to_end = to_last = 0
        elif ends[p]:
            to_end = 0
        left[p], rest[p] = to_end, to_last
        to_end += begins[p]
        to_last += begins[p]
    return left, rest, {row: rest[p] + 1 for row, p in opening.items()}


def _orders(
    words: Sequence[str], token: array[int], row: array[int], state: array[int], last: bytearray
) -> tuple[Order, ...]:
    plains: dict[str, int] = {}
    groups: dict[str, int] = {}
    of_plain = np.array([plains.setdefault(plain(w), len(plains) + 1) for w in words])
    of_group = np.array([groups.setdefault(group(w), len(groups) + 1) for w in words])
    content = np.array([g in ("word", *_ENDINGS) for g in groups])[of_group - 1]
    ids = np.frombuffer(token, dtype=np.int32)
    texts = np.frombuffer(row, dtype=np.int32)
    here, classes = of_plain[ids], of_group[ids]
    back1, back2 = _shifted(here, texts, 1), _shifted(here, texts, 2)
    next1, next2 = _shifted(classes, texts, -1), _shifted(classes, texts, -2)
    held = np.frombuffer(state, dtype=np.int32)
    never = np.frombuffer(bytes(last), dtype=np.uint8) > 0
    weak = content[ids] | never
    return (
        _order((here, back1, back2, held), never),
        _order((here, back1, next1, held), never),
        _order((here, next1, next2, held), weak),
    )


_ENDINGS = ("ing", "ed", "ly", "s")


def _shifted(values: Any, texts: Any, by: int) -> Any:
    """Each position's neighbour `by` places before it (after it where negative); 0 beyond its own text."""
    out = np.zeros_like(values)
    if by > 0:
        out[by:] = np.where(texts[by:] == texts[:-by], values[:-by], 0)
    else:
        out[:by] = np.where(texts[:by] == texts[-by:], values[-by:], 0)
    return out


def _order(parts: Sequence[Any], out: Any) -> Order:
    key = np.zeros(len(out), dtype=np.uint64)
    for part in parts:
        key = (key ^ part.astype(np.uint64)) * np.uint64(0x9E3779B97F4A7C15)
        key ^= key >> np.uint64(29)
    members = np.argsort(key, kind="stable")
    members = members[~out[members]]
    ordered = key[members]
    edges = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1], [True])))[: len(ordered) + 1]
    sizes = np.diff(edges)
    low, high = np.zeros(len(out), dtype=np.int32), np.zeros(len(out), dtype=np.int32)
    low[members] = np.repeat(edges[:-1], sizes)
    high[members] = np.repeat(edges[1:], sizes)
    return Order(_packed(members), _packed(low), _packed(high))


def _packed(values: Any) -> array[int]:
    packed = array("i")
    packed.frombytes(values.astype(np.int32).tobytes())
    return packed
