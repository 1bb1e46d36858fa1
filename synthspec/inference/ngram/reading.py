"""A column's texts as arrays of tokens, each position with the keys of the contexts it stands in.

A context is what two positions must share for a text to pass from one to the other: the last three words, or
the last two and the class of the next, or the last and the classes of the next two (of the next, where clauses
are joined; of none, where a sentence ends); always with the same speaker and the same open quotes.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from synthspec.inference.ngram.tokens import CONTENT, content_word, ends_sentence, group, plain, split
from synthspec.languages.expressions.random.splitmix64 import GOLDEN
from synthspec.lazy_dataclass import dataclass

MAX_TOKENS = 3_000_000
SLOT = "\ue000"  # stands in a text for a value of its row; so do the private-use characters after it
SEAMS = frozenset({",", ";", ":", ".", "!", "?", "conjunction"})  # what clauses are joined by
_SPEAKER = re.compile(r"^[^\W\d_][\w .'-]{0,30}:$")
_PAIRS = {"(": ")", "[": "]", "{": "}", "“": "”", "«": "»"}
_BIT = {'"': 1, ")": 2, "]": 4, "}": 8, "”": 16, "»": 32}


@dataclass(frozen=True, slots=True)
class ReadColumn:
    """Every text of a column, read once. Arrays run over positions unless they say otherwise."""

    words: tuple[str, ...]  # by token: as written, with the space before it
    token: Any
    row: Any  # which row of the source the position is from
    flags: Any  # BEGINS, ENDS, LAST
    left: Any  # words from here, exclusive, to the end of the sentence
    rest: Any  # words from here, exclusive, to the end of the text
    keys: tuple[Any, ...]  # strongest context first
    weak: Any  # true where the weakest context is too little to go by
    seam: Any  # by token: true where clauses are joined
    topic: Any  # by token: number of its content word, -1 for none
    content: tuple[str, ...]  # content words
    opening: Mapping[int, int]  # row -> first position; rows without a text are not in it
    turns: bool  # texts are dialogues: "Agent: …" "Client: …"
    closes: bool  # texts end where a sentence ends, as titles do not
    known: frozenset[str]  # every text, as `normal` gives it


BEGINS, ENDS, LAST = 1, 2, 4  # flags: a white-space separated word begins, a sentence ends, a text ends


def normal(text: str) -> str:
    """A text without what does not make it another: case, white space, marks."""
    return re.sub(r"\W+", " ", text.lower()).strip()


def read_material(texts: Iterable[tuple[int, str]]) -> ReadColumn:
    """Read texts given as (row of the source, text); not blank ones, nor what is over 3 M tokens."""
    kept = [(r, t.strip()) for r, t in texts if t.strip()]
    ids: dict[str, int] = {}
    speakers: dict[str, int] | None = {} if _are_dialogues([t for _, t in kept[:200]]) else None
    token, row, state, flags = array("i"), array("i"), array("i"), bytearray()
    opening: dict[int, int] = {}
    for index, content in kept:
        pieces = split(content)
        if len(token) + len(pieces) > MAX_TOKENS:
            break
        opening[index] = len(token)
        token.extend([ids.setdefault(p, len(ids)) for p in pieces])
        row.extend([index] * len(pieces))
        state.extend(_states(pieces, speakers))
        flags.extend(_flags(pieces))
    words = tuple(ids)
    numbers: dict[str, int] = {}
    topics = [-1 if (c := content_word(w)) is None else numbers.setdefault(c, len(numbers)) for w in words]
    tokens, rows, held = (np.array(values, dtype=np.int32) for values in (token, row, state))
    marks = np.frombuffer(bytes(flags), dtype=np.uint8)
    left, rest = _distances(flags)
    seam = np.array([group(w) in SEAMS for w in words], dtype=bool)
    keys, weak = _keys(words, tokens, rows, held, np.where(seam[tokens], 1 + (marks & ENDS > 0), 0))
    return ReadColumn(
        words=words,
        token=tokens,
        row=rows,
        flags=marks,
        left=left,
        rest=rest,
        keys=keys,
        weak=weak,
        seam=seam,
        topic=np.array(topics, dtype=np.int32),
        content=tuple(numbers),
        opening=opening,
        turns=speakers is not None,
        closes=2 * int(((marks & (ENDS | LAST)) == (ENDS | LAST)).sum()) > len(opening),
        known=frozenset(normal(t) for _, t in kept),
    )


def _flags(pieces: Sequence[str]) -> list[int]:
    final = len(pieces) - 1
    return [
        (BEGINS if i == 0 or p[0] in " \n" else 0)
        + (ENDS if ends_sentence(pieces, i) else 0)
        + (LAST if i == final else 0)
        for i, p in enumerate(pieces)
    ]


def _are_dialogues(texts: Sequence[str]) -> bool:
    labels = Counter(t[: t.find(":") + 1] for t in texts)
    most = [label for label, n in labels.most_common(3) if _SPEAKER.match(label) and n >= 0.1 * len(texts)]
    return bool(texts) and sum(labels[label] for label in most) >= 0.8 * len(texts)


def _states(pieces: Sequence[str], speakers: dict[str, int] | None) -> list[int]:
    """Who speaks and what is open after each token, as a number. Passages keep it, so quotes are closed."""
    if speakers is None and not any(p.strip() in _BIT or p.strip() in _PAIRS for p in pieces):
        return [0] * len(pieces)
    still: set[str] = set()
    speaker, states = 0, []
    for i, piece in enumerate(pieces):
        mark = piece.strip()
        if mark == '"':
            still ^= {mark}
        elif mark in _PAIRS:
            still.add(_PAIRS[mark])
        elif mark in still:
            still.remove(mark)
        elif speakers is not None and mark == ":" and _labels(pieces, i):
            speaker = speakers.setdefault(pieces[i - 1].strip(), len(speakers) + 1)
        states.append(speaker * 64 + sum(_BIT[m] for m in still))
    return states


def _labels(pieces: Sequence[str], colon: int) -> bool:
    """Whether this colon ends a speaker's name: a capital word at the start of the text or of a sentence."""
    name = pieces[colon - 1].strip() if colon else ""
    if not name[:1].isupper():
        return False
    before = pieces[colon - 2].strip() if colon > 1 else ""
    return colon == 1 or pieces[colon - 1].startswith("\n") or before[-1:] in '.!?…"”'


def _distances(flags: bytearray) -> tuple[Any, Any]:
    left, rest = array("i", bytes(4 * len(flags))), array("i", bytes(4 * len(flags)))
    to_end = to_last = 0
    for p in range(len(flags) - 1, -1, -1):
        flag = flags[p]
        if flag & LAST:
            to_end = to_last = 0
        elif flag & ENDS:
            to_end = 0
        left[p], rest[p] = to_end, to_last
        if flag & BEGINS:
            to_end += 1
            to_last += 1
    if not flags:
        return np.zeros(0, np.int32), np.zeros(0, np.int32)
    return np.frombuffer(left, dtype=np.int32), np.frombuffer(rest, dtype=np.int32)


def _keys(words: Sequence[str], token: Any, row: Any, state: Any, seam: Any) -> tuple[tuple[Any, ...], Any]:
    """A 64-bit key for each order of context, and where the weakest says too little: at a content word."""
    plains: dict[str, int] = {}
    groups: dict[str, int] = {}
    of_plain = np.array([plains.setdefault(plain(w), len(plains) + 1) for w in words], dtype=np.int64)
    of_group = np.array([groups.setdefault(group(w), len(groups) + 1) for w in words], dtype=np.int64)
    content = np.array([g in CONTENT for g in groups], dtype=bool)
    if not len(token):
        return (token, token, token), token.astype(bool)
    here, classes = of_plain[token], of_group[token]
    back1, back2 = _shifted(here, row, 1), _shifted(here, row, 2)
    next1, next2 = _shifted(classes, row, -1), _shifted(classes, row, -2)
    keys = (
        _mixed(here, back1, back2, state),
        _mixed(here, back1, next1, state),
        _mixed(here, np.where(seam == 2, 0, next1), np.where(seam, 0, next2), state),
    )
    return keys, content[of_group - 1][token]


def _shifted(values: Any, row: Any, by: int) -> Any:
    """Each position's neighbour `by` places before it (after it where negative); 0 beyond its own text."""
    out = np.zeros_like(values)
    if by > 0:
        out[by:] = np.where(row[by:] == row[:-by], values[:-by], 0)
    else:
        out[:by] = np.where(row[:by] == row[-by:], values[-by:], 0)
    return out


def _mixed(*parts: Any) -> Any:
    key = np.zeros(len(parts[0]), dtype=np.uint64)
    for part in parts:
        key = (key ^ part.astype(np.uint64)) * GOLDEN
        key ^= key >> np.uint64(29)
    return key
